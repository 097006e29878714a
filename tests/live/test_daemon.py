"""The daemon from its start to its stop: signals, policies, time limits, reloads, and what it refuses."""

import os
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from drift_e3.config import ConfigError
from drift_e3.core.commands import AskAdvisor, Command, Stop, SubmitOrder
from drift_e3.core.events import AdviceFailed, Settings, SettingsChanged, Started, StopRequested
from drift_e3.core.notes import DecisionMade, ModeChanged, PositionClosed, PositionOpened
from drift_e3.core.terms import Mode, Reason, StopPolicy
from drift_e3.journal.errors import JournalError
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from drift_e3.live.daemon import Ended, ForcedStop, Orders
from drift_e3.ports import DataError
from drift_e3.venues.paper import PaperMarket
from tests.live.daemons import Bounded, KeptLog, ScriptedAdvisor, ScriptedClock, orders, run_on
from tests.live.journals import opened, rebuilt, rewrite, spoil, told
from tests.live.markets import settings, tape_market

CHOSEN = settings()
FAST = 1e6
"""A speed at which every step is waited for, so that signals are heard between two steps."""


def when_open(market: PaperMarket, *acts: Callable[[], object]) -> Bounded:
    """The market; at the first steps that find a position open, one after the other, the acts are done."""
    bounded = Bounded(market)
    left = list(acts)

    def before(_: int) -> None:
        if left and market.venue.state.position_base:
            left.pop(0)()

    bounded.before = before
    return bounded


