"""`drift-e3 halt`, `flatten`, `resume`: a person's word, to the daemon that runs or for the next start."""

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drift_e3.cli.early_stop import StoppedEarly, listen
from drift_e3.cli.exits import Exit
from drift_e3.cli.options import AsJson, ParamsCard, StateDir, Symbol, state_directory
from drift_e3.cli.run import LogFormat, Venue, market_overrides

if TYPE_CHECKING:
    from drift_e3.live.control_wire import Request
    from drift_e3.operating import Answer

Timeout = Annotated[
    float, typer.Option("--timeout", metavar="S", min=0, max=3_600, help="Wait no longer than this.")
]


def halt(state: StateDir = None, timeout: Timeout = 60.0, as_json: AsJson = False) -> None:
    """Close the position and trade no more until somebody resumes: exit code 0 once flat, else 1.

    Without a daemon the halt is journaled: the next start closes what is open and ends.
    """
    from drift_e3.cli.status_text import what_is_open
    from drift_e3.live.control_wire import Request
    from drift_e3.operating import Verb

    answer = _say(state_directory(state), Request(verb=Verb.HALT, by=user(), wait_s=timeout), timeout)
    assert answer.status is not None, "what was not refused tells how it stands"
    if answer.flat:
        text = "halted: nothing is open"
    elif answer.status.daemon is not None and not answer.ending:
        text = (
            f"halted, but still open after {timeout:g} s: {what_is_open(answer.status)}; the daemon goes on"
        )
    else:
        text = f"halted, but open: {what_is_open(answer.status)}; close it with drift-e3 flatten"
    _tell(answer, text, as_json=as_json)


def reduce(state: StateDir = None, timeout: Timeout = 60.0, as_json: AsJson = False) -> None:
    """Open no new position until somebody resumes; an open one is held to its own exit.

    Without a daemon it is journaled, for the next start to go by.
    """
    from drift_e3.live.control_wire import Request
    from drift_e3.operating import Verb

    answer = _say(state_directory(state), Request(verb=Verb.REDUCE, by=user()), timeout)
    _tell(answer, "no new position is opened until somebody resumes", as_json=as_json, wants_flat=False)


def resume(state: StateDir = None, timeout: Timeout = 60.0, as_json: AsJson = False) -> None:
    """Lift a halt or a pause; baselines start anew from present equity."""
    from drift_e3.live.control_wire import Request
    from drift_e3.operating import Verb

    answer = _say(state_directory(state), Request(verb=Verb.RESUME, by=user()), timeout)
    if answer.lifted:
        text = f"the {answer.lifted} is lifted; present equity is the new baseline of every limit"
    else:
        text = "there was neither a halt nor a pause: nothing has changed"
    _tell(answer, text, as_json=as_json, wants_flat=False)


def flatten(
    venue: Annotated[Venue | None, typer.Option(help="The market, where no daemon runs; as for run.")] = None,
    tape: Annotated[Path | None, typer.Option(metavar="FILE", help="As for run.")] = None,
    funding: Annotated[Path | None, typer.Option(metavar="FILE", help="As for run.")] = None,
    params: ParamsCard = None,
    symbol: Symbol = None,
    state: StateDir = None,
    timeout: Timeout = 60.0,
    as_json: AsJson = False,
    log_format: Annotated[LogFormat | None, typer.Option(help="Of the log, on standard error.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a live account is touched.")] = False,
) -> None:
    """Close the position now: exit code 0 once flat, else 1.

    A daemon that runs trades on afterwards. Without one, one is started that does nothing else, with the
    market and the settings of the one before.
    """
    from drift_e3.cli.status_text import what_is_open
    from drift_e3.live.control_client import ask
    from drift_e3.live.control_wire import Request
    from drift_e3.operating import Verb

    directory = state_directory(state)
    request = Request(verb=Verb.FLATTEN, by=user(), wait_s=timeout)
    answer = ask(directory, request, timeout)
    if answer is not None and answer.ending and not answer.flat:
        # It went without closing; once it has gone there is none to ask.
        answer = ask(directory, request, timeout)
    if answer is None:
        overrides = market_overrides(venue, tape, funding) | {
            "params_card": params,
            "symbol": symbol,
            "state_dir": directory,
            "log.format": log_format,
            "stop_timeout_s": max(timeout, 1.0),
            "advisor": "off",
            "speed": "max",
        }
        answer = _close(directory, overrides, yes=yes)
    assert answer.status is not None, "what was not refused tells how it stands"
    text = "flat: nothing is open"
    if not answer.flat:
        text = f"still open after {timeout:g} s: {what_is_open(answer.status)}"
    _tell(answer, text, as_json=as_json)


