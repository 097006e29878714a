"""What protects the account on every event: limits, exits, exposure, staleness."""

from dataclasses import replace
from math import isnan

import pytest

from drift_e3.core.events import (
    BookSeen,
    Event,
    Feed,
    FundingPaid,
    FundingPublished,
    Heartbeat,
    OpenInterestSeen,
    OracleTick,
    Settings,
    SettingsChanged,
)
from drift_e3.core.modes import Trigger
from drift_e3.core.notes import DataStale, PositionClosed, RegimeChanged
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Mode, Reason, Regime
from tests.core.builders import (
    CANDLES,
    DAY,
    HOUR,
    MINUTE,
    START_TS,
    TICKS,
    an_answer,
    asked,
    cancels,
    decisions,
    immediate,
    mode_changes,
    notes_of,
    reasons,
    stops,
    submitted,
)
from tests.core.stories import Story, a_story, enter, in_position

FULL = Limits(risk_frac=0.5, leverage_caps=(1.0, 3.0, 3.0, 2.0, 1.0), daily_loss_max=1.0, drawdown_max=1.0)
"""Limits under which an entry takes the whole leverage cap, and no breaker minds the loss."""
WIDE = Params(m_stopLossPct=0.1, m_takeProfitPct=0.9)
"""Stops that are far away, so that limits act first."""


def losing(limits: Limits, params: Params = WIDE) -> Story:
    """A story with a long of twice the equity under these limits."""
    return in_position(
        limits=limits._replace(risk_frac=0.5, leverage_caps=(1.0, 2.0, 3.0, 2.0, 1.0)), params=params
    )


def size(story: Story) -> float:
    return story.state.account.position_base


def leverage(story: Story) -> float:
    notional_usd = abs(size(story)) * story.price_usd
    return notional_usd / story.state.account.equity_usd(story.price_usd)


class TestExposure:
    def test_a_price_that_lifts_notional_above_the_tolerance_is_answered_at_once(self) -> None:
        story = in_position(limits=FULL, params=WIDE)
        assert leverage(story) == pytest.approx(3.0, rel=1e-3)
        assert story.tick(98.2).commands == ()
        [order] = submitted(story.tick(97.0))
        intent = order.approved.intent
        assert (intent.reason, intent.reduce_only) == (Reason.REDUCE, True)
        kept_usd = (size(story) - intent.size_base) * 97.0
        allowed_usd = 3.0 * story.state.account.equity_usd(97.0)
        assert allowed_usd - 0.01 * 97.0 < kept_usd <= allowed_usd

    @pytest.mark.parametrize("times", [1, 5])
    def test_it_is_reduced_once_while_the_order_is_on_its_way(self, times: int) -> None:
        story = in_position(limits=FULL, params=WIDE)
        [order] = submitted(story.tick(97.0))
        for _ in range(times):
            assert story.tick(97.0).commands == ()
            assert story.beat().commands == ()
        story.accept(order.order_id)
        assert immediate(story.fill(order.order_id)) == []
        assert leverage(story) <= 3.0
        assert story.tick(97.0).commands == ()

    def test_a_partly_filled_reduction_is_not_doubled(self) -> None:
        story = in_position(limits=FULL, params=WIDE)
        [order] = submitted(story.tick(96.0))
        story.accept(order.order_id)
        assert immediate(story.fill(order.order_id, 0.5)) == []
        assert immediate(story.tick(96.0)) == []

    def test_a_price_that_goes_on_falling_adds_only_the_difference(self) -> None:
        story = in_position(limits=FULL, params=WIDE)
        [first] = submitted(story.tick(97.0))
        [second] = submitted(story.tick(94.0))
        rest = size(story) - first.approved.intent.size_base - second.approved.intent.size_base
        assert rest * 94.0 == pytest.approx(3.0 * story.state.account.equity_usd(94.0), abs=2.0)

    def test_a_cap_that_falls_with_the_regime_reduces_in_the_same_turn(self) -> None:
        story = in_position(limits=FULL, params=WIDE)
        story.state.settings = replace(story.state.settings, ai_enabled=True)
        story.state.consultation.ask("q", story.now, 8_000)
        outcome = story.answer(an_answer(regime="chop"))
        [changed] = notes_of(outcome, RegimeChanged)
        assert (changed.before, changed.after, changed.by_advice) == (Regime.HIGH_VOL, Regime.CHOP, True)
        assert (changed.confidence, changed.leverage_x_max) == (0.7, 1.0)
        [order] = submitted(outcome)
        assert order.approved.intent.reason is Reason.REDUCE
        assert (size(story) - order.approved.intent.size_base) * story.price_usd <= 1_000.0

    def test_a_cap_that_falls_with_the_settings_reduces_in_the_same_turn(self) -> None:
        story = in_position(limits=FULL, params=WIDE)
        lower = replace(story.state.settings, limits=FULL._replace(leverage_caps=(1.0, 0.5, 1.0, 1.0, 1.0)))
        outcome = story.process(SettingsChanged(seen_ts=story.now, settings=lower))
        assert reasons(outcome) == [Reason.REDUCE]

    def test_without_equity_all_of_it_is_closed(self) -> None:
        story = in_position(limits=FULL, params=WIDE)
        outcome = story.process(
            FundingPaid(seen_ts=story.now, amount_usd=-1_500.0, rate_frac_1h=1.0, position_base=size(story))
        )
        [order] = immediate(outcome)
        assert order.approved.intent.size_base == size(story)


