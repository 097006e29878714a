"""A warmed trader and a story told to it: for tests of the decision core."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from drift_e3.core.events import (
    AdviceFailed,
    AdviceReceived,
    CandleClosed,
    Event,
    Feed,
    Heartbeat,
    OracleTick,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    Settings,
    Started,
)
from drift_e3.core.params import Limits, Params
from drift_e3.core.state import TraderState
from drift_e3.core.terms import (
    Instrument,
    Reason,
    Side,
)
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.journal.memory import decode_state, encode_state
from tests.core.builders import (
    EQUITY_USD,
    FREE,
    MINUTE,
    MODEL,
    QUIET_USD,
    START_TS,
    TICKS,
    a_fill,
    an_answer,
    submitted,
)

WARM_CANDLES = 1_560
"""A minute each: 24 hours of ranks and 60 base candles are more than known after these."""
SWINGS_USD = (0.0, 0.03, -0.02, 0.01, -0.03, 0.02)


def quiet_candles(frame_ms: int, count: int) -> Iterator[CandleClosed]:
    """History before `START_TS`: closes that swing a little and end at 100, volumes about 100."""
    for index in range(count):
        opened = QUIET_USD + SWINGS_USD[(index - 1) % len(SWINGS_USD)]
        close = QUIET_USD + (SWINGS_USD[index % len(SWINGS_USD)] if index < count - 1 else 0.0)
        open_ts = START_TS - (count - index) * frame_ms
        yield CandleClosed(
            seen_ts=open_ts + frame_ms,
            open_ts=open_ts,
            open=opened,
            high=max(opened, close) + 0.01,
            low=min(opened, close) - 0.01,
            close=close,
            volume=90.0 + index % 7 * 3.0,
            history=True,
        )


@cache
def warm_snapshot(feed: Feed, instrument: Instrument = FREE, count: int = WARM_CANDLES) -> bytes:
    """A trader's memory after `count` quiet candles, warmed and trading, at `START_TS`."""
    trader = Trader()
    first_ts = START_TS - count * feed.frame_ms
    trader.process(
        Started(
            seen_ts=first_ts,
            settings=Settings(params=Params(), limits=Limits()),
            instrument=instrument,
            feed=feed,
            equity_usd=EQUITY_USD,
        )
    )
    for candle in quiet_candles(feed.frame_ms, count):
        trader.process(candle)
    assert trader.state.warmed
    return encode_state(trader.state)


