"""Paper on a market that comes by itself: the fills of the played market, and recovery from a kill."""

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import drift_e3.live.daemon
from drift_e3.config.sections import Settings
from drift_e3.core.events import (
    Event,
    Fill,
    Heartbeat,
    MarketEvent,
    Started,
    StopRequested,
)
from drift_e3.core.terms import StopPolicy
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.journal.codec import encode
from drift_e3.lab.backtest import backtest
from drift_e3.live.daemon import Ended, run_daemon
from drift_e3.live.inbox import Inbox
from drift_e3.live.recovery import first_start
from drift_e3.live.streaming import BEAT_MS, Streaming
from drift_e3.operating import Operator
from drift_e3.ports import DataError, Put
from drift_e3.venues.live_paper import LivePaper
from tests.live.daemons import KeptLog, Quiet, orders, turns
from tests.live.journals import told
from tests.live.markets import settings, tape_market

CHOSEN = settings(RISK__ORACLE_AGE_MAX_S="3600", RISK__DATA_AGE_MAX_S="86400")
"""A made tape has an oracle's price every two minutes."""
CANDLES = 240


class EventClock:
    """Implements `ports.Clock`: it is as late as the event that was brought last; nobody sleeps for long."""

    def __init__(self) -> None:
        self.ts = 0

    def now_ms(self) -> int:
        return self.ts

    async def sleep_until(self, ts_ms: int) -> None:
        while self.ts < ts_ms:  # noqa: ASYNC110 - whoever brings events moves this clock, and sets no event
            await asyncio.sleep(0)


class Taken:
    """Implements `operating.Watcher`: counts the market's events that the trader took."""

    def __init__(self) -> None:
        self.events = 0

    def told(self, seq: int, event: Event, outcome: Outcome, trader: Trader) -> None:
        del seq, outcome, trader
        self.events += isinstance(event, MarketEvent)

    async def run(self, operator: Operator) -> None:
        del operator


class TapeSource:
    """Implements `live_paper.HistorySource`: a played tape's market events as if they happened now.

    `until` stops the world after so many events: with `dies` as a kill would, else by asking for a stop.
    """

    def __init__(
        self, chosen: Settings, clock: EventClock, *, skip: int = 0, until: int | None = None
    ) -> None:
        market = tape_market(chosen, count=CANDLES, each=30)
        self.events: list[MarketEvent] = []
        while market.next_ts() is not None:
            self.events += [event for event in market.advance() if isinstance(event, MarketEvent)]
        self.feed = replace(market.feed, live=True)
        self.instrument = market.instrument
        self._left = self.events[skip:until]
        self._clock = clock
        self.asked_after: int | None = None
        self.taken = Taken()

    def troubles(self) -> tuple[str, ...]:
        return ()

    def merged(self) -> dict[str, int]:
        return {}

    async def history(self, *, after_ts: int | None = None, not_before_ts: int = 0) -> list[MarketEvent]:
        del not_before_ts
        self.asked_after = after_ts
        return []

    async def run(self, put: Put) -> None:
        for number, event in enumerate(self._left, 1):
            self._clock.ts = max(self._clock.ts, event.seen_ts)
            await put([event])
            # Each is waited for: what comes faster than it is taken would be merged.
            while self.taken.events < number:  # noqa: ASYNC110 - no clock goes on meanwhile
                await asyncio.sleep(0)
        await asyncio.Event().wait()


def live(chosen: Settings, source: TapeSource) -> LivePaper:
    return LivePaper(source, None, source.instrument, chosen.simulation(), chosen.paper.equity_usd)


def run_live(state: Path, source: TapeSource, clock: EventClock) -> Ended | None:
    """Run until the source has nothing more, then be gone without a word."""

    async def main() -> Ended | None:
        market = live(CHOSEN, source)
        how = orders(state, CHOSEN.trading())
        daemon = asyncio.ensure_future(run_daemon(how, market, Quiet(), clock, [source.taken]))
        last_ts = source._left[-1].seen_ts
        while clock.ts < last_ts or market.next_ts() is not None:
            await asyncio.sleep(0)
            if daemon.done():
                return await daemon
        await turns(200)
        daemon.cancel()
        with pytest.raises(asyncio.CancelledError):
            await daemon
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drift_e3.live.daemon, "log", KeptLog())
        return asyncio.run(main())