class TestExits:
    @pytest.mark.parametrize(
        ("price", "reason"), [(99.49, Reason.STOP), (102.52, Reason.TAKE_PROFIT), (100.0, None)]
    )
    def test_levels_are_watched_on_every_tick(self, price: float, reason: Reason | None) -> None:
        outcome = in_position().tick(price)
        assert reasons(outcome) == ([] if reason is None else [reason])

    def test_the_trailing_level_is_that_of_earlier_ticks(self) -> None:
        story = in_position()
        assert story.tick(102.0).commands == ()
        assert story.tick(101.5).commands == ()
        assert reasons(story.tick(101.48)) == [Reason.TRAILING]

    def test_a_peak_does_not_trail_itself(self) -> None:
        """On a candle tape a wide candle arms the level; its own close below it does not count."""
        story = a_story(feed=CANDLES)
        enter(story)
        story.process(Heartbeat(seen_ts=story.now + 10))
        outcome = story.candle(100.7, high=102.2)
        assert immediate(outcome) == []
        assert [order.order_id for order in immediate(story.candle(100.7))] != []

    def test_the_extreme_of_the_candle_before_the_entry_moves_no_peak(self) -> None:
        story = a_story(feed=CANDLES)
        [entry] = submitted(story.rally())
        story.accept(entry.order_id)
        story.now += MINUTE - 1
        story.fill(entry.order_id)
        story.settle()
        story.candle(100.5, high=102.2)
        assert story.state.trade is not None
        assert story.state.trade.peak_usd == 100.5

    def test_a_close_below_the_stop_is_the_backstop_on_a_candle_tape(self) -> None:
        story = a_story(feed=CANDLES)
        enter(story)
        story.now += 10
        assert [order.approved.intent.reason for order in immediate(story.candle(99.0))] == [Reason.STOP]

    def test_with_oracle_ticks_a_candle_ends_nothing(self) -> None:
        story = in_position()
        assert immediate(story.candle(99.0)) == []

    def test_a_silent_oracle_gives_way_to_the_candles_close(self) -> None:
        story = in_position()
        story.candle(100.4)
        story.candle(100.4)
        assert reasons(story.candle(99.0)) == [Reason.STOP]

    def test_time_passes_while_the_oracle_is_silent(self) -> None:
        story = in_position()
        assert reasons(story.beat(4 * HOUR)) == [Reason.TIME]

    def test_the_longest_hold_ends_a_trade(self) -> None:
        story = in_position()
        outcome = story.tick(100.6, 4 * HOUR)
        assert reasons(outcome) == [Reason.TIME]

    @pytest.mark.parametrize(
        "event",
        [
            Heartbeat(seen_ts=START_TS + 2 * MINUTE),
            BookSeen(seen_ts=START_TS + 2 * MINUTE, publish_ts=START_TS, bids=(), asks=()),
            FundingPublished(seen_ts=START_TS + 2 * MINUTE, publish_ts=START_TS, rate_frac_1h=1e-5),
            OpenInterestSeen(seen_ts=START_TS + 2 * MINUTE, open_interest_usd=1e8),
        ],
    )
    def test_what_brings_no_price_ends_nothing(self, event: Event) -> None:
        assert in_position().process(event).commands == ()


