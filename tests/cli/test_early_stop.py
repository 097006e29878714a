"""A stop that is asked for before the daemon listens is an orderly end: one line, exit code 0."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import drift_e3.config
import drift_e3.live.daemon
from drift_e3 import wiring
from drift_e3.cli.early_stop import StoppedEarly
from drift_e3.cli.exits import Exit
from drift_e3.journal.state_lock import held_by
from tests.cli.daemon_process import Daemon
from tests.cli.runs import one_line, prepared
from tests.live.program import export, program
from tests.live.tapes import LIVELY

STOPS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """What this process does with signals is as before afterwards."""
    before = {number: signal.getsignal(number) for number in (*STOPS, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def strikes_in(owner: Any, name: str, number: signal.Signals) -> Callable[[pytest.MonkeyPatch], None]:
    """Let a signal come while a function is called."""

    def struck(*_: object, **__: object) -> None:
        signal.raise_signal(number)
        raise AssertionError("the signal had no effect")

    return lambda monkeypatch: monkeypatch.setattr(owner, name, struck)


def strikes_while_it_waits(number: signal.Signals) -> Callable[[pytest.MonkeyPatch], None]:
    async def waits(*_: object) -> None:
        asyncio.get_running_loop().call_soon(signal.raise_signal, number)
        await asyncio.Event().wait()

    return lambda monkeypatch: monkeypatch.setattr(drift_e3.live.daemon, "_open", waits)


@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize(
    "moment",
    [
        lambda number: strikes_in(drift_e3.config, "load", number),
        lambda number: strikes_in(wiring, "paper_market", number),
        strikes_while_it_waits,
        lambda number: strikes_in(drift_e3.live.daemon, "recover", number),
        lambda number: strikes_in(drift_e3.live.daemon, "_start", number),
    ],
    ids=["reading settings", "making the market", "waiting for somebody", "recovering", "beginning"],
)
def test_it_ends_in_order_and_the_next_start_goes_on(
    moment: Callable[[signal.Signals], Callable[[pytest.MonkeyPatch], None]],
    number: signal.Signals,
    tmp_path: Path,
) -> None:
    arguments = (*prepared(tmp_path, count=80), "--advisor", "off")
    assert program(tmp_path, "run", *arguments, **LIVELY).code == Exit.OK
    decided = export(tmp_path, "state", "decision")
    with pytest.MonkeyPatch.context() as monkeypatch:
        moment(number)(monkeypatch)
        ran = program(tmp_path, "run", *arguments, **LIVELY)
    assert one_line(ran, Exit.OK) == f"stopped by {number.name} before it traded"
    assert held_by(tmp_path / "state") is None
    assert program(tmp_path, "journal", "verify", "--state", "state").code == Exit.OK
    assert program(tmp_path, "run", *arguments, **LIVELY).code == Exit.OK
    assert export(tmp_path, "state", "decision") == decided
    assert len(decided) == 80


def test_a_flatten_that_is_stopped_before_it_began_has_not_done_its_work(tmp_path: Path) -> None:
    arguments = (*prepared(tmp_path, count=80), "--advisor", "off")
    assert program(tmp_path, "run", *arguments, **LIVELY).code == Exit.OK
    with pytest.MonkeyPatch.context() as monkeypatch:
        strikes_in(drift_e3.live.daemon, "recover", signal.SIGTERM)(monkeypatch)
        ran = program(tmp_path, "flatten", *arguments[:4], "--state", "state", **LIVELY)
    assert ran.code == Exit.CHECK_FAILED
    assert ran.err.splitlines()[-1] == "drift-e3: stopped by SIGTERM before anything was closed"


@pytest.mark.slow
@pytest.mark.parametrize("number", STOPS)
def test_a_real_daemon_that_waits_for_its_chain_ends_in_order(
    number: signal.Signals, daemon: Callable[..., Daemon]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        host, port = deaf.getsockname()[:2]
        one = daemon(
            "--venue", "velocity", "--state", "state", "--advisor", "off",
            RPC__URLS=f"http://{host}:{port}", LOG__FORMAT="json",
        )  # fmt: skip
        one.until("daemon.started")
        one.process.send_signal(number)
        code, _, err = one.end()
    assert (code, err) == (Exit.OK, f"drift-e3: stopped by {number.name} before it traded\n")


def test_a_second_signal_ends_the_process_the_hard_way() -> None:
    from drift_e3.cli.early_stop import listen

    listen()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    with pytest.raises(StoppedEarly, match="SIGTERM"):
        signal.raise_signal(signal.SIGTERM)
    assert {signal.getsignal(number) for number in STOPS} == {signal.SIG_DFL}
