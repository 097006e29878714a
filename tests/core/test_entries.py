"""Entries: when the advisor is asked, what becomes of its answer, and the gates of an entry."""

from dataclasses import replace

import pytest

from drift_e3.core.breakers import Breakers
from drift_e3.core.events import BookSeen, FundingPublished
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Direction, Mode, OrderKind, Reason, Regime, Side, Strategy, Verdict
from drift_e3.core.turn import Outcome
from tests.core.builders import HOUR, MINUTE, START_TS, TICKS, asked, decisions, submitted
from tests.core.stories import Story, a_cold_story, a_story, enter, in_position

EAGER_FADE = Params(f_volumeZ=-5.0)


def crowded(story: Story) -> Story:
    """Sixty hours of usual funding, then ten times as much: FundingFade wants to sell."""
    for hour in range(60):
        ts = START_TS - (60 - hour) * HOUR
        rate_frac_1h = 1e-5 + hour % 5 * 1e-6
        story.trader.process(
            FundingPublished(seen_ts=ts, publish_ts=ts, rate_frac_1h=rate_frac_1h, history=True)
        )
    story.process(FundingPublished(seen_ts=START_TS, publish_ts=START_TS, rate_frac_1h=1e-4))
    story.tick(100.0)
    return story


class TestWithoutAnAdvisor:
    def test_each_closed_candle_is_decided_at_once(self) -> None:
        story = a_story()
        [decision] = decisions(story.candle(100.0))
        assert (decision.ts, decision.verdict) == (START_TS + MINUTE, Verdict.NONE)
        assert (decision.reason, decision.no_advice) == ("no_signal:funding", "off")

    def test_an_approved_entry_carries_its_whole_reason(self) -> None:
        story = a_story()
        outcome = story.rally()
        [decision], [order] = decisions(outcome), submitted(outcome)
        intent = order.approved.intent
        assert (intent.side, intent.kind, intent.reason) == (Side.BUY, OrderKind.IOC, Reason.ENTRY)
        assert intent.price_usd == pytest.approx(100.5 * 1.002)
        assert intent.reference_usd == decision.price_usd == 100.5
        assert not intent.reduce_only
        assert order.order_id == decision.order_id == f"{decision.ts}-entry"
        assert (decision.verdict, decision.reason) == (Verdict.APPROVED, "entry")
        assert decision.size_base == intent.size_base > 0.0
        assert (decision.regime, decision.rule_regime) == (Regime.HIGH_VOL, Regime.HIGH_VOL)
        assert (decision.strategy, decision.direction) == (Strategy.E3, Direction.LONG)
        assert decision.confidence == decision.signal_confidence == pytest.approx(0.85)
        assert (decision.advice, decision.advice_age_ms, decision.leverage_x_max) == (None, 0, 2.5)
        assert (decision.equity_usd, decision.position_base) == (1_000.0, 0.0)
        assert decision.features == story.state.market.features
        assert story.state.tally.decisions[Regime.HIGH_VOL] == [0, 1, 0]

    def test_history_is_never_decided_on(self) -> None:
        story = a_story()
        story.tick(100.5)
        assert story.candle(100.5, volume=5e3, history=True) == Outcome((), ())

    def test_two_candles_seen_at_once_have_ids_of_their_own(self) -> None:
        story = a_story()
        late_ts = START_TS + HOUR
        story.now = late_ts
        [first] = submitted(story.rally(100.5, seen_ts=late_ts + 400))
        story.reject(first.order_id)
        [second] = submitted(story.rally(101.0, seen_ts=late_ts + 400))
        assert first.order_id != second.order_id
        assert second.order_id == f"{START_TS + 2 * MINUTE}-entry"