class TestBreakers:
    def test_a_daily_loss_reduces_until_midnight(self) -> None:
        story = losing(Limits())
        outcome = story.tick(97.9)
        assert mode_changes(outcome) == [("reducing", Trigger.DAILY_LOSS)]
        assert submitted(outcome) == []
        story.tick(100.5)
        assert story.state.mode.mode is Mode.REDUCING
        story.tick(100.5, START_TS + DAY - 1 - story.now)
        assert story.state.mode.mode is Mode.REDUCING
        assert mode_changes(story.tick(100.5, 1)) == [("trading", Trigger.PAUSE_OVER)]

    def test_while_reducing_a_signal_is_refused(self) -> None:
        story = losing(Limits())
        story.tick(97.9)
        story.settle()
        [decision] = decisions(story.rally(98.8))
        assert decision.reason == "mode_reducing"

    def test_a_drawdown_halts_and_flattens_in_the_same_turn(self) -> None:
        story = losing(Limits(drawdown_max=0.03))
        outcome = story.tick(97.9)
        assert mode_changes(outcome) == [("halted", Trigger.DRAWDOWN)]
        [order] = immediate(outcome)
        assert order.approved.intent.size_base == size(story)
        assert order.approved.intent.reason is Reason.FLATTEN
        assert story.tick(97.9).commands == ()

    def test_funding_alone_can_break_a_limit(self) -> None:
        story = in_position()
        outcome = story.process(
            FundingPaid(seen_ts=story.now, amount_usd=-60.0, rate_frac_1h=1e-2, position_base=1.0)
        )
        assert mode_changes(outcome) == [("reducing", Trigger.DAILY_LOSS)]

    def test_a_streak_of_losses_pauses_for_its_time(self) -> None:
        story = a_story(limits=Limits(loss_streak_max=2, cooldown_minutes=0.0, risk_frac=0.002))
        for pause in (False, True):
            enter(story)
            assert story.state.trade is not None
            outcome = story.fill(story.state.trade.stop_order_id)
            assert mode_changes(outcome) == ([("reducing", Trigger.LOSS_STREAK)] if pause else [])
            story.settle()
            story.tick(99.9)
            story.candle(100.0)
        [decision] = decisions(story.rally(101.0))
        assert decision.reason == "mode_reducing"
        until_ts = story.state.breakers.paused_until_ts
        assert mode_changes(story.tick(100.0, until_ts - 1 - story.now)) == []
        assert mode_changes(story.tick(100.0, 1)) == [("trading", Trigger.PAUSE_OVER)]

    def test_a_pause_outlives_a_restart(self) -> None:
        story = losing(Limits())
        story.tick(97.9)
        story.restart()
        assert story.state.mode.mode is Mode.REDUCING
        assert mode_changes(story.tick(100.5)) == []

    def test_a_pause_that_began_outside_trading_begins_with_it(self) -> None:
        story = a_story()
        story.state.mode.mode = Mode.WARMING
        story.state.breakers.paused_until_ts = START_TS + HOUR
        outcome = story.beat()
        assert mode_changes(outcome) == [("trading", Trigger.WARMED), ("reducing", Trigger.LOSS_STREAK)]

    def test_a_break_takes_an_unfilled_entry_back(self) -> None:
        story = a_story()
        [entry] = submitted(story.rally())
        outcome = story.process(
            FundingPaid(seen_ts=story.now, amount_usd=-60.0, rate_frac_1h=1e-2, position_base=0.0)
        )
        assert cancels(outcome) == [entry.order_id]

    def test_a_halt_closes_what_an_entry_in_flight_still_opens(self) -> None:
        story = a_story()
        [entry] = submitted(story.rally())
        story.process(FundingPaid(seen_ts=story.now, amount_usd=-300.0, rate_frac_1h=1e-2, position_base=0.0))
        assert story.state.mode.mode is Mode.HALTED
        outcome = story.fill(entry.order_id)
        assert reasons(outcome) == [Reason.FLATTEN, Reason.STOP, Reason.TAKE_PROFIT]
        [exit_order] = immediate(outcome)
        assert notes_of(story.fill(exit_order.order_id), PositionClosed)
        assert stops(story.last) == []


LIVE = Feed(frame_ms=MINUTE, oracle_ticks=True, book=True, live=True)


def book(story: Story) -> BookSeen:
    price = story.price_usd
    return BookSeen(
        seen_ts=story.now,
        publish_ts=story.now,
        bids=((price - 0.01, 900.0),),
        asks=((price + 0.01, 300.0),),
    )


