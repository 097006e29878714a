"""The order desk: fills booked, the position closed and protected."""

from math import isnan

import pytest

from drift_e3.core.desk import RETRY_PAUSE_MS, close_position, protect
from drift_e3.core.events import Fill, FundingPaid
from drift_e3.core.notes import OrderRefused, PositionClosed, PositionOpened, StopArmed
from drift_e3.core.orders import IllegalTransition, OrderState
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Direction, OrderKind, Reason, Side
from drift_e3.core.turn import Outcome, Turn
from tests.core.builders import (
    CANDLES,
    MINUTE,
    START_TS,
    a_fill,
    bytes_of,
    cancels,
    immediate,
    notes_of,
    reasons,
    submitted,
)
from tests.core.stories import Story, a_story, enter, in_position

ENTRY_USD = 100.5
EAGER = Limits(cooldown_minutes=0.0)


def opening(story: Story, close: float = ENTRY_USD) -> str:
    """An entry that the venue has accepted; its order id."""
    [entry] = submitted(story.rally(close))
    story.accept(entry.order_id)
    return entry.order_id


def armed(story: Story) -> dict[Reason, float]:
    """What the orders on the venue protect, by reason; those being taken back do not count."""
    return {
        order.intent.reason: order.intent.size_base
        for order in story.state.orders.by_id.values()
        if order.state is not OrderState.CANCELLING and order.intent.kind is OrderKind.TRIGGER_MARKET
    }


class TestProtection:
    @pytest.mark.parametrize(
        ("close", "side", "direction"),
        [(100.5, Side.SELL, Direction.LONG), (99.5, Side.BUY, Direction.SHORT)],
    )
    def test_stop_and_target_of_the_whole_size_follow_the_fill_at_once(
        self, close: float, side: Side, direction: Direction
    ) -> None:
        story = a_story()
        outcome = story.fill(opening(story, close))
        size = abs(story.state.account.position_base)
        assert size > 0.0
        assert story.state.account.direction is direction
        assert reasons(outcome) == [Reason.STOP, Reason.TAKE_PROFIT]
        for order in submitted(outcome):
            intent = order.approved.intent
            assert (intent.side, intent.size_base, intent.reduce_only) == (side, size, True)
        [opened] = notes_of(outcome, PositionOpened)
        assert (opened.direction, opened.size_base, opened.entry_usd) == (direction, size, close)
        assert opened.leverage_x == pytest.approx(size * close / 1_000.0)
        assert [note.size_base for note in notes_of(outcome, StopArmed)] == [size]

    def test_an_old_stop_is_taken_back_only_when_the_venue_has_the_one_of_the_new_size(self) -> None:
        story = a_story()
        entry = opening(story)
        first = [order.order_id for order in submitted(story.fill(entry, 4.0))]
        story.settle()
        outcome = story.fill(entry, 2.0)
        second = [order.order_id for order in submitted(outcome)]
        assert cancels(outcome) == []
        assert [cancels(story.accept(order_id)) for order_id in second] == [[first[0]], [first[1]]]
        assert armed(story) == {Reason.STOP: 6.0, Reason.TAKE_PROFIT: 6.0}

    def test_an_old_stop_stays_while_the_venue_refuses_the_new_one(self) -> None:
        story = a_story()
        entry = opening(story)
        old_stop = submitted(story.fill(entry, 4.0))[0].order_id
        story.settle()
        new_stop = submitted(story.fill(entry, 2.0))[0].order_id
        assert cancels(story.reject(new_stop)) == []
        [retry] = submitted(story.beat(RETRY_PAUSE_MS))
        assert cancels(story.beat()) == []
        assert cancels(story.accept(retry.order_id)) == [old_stop]

    def test_a_partial_exit_shrinks_stop_and_target(self) -> None:
        story = in_position()
        stop_id = story.state.trade.stop_order_id if story.state.trade else ""
        story.fill(stop_id, 4.0)
        size = story.state.account.position_base
        assert armed(story) == {Reason.STOP: size, Reason.TAKE_PROFIT: size}

    def test_nothing_is_sent_while_what_rests_is_right(self) -> None:
        story = in_position()
        for outcome in (story.tick(100.6), story.beat(), story.candle(100.6)):
            assert outcome.commands == ()

    def test_the_stop_order_follows_the_trailing_level_on_closed_candles_only(self) -> None:
        story = in_position()
        assert story.tick(101.8).commands == ()
        outcome = story.candle(101.7)
        assert reasons(outcome) == [Reason.TRAILING]
        assert submitted(outcome)[0].approved.intent.price_usd == pytest.approx(101.8 * 0.995)
        assert len(cancels(story.accept(submitted(outcome)[0].order_id))) == 1
        story.settle()
        assert story.candle(101.7).commands == ()

    def test_a_stop_that_the_venue_dropped_is_sent_again(self) -> None:
        story = in_position()
        trade = story.state.trade
        assert trade is not None
        outcome = story.cancelled(trade.stop_order_id, "evicted")
        assert reasons(outcome) == [Reason.STOP]
        outcome = story.cancelled(trade.target_order_id, "evicted")
        assert reasons(outcome) == [Reason.TAKE_PROFIT]

    def test_after_a_refusal_by_the_venue_arming_pauses_for_a_second(self) -> None:
        story = a_story()
        story.fill(opening(story))
        trade = story.state.trade
        assert trade is not None
        assert story.reject(trade.stop_order_id).commands == ()
        assert story.beat(RETRY_PAUSE_MS - 1).commands == ()
        assert reasons(story.beat(1)) == [Reason.STOP]

    def test_what_the_risk_manager_refuses_is_said_and_tried_again_after_a_second(self) -> None:
        """Only parameters that were never checked can lead here: a short's target below zero."""
        story = a_story(params=Params(m_takeProfitPct=1.5))
        outcome = story.fill(opening(story, 99.5))
        assert reasons(outcome) == [Reason.STOP]
        assert [note.code for note in notes_of(outcome, OrderRefused)] == ["size_or_price: -49.75 against 0"]
        assert story.beat(RETRY_PAUSE_MS - 1).notes == ()
        assert len(notes_of(story.beat(1), OrderRefused)) == 1

    def test_a_rejected_exit_does_not_keep_the_stop_from_being_armed(self) -> None:
        story = in_position()
        [exit_order] = immediate(story.tick(99.0))
        story.reject(exit_order.order_id)
        assert story.state.trade is not None
        assert story.state.trade.arm_after_ts == 0

    def test_after_a_refused_exit_the_next_waits_for_a_second(self) -> None:
        story = in_position()
        [exit_order] = immediate(story.tick(99.0))
        story.reject(exit_order.order_id)
        assert immediate(story.tick(99.0, RETRY_PAUSE_MS - 1)) == []
        later = immediate(story.tick(99.0, 1))
        assert [order.approved.intent.reason for order in later] == [Reason.STOP]

    def test_a_refused_rest_of_an_entry_pauses_nothing(self) -> None:
        story = a_story()
        order_id = opening(story)
        story.fill(order_id, size_base=0.5)
        story.reject(order_id)
        assert story.state.trade is not None
        assert (story.state.trade.arm_after_ts, story.state.trade.exit_after_ts) == (0, 0)

    def test_a_new_level_that_is_refused_leaves_the_old_stop_where_it_is(self) -> None:
        story = in_position()
        trade = story.state.trade
        assert trade is not None
        resting = trade.stop_order_id
        trade.stop_usd = -1.0  # no checked parameters lead here
        outcome = story.candle(100.0)
        assert [note.code for note in notes_of(outcome, OrderRefused)] == ["size_or_price: -1 against 0"]
        assert cancels(outcome) == []
        assert trade.stop_order_id == resting