@dataclass(slots=True, kw_only=True)
class Story:
    """A warmed trader and a clock. Each event is a method; what they led to is in `outcomes`."""

    trader: Trader
    now: int = START_TS
    outcomes: list[Outcome] = field(default_factory=list)
    price_usd: float = QUIET_USD
    fills: int = 0

    @property
    def state(self) -> TraderState:
        return self.trader.state

    @property
    def last(self) -> Outcome:
        return self.outcomes[-1]

    def process(self, event: Event) -> Outcome:
        """Tell any event."""
        self.now = max(self.now, event.seen_ts)
        outcome = self.trader.process(event)
        self.outcomes.append(outcome)
        return outcome

    def tick(self, price_usd: float, after_ms: int = 400) -> Outcome:
        """The oracle's price, a little later."""
        self.price_usd = price_usd
        ts = self.now + after_ms
        return self.process(OracleTick(seen_ts=ts, publish_ts=ts, price_usd=price_usd))

    def candle(
        self,
        close: float | None = None,
        *,
        opened: float | None = None,
        high: float | None = None,
        low: float | None = None,
        volume: float = 100.0,
        seen_ts: int | None = None,
        history: bool = False,
    ) -> Outcome:
        """The next candle of the tape closes at (or after) its time; from the last price to `close`."""
        frame_ms = self.state.feed.frame_ms
        open_ts = self.state.market.recent_candles[-1][0] + frame_ms
        first = self.state.market.recent_candles[-1][4] if opened is None else opened
        last = self.price_usd if close is None else close
        return self.process(
            CandleClosed(
                seen_ts=max(self.now, open_ts + frame_ms) if seen_ts is None else seen_ts,
                open_ts=open_ts,
                open=first,
                high=max(first, last) if high is None else high,
                low=min(first, last) if low is None else low,
                close=last,
                volume=volume,
                history=history,
            )
        )

    def rally(self, close: float = 100.5, seen_ts: int | None = None) -> Outcome:
        """A candle on which E3 wants to buy (or, closing below 100, to sell); the oracle went along."""
        if self.state.feed.oracle_ticks:
            self.tick(close)
        return self.candle(close, volume=5_000.0, seen_ts=seen_ts)

    def beat(self, after_ms: int = 1_000) -> Outcome:
        """Nothing but time passes."""
        return self.process(Heartbeat(seen_ts=self.now + after_ms))

    def accept(self, order_id: str) -> Outcome:
        return self.process(OrderAccepted(seen_ts=self.now, order_id=order_id))

    def reject(self, order_id: str, reason: str = "busy") -> Outcome:
        return self.process(OrderRejected(seen_ts=self.now, order_id=order_id, reason=reason))

    def cancelled(self, order_id: str, reason: str = "requested") -> Outcome:
        return self.process(OrderCancelled(seen_ts=self.now, order_id=order_id, reason=reason))

    def fill(
        self,
        order_id: str,
        size_base: float | None = None,
        price_usd: float | None = None,
        *,
        fee_usd: float = 0.0,
    ) -> Outcome:
        """The venue fills an open order: its rest at its reference price, save what is named."""
        order = self.state.orders.by_id[order_id]
        intent = order.intent
        self.fills += 1
        price = intent.reference_usd if price_usd is None else price_usd
        return self.process(
            replace(
                a_fill(
                    order_id,
                    intent.side,
                    order.remaining_base if size_base is None else size_base,
                    price,
                    reference_usd=intent.reference_usd,
                    fee_usd=fee_usd,
                    reason=intent.reason,
                    seen_ts=self.now,
                ),
                fill_id=f"{order_id}#{self.fills}",
            )
        )

    def liquidate(self, price_usd: float) -> Outcome:
        """The venue takes the position away."""
        position_base = self.state.account.position_base
        side = Side.SELL if position_base > 0.0 else Side.BUY
        return self.process(
            a_fill(
                "liquidation-1",
                side,
                abs(position_base),
                price_usd,
                reason=Reason.LIQUIDATION,
                seen_ts=self.now,
            )
        )

    def answer(
        self, text: str | None = None, *, after_ms: int = 500, question_id: str | None = None
    ) -> Outcome:
        """The advisor answers the open question, or another one."""
        return self.process(
            AdviceReceived(
                seen_ts=self.now + after_ms,
                question_id=self.state.consultation.open_id if question_id is None else question_id,
                text=an_answer() if text is None else text,
                latency_ms=after_ms,
                model=MODEL,
            )
        )

    def fail(
        self, reason: str = "timeout", *, after_ms: int = 500, question_id: str | None = None
    ) -> Outcome:
        """The advisor has failed."""
        return self.process(
            AdviceFailed(
                seen_ts=self.now + after_ms,
                question_id=self.state.consultation.open_id if question_id is None else question_id,
                reason=reason,
                latency_ms=after_ms,
            )
        )

    def settle(self) -> None:
        """The venue carries out cancels and accepts what rests, until nothing is new."""
        for order_id in [*self.state.orders.by_id]:
            label = self.state.orders.by_id[order_id].state.label
            if label == "cancelling":
                self.cancelled(order_id)
            elif label == "sent":
                self.accept(order_id)

    def restart(self) -> None:
        """Go on from a snapshot."""
        self.trader = Trader(decode_state(encode_state(self.state)))

    def snapshot(self) -> bytes:
        return encode_state(self.state)


def a_story(
    *,
    feed: Feed = TICKS,
    params: Params | None = None,
    limits: Limits | None = None,
    ai_enabled: bool = False,
    ai_deadline_ms: int = 8_000,
    instrument: Instrument = FREE,
) -> Story:
    """A warmed, flat, trading trader at `START_TS` with these settings, on a venue without fees."""
    state = decode_state(warm_snapshot(feed, instrument))
    state.settings = Settings(
        params=Params() if params is None else params,
        limits=Limits() if limits is None else limits,
        ai_enabled=ai_enabled,
        ai_deadline_ms=ai_deadline_ms,
    )
    return Story(trader=Trader(state))


def a_cold_story(candles: int) -> Story:
    """A trader that has seen too few candles to be warm and whose FundingFade minds no volume."""
    story = Story(trader=Trader())
    story.trader.process(
        Started(
            seen_ts=START_TS - candles * MINUTE,
            settings=Settings(params=Params(f_volumeZ=-5.0), limits=Limits()),
            instrument=FREE,
            feed=TICKS,
            equity_usd=EQUITY_USD,
        )
    )
    for candle in quiet_candles(MINUTE, candles):
        story.trader.process(candle)
    assert not story.state.warmed
    return story


def in_position(close: float = 100.5, **settings: object) -> Story:
    """A story in which a rally was bought (or a fall sold), and stop and target rest on the venue."""
    story = a_story(**settings)  # type: ignore[arg-type]
    enter(story, close)
    return story


def enter(story: Story, close: float = 100.5) -> str:
    """Have the story enter, the venue fill and accept; the entry's order id."""
    [entry] = submitted(story.rally(close))
    story.accept(entry.order_id)
    story.fill(entry.order_id)
    story.settle()
    return entry.order_id
