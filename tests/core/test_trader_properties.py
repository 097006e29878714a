"""Whatever market, venue, advisor and people do: what must hold of the trader after every event."""

from collections import Counter
from collections.abc import Callable
from math import isnan

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from drift_e3.core.events import (
    AdviceFailed,
    AdviceReceived,
    BookSeen,
    CandleClosed,
    Feed,
    FlattenRequested,
    FundingPublished,
    HaltRequested,
    Heartbeat,
    OracleTick,
    ReduceRequested,
    ResumeRequested,
    Settings,
    SettingsChanged,
    Started,
    StopRequested,
)
from drift_e3.core.params import Limits, Params, check_limits, check_params
from drift_e3.core.terms import OrderKind, StopPolicy, Strategy
from drift_e3.core.trader import Trader
from drift_e3.journal.memory import decode_state, encode_state
from tests.core.builders import (
    CANDLES,
    EQUITY_USD,
    HOUR,
    MINUTE,
    MODEL,
    TICKS,
    an_answer,
)
from tests.core.scripted_venue import VenueOrder
from tests.core.stories import warm_snapshot
from tests.core.trader_promises import INSTRUMENT, Promises, growing

EAGER = check_params(
    Params(
        m_bodyOverAtr=0.0,
        m_volumeZ=-5.0,
        m_realizedVol=0.0,
        m_premiumPct=1.0,
        m_imbalance=0.0,
        m_spreadBps=1_000.0,
        m_maxHoldHours=0.5,
        f_fundingZ=0.05,
        f_premiumPct=0.0,
        f_volumeZ=-5.0,
        f_maxHoldHours=1.0,
        routing=(Strategy.E3, Strategy.E3, Strategy.E3, Strategy.FUNDING_FADE, Strategy.E3),
    )
)
"""Nearly every candle with a body is a signal."""
CAREFUL = Limits(cooldown_minutes=0.0, loss_streak_max=3, pause_minutes=10.0, trades_per_hour_max=20)
BOLD = check_limits(
    Limits(
        leverage_caps=(0.5, 4.0, 5.0, 2.0, 3.0),
        risk_frac=0.5,
        risk_minConfidence=0.0,
        cooldown_minutes=0.0,
        daily_loss_max=0.4,
        drawdown_max=0.6,
        loss_streak_max=6,
        pause_minutes=5.0,
        trades_per_hour_max=100,
    )
)
TOUCHY = Limits(
    daily_loss_max=0.01,
    drawdown_max=0.05,
    loss_streak_max=2,
    pause_minutes=4.0,
    cooldown_minutes=1.0,
    trades_per_hour_max=3,
)
LIMITS = (CAREFUL, BOLD, TOUCHY)
ANSWERS = (
    an_answer("LONG", 0.9, "bull_trend"),
    an_answer("SHORT", 1.0, "bear_trend", 0.5),
    an_answer("FLAT", 0.5, "chop"),
    an_answer("LONG", 1.0, "crash", 2.0),
    "LONG LONG LONG",
    "",
)