class TestClosing:
    def test_what_rests_is_swept_when_flat(self) -> None:
        story = in_position()
        trade = story.state.trade
        assert trade is not None
        outcome = story.fill(trade.stop_order_id)
        assert cancels(outcome) == [trade.target_order_id]
        assert submitted(outcome) == []
        assert story.state.trade is None
        [closed] = notes_of(outcome, PositionClosed)
        assert (closed.reason, closed.held_ms) == (Reason.STOP, 0)
        assert (
            closed.net_usd == closed.pnl.net_usd == pytest.approx(story.state.account.equity_usd(1.0) - 1e3)
        )
        assert (story.state.tally.trades, story.state.tally.wins, story.state.tally.fills) == (1, 0, 2)

    def test_a_profit_is_counted_as_a_win(self) -> None:
        story = in_position()
        assert story.state.trade is not None
        story.fill(story.state.trade.target_order_id)
        assert story.state.tally.wins == 1
        assert story.state.breakers.loss_streak == 0

    def test_what_is_on_its_way_out_is_not_sent_twice(self) -> None:
        story = in_position()
        [first] = immediate(story.tick(99.0))
        assert immediate(story.tick(98.9)) == []
        story.accept(first.order_id)
        story.fill(first.order_id, 5.0)
        assert immediate(story.tick(98.9)) == []
        story.cancelled(first.order_id, "ioc")
        [second] = immediate(story.tick(98.8))
        assert second.approved.intent.size_base == story.state.account.position_base

    def test_a_liquidation_ends_the_trade(self) -> None:
        story = in_position()
        outcome = story.liquidate(60.0)
        [closed] = notes_of(outcome, PositionClosed)
        assert closed.reason is Reason.LIQUIDATION
        assert len(cancels(outcome)) == 2

    def test_an_exit_beyond_the_limit_price_is_tried_again_on_the_next_tick(self) -> None:
        story = in_position()
        [first] = immediate(story.tick(99.0))
        story.accept(first.order_id)
        assert story.cancelled(first.order_id, "price_beyond_limit").commands == ()
        [second] = immediate(story.tick(98.0))
        assert second.order_id != first.order_id


class TestFlat:
    def test_there_is_nothing_to_close_and_nothing_to_protect(self) -> None:
        turn = Turn(a_story().state, START_TS)
        turn.mark()
        close_position(turn, 0.0, Reason.FLATTEN)
        protect(turn, candle_closed=True)
        assert turn.outcome() == Outcome((), ())