class TestGates:
    @pytest.mark.parametrize("mode", [Mode.HALTED, Mode.STOPPING])
    def test_only_while_trading(self, mode: Mode) -> None:
        story = a_story(ai_enabled=True)
        story.state.mode.mode = mode
        outcome = story.rally()
        [decision] = decisions(outcome)
        assert decision.reason == f"mode_{mode.label}"
        assert not asked(outcome)

    def test_not_while_warming(self) -> None:
        story = crowded(a_cold_story(40))
        [decision] = decisions(story.candle(100.0))
        assert (decision.direction, decision.reason) == (Direction.SHORT, "mode_warming")

    def test_one_position_at_a_time(self) -> None:
        story = in_position()
        assert decisions(story.rally(101.2))[0].reason == "position_open"

    def test_one_entry_at_a_time(self) -> None:
        story = a_story()
        story.rally()
        outcome = story.rally(101.2)
        assert decisions(outcome)[0].reason == "position_open"
        assert submitted(outcome) == []

    def test_no_entry_while_something_of_the_last_trade_rests(self) -> None:
        story = in_position(limits=Limits(cooldown_minutes=0.0))
        assert story.state.trade is not None
        story.fill(story.state.trade.target_order_id)
        assert decisions(story.rally(101.2))[0].reason == "orders_open: 1 against 0"
        story.settle()
        assert submitted(story.rally(103.0))

    def test_no_entry_within_the_cooldown(self) -> None:
        story = in_position()
        assert story.state.trade is not None
        story.fill(story.state.trade.target_order_id)
        story.settle()
        [decision] = decisions(story.rally(101.2))
        assert decision.reason.startswith("cooldown_minutes: 1")

    def test_unsure_signals_are_refused(self) -> None:
        story = a_story(limits=Limits(risk_minConfidence=0.9))
        [decision] = decisions(story.rally())
        assert decision.reason == "risk_minConfidence: 0.85 against 0.9"
        assert decision.verdict is Verdict.REFUSED

    def test_without_equity_nothing_is_entered(self) -> None:
        story = a_story()
        story.state.account.initial_usd, story.state.breakers = 0.0, Breakers()
        [decision] = decisions(story.rally())
        assert decision.reason == "equity_unknown"

    def test_what_is_smaller_than_the_minimum_is_refused_by_the_limit_that_made_it_so(self) -> None:
        story = a_story(limits=Limits(max_position_usd=1.0))
        [decision] = decisions(story.rally())
        assert decision.reason.startswith("below_minimum:max_position_usd")

    def test_the_book_limits_the_size(self) -> None:
        story = a_story()
        story.tick(100.5)
        ts = START_TS + MINUTE
        story.process(
            BookSeen(seen_ts=ts, publish_ts=ts, bids=((100.49, 90.0),), asks=((100.51, 30.0), (101.0, 900.0)))
        )
        [order] = submitted(story.candle(100.5, volume=5e3))
        assert order.approved.intent.size_base == 3.0

    def test_a_stop_beyond_liquidation_is_refused(self) -> None:
        caps = (20.0, 20.0, 20.0, 20.0, 20.0)
        story = a_story(limits=Limits(leverage_caps=caps, risk_frac=0.5, max_position_usd=1e6))
        [decision] = decisions(story.rally())
        assert decision.reason.startswith("liquidation_buffer: 99.495 against ")
        assert decision.order_id == ""
        assert story.state.entry is None

    def test_a_refused_entry_is_not_counted_and_a_sent_one_is(self) -> None:
        story = a_story(limits=Limits(risk_minConfidence=0.9))
        story.rally()
        assert story.state.breakers.entry_ts == []
        sent = a_story()
        sent.rally()
        assert sent.state.breakers.entry_ts == [sent.now]


def test_crowded_funding_is_faded() -> None:
    story = crowded(a_story(params=EAGER_FADE))
    outcome = story.candle(100.0)
    [decision], [order] = decisions(outcome), submitted(outcome)
    assert (decision.strategy, decision.direction) == (Strategy.FUNDING_FADE, Direction.SHORT)
    assert order.approved.intent.side is Side.SELL


def test_an_entry_is_not_repeated_for_the_same_candle() -> None:
    story = a_story()
    enter(story)
    assert story.beat().commands == ()
    assert story.state.pending is None


class TestLiveGates:
    def test_a_signal_on_a_candle_that_closed_long_ago_is_refused(self) -> None:
        """After an outage the candles of hours may be seen at once, with a fresh oracle beside them."""
        story = a_story(feed=replace(TICKS, live=True))
        story.tick(100.5, 6 * HOUR)
        [decision] = decisions(story.candle(100.5, volume=5_000.0, seen_ts=story.now))
        assert decision.reason.startswith("candle_stale")
        assert decision.order_id == ""

    @pytest.mark.parametrize(("asks", "approved"), [(((100.51, 500.0),), True), ((), False)])
    def test_an_entry_needs_the_depth_that_the_feed_should_have(
        self, asks: tuple[tuple[float, float], ...], approved: bool
    ) -> None:
        story = a_story(feed=replace(TICKS, book=True), ai_enabled=True)
        quote(story, asks=((100.51, 100.0),))
        assert asked(story.rally())
        quote(story, asks=asks)
        [decision] = decisions(story.fail())
        assert (decision.reason == "depth_unknown") is not approved
        assert (decision.order_id != "") is approved
        assert (decision.size_bound != "") is approved


def quote(story: Story, asks: tuple[tuple[float, float], ...]) -> None:
    """A book whose bids outweigh its asks, so that it is on a buyer's side."""
    ts = story.now + 1
    story.process(BookSeen(seen_ts=ts, publish_ts=ts, bids=((100.49, 1_000.0),), asks=asks))