def _say(directory: Path, request: "Request", timeout_s: float) -> "Answer":
    """Tell the daemon, or the journal where none runs."""
    import time

    from drift_e3.core.events import HaltRequested, ReduceRequested, ResumeRequested
    from drift_e3.journal.state_lock import StateLocked
    from drift_e3.live import at_rest
    from drift_e3.live.control_client import ask
    from drift_e3.operating import Verb

    kinds: dict[Verb, type[HaltRequested | ReduceRequested | ResumeRequested]] = {
        Verb.HALT: HaltRequested,
        Verb.REDUCE: ReduceRequested,
        Verb.RESUME: ResumeRequested,
    }
    until_s = time.monotonic() + timeout_s
    while True:
        answer = ask(directory, request, timeout_s)
        if answer is not None:
            return answer
        try:
            return at_rest.book(directory, kinds[request.verb], request.by)
        except StateLocked:
            # One has just started: it is asked again.
            if time.monotonic() >= until_s:
                raise


def _close(directory: Path, overrides: dict[str, object], *, yes: bool) -> "Answer":
    """Run the daemon for nothing but to close the position."""
    from drift_e3.cli.launch import CHAIN_VENUES, launch
    from drift_e3.config import ConfigError, load
    from drift_e3.live import at_rest
    from drift_e3.live.daemon import ForcedStop
    from drift_e3.live.watch import is_flat
    from drift_e3.operating import Answer

    before = at_rest.read(directory)
    live = before.account == "live"
    read = partial(load, overrides=overrides)
    loaded = read()
    if live and loaded.settings.venue not in CHAIN_VENUES:
        chosen = loaded.settings.venue
        raise ConfigError([f"venue: the journal is a live account's, and {chosen} is none: give --venue"])
    if live and not yes:
        _confirm(f"Send orders to close what the live account on {loaded.settings.venue} holds?")
    listen()
    try:
        ended = asyncio.run(launch(loaded, lambda: read().settings, live=live, flatten_by=user()))
    except ForcedStop:
        raise typer.Exit(Exit.CHECK_FAILED) from None
    except StoppedEarly as stop:
        typer.echo(f"drift-e3: stopped by {stop} before anything was closed", err=True)
        raise typer.Exit(Exit.CHECK_FAILED) from stop
    after = at_rest.read(directory)
    return Answer(seq=after.seq, flat=is_flat(ended.trader.state), ending=True, status=after)


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise typer.BadParameter("is needed where there is no terminal to ask on", param_hint="--yes")
    if not typer.confirm(question, err=True):
        raise typer.Exit(Exit.CHECK_FAILED)


def _tell(answer: "Answer", text: str, *, as_json: bool, wants_flat: bool = True) -> None:
    """Say what has come of it; not flat where that was wanted is exit code 1."""
    from drift_e3.cli.status_text import document

    if as_json:
        typer.echo(
            document(
                {
                    "seq": answer.seq,
                    "flat": answer.flat,
                    "lifted": answer.lifted,
                    "status": answer.status,
                }
            )
        )
    else:
        typer.echo(text)
        for note in answer.status.notes if answer.status is not None else ():
            typer.echo(f"note: {note}")
    if wants_flat and not answer.flat:
        raise typer.Exit(Exit.CHECK_FAILED)


def user() -> str:
    """Who is asking, as the journal is told: in a container the user may have no name."""
    import getpass
    import os

    from drift_e3.live.control_wire import BY_MAX

    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"user {os.getuid()}"
    return "".join(letter for letter in name if letter.isprintable())[:BY_MAX]