def fills_of(state: Path) -> list[bytes]:
    return [encode(event) for event, _ in told(state) if isinstance(event, Fill)]


def of_kinds(state: Path, *kinds: type) -> list[Event]:
    return [event for event, _ in told(state) if isinstance(event, kinds)]


def test_it_fills_what_the_played_market_fills(tmp_path: Path) -> None:
    """The live feed's ages are checked and the tape's are not; here nothing is ever old."""
    clock = EventClock()
    run_live(tmp_path, TapeSource(CHOSEN, clock), clock)
    fills = fills_of(tmp_path)
    assert len(fills) > 10
    result = backtest(tape_market(CHOSEN, count=CANDLES, each=30), CHOSEN.trading(), CHOSEN.paper.equity_usd)
    assert fills == [encode(fill) for fill in result.fills]


@pytest.mark.parametrize("share", [0.2, 0.45, 0.7, 0.9])
def test_after_a_kill_it_goes_on_as_if_nothing_had_happened(tmp_path: Path, share: float) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    clock = EventClock()
    source = TapeSource(CHOSEN, clock)
    run_live(whole, source, clock)
    cut = int(len(source.events) * share)
    for skip, until in ((0, cut), (cut, None)):
        clock = EventClock()
        second = TapeSource(CHOSEN, clock, skip=skip, until=until)
        run_live(halves, second, clock)
    assert fills_of(halves) == fills_of(whole)
    assert second.asked_after is not None, "missed candles are asked for after the last one seen"
    assert len(of_kinds(halves, Started)) == 2


def test_other_paper_settings_are_refused_by_a_journal_that_began_with_these(tmp_path: Path) -> None:
    clock = EventClock()
    source = TapeSource(CHOSEN, clock)
    run_live(tmp_path, source, clock)
    other = settings(PAPER__ORDER_LATENCY_MS="50")
    with pytest.raises(DataError, match="was begun with order_latency_ms 400, not 50"):
        asyncio.run(
            run_daemon(orders(tmp_path, CHOSEN.trading()), live(other, source), Quiet(), EventClock())
        )


def test_the_terms_of_the_first_start_are_read_back(tmp_path: Path) -> None:
    assert first_start(tmp_path / "journal.db") is None
    clock = EventClock()
    source = TapeSource(CHOSEN, clock, until=10)
    run_live(tmp_path, source, clock)
    started = first_start(tmp_path / "journal.db")
    assert started is not None
    assert started.instrument == source.instrument


class Silent:
    """Implements `ports.LiveMarket` as far as a pump needs it; it never has anything to say."""

    def __init__(self) -> None:
        self.pushed: list[Event] = []

    def push(self, events: Sequence[Event]) -> None:
        self.pushed.extend(events)

    async def run(self, put: Put) -> None:
        await put([])
        await asyncio.Event().wait()


async def test_silence_is_broken_by_heartbeats() -> None:
    clock, inbox = EventClock(), Inbox()
    pump = asyncio.ensure_future(Streaming(Silent(), inbox, clock).run())  # type: ignore[arg-type]
    seen: list[Event] = []
    for _ in range(3):
        await turns()
        clock.ts += BEAT_MS
        batch = await inbox.get()
        seen += batch.events
    pump.cancel()
    assert [type(event) for event in seen] == [Heartbeat] * 3
    assert [event.seen_ts for event in seen] == [BEAT_MS, 2 * BEAT_MS, 3 * BEAT_MS]


def test_a_stop_is_heard(tmp_path: Path) -> None:
    clock = EventClock()
    source = TapeSource(CHOSEN, clock)

    async def main() -> Ended:
        market = live(CHOSEN, source)
        return await run_daemon(orders(tmp_path, CHOSEN.trading()), market, Quiet(), clock)

    real_run = source.run

    async def run_then_stop(put: Put) -> None:
        await put(source.events[:50])
        os.kill(os.getpid(), signal.SIGTERM)
        await real_run(put)

    source.run = run_then_stop  # type: ignore[method-assign]
    ended = asyncio.run(main())
    [asked] = of_kinds(tmp_path, StopRequested)
    assert isinstance(asked, StopRequested)
    assert (asked.by, asked.policy) == ("SIGTERM", StopPolicy.HOLD)
    assert ended.stop.reason == "stop_asked"
