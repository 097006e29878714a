"""What must hold of the simulated venue whatever the market does and whatever is sent to it.

A made-up market with a made-up stream of commands is played through the paper market; an auditor, who knows
only commands and events, keeps books of his own and refuses whatever does not add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift_e3.core.account import Account
from drift_e3.core.commands import CancelOrder, SubmitOrder
from drift_e3.core.events import Event, Fill, FundingPaid, OrderAccepted, OrderCancelled, OrderRejected
from drift_e3.core.grid import round_down
from drift_e3.core.orders import OpenOrders
from drift_e3.core.terms import Instrument, Intent, Liquidity, OrderKind, Reason, Side
from drift_e3.venues.paper import PaperMarket
from drift_e3.venues.sim.prices import against_us, within_limit
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.sim.steps import Step
from tests.venues.sim_builders import (
    LATENCY,
    MINUTE,
    ScriptedFeed,
    book,
    closed,
    funding,
    opened,
    ranged,
    submit,
    tick,
)

EQUITY = 1_000.0
INSTRUMENT = Instrument(min_base=0.03, taker_fee_bps=3.5, maker_fee_bps=-0.25)
SETTINGS = SimSettings(slippage_unknown_bps=7.0)
Command = SubmitOrder | CancelOrder
Script = tuple[Sequence[Step], Sequence[Sequence[tuple[int, Command]]], bool]
"""Steps of a market, what is sent after each turn (and how long it takes to decide), ticks or candles."""

PRICES = st.integers(900_000, 1_100_000).map(lambda ticks: ticks / 10_000)
SIZES = st.one_of(st.floats(0.01, 3.0), st.integers(1, 300).map(lambda steps: steps / 100), st.just(250.0))


@st.composite
def candle_markets(draw: st.DrawFn) -> list[Step]:
    steps: list[Step] = []
    for number in range(draw(st.integers(1, 6))):
        ts = number * MINUTE
        open_, close = draw(PRICES), draw(PRICES)
        high = max(open_, close, draw(PRICES))
        low = min(open_, close, draw(PRICES))
        steps.append(opened(ts, open_))
        if draw(st.booleans()):
            delay = draw(st.sampled_from([0, 100, 500, 30_000]))
            steps.append(funding(ts + delay, draw(st.floats(-0.01, 0.01))))
        steps.append(ranged(ts, open_, high, low, close))
        steps.append(closed(ts, close, draw(st.sampled_from([0.0, 10.0, 1e6]))))
    return steps


@st.composite
def tick_markets(draw: st.DrawFn) -> list[Step]:
    steps: list[Step] = []
    ts = 0
    for _ in range(draw(st.integers(1, 25))):
        ts += draw(st.sampled_from([100, 400, 1_500, 6_000]))
        price = draw(PRICES)
        sort = draw(st.integers(0, 7))
        if sort == 0:
            depths = draw(st.lists(st.floats(0.001, 2.0), min_size=2, max_size=6))
            levels = [(0.05 * (n + 1), depth) for n, depth in enumerate(depths)]
            steps.append(book(ts, [(price - d, b) for d, b in levels], [(price + d, b) for d, b in levels]))
        elif sort == 1:
            steps.append(funding(ts, draw(st.floats(-0.01, 0.01)), 2.0))
        elif sort == 2:
            steps.append(closed(ts - MINUTE, price))
        else:
            steps.append(tick(ts, price))
    return steps


@st.composite
def commands(draw: st.DrawFn, number: int) -> Command:
    if draw(st.integers(0, 4)) == 0:
        return CancelOrder(order_id=f"o{draw(st.integers(0, number))}")
    repeated = number > 0 and draw(st.integers(0, 9)) == 0
    return submit(
        f"o{draw(st.integers(0, number - 1)) if repeated else number}",
        draw(st.sampled_from(Side)),
        draw(SIZES),
        draw(PRICES) + draw(st.sampled_from([0.0, 0.00003])),
        draw(st.sampled_from(OrderKind)),
        reference=draw(PRICES),
        reduce_only=draw(st.booleans()),
        above=draw(st.booleans()),
    )


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    ticks = draw(st.booleans())
    steps = draw(tick_markets() if ticks else candle_markets())
    sent: list[list[tuple[int, Command]]] = []
    number = 0
    for _ in range(2 * len(steps)):
        turn: list[tuple[int, Command]] = []
        for _ in range(draw(st.integers(0, 2))):
            turn.append((draw(st.sampled_from([0, 0, 0, 8_000])), draw(commands(number))))
            number += 1
        sent.append(turn)
    return steps, sent, ticks


def market_of(script: Script) -> PaperMarket:
    feed = ScriptedFeed(script[0], oracle_ticks=script[2], instrument=INSTRUMENT)
    return PaperMarket(feed, SETTINGS, EQUITY)


@dataclass
class Auditor:
    """Keeps the books of one account from commands and events alone."""

    orders: OpenOrders = field(default_factory=lambda: OpenOrders(step_base=INSTRUMENT.step_base))
    account: Account = field(
        default_factory=lambda: Account(initial_usd=EQUITY, step_base=INSTRUMENT.step_base)
    )
    sent_ts: dict[str, int] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    filled: dict[str, float] = field(default_factory=dict)
    fill_ids: set[str] = field(default_factory=set)
    turnover_usd: float = 0.0
    last_ts: int = 0

    def send(self, command: Command, now: int) -> None:
        if isinstance(command, CancelOrder):
            if command.order_id in self.orders.by_id:
                self.orders.ask_cancel(command.order_id)
        elif command.order_id not in self.sent_ts:
            self.sent_ts[command.order_id] = now
            self.intents[command.order_id] = command.approved.intent
            self.orders.send(command.order_id, command.approved)

    def see(self, event: Event) -> None:
        assert event.seen_ts >= self.last_ts, "events come in the order of time"
        self.last_ts = event.seen_ts
        match event:
            case Fill():
                self._see_fill(event)
            case FundingPaid():
                assert event.position_base == pytest.approx(self.account.position_base)
                self.account.book_funding(event)
                self.turnover_usd += abs(event.amount_usd)
            case OrderRejected() if event.reason == "duplicate_id":
                assert event.order_id in self.sent_ts
            case OrderAccepted() | OrderRejected() | OrderCancelled():
                assert event.seen_ts >= self.sent_ts[event.order_id] + LATENCY
                self.orders.apply(event)
            case _:
                pass

    def _see_fill(self, fill: Fill) -> None:
        assert fill.fill_id not in self.fill_ids, "a fill is told once"
        self.fill_ids.add(fill.fill_id)
        before = self.account.position_base
        self.orders.apply(fill)
        self.account.book_fill(fill)
        after = self.account.position_base
        assert fill.size_base == round_down(fill.size_base, INSTRUMENT.step_base) > 0.0
        self.turnover_usd += fill.size_base * (fill.price_usd + fill.reference_usd)
        if fill.reason is Reason.LIQUIDATION:
            assert after == 0.0
            return
        intent = self.intents[fill.order_id]
        assert fill.seen_ts >= self.sent_ts[fill.order_id] + LATENCY, "nothing fills before it has arrived"
        self.filled[fill.order_id] = self.filled.get(fill.order_id, 0.0) + fill.size_base
        assert self.filled[fill.order_id] <= intent.size_base + 1e-9, "nothing fills beyond its size"
        if intent.reduce_only:
            assert before * fill.side < 0.0, "what may only reduce, reduces"
            assert before * after >= 0.0, "and never flips"
            assert abs(after) < abs(before)
        if intent.kind is OrderKind.POST_ONLY:
            assert fill.price_usd == within_limit(intent.side, intent.price_usd, INSTRUMENT.tick_usd)
            assert fill.liquidity is Liquidity.MAKER
        elif intent.kind is OrderKind.IOC:
            assert intent.side * (fill.price_usd - intent.price_usd) <= 0.0, "a limit holds"
        else:
            assert fill.reference_usd == against_us(intent.side, intent.price_usd, INSTRUMENT.tick_usd)


def play(market: PaperMarket, script: Script, turn: int, last_turn: int | None = None) -> list[list[Event]]:
    """Play the turns from `turn` on, sending what the script says after each; the events of each turn."""
    return [events for events, _ in turns(market, script, turn, last_turn)]


def turns(
    market: PaperMarket, script: Script, turn: int, last_turn: int | None = None
) -> list[tuple[list[Event], list[tuple[int, Command]]]]:
    played = []
    while (ts := market.next_ts()) is not None and turn != last_turn:
        events = market.advance()
        sent = []
        for delay, command in script[1][turn] if turn < len(script[1]) else ():
            next_ts = market.next_ts()
            now = ts if next_ts is None else min(ts + delay, next_ts)
            market.execute(command, now)
            sent.append((now, command))
        played.append((events, sent))
        turn += 1
    return played


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scripts())
def test_whatever_happens_the_books_add_up(script: Script) -> None:
    market, auditor = market_of(script), Auditor()
    venue = market.venue
    turn = 0
    while market.next_ts() is not None:
        ((events, sent),) = turns(market, script, turn, turn + 1)
        turn += 1
        for event in events:
            auditor.see(event)
        assert venue.state.position_base == pytest.approx(auditor.account.position_base, abs=1e-9)
        if venue.state.position_base != 0.0:
            residual_usd = venue.equity_usd - auditor.account.equity_usd(venue.state.mark_usd)
        else:
            residual_usd = venue.state.collateral_usd - auditor.account.equity_usd(0.0)
        assert abs(residual_usd) <= 1e-9 * (EQUITY + auditor.turnover_usd)
        for now, command in sent:
            auditor.send(command, now)
        at_venue = {order.order_id for order in venue.state.orders}
        on_the_way = {f.order_id for f in venue.state.in_flight if f.intent is not None and not f.refusal}
        assert set(auditor.orders.by_id) == at_venue | on_the_way, "both know the same orders"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scripts(), st.data())
def test_a_restored_market_continues_to_the_byte(script: Script, data: st.DataObject) -> None:
    straight = market_of(script)
    whole = play(straight, script, 0)
    cut = data.draw(st.integers(0, len(whole)))
    first = market_of(script)
    head = play(first, script, 0, cut)
    saved = first.checkpoint()
    second = market_of(script)
    second.restore(saved)
    assert second.checkpoint() == saved
    assert head + play(second, script, cut) == whole
    assert second.checkpoint() == straight.checkpoint()


@settings(max_examples=100, deadline=None)
@given(PRICES, st.floats(0.0, 0.2), st.floats(0.0, 0.2), st.sampled_from(Side), st.floats(0.0, 100.0))
def test_a_stop_never_fills_better_than_its_trigger_or_a_gapped_open(
    open_usd: float, up: float, down: float, side: Side, slippage_bps: float
) -> None:
    """`side` is that of the stop; the position stands on the other one since a tick at 100."""
    stop_usd = 99.0 if side is Side.SELL else 101.0
    high, low = open_usd * (1.0 + up), open_usd * (1.0 - down)
    steps: list[Step] = [
        tick(0, 100.0),
        tick(1_000, 100.0),
        opened(MINUTE, open_usd),
        ranged(MINUTE, open_usd, high, low, low),
    ]
    feed = ScriptedFeed(steps, oracle_ticks=False)
    market = PaperMarket(feed, SETTINGS._replace(slippage_unknown_bps=slippage_bps), EQUITY)
    market.advance()
    market.execute(submit("entry", Side(-side)), 0)
    stop = submit(
        "stop", side, 1.0, stop_usd, OrderKind.TRIGGER_MARKET, reduce_only=True, above=side is Side.BUY
    )
    market.execute(stop, 0)
    market.advance()
    events = [event for _ in range(2) for event in market.advance()]
    found = [event for event in events if isinstance(event, Fill)]
    touched = high >= stop_usd if side is Side.BUY else low <= stop_usd
    assert bool(found) == touched
    for fill in found:
        worst = max(stop_usd, open_usd) if side is Side.BUY else min(stop_usd, open_usd)
        assert side * (fill.price_usd - worst) >= -1e-9