def send(number: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def stopped(
    tmp_path: Path, policy: StopPolicy, number: signal.Signals = signal.SIGTERM
) -> tuple[Ended, Path]:
    """Run until a position is open, then ask for a stop."""
    state = tmp_path / "state"
    market = when_open(tape_market(CHOSEN, each=60), send(number))
    how = orders(state, CHOSEN.trading(), speed=FAST, stop_policy=policy, stop_timeout_s=3_600.0)
    return run_on(market, how), state


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_hold_leaves_the_position_and_its_orders_and_ends_at_once(
    tmp_path: Path, number: signal.Signals, kept_log: KeptLog
) -> None:
    ended, state = stopped(tmp_path, StopPolicy.HOLD, number)
    (requested,) = kept_log.named("stop.requested")
    assert (requested["by"], requested["policy"]) == (number.name, "hold")
    assert ended.trader.state.account.position_base != 0.0
    assert len(ended.trader.state.orders.by_id) == 2
    event, outputs = told(state)[-1]
    assert isinstance(event, StopRequested)
    assert any(isinstance(output, Stop) for output in outputs)
    with opened(state) as reader:
        assert reader.clean_stop


def test_what_was_held_is_there_again_after_the_restart(tmp_path: Path, kept_log: KeptLog) -> None:
    ended, state = stopped(tmp_path, StopPolicy.HOLD)
    before = ended.trader.state
    kept_log.lines.clear()
    market = Bounded(tape_market(CHOSEN, each=60), end_ts=told(state)[-1][0].seen_ts)
    again = run_on(market, orders(state, CHOSEN.trading())).trader.state
    (recovered,) = kept_log.named("journal.recovered")
    assert recovered["position_base"] == before.account.position_base
    assert (recovered["orders"], recovered["clean_stop"]) == (2, True)
    assert again.account.position_base == before.account.position_base
    assert again.orders == before.orders
    assert repr(again.trade) == repr(before.trade)
    assert again.breakers == before.breakers


def test_flatten_closes_the_position_first(tmp_path: Path) -> None:
    ended, state = stopped(tmp_path, StopPolicy.FLATTEN)
    assert ended.trader.state.account.position_base == 0.0
    assert ended.trader.state.orders.by_id == {}
    story = told(state)
    asked = next(number for number, (event, _) in enumerate(story) if isinstance(event, StopRequested))
    sent = [output for _, outputs in story[asked:] for output in outputs if isinstance(output, SubmitOrder)]
    assert [order.approved.intent.reason for order in sent] == [Reason.FLATTEN]
    assert isinstance(story[-1][1][-1], Stop) or any(isinstance(output, Stop) for output in story[-1][1])


def test_reduce_waits_for_the_positions_own_exit_and_enters_nothing(tmp_path: Path) -> None:
    ended, state = stopped(tmp_path, StopPolicy.REDUCE)
    assert ended.trader.state.account.position_base == 0.0
    story = told(state)
    asked = next(number for number, (event, _) in enumerate(story) if isinstance(event, StopRequested))
    outputs = [output for _, led_to in story[asked:] for output in led_to]
    closed = [output for output in outputs if isinstance(output, PositionClosed)]
    assert len(closed) == 1
    assert closed[0].reason is not Reason.FLATTEN
    assert not any(isinstance(output, PositionOpened) for output in outputs)
    assert all(output.approved.intent.reduce_only for output in outputs if isinstance(output, SubmitOrder))


def test_a_second_signal_forces_the_end_and_nothing_is_lost(tmp_path: Path) -> None:
    state = tmp_path / "state"
    market = when_open(tape_market(CHOSEN, each=60), send(signal.SIGTERM), send(signal.SIGINT))
    how = orders(state, CHOSEN.trading(), speed=FAST, stop_policy=StopPolicy.REDUCE, stop_timeout_s=3_600.0)
    with pytest.raises(ForcedStop):
        run_on(market, how)
    with opened(state) as reader:
        assert not reader.clean_stop
    assert isinstance(told(state)[0][0], Started)
    run_on(tape_market(CHOSEN, each=60), how)


def test_a_stop_takes_no_longer_than_its_time_limit(tmp_path: Path, kept_log: KeptLog) -> None:
    state = tmp_path / "state"
    market = when_open(tape_market(CHOSEN, each=60), send(signal.SIGTERM))
    clock = ScriptedClock()
    how = orders(state, CHOSEN.trading(), speed=1.0, stop_policy=StopPolicy.REDUCE, stop_timeout_s=90.0)
    ended = run_on(market, how, None, clock)
    assert kept_log.named("stop.overran") == [{"timeout_s": 90.0}]
    assert [line["by"] for line in kept_log.named("stop.requested")] == ["SIGTERM", "time limit"]
    assert ended.trader.state.account.position_base != 0.0
    requests = [event.seen_ts for event, _ in told(state) if isinstance(event, StopRequested)]
    assert requests[1] - requests[0] <= 120_000


def test_signals_are_the_processs_own_again_afterwards(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    stopped(tmp_path, StopPolicy.HOLD)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


def test_a_stop_cancels_a_question_that_hangs(tmp_path: Path) -> None:
    asking = settings(ADVISOR="ollama")
    market = Bounded(tape_market(asking, count=90))
    clock = ScriptedClock()
    advisor = ScriptedAdvisor(clock, lambda _: None)
    left = [send(signal.SIGTERM)]
    market.before = lambda _: left.pop()() if left and advisor.asked else None
    run_on(market, orders(tmp_path / "state", asking.trading(), speed=1.0), advisor, clock)
    assert advisor.cancelled >= 1
    assert not advisor.thinking


# -- settings ------------------------------------------------------------------------------------------------


def reloading(tmp_path: Path, reload: Callable[[], Settings]) -> Path:
    """Run with a position open when SIGHUP comes; then to the market's end."""
    market = when_open(tape_market(CHOSEN, each=60, count=120), send(signal.SIGHUP))
    state = tmp_path / "state"
    run_on(market, orders(state, CHOSEN.trading(), speed=FAST, reload=reload))
    return state


def test_new_settings_are_taken_but_no_limit_is_raised_while_a_position_is_open(
    tmp_path: Path, kept_log: KeptLog
) -> None:
    old = CHOSEN.trading()
    limits = old.limits._replace(max_position_usd=old.limits.max_position_usd * 2, daily_loss_max=0.01)
    state = reloading(tmp_path, lambda: replace(old, limits=limits))
    (changed,) = kept_log.named("settings.changed")
    assert changed["kept"] == ["max_position_usd"]
    (event,) = [event for event, _ in told(state) if isinstance(event, SettingsChanged)]
    assert event.settings.limits == limits


def test_bad_settings_are_refused_and_the_old_ones_stay(tmp_path: Path, kept_log: KeptLog) -> None:
    def reload() -> Settings:
        raise ConfigError(["risk.risk_frac: 2 is not a number from 0.0001 to 0.5"])

    state = reloading(tmp_path, reload)
    (refused,) = kept_log.named("settings.refused")
    assert refused["reason"] == "risk.risk_frac: 2 is not a number from 0.0001 to 0.5"
    assert kept_log.named("settings.changed") == []
    assert not any(isinstance(event, SettingsChanged) for event, _ in told(state))


# -- what a start refuses ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory whose run was stopped in the middle of its tape."""
    state = tmp_path_factory.mktemp("held") / "state"
    market = tape_market(CHOSEN)
    run_on(Bounded(market, end_ts=(market.next_ts() or 0) + 150 * 3_600_000), orders(state, CHOSEN.trading()))
    return state


def refused(state: Path, market: PaperMarket, how: Orders | None = None) -> str:
    """The one line of a refusal; the journal is untouched."""
    before = (state / JOURNAL_NAME).read_bytes()
    with pytest.raises(DataError) as caught:
        run_on(market, how or orders(state, CHOSEN.trading()))
    assert (state / JOURNAL_NAME).read_bytes() == before
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize(
    ("variables", "begun", "given"),
    [
        ({"SYMBOL": "BTC-PERP"}, "symbol SOL-PERP", "BTC-PERP"),
        ({"PAPER__TAKER_FEE_BPS": "5"}, "taker_fee_bps 10.0", "5.0"),
        ({"PAPER__STEP_BASE": "0.1"}, "step_base 0.01", "0.1"),
        ({"PAPER__ORDER_LATENCY_MS": "500"}, "order_latency_ms 400", "500"),
    ],
)
@pytest.mark.parametrize("with_snapshot", [True, False])
def test_another_instrument_or_venue_is_refused_with_what_differs(
    held: Path, tmp_path: Path, variables: dict[str, str], begun: str, given: str, with_snapshot: bool
) -> None:
    state = rewrite(held, tmp_path / "state", snapshots=with_snapshot)
    line = refused(state, tape_market(settings(**variables)))
    assert given in line or not with_snapshot
    if "LATENCY" not in str(variables) or with_snapshot:
        assert begun in line
    assert line.endswith("or another --state")


def test_another_frame_feed_tape_or_equity_is_refused(held: Path, tmp_path: Path) -> None:
    state = rewrite(held, tmp_path / "state")
    assert "frame_ms 3600000, this market has 300000" in refused(state, tape_market(CHOSEN, minutes=5))
    assert "oracle_ticks False, this market has True" in refused(state, tape_market(CHOSEN, each=4))
    assert "the data or the range differs" in refused(state, tape_market(CHOSEN, seed=5))
    rich = orders(state, CHOSEN.trading(), equity_usd=2_000.0)
    assert "equity 1000 USD, not 2000" in refused(state, tape_market(CHOSEN), rich)


def test_another_tape_is_refused_where_no_snapshot_tells(held: Path, tmp_path: Path) -> None:
    state = rewrite(held, tmp_path / "state", snapshots=False)
    assert "is not what this market makes" in refused(state, tape_market(CHOSEN, seed=5))


def test_a_damaged_row_is_refused(held: Path, tmp_path: Path) -> None:
    state = rewrite(held, tmp_path / "state", snapshots=False)
    spoil(state, 77)
    assert "events 77: checksum differs" in refused(state, tape_market(CHOSEN))


def test_an_empty_file_of_a_killed_writer_is_no_journal_yet(tmp_path: Path) -> None:
    state = tmp_path / "state"
    how = orders(state, CHOSEN.trading())
    (state / JOURNAL_NAME).touch()
    run_on(tape_market(CHOSEN, count=70), how)
    assert isinstance(told(state)[0][0], Started)


def test_a_journal_without_an_event_is_a_new_one(tmp_path: Path) -> None:
    state = tmp_path / "state"
    how = orders(state, CHOSEN.trading())
    JournalWriter(state / JOURNAL_NAME, "code").close()
    run_on(tape_market(CHOSEN, count=70), how)
    assert isinstance(told(state)[0][0], Started)


def test_a_journal_that_cannot_be_written_any_more_ends_the_daemon_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    written = JournalWriter.append_event

    def fail(self: JournalWriter, seq: int, event: object) -> None:
        if seq == 200:
            raise JournalError("journal.db: database or disk is full")
        written(self, seq, event)  # type: ignore[arg-type]

    monkeypatch.setattr(JournalWriter, "append_event", fail)
    with pytest.raises(JournalError, match="disk is full"):
        run_on(tape_market(CHOSEN), orders(state, CHOSEN.trading()))
    assert len(told(state)) == 199


def test_a_log_that_cannot_be_written_ends_the_daemon_with_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __getattr__(self, _: str) -> Callable[..., None]:
            def write(event: str, **_: object) -> None:
                if event == "order.filled":
                    raise OSError(28, "No space left on device")

            return write

    monkeypatch.setattr("drift_e3.live.daemon.log", Full())
    with pytest.raises(OSError, match="No space left on device"):
        run_on(tape_market(CHOSEN), orders(tmp_path / "state", CHOSEN.trading()))


def test_a_damaged_snapshot_is_said_and_the_one_before_it_serves(
    held: Path, tmp_path: Path, kept_log: KeptLog
) -> None:
    state = rewrite(held, tmp_path / "state")
    with sqlite3.connect(state / JOURNAL_NAME) as connection:
        connection.execute("UPDATE snapshots SET crc = crc + 1 WHERE seq = (SELECT max(seq) FROM snapshots)")
    connection.close()
    run_on(tape_market(CHOSEN), orders(state, CHOSEN.trading()))
    (torn,) = kept_log.named("journal.torn")
    assert "damaged snapshots: " in torn["dropped"]
    assert kept_log.named("journal.recovered")[0]["events"] > 0
    from_snapshot, from_start = rebuilt(state)
    assert from_snapshot == from_start


def test_a_question_that_a_kill_left_open_has_failed_and_its_candle_is_decided(tmp_path: Path) -> None:
    asking = settings(ADVISOR="ollama")
    whole = tmp_path / "whole"
    clock = ScriptedClock()
    advisor = ScriptedAdvisor(clock, lambda _: 0)
    run_on(tape_market(asking, count=90), orders(whole, asking.trading()), advisor, clock)
    story = told(whole)
    asked = next(
        seq
        for seq, (_, outputs) in enumerate(story, 1)
        if any(isinstance(output, AskAdvisor) for output in outputs)
    )
    cut = rewrite(whole, tmp_path / "cut", upto=asked, snapshots=False)
    run_on(tape_market(asking, count=90), orders(cut, asking.trading()), advisor, clock)
    restarted, failed = told(cut)[asked : asked + 2]
    assert isinstance(restarted[0], Started)
    assert isinstance(failed[0], AdviceFailed)
    assert failed[0].reason == "restarted"
    made = [output.decision for output in failed[1] if isinstance(output, DecisionMade)]
    assert [decision.ts for decision in made] == [story[asked - 1][0].seen_ts]


def test_no_order_leaves_before_it_is_in_the_journal(tmp_path: Path) -> None:
    state = tmp_path / "state"
    market = Bounded(tape_market(CHOSEN, count=150))
    sent: list[str] = []

    def look(command: Command) -> None:
        if isinstance(command, SubmitOrder):
            sent.append(command.order_id)
            assert any(command in outputs for _, outputs in told(state)), command.order_id

    market.sent = look
    run_on(market, orders(state, CHOSEN.trading()))
    assert len(sent) >= 10


def test_the_market_waits_for_a_journal_that_has_fallen_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drained: list[int] = []
    drain = JournalWriter.drain

    async def watched(self: JournalWriter) -> None:
        await drain(self)
        drained.append(self.last_seq)

    monkeypatch.setattr(JournalWriter, "full", property(lambda self: self.last_seq % 50 == 0))
    monkeypatch.setattr(JournalWriter, "drain", watched)
    run_on(tape_market(CHOSEN, count=100), orders(tmp_path / "state", CHOSEN.trading()))
    assert drained


# -- halts ---------------------------------------------------------------------------------------------------


def test_a_daemon_that_halts_stays_up_and_one_started_halted_leaves_at_once(
    tmp_path: Path, kept_log: KeptLog
) -> None:
    """The drawdown limit is so small that the first loss breaks it."""
    chosen = settings(RISK__DRAWDOWN_MAX="0.005")
    state = tmp_path / "state"
    first = run_on(tape_market(chosen), orders(state, chosen.trading()))
    assert first.trader.state.mode.halted
    assert len(told(state)) > 450
    assert [line["after"] for line in kept_log.named("mode.changed")][-2:] == ["halted", "stopping"]
    before = len(told(state))
    again = run_on(tape_market(chosen), orders(state, chosen.trading()))
    assert again.stop.halted
    assert again.trader.state.started_halted
    last = told(state)[before:]
    assert [type(event) for event, _ in last] == [Started]
    assert any(isinstance(output, ModeChanged) and output.after is Mode.HALTED for output in last[0][1])
