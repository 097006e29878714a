"""A restart at any point of a run ends in the very same decisions and fills, or is refused with one line."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from drift_e3.core.commands import Command
from drift_e3.core.events import Fill, Started, StopRequested, VenueEvent
from drift_e3.core.notes import DecisionMade
from drift_e3.core.terms import StopPolicy
from drift_e3.core.trader import Trader
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.codec import encode
from drift_e3.journal.memory import encode_state
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from drift_e3.live.consultant import Consultant
from drift_e3.live.inbox import Inbox
from drift_e3.live.loop import TradingLoop
from drift_e3.live.recovery import Recovered, recover
from drift_e3.live.session import Session
from drift_e3.ports import Market
from tests.live.daemons import Quiet, orders, run_on
from tests.live.journals import audited, opened, rebuilt, rewrite, told
from tests.live.markets import settings, tape_market

CHOSEN = settings()


def decided_and_filled(state: Path) -> list[bytes]:
    """Every decision and fill of a journal, in order, to the byte."""
    found: list[bytes] = []
    for event, outputs in told(state):
        if isinstance(event, Fill):
            found.append(encode(event))
        found += [encode(note) for note in outputs if isinstance(note, DecisionMade)]
    return found


@pytest.fixture(scope="module", params=["candles", "ticks"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The state of a run that nobody killed, and its ticks a candle."""
    each = 12 if request.param == "ticks" else 0
    state = tmp_path_factory.mktemp("whole") / "state"
    run_on(tape_market(CHOSEN, each=each), orders(state, CHOSEN.trading()))
    return state, each


def interesting(state: Path, every: int) -> list[int]:
    """Events around which a kill would hurt: what the venue said, what we sent, some others."""
    found = []
    for seq, (event, outputs) in enumerate(told(state), 1):
        commands = [output for output in outputs if isinstance(output, Command)]
        if isinstance(event, VenueEvent) or commands or seq % every == 0:
            found.append(seq)
    return found


def test_a_run_cut_off_anywhere_goes_on_as_if_it_had_not_been(
    whole: tuple[Path, int], tmp_path: Path
) -> None:
    state, each = whole
    expected = decided_and_filled(state)
    cuts = interesting(state, 97)
    assert len(cuts) > 60
    for number, seq in enumerate(cuts[:: 19 if each else 9] + cuts[1 :: 23 if each else 11]):
        cut = rewrite(state, tmp_path / f"{number}", upto=seq, last_outcome=number % 2 == 0)
        from_snapshot, from_start = rebuilt(cut)
        assert from_snapshot == from_start
        run_on(tape_market(CHOSEN, each=each), orders(cut, CHOSEN.trading()))
        assert decided_and_filled(cut) == expected, f"cut after event {seq}"
        assert audited(cut).findings == ()


def test_the_venue_comes_back_with_the_traders_position_and_orders(
    whole: tuple[Path, int], tmp_path: Path
) -> None:
    state, each = whole
    checked = 0
    for number, seq in enumerate(interesting(state, 1_000)[::9]):
        cut = rewrite(state, tmp_path / f"{number}", upto=seq)
        market = tape_market(CHOSEN, each=each)
        with opened(cut) as reader:
            recovered = recover(reader, market)
        position_base = recovered.trader.state.account.position_base
        for event in recovered.unseen:
            if isinstance(event, Fill):
                position_base += event.side * event.size_base
        venue = market.venue.state
        assert venue.position_base == pytest.approx(position_base, abs=1e-9)
        known = {order.order_id for order in venue.orders} | {flight.order_id for flight in venue.in_flight}
        done = {
            event.order_id
            for event in recovered.unseen
            if isinstance(event, VenueEvent) and hasattr(event, "order_id")
        }
        assert set(recovered.trader.state.orders.by_id) <= known | done
        checked += bool(known)
    assert checked > 3


async def stopped_between_steps(state: Path, market: Market, before: int) -> None:
    """Play so many steps, ask for a flattening stop, play on until that is done."""
    with JournalWriter(state / JOURNAL_NAME, code_hash()) as journal:
        session = Session(Recovered(Trader(), 0, 0, [], None, 0), journal, lambda *_: None)
        inbox = Inbox()
        async with asyncio.TaskGroup() as tasks:
            loop = TradingLoop(session, inbox, market, Consultant(Quiet(), tasks, None))
            await loop.take(
                Started(
                    seen_ts=market.next_ts() or 0,
                    settings=CHOSEN.trading(),
                    instrument=market.instrument,
                    feed=market.feed,
                    equity_usd=1_000.0,
                )
            )
            await inbox.put([], steps=before)
            await inbox.put([StopRequested(seen_ts=0, policy=StopPolicy.FLATTEN, by="test")])
            await inbox.put([], steps=400)
            await loop.run()


def test_a_stop_between_two_silent_steps_is_found_again_at_its_place(tmp_path: Path) -> None:
    """Between a candle's opening, its range and its close nothing is journaled, yet an order of that moment
    must meet the same prices in a recovery."""
    flattened = 0
    for before in range(280, 316):
        state = tmp_path / f"{before}"
        state.mkdir()
        asyncio.run(stopped_between_steps(state, tape_market(CHOSEN), before))
        events = told(state)
        asked = next(seq for seq, (event, _) in enumerate(events, 1) if isinstance(event, StopRequested))
        if not events[asked - 1][1] or len(events) < asked + 2:
            continue
        flattened += 1
        cut = rewrite(state, tmp_path / f"{before}-cut", upto=len(events) - 1)
        with opened(cut) as reader:
            recovered = recover(reader, tape_market(CHOSEN))
        assert [encode(event) for event in recovered.unseen] in ([], [encode(events[-1][0])])
        assert recovered.last_ts == events[-2][0].seen_ts
        assert all(one.seen_ts <= other.seen_ts for (one, _), (other, _) in pairwise(events))
    assert flattened > 12


def test_a_snapshot_of_another_shape_is_passed_over_for_the_events_from_the_first_on(
    whole: tuple[Path, int], tmp_path: Path
) -> None:
    state, each = whole
    with opened(state) as reader:
        expected = recover(reader, tape_market(CHOSEN, each=each))
    foreign = rewrite(state, tmp_path / "foreign", snapshots=False)
    with JournalWriter(foreign / JOURNAL_NAME, code_hash()) as journal:
        journal.append_snapshot(b"of some other version", b"")
    with opened(foreign) as reader:
        recovered = recover(reader, tape_market(CHOSEN, each=each))
    assert recovered.replayed == recovered.seq == expected.seq
    assert encode_state(recovered.trader.state) == encode_state(expected.trader.state)
