"""What people ask for: halt, resume, flatten, stop; and what outlives a restart."""

import pytest

from drift_e3.core.breakers import UNTIL_RESUMED_TS
from drift_e3.core.events import (
    FlattenRequested,
    HaltRequested,
    ReduceRequested,
    ResumeRequested,
    Started,
    StopRequested,
)
from drift_e3.core.modes import Trigger
from drift_e3.core.notes import PositionClosed
from drift_e3.core.params import Limits
from drift_e3.core.terms import MS_PER_DAY, Mode, Reason, StopPolicy
from drift_e3.core.turn import Outcome
from tests.core.builders import (
    EQUITY_USD,
    FREE,
    HOUR,
    START_TS,
    TICKS,
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
        assert [type(command).__name__ for command in outcome.commands] == ["CancelOrder"]
        assert cancels(outcome) == [entry.order_id]
        assert stops(story.cancelled(entry.order_id)) != []

    def test_a_stop_at_once_does_not_wait_for_an_entry_on_its_way(self) -> None:
        story = a_story()
        story.rally()
        request = StopRequested(seen_ts=story.now, policy=StopPolicy.HOLD, by="test", at_once=True)
        outcome = story.process(request)
        assert [type(command).__name__ for command in outcome.commands] == ["CancelOrder", "Stop"]

    def test_an_entry_that_fills_while_holding_gets_its_stop_before_the_end(self) -> None:
        story = a_story()
        [entry] = submitted(story.rally())
        stop(story, StopPolicy.HOLD)
        outcome = story.fill(entry.order_id)
        assert [order.approved.intent.reason for order in submitted(outcome)] == [
            Reason.STOP,
            Reason.TAKE_PROFIT,
        ]
        assert stops(outcome) != []

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


def test_a_resume_while_trading_moves_no_baseline() -> None:
    story = in_position()
    before = story.state.breakers.day_open_usd, story.state.breakers.high_water_usd
    story.tick(99.9)
    resume(story)
    assert (story.state.breakers.day_open_usd, story.state.breakers.high_water_usd) == before


def reduce(story: Story) -> Outcome:
    return story.process(ReduceRequested(seen_ts=story.now, by="test"))


def test_reducing_opens_nothing_until_somebody_resumes_not_even_after_days_and_a_restart() -> None:
    story = a_story()
    reduce(story)
    assert (story.state.mode.mode, story.state.mode.cause) == (Mode.REDUCING, Trigger.REDUCE_ASKED)
    for _ in range(3):
        story.now += MS_PER_DAY
        started(story)
        assert story.state.mode.mode is Mode.REDUCING
    resume(story)
    assert story.state.mode.mode is Mode.TRADING


def test_reducing_keeps_an_open_position_with_its_stop() -> None:
    story = in_position()
    before = dict(story.state.orders.by_id)
    outcome = reduce(story)
    assert story.state.orders.by_id == before
    assert not submitted(outcome)
    assert story.state.trade is not None


def test_a_pause_that_a_person_asked_for_outlasts_that_of_a_daily_loss() -> None:
    story = a_story()
    story.state.breakers.pause_until_resumed()
    story.state.breakers.book_trade(-1.0, story.now, story.state.settings.limits._replace(loss_streak_max=1))
    assert story.state.breakers.paused_until_ts == UNTIL_RESUMED_TS
    assert story.state.breakers.pause_cause is Trigger.REDUCE_ASKED