class TestEntries:
    def test_an_entry_that_is_rejected_is_forgotten(self) -> None:
        story = a_story()
        [entry] = submitted(story.rally())
        story.reject(entry.order_id)
        assert story.state.entry is None
        assert story.state.trade is None

    def test_an_entry_that_is_cancelled_after_a_part_leaves_the_trade(self) -> None:
        story = a_story()
        entry = opening(story)
        story.fill(entry, 3.0)
        story.cancelled(entry, "ioc")
        assert story.state.entry is None
        assert story.state.trade is not None
        assert story.state.account.position_base == 3.0

    def test_an_entry_that_fills_on_after_its_position_was_closed_opens_anew(self) -> None:
        story = a_story(limits=EAGER)
        entry = opening(story)
        story.fill(entry, 4.0)
        story.settle()
        story.tick(101.9)
        first_stop = story.state.trade.stop_order_id if story.state.trade else ""
        story.fill(first_stop)
        story.tick(100.9, 2 * MINUTE)
        outcome = story.fill(entry, 4.0)
        assert len(notes_of(outcome, PositionOpened)) == 1
        trade = story.state.trade
        assert trade is not None
        assert (trade.opened_ts, trade.peak_usd) == (story.now, ENTRY_USD)
        assert isnan(trade.trailing_usd)
        assert armed(story) == {Reason.STOP: 4.0, Reason.TAKE_PROFIT: 4.0}
        assert len({order.order_id for told in story.outcomes for order in submitted(told)}) == 5

    def test_an_entry_that_fills_on_gives_the_same_orders_after_a_restart(self) -> None:
        def told(restarts: bool) -> list[list[bytes]]:
            story = a_story()
            entry = opening(story)
            story.fill(entry, 4.0)
            if restarts:
                story.restart()
            story.settle()
            story.fill(entry, 1.0)
            story.settle()
            story.fill(story.state.trade.stop_order_id if story.state.trade else "")
            story.fill(entry, 1.0)
            return [bytes_of(outcome) for outcome in story.outcomes]

        assert told(True) == told(False)

    def test_a_restart_between_two_fills_of_an_entry_leaves_the_same_memory(self) -> None:
        stories = a_story(), a_story()
        for story in stories:
            entry = opening(story)
            story.fill(entry, 4.0)
        stories[1].restart()
        for story in stories:
            story.tick(99.0)
        assert stories[0].snapshot() == stories[1].snapshot()


class TestImpossibleFills:
    @pytest.mark.parametrize(
        "fill",
        [
            a_fill("liquidation-1", Side.BUY, 1.0, reason=Reason.LIQUIDATION),
            a_fill("liquidation-1", Side.SELL, 99.0, reason=Reason.LIQUIDATION),
            a_fill("unknown", Side.SELL, 1.0),
        ],
    )
    def test_what_flips_or_grows_without_an_order_raises_and_changes_nothing(self, fill: Fill) -> None:
        story = in_position()
        before = story.snapshot()
        with pytest.raises(IllegalTransition):
            story.process(fill)
        assert story.snapshot() == before

    def test_a_stop_that_fills_after_the_position_is_gone_raises_and_changes_nothing(self) -> None:
        story = in_position()
        trade = story.state.trade
        assert trade is not None
        story.fill(trade.target_order_id)
        before = story.snapshot()
        with pytest.raises(IllegalTransition, match="no fill may lead from 0"):
            story.fill(trade.stop_order_id)
        assert story.snapshot() == before

    def test_a_liquidation_of_nothing_raises(self) -> None:
        story = a_story()
        before = story.snapshot()
        with pytest.raises(IllegalTransition):
            story.process(a_fill("liquidation-1", Side.SELL, 1.0, reason=Reason.LIQUIDATION))
        assert story.snapshot() == before

    def test_what_is_left_of_an_exit_may_not_flip_the_position(self) -> None:
        """The stop took most of it while the exit was on its way; the venue must clip the exit."""
        story = in_position()
        trade = story.state.trade
        assert trade is not None
        [exit_order] = immediate(story.tick(99.0))
        size = story.state.account.position_base
        story.fill(trade.stop_order_id, size - 1.0)
        before = story.snapshot()
        with pytest.raises(IllegalTransition):
            story.fill(exit_order.order_id, 2.0)
        assert story.snapshot() == before


def test_funding_changes_equity_and_belongs_to_the_trade() -> None:
    story = in_position()
    story.process(
        FundingPaid(
            seen_ts=story.now,
            amount_usd=-1.5,
            rate_frac_1h=1e-3,
            position_base=story.state.account.position_base,
        )
    )
    assert story.state.account.trade.funding_usd == -1.5
    assert story.state.account.equity_usd(ENTRY_USD) == 998.5


def test_on_a_candle_tape_the_peak_of_the_candle_in_hand_moves_the_order_for_the_next() -> None:
    story = a_story(feed=CANDLES)
    enter(story)
    outcome = story.candle(101.0, high=101.9)
    assert reasons(outcome) == [Reason.TRAILING]
    assert submitted(outcome)[0].approved.intent.price_usd == pytest.approx(101.9 * 0.995)
