"""Runs whose journals are asked about and acted on, and what is said of that."""

import json
from pathlib import Path
from typing import Any

from drift_e3.cli.exits import Exit
from drift_e3.core.events import (
    AccountOpened,
    CandleClosed,
    EntriesBarred,
    Event,
    Started,
)
from drift_e3.core.notes import PositionClosed, PositionOpened
from drift_e3.core.terms import Reason
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from tests.live.journals import told
from tests.live.program import Ran, program
from tests.live.tapes import LIVELY

COUNT = 200
VERBS = ("status", "positions", "halt", "resume", "flatten")


def arguments(state: object = "state") -> tuple[object, ...]:
    return ("--tape", "tape.csv", "--state", state)


def run(folder: Path, **variables: str) -> Ran:
    """Trade through the tape in `folder`."""
    return program(folder, "run", *arguments(), "--speed", "max", "--advisor", "off", **(LIVELY | variables))


def in_position(state: Path) -> tuple[int, int]:
    """The event, and the how-manieth candle it is, at whose close a position has been open for a while."""
    candles, events_open = 0, 0
    for seq, (event, outputs) in enumerate(told(state), 1):
        events_open += events_open > 0
        for output in outputs:
            if isinstance(output, PositionOpened):
                events_open = 1
            elif isinstance(output, PositionClosed):
                events_open = 0
        if isinstance(event, CandleClosed):
            candles += 1
            if events_open > 3:
                return seq, candles
    raise AssertionError("no position was held")


def closed(folder: Path) -> list[Reason]:
    """Why positions ended."""
    notes = [note for _, led_to in told(folder / "state") for note in led_to]
    return [note.reason for note in notes if isinstance(note, PositionClosed)]


def document(ran: Ran) -> Any:
    """The one JSON object of standard output."""
    assert "Traceback" not in ran.err
    return json.loads(ran.out)


def one_line(ran: Ran, code: Exit) -> str:
    assert (ran.code, ran.out) == (code, "")
    (line,) = ran.err.splitlines()
    return line


def live_journal(folder: Path, *, barred: tuple[str, ...] = ()) -> Path:
    """A state directory of a live account, as far as the journal goes."""
    (started, _), *_ = told(folder / "state")
    assert isinstance(started, Started)
    state = folder / "live"
    state.mkdir()
    ts = started.seen_ts
    opened = AccountOpened(
        seen_ts=ts, account="user", equity_usd=55.0, ledger=0, funding=0, fees=0, tokens=55
    )
    with JournalWriter(state / JOURNAL_NAME, code_hash()) as writer:
        events: tuple[Event, ...] = (started, opened, EntriesBarred(seen_ts=ts, reasons=barred))
        for seq, event in enumerate(events, 1):
            writer.append_event(seq, event)
            writer.append_outcome(seq, (), ())
    return state