class TraderMachine(Promises, RuleBasedStateMachine):
    """Market, venue, advisor and people, each doing anything it may."""

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        Promises.__init__(self)

    @initialize(
        feed=st.sampled_from([TICKS, TICKS, CANDLES]), limits=st.sampled_from(LIMITS), ai=st.booleans()
    )
    def start(self, feed: Feed, limits: Limits, ai: bool) -> None:
        self.feed = feed
        snapshot = warm_snapshot(feed, INSTRUMENT)
        self.trader, self.twin = Trader(decode_state(snapshot)), Trader(decode_state(snapshot))
        wanted = Settings(params=EAGER, limits=limits, ai_enabled=ai)
        self.tell(SettingsChanged(seen_ts=self.now, settings=wanted))

    # -- the market ------------------------------------------------------------------------------------------

    @precondition(lambda self: self.feed.oracle_ticks)
    @rule(bps=st.integers(-250, 250), after_ms=st.integers(0, 5_000))
    def tick(self, bps: int, after_ms: int) -> None:
        self.move(bps)
        self.now += after_ms
        state = self.trader.state
        trade, position = state.trade, state.account.position_base
        hit = False
        if trade is not None:
            side = trade.direction
            floor = max(side * level for level in (trade.stop_usd, trade.trailing_usd) if not isnan(level))
            hit = side * self.price <= floor or side * self.price >= side * trade.target_usd
        self.tell(OracleTick(seen_ts=self.now, publish_ts=self.now, price_usd=self.price))
        if hit:
            self.seen["exits"] += 1
            assert state.orders.closing_base() >= abs(position) - 1e-9, "a level that is touched is an exit"

    @rule(
        bps=st.integers(-250, 250),
        volume=st.integers(0, 10_000),
        wick=st.integers(0, 100),
        late=st.booleans(),
    )
    def candle(self, bps: int, volume: int, wick: int, late: bool = False) -> None:
        """The latest candle, or after a wait the next of those that were missed, which is seen only now."""
        candles = self.trader.state.market.recent_candles
        open_ts = candles[-1][0] + MINUTE
        if not late:
            open_ts = max(open_ts, self.now // MINUTE * MINUTE - MINUTE)
        self.now = max(self.now, open_ts + MINUTE)
        opened = candles[-1][4]
        if self.feed.oracle_ticks:
            self.tick(bps, 0)
        else:
            self.move(bps)
        self.tell(
            CandleClosed(
                seen_ts=self.now,
                open_ts=open_ts,
                open=opened,
                high=max(opened, self.price) * (1.0 + wick * 1e-4),
                low=min(opened, self.price) * (1.0 - wick * 1e-4),
                close=self.price,
                volume=float(volume),
            )
        )

    @rule(bid=st.integers(0, 300), ask=st.integers(1, 300))
    def book(self, bid: int, ask: int) -> None:
        bids, asks = ((self.price * 0.9999, float(bid)),), ((self.price * 1.0001, float(ask)),)
        self.tell(BookSeen(seen_ts=self.now, publish_ts=self.now, bids=bids, asks=asks))

    @rule(rate=st.floats(-1e-3, 1e-3), paid=st.booleans())
    def funding(self, rate: float, paid: bool) -> None:
        self.tell(FundingPublished(seen_ts=self.now, publish_ts=self.now, rate_frac_1h=rate))
        if paid and self.venue.position_steps:
            self.tell(self.venue.pay_funding(rate, self.price, self.now))

    @rule(after_ms=st.sampled_from([0, 1_000, 1_001, 9_001, HOUR, 6 * HOUR]))
    def wait(self, after_ms: int) -> None:
        self.now += after_ms
        self.tell(Heartbeat(seen_ts=self.now))

    # -- the venue -------------------------------------------------------------------------------------------

    @rule(slippage=st.integers(0, 30))
    def venue_works(self, slippage: int) -> None:
        """All goes as it mostly goes: cancels happen, what acts at once trades, what rests is accepted."""
        for order in [*self.venue.orders.values()]:
            if order.cancel_asked:
                self.tell(self.venue.cancel(order, self.now))
            elif not order.accepted:
                self.tell(self.venue.accept(order, self.now))
                steps = self.venue.tradable_steps(order)
                if order.intent.kind is OrderKind.IOC and steps:
                    self.tell(self.venue.fill(order, steps, slippage * 1e-4, self.now))
                if order.intent.kind is OrderKind.IOC and order.order_id in self.venue.orders:
                    self.tell(self.venue.cancel(order, self.now))

    @rule(
        bps=st.integers(-80, 80),
        text=st.sampled_from(ANSWERS),
        slippage=st.integers(0, 10),
        moves=st.lists(st.integers(-150, 150), max_size=4),
    )
    def trade(self, bps: int, text: str, slippage: int, moves: list[int]) -> None:
        """A candle that may be a signal, an advisor in time, an obedient venue, and how the price goes on."""
        self.candle(bps, 5_000, 0)
        question_id = self.trader.state.consultation.open_id
        if question_id:
            self.advise_on(question_id, text, 700)
        self.venue_works(slippage)
        for move in moves:
            self.candle(move, 100, 10)
            self.venue_works(slippage)

    @precondition(lambda self: any(not order.accepted for order in self.venue.orders.values()))
    @rule(data=st.data(), well=st.booleans())
    def answer_order(self, data: st.DataObject, well: bool) -> None:
        order = self.draw(data, lambda order: not order.accepted)
        self.tell(self.venue.accept(order, self.now) if well else self.venue.reject(order, self.now))

    @precondition(lambda self: any(map(self.venue.tradable_steps, self.venue.orders.values())))
    @rule(data=st.data(), percent=st.integers(1, 100), slippage=st.integers(0, 100))
    def fill(self, data: st.DataObject, percent: int, slippage: int) -> None:
        """Any order trades, wanted or not: also one that is being cancelled."""
        order = self.draw(data, lambda order: self.venue.tradable_steps(order) > 0)
        steps = max(self.venue.tradable_steps(order) * percent // 100, 1)
        self.tell(self.venue.fill(order, steps, slippage * 1e-4, self.now))

    @precondition(lambda self: self.venue.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.tell(self.venue.cancel(self.draw(data, lambda order: True), self.now))

    @precondition(lambda self: self.venue.position_steps)
    @rule()
    def liquidate(self) -> None:
        self.tell(self.venue.liquidate(self.price, self.now))
        for order in [*self.venue.orders.values()]:
            self.tell(self.venue.cancel(order, self.now))

    # -- the advisor -----------------------------------------------------------------------------------------

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), text=st.sampled_from(ANSWERS), after_ms=st.sampled_from([0, 700, 9_001]))
    def advise(self, data: st.DataObject, text: str, after_ms: int) -> None:
        """Any question that was asked is answered, once more, too late, or in time."""
        self.advise_on(data.draw(st.sampled_from(self.asked[-3:])), text, after_ms)

    def advise_on(self, question_id: str, text: str, after_ms: int) -> None:
        state = self.trader.state
        self.now += after_ms
        late = question_id != state.consultation.open_id or state.consultation.is_overdue(self.now)
        waiting, held = state.pending is not None, state.consultation.held
        outcome = self.tell(
            AdviceReceived(
                seen_ts=self.now, question_id=question_id, text=text, latency_ms=after_ms, model=MODEL
            )
        )
        self.seen["late" if late else "answers"] += 1
        if late:
            assert state.consultation.held is held, "a late answer is worth nothing"
        if not waiting:
            assert not growing(outcome), "an answer opens no trade by itself"

    @precondition(lambda self: self.asked)
    @rule()
    def advisor_fails(self) -> None:
        self.tell(
            AdviceFailed(seen_ts=self.now, question_id=self.asked[-1], reason="timeout", latency_ms=8_000)
        )

    # -- people ----------------------------------------------------------------------------------------------

    @rule(limits=st.sampled_from(LIMITS), ai=st.booleans())
    def change_settings(self, limits: Limits, ai: bool) -> None:
        wanted = Settings(params=EAGER, limits=limits, ai_enabled=ai)
        self.tell(SettingsChanged(seen_ts=self.now, settings=wanted))

    @rule(wish=st.sampled_from([FlattenRequested, HaltRequested, ReduceRequested]), beats=st.integers(0, 3))
    def close_and_resume(
        self, wish: type[FlattenRequested | HaltRequested | ReduceRequested], beats: int
    ) -> None:
        self.tell(wish(seen_ts=self.now, by="test"))
        for _ in range(beats):
            self.venue_works(0)
        if beats:
            self.tell(ResumeRequested(seen_ts=self.now, by="test"))

    @rule(policy=st.sampled_from(StopPolicy), beats=st.integers(0, 2))
    def stop_and_start(self, policy: StopPolicy, beats: int) -> None:
        self.tell(StopRequested(seen_ts=self.now, policy=policy, by="test"))
        for _ in range(beats):
            self.venue_works(0)
        self.restart_twin()
        self.tell(
            Started(
                seen_ts=self.now,
                settings=self.trader.state.settings,
                instrument=INSTRUMENT,
                feed=self.feed,
                equity_usd=EQUITY_USD,
            )
        )

    @rule()
    def restart_twin(self) -> None:
        snapshot = encode_state(self.twin.state)
        assert snapshot == encode_state(self.trader.state)
        self.twin = Trader(decode_state(snapshot))

    # -- small words -----------------------------------------------------------------------------------------

    def move(self, bps: int) -> None:
        self.price = min(max(self.price * (1.0 + bps * 1e-4), 20.0), 500.0)

    def draw(self, data: st.DataObject, wanted: Callable[[VenueOrder], bool]) -> VenueOrder:
        return data.draw(st.sampled_from([order for order in self.venue.orders.values() if wanted(order)]))

    def teardown(self) -> None:
        if self.seen:
            self.restart_twin()
        WITNESSED.update(self.seen)


WITNESSED: Counter[str] = Counter()
"""What has happened in all the machine's runs, so that a machine that idles is noticed."""


def test_whatever_happens_the_trader_keeps_its_promises() -> None:
    WITNESSED.clear()
    run_state_machine_as_test(
        TraderMachine, settings=settings(max_examples=300, stateful_step_count=50, deadline=None)
    )
    for what in ("entry", "fills", "exits", "flatten", "reducing", "halted", "answers", "late"):
        assert WITNESSED[what] > 0, f"{what} never happened"