class TestStaleness:
    def fresh(self) -> Story:
        story = a_story(feed=LIVE)
        story.tick(100.0)
        story.process(book(story))
        return story

    def test_each_live_feed_is_watched_and_told_once(self) -> None:
        story = self.fresh()
        assert story.state.stale == ""
        [stale] = notes_of(story.beat(10_001), DataStale)
        assert (stale.what, stale.limit_s, stale.stale) == ("oracle_stale", 10.0, True)
        assert stale.age_s == pytest.approx(10.001)
        assert notes_of(story.beat(), DataStale) == []
        [again] = notes_of(story.tick(100.0), DataStale)
        assert (again.what, again.stale) == ("oracle_stale", False)
        assert isnan(again.age_s)

    def test_a_book_and_a_candle_go_stale_as_well(self) -> None:
        story = self.fresh()
        [stale] = notes_of(story.tick(100.0, 90_001), DataStale)
        assert stale.what == "book_stale"
        story.process(book(story))
        [stale] = notes_of(story.tick(100.0, 60_000), DataStale)
        assert (stale.what, stale.limit_s) == ("candle_stale", 150.0)

    def test_a_stale_feed_stops_entries_and_not_exits(self) -> None:
        story = a_story(feed=LIVE, params=Params(m_premiumPct=1.0))
        story.tick(100.5, 45_000)
        story.now += 10_000
        story.process(book(story))
        [decision] = decisions(story.candle(100.5, volume=5e3))
        assert decision.reason.startswith("oracle_stale: 15 against 10")

    def test_an_exit_does_not_ask_for_fresh_books(self) -> None:
        story = in_position()
        story.state.feed = LIVE
        outcome = story.tick(99.0, 200_000)
        assert story.state.stale == "candle_stale"
        assert reasons(outcome) == [Reason.STOP]

    def test_a_recorded_market_is_never_stale(self) -> None:
        story = a_story(feed=TICKS)
        assert notes_of(story.beat(DAY), DataStale) == []

    def test_a_feed_without_ticks_and_books_is_judged_by_its_candles(self) -> None:
        story = a_story(feed=Feed(frame_ms=MINUTE, live=True))
        story.beat(0)
        assert story.beat(150_000).notes == ()
        assert len(notes_of(story.beat(1), DataStale)) == 1


class TestRegime:
    def test_a_new_rule_regime_is_told_with_its_cap(self) -> None:
        [changed] = notes_of(a_story().rally(), RegimeChanged)
        assert (changed.before, changed.after) == (Regime.CHOP, Regime.HIGH_VOL)
        assert (changed.leverage_x_max, changed.by_advice) == (2.5, False)
        assert changed.confidence > 0.5

    def test_advice_that_expires_gives_the_regime_back_to_the_rules(self) -> None:
        story = a_story(ai_enabled=True)
        assert asked(story.candle(100.0))
        [taken] = notes_of(story.answer(an_answer(regime="bear_trend")), RegimeChanged)
        assert taken.after is Regime.BEAR_TREND
        # Noticed when a candle is due, for only then can it be asked for again.
        assert notes_of(story.beat(299_999 + MINUTE), RegimeChanged) == []
        [back] = notes_of(story.beat(1), RegimeChanged)
        assert (back.before, back.after, back.by_advice) == (Regime.BEAR_TREND, Regime.CHOP, False)


def test_the_regime_that_advice_gave_stays_while_it_is_asked_again() -> None:
    story = a_story(ai_enabled=True)
    story.candle(100.0)
    story.answer(an_answer(regime="bear_trend"))
    for _ in range(4):
        story.candle(100.0)
    assert asked(story.candle(100.0))
    assert notes_of(story.beat(5_000), RegimeChanged) == []
    assert story.state.regime is Regime.BEAR_TREND
    [decision] = decisions(story.fail())
    assert (decision.regime, decision.leverage_x_max) == (Regime.BEAR_TREND, 2.0), "decided as it is capped"
    [back] = notes_of(story.candle(100.0), RegimeChanged)
    assert back.after is Regime.CHOP


def test_tightening_settings_while_open_break_at_once() -> None:
    story = losing(Limits())
    story.tick(99.0)
    assert story.state.mode.mode is Mode.TRADING
    tight = Settings(params=WIDE, limits=story.state.settings.limits._replace(drawdown_max=0.01))
    outcome = story.process(SettingsChanged(seen_ts=story.now, settings=tight))
    assert mode_changes(outcome) == [("halted", Trigger.DRAWDOWN)]
    assert reasons(outcome) == [Reason.FLATTEN]


def test_a_stop_fires_on_a_tick_that_the_oracle_published_long_ago() -> None:
    """Staleness is for entries; a protective order acts on the last price there is."""
    story = in_position()
    outcome = story.process(OracleTick(seen_ts=story.now + 1, publish_ts=story.now - HOUR, price_usd=99.0))
    assert reasons(outcome) == [Reason.STOP]
