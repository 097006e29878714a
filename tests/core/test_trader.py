"""The decision maker as a whole: start, restart, operator, settings, winding down."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.events import (
    CandleClosed,
    Event,
    FlattenRequested,
    FundingPublished,
    HaltRequested,
    Heartbeat,
    OrderAccepted,
    ResumeRequested,
    Settings,
    SettingsChanged,
    Started,
    StopRequested,
)
from drift_e3.core.modes import Trigger
from drift_e3.core.notes import PositionClosed, SettingsTaken
from drift_e3.core.orders import IllegalTransition
from drift_e3.core.params import LIMIT_SPANS, Limits, Params
from drift_e3.core.terms import Mode, Reason, StopPolicy
from drift_e3.core.trader import NotStarted, Trader, tighter_limits
from drift_e3.core.turn import Outcome
from tests.core.builders import (
    EQUITY_USD,
    FREE,
    HOUR,
    MINUTE,
    START_TS,
    TICKS,
    Story,
    a_cold_story,
    a_story,
    bytes_of,
    cancels,
    decisions,
    enter,
    immediate,
    in_position,
    mode_changes,
    notes_of,
    reasons,
    stops,
    submitted,
)


def started(story: Story) -> Outcome:
    """The daemon starts (again) with the settings in force."""
    return story.process(
        Started(
            seen_ts=story.now,
            settings=story.state.settings,
            instrument=FREE,
            feed=TICKS,
            equity_usd=EQUITY_USD,
        )
    )


def halt(story: Story) -> Outcome:
    return story.process(HaltRequested(seen_ts=story.now, by="test"))


def resume(story: Story) -> Outcome:
    return story.process(ResumeRequested(seen_ts=story.now, by="test"))


def flatten(story: Story) -> Outcome:
    return story.process(FlattenRequested(seen_ts=story.now, by="test"))


def stop(story: Story, policy: StopPolicy) -> Outcome:
    return story.process(StopRequested(seen_ts=story.now, policy=policy, by="test"))


def close_out(story: Story) -> Outcome:
    """The venue fills the one order that acts at once; the outcome of that."""
    [order_id] = [
        order_id
        for order_id, order in story.state.orders.by_id.items()
        if order.intent.kind == 0 and order.intent.reduce_only
    ]
    return story.fill(order_id)


class TestStart:
    def test_the_first_event_must_be_started(self) -> None:
        trader = Trader()
        with pytest.raises(NotStarted):
            trader.process(Heartbeat(seen_ts=START_TS))
        with pytest.raises(NotStarted):
            _ = trader.state

    def test_a_new_trader_warms_until_its_features_are_known(self) -> None:
        story = a_cold_story(60)
        assert story.state.mode.mode is Mode.WARMING
        assert story.state.account.equity_usd(1.0) == EQUITY_USD

    def test_a_warm_trader_trades(self) -> None:
        assert a_story().state.mode.mode is Mode.TRADING

    def test_history_says_nothing_and_is_not_guarded(self) -> None:
        story = in_position()
        story.state.settings = replace(
            story.state.settings, limits=story.state.settings.limits._replace(drawdown_max=0.0001)
        )
        published = FundingPublished(seen_ts=story.now, publish_ts=story.now, rate_frac_1h=1e-5, history=True)
        assert story.process(published) == Outcome((), ())
        assert story.candle(90.0, history=True) == Outcome((), ())


class TestHalt:
    def test_a_halt_flattens_in_the_same_turn_and_latches(self) -> None:
        story = in_position()
        outcome = halt(story)
        assert mode_changes(outcome) == [("halted", Trigger.HALT_ASKED)]
        assert reasons(outcome) == [Reason.FLATTEN]
        assert notes_of(close_out(story), PositionClosed)
        story.settle()
        assert decisions(story.rally(101.0))[0].reason == "mode_halted"
        assert stops(story.last) == []

    def test_a_halt_takes_an_entry_back_and_closes_what_still_fills(self) -> None:
        story = a_story()
        [entry] = submitted(story.rally())
        assert cancels(halt(story)) == [entry.order_id]
        assert reasons(story.fill(entry.order_id, 3.0))[0] is Reason.FLATTEN
        story.settle()
        assert story.state.account.position_base == 3.0
        close_out(story)
        story.settle()
        assert story.state.account.position_base == 0.0

    def test_an_exit_that_fails_is_sent_again_until_flat(self) -> None:
        story = in_position()
        [first] = immediate(halt(story))
        story.accept(first.order_id)
        [second] = immediate(story.cancelled(first.order_id, "price_beyond_limit"))
        assert second.order_id != first.order_id

    def test_a_restart_does_not_lift_a_halt(self) -> None:
        story = in_position()
        halt(story)
        story.restart()
        outcome = started(story)
        assert story.state.mode.mode is Mode.HALTED
        assert stops(outcome) == []
        assert stops(close_out(story)) == []
        story.settle()
        [end] = [end for told in story.outcomes for end in stops(told)]
        assert (end.halted, end.reason) == (True, "halt_asked")

    def test_started_halted_and_flat_it_ends_at_once(self) -> None:
        story = a_story()
        halt(story)
        [end] = stops(started(story))
        assert end.halted
        assert stops(story.beat()) == []

    def test_only_a_person_resumes_and_baselines_start_anew(self) -> None:
        story = in_position(limits=Limits(drawdown_max=0.01))
        assert mode_changes(story.tick(99.7)) == [("halted", Trigger.DRAWDOWN)]
        close_out(story)
        story.settle()
        outcome = resume(story)
        assert mode_changes(outcome) == [("warming", Trigger.RESUME_ASKED), ("trading", Trigger.WARMED)]
        assert not story.state.mode.halted
        equity_usd = story.state.account.equity_usd(1.0)
        assert story.state.breakers.high_water_usd == story.state.breakers.day_open_usd == equity_usd
        assert mode_changes(story.beat()) == []

    def test_resumed_before_the_start_it_stays(self) -> None:
        story = a_story()
        halt(story)
        story.restart()
        resume(story)
        assert stops(started(story)) == []
        assert story.state.mode.mode is Mode.TRADING

    def test_resumed_while_it_finishes_it_stays(self) -> None:
        story = in_position()
        halt(story)
        started(story)
        resume(story)
        close_out(story)
        story.settle()
        assert stops(story.beat()) == []

    def test_a_halt_beneath_a_stop_flattens_and_is_told_at_the_end(self) -> None:
        story = in_position()
        assert immediate(stop(story, StopPolicy.REDUCE)) == []
        assert reasons(halt(story)) == [Reason.FLATTEN]
        close_out(story)
        story.settle()
        [end] = stops(story.last)
        assert end.halted
        started(story)
        assert story.state.mode.mode is Mode.HALTED


class TestFlatten:
    def test_the_position_is_closed_and_trading_goes_on(self) -> None:
        story = in_position(limits=Limits(cooldown_minutes=0.0))
        outcome = flatten(story)
        assert reasons(outcome) == [Reason.FLATTEN]
        close_out(story)
        assert not story.state.flatten_asked
        story.settle()
        assert story.state.mode.mode is Mode.TRADING
        assert submitted(story.rally(101.2))

    def test_flat_there_is_nothing_to_do(self) -> None:
        story = a_story()
        assert flatten(story) == Outcome((), ())
        assert not story.state.flatten_asked
        enter(story)
        assert immediate(story.last) == []

    @pytest.mark.parametrize("restarts", [False, True])
    def test_an_entry_in_flight_is_taken_back_and_closed_if_it_still_fills(self, restarts: bool) -> None:
        story = a_story()
        [entry] = submitted(story.rally())
        assert cancels(flatten(story)) == [entry.order_id]
        if restarts:
            story.restart()
        story.beat()
        outcome = story.fill(entry.order_id, 3.0)
        assert reasons(outcome)[0] is Reason.FLATTEN
        assert reasons(story.fill(entry.order_id, 2.0))[0] is Reason.FLATTEN
        assert story.state.orders.closing_base() == 5.0

    def test_it_is_forgotten_when_the_entry_came_to_nothing(self) -> None:
        story = a_story()
        [entry] = submitted(story.rally())
        flatten(story)
        story.cancelled(entry.order_id)
        assert not story.state.flatten_asked


class TestStop:
    def test_holding_ends_at_once_and_leaves_the_protection(self) -> None:
        story = in_position()
        resting = set(story.state.orders.by_id)
        outcome = stop(story, StopPolicy.HOLD)
        assert [command.reason for command in stops(outcome)] == ["stop_asked"]
        assert not stops(outcome)[0].halted
        assert set(story.state.orders.by_id) == resting
        assert len(outcome.commands) == 1

    def test_holding_takes_an_unfilled_entry_back_before_it_ends(self) -> None:
        story = a_story()
        [entry] = submitted(story.rally())
        outcome = stop(story, StopPolicy.HOLD)
        assert [type(command).__name__ for command in outcome.commands] == ["CancelOrder", "Stop"]
        assert cancels(outcome) == [entry.order_id]

    def test_reducing_waits_for_the_trade_to_end_by_its_own_rules(self) -> None:
        story = in_position()
        outcome = stop(story, StopPolicy.REDUCE)
        assert outcome.commands == ()
        assert decisions(story.rally(101.2))[0].reason == "mode_stopping"
        assert story.state.trade is not None
        assert stops(story.fill(story.state.trade.target_order_id)) == []
        story.settle()
        assert len(stops(story.last)) == 1

    def test_flattening_closes_sweeps_and_ends(self) -> None:
        story = in_position()
        assert reasons(stop(story, StopPolicy.FLATTEN)) == [Reason.FLATTEN]
        assert stops(close_out(story)) == []
        story.settle()
        assert len(stops(story.last)) == 1

    def test_flattening_closes_what_an_entry_in_flight_still_opens(self) -> None:
        story = a_story()
        [entry] = submitted(story.rally())
        stop(story, StopPolicy.FLATTEN)
        assert stops(story.beat()) == []
        assert reasons(story.fill(entry.order_id))[0] is Reason.FLATTEN
        close_out(story)
        story.settle()
        assert len(stops(story.last)) == 1

    @pytest.mark.parametrize("policy", StopPolicy)
    def test_flat_it_ends_at_once_and_says_so_once(self, policy: StopPolicy) -> None:
        story = a_story()
        assert len(stops(stop(story, policy))) == 1
        assert stops(story.beat()) == []

    def test_started_again_it_trades_on(self) -> None:
        story = a_story()
        stop(story, StopPolicy.HOLD)
        story.restart()
        outcome = started(story)
        assert mode_changes(outcome) == [("warming", Trigger.RESTARTED), ("trading", Trigger.WARMED)]
        assert stops(story.beat()) == []

    def test_a_pause_outlives_a_stop(self) -> None:
        story = a_story()
        story.state.breakers.paused_until_ts = START_TS + HOUR
        story.beat()
        stop(story, StopPolicy.HOLD)
        started(story)
        assert story.state.mode.mode is Mode.REDUCING


LOOSE = Limits()
TIGHT = LOOSE._replace(
    leverage_caps=(0.5, 1.0, 3.0, 2.0, 1.0), daily_loss_max=0.01, risk_minConfidence=0.8, loss_streak_max=2
)


class TestSettings:
    def taken(self, story: Story, limits: Limits) -> list[tuple[str, ...]]:
        settings = Settings(params=story.state.settings.params, limits=limits)
        outcome = story.process(SettingsChanged(seen_ts=story.now, settings=settings))
        return [note.kept for note in notes_of(outcome, SettingsTaken)]

    def test_flat_any_limit_is_taken(self) -> None:
        story = a_story(limits=TIGHT)
        assert self.taken(story, LOOSE) == [()]
        assert story.state.settings.limits == LOOSE

    def test_with_a_position_open_no_limit_is_loosened(self) -> None:
        story = in_position(limits=TIGHT._replace(leverage_caps=(0.5, 2.0, 3.0, 2.0, 1.0)))
        assert self.taken(story, LOOSE) == [
            ("leverage_caps", "risk_minConfidence", "daily_loss_max", "loss_streak_max")
        ]
        assert story.state.settings.limits.daily_loss_max == 0.01
        assert story.state.settings.limits.leverage_caps == (0.5, 2.0, 3.0, 2.0, 1.0)

    def test_with_a_position_open_limits_are_tightened(self) -> None:
        story = in_position(limits=LOOSE)
        assert self.taken(story, TIGHT) == [()]
        assert story.state.settings.limits == TIGHT

    def test_a_restart_with_looser_limits_loosens_nothing_while_open(self) -> None:
        story = in_position(limits=TIGHT._replace(leverage_caps=LOOSE.leverage_caps))
        story.process(
            Started(
                seen_ts=story.now,
                settings=Settings(params=Params(), limits=LOOSE),
                instrument=FREE,
                feed=TICKS,
                equity_usd=EQUITY_USD,
            )
        )
        assert story.state.settings.limits.daily_loss_max == 0.01

    def test_the_same_settings_are_no_news(self) -> None:
        assert self.taken(a_story(), LOOSE) == []
        assert self.taken(in_position(), LOOSE) == []

    @given(st.data())
    def test_the_tighter_of_two_limits_is_never_looser_than_either(self, data: st.DataObject) -> None:
        def drawn() -> Limits:
            values = {
                name: data.draw(
                    st.integers(int(span.low), 50)
                    if span.unit == "count"
                    else st.floats(span.low, min(span.high, 50_000.0)),
                    label=name,
                )
                for name, span in LIMIT_SPANS.items()
            }
            return Limits()._replace(**values)  # type: ignore[arg-type]

        old, new = drawn(), drawn()
        tight, kept = tighter_limits(old, new)
        for name in LIMIT_SPANS:
            before, after, between = getattr(old, name), getattr(new, name), getattr(tight, name)
            assert between in (before, after)
            assert (name in kept) is (between != after)
            assert tighter_limits(tight, old)[0] == tighter_limits(tight, new)[0] == tight


class TestFacts:
    @pytest.mark.parametrize(
        "event",
        [
            OrderAccepted(seen_ts=START_TS, order_id="unknown"),
            CandleClosed(
                seen_ts=START_TS,
                open_ts=START_TS - MINUTE,
                open=1.0,
                high=1.0,
                low=1.0,
                close=1.0,
                volume=1.0,
            ),
        ],
    )
    def test_an_impossible_fact_raises_and_changes_nothing(self, event: Event) -> None:
        story = a_story()
        before = story.snapshot()
        with pytest.raises((IllegalTransition, ValueError)):
            story.trader.process(event)
        assert story.snapshot() == before

    def test_a_second_acceptance_raises_and_changes_nothing(self) -> None:
        story = in_position()
        before = story.snapshot()
        with pytest.raises(IllegalTransition, match="resting, yet accepted"):
            story.accept(next(iter(story.state.orders.by_id)))
        assert story.snapshot() == before


def whole_story(restarts_before: int | None = None) -> list[list[bytes]]:
    """Entry, growth of the trailing stop, exit, a refused entry, a pause and a stop; restarted once."""
    story = a_story(ai_enabled=True, limits=Limits(cooldown_minutes=0.0, loss_streak_max=1))
    told: list[list[bytes]] = []

    def tell(outcome: Outcome) -> Outcome:
        told.append(bytes_of(outcome))
        if len(told) == restarts_before:
            story.restart()
        return outcome

    tell(story.rally())
    [entry] = submitted(tell(story.answer()))
    tell(story.accept(entry.order_id))
    tell(story.fill(entry.order_id, 4.0))
    tell(story.fill(entry.order_id, fee_usd=0.3))
    tell(story.tick(102.0))
    tell(story.candle(101.9))
    tell(story.fail())
    [exit_order] = immediate(tell(story.tick(101.0)))
    tell(story.fill(exit_order.order_id))
    for order_id in [*story.state.orders.by_id]:
        tell(story.cancelled(order_id))
    tell(story.rally(101.5))
    tell(story.rally(99.0))
    tell(stop(story, StopPolicy.REDUCE))
    tell(started(story))
    return told


def test_a_restart_at_any_point_changes_no_byte() -> None:
    expected = whole_story()
    assert sum(map(len, expected)) > 20
    for index in range(1, len(expected) + 1):
        assert whole_story(index) == expected


def test_commands_come_in_the_order_in_which_they_are_to_be_carried_out() -> None:
    """Exits before protection, new protection before the old is taken back, the end last."""
    story = in_position()
    story.tick(102.0)
    story.candle(101.9)
    for before, after in pairwise([type(command).__name__ for command in story.last.commands]):
        assert (before, after) == ("SubmitOrder", "CancelOrder")
