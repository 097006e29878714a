"""What only a live venue says: where the books begin, what moved without a trade, foreign trades, bars."""

import pytest

from drift_e3.core.events import AccountOpened, CollateralMoved, EntriesBarred
from drift_e3.core.modes import Trigger
from drift_e3.core.notes import DecisionMade, PositionOpened
from drift_e3.core.orders import IllegalTransition
from drift_e3.core.params import Limits
from drift_e3.core.terms import Direction, Mode, Reason, Side, Verdict
from tests.core.builders import EQUITY_USD, a_fill, immediate, notes_of, reasons, submitted
from tests.core.stories import Story, a_story, in_position


def just_entered(limits: Limits | None = None) -> Story:
    """A story in which an entry has filled and the venue has not spoken of the stop yet."""
    story = a_story(limits=limits)
    [entry] = submitted(story.rally())
    story.accept(entry.order_id)
    story.fill(entry.order_id)
    return story


def equity(story: Story) -> float:
    return story.state.account.equity_usd(story.price_usd)


class TestBooks:
    def test_they_begin_at_the_equity_that_the_venue_shows(self) -> None:
        story = a_story()
        opened = AccountOpened(
            seen_ts=story.now,
            account="user",
            equity_usd=555.5,
            ledger=-7,
            funding=3,
            fees=11,
            tokens=555_500_000,
        )
        story.process(opened)
        assert equity(story) == 555.5
        assert story.state.mode.mode is Mode.TRADING, "less than the placeholder is no drawdown"
        assert story.state.breakers.drawdown_frac(equity(story)) == 0.0
        assert story.state.tally.drawdown_frac_max == 0.0
        assert story.state.account.opened == opened

    @pytest.mark.parametrize("amount_usd", [500.0, -600.0])
    def test_a_deposit_or_withdrawal_is_neither_profit_nor_loss(self, amount_usd: float) -> None:
        story = a_story()
        story.tick(100.0)
        story.process(CollateralMoved(seen_ts=story.now, amount_usd=amount_usd))
        story.tick(100.0)
        assert equity(story) == EQUITY_USD + amount_usd
        assert story.state.mode.mode is Mode.TRADING
        assert story.state.breakers.drawdown_frac(equity(story)) == 0.0
        assert story.state.breakers.daily_loss_frac(equity(story)) == 0.0
        assert story.state.tally.drawdown_frac_max == 0.0

    def test_what_unseen_trades_lost_is_a_loss_and_breaks_limits(self) -> None:
        story = a_story()
        story.tick(100.0)
        story.process(CollateralMoved(seen_ts=story.now, amount_usd=-0.25 * EQUITY_USD, traded=True))
        assert equity(story) == 0.75 * EQUITY_USD
        assert story.state.mode.cause is Trigger.DRAWDOWN
        assert story.state.account.total.slippage_usd == 0.25 * EQUITY_USD


class TestBars:
    def test_what_bars_entries_refuses_them_and_is_the_reason(self) -> None:
        story = a_story()
        story.process(EntriesBarred(seen_ts=story.now, reasons=("fills are paused", "other")))
        [made] = notes_of(story.rally(), DecisionMade)
        assert made.decision.verdict is Verdict.REFUSED
        assert made.decision.reason == "barred:fills are paused"

    def test_a_lifted_bar_lets_entries_through(self) -> None:
        story = a_story()
        story.process(EntriesBarred(seen_ts=story.now, reasons=("fills are paused",)))
        story.process(EntriesBarred(seen_ts=story.now, reasons=()))
        assert len(submitted(story.rally())) == 1

    def test_exits_go_on(self) -> None:
        story = in_position()
        story.process(EntriesBarred(seen_ts=story.now, reasons=("fills are paused",)))
        assert reasons(story.tick(90.0)) == [Reason.STOP]


class TestForeignTrades:
    def test_a_position_that_somebody_else_reduced_is_armed_at_its_new_size(self) -> None:
        story = in_position()
        size = story.state.account.position_base
        outcome = story.process(
            a_fill("foreign-1", Side.SELL, 1.0, 100.0, reason=Reason.FOREIGN, seen_ts=story.now)
        )
        assert story.state.account.position_base == size - 1.0
        assert {order.approved.intent.size_base for order in submitted(outcome)} == {size - 1.0}

    def test_nobody_else_may_add_to_it(self) -> None:
        story = in_position()
        with pytest.raises(IllegalTransition, match="no fill may lead"):
            story.process(a_fill("foreign-1", Side.BUY, 1.0, 100.0, reason=Reason.FOREIGN, seen_ts=story.now))

    @pytest.mark.parametrize(
        ("side", "direction"), [(Side.BUY, Direction.LONG), (Side.SELL, Direction.SHORT)]
    )
    def test_an_adopted_position_is_guarded_at_once(self, side: Side, direction: Direction) -> None:
        story = a_story()
        story.tick(100.0)
        outcome = story.process(
            a_fill("adopted-1", side, 2.0, 100.0, reason=Reason.ADOPTED, seen_ts=story.now)
        )
        [opened] = notes_of(outcome, PositionOpened)
        assert (opened.direction, opened.size_base) == (direction, 2.0)
        assert reasons(outcome) == [Reason.STOP, Reason.TAKE_PROFIT]
        assert all(order.approved.intent.side is Side(-side) for order in submitted(outcome))

    def test_an_adopted_part_joins_the_open_trade(self) -> None:
        story = in_position()
        size = story.state.account.position_base
        outcome = story.process(
            a_fill("adopted-1", Side.BUY, 2.0, 100.0, reason=Reason.ADOPTED, seen_ts=story.now)
        )
        assert notes_of(outcome, PositionOpened) == []
        assert {order.approved.intent.size_base for order in submitted(outcome)} == {size + 2.0}


class TestProtection:
    def test_the_time_without_a_stop_on_the_venue_is_counted(self) -> None:
        story = just_entered()
        assert story.state.unprotected_since_ts == story.now
        story.beat(3_000)
        trade = story.state.trade
        assert trade is not None
        story.accept(trade.stop_order_id)
        assert story.state.unprotected_since_ts == -1
        assert (story.state.tally.unprotected_ms, story.state.tally.unprotected_ms_max) == (3_000, 3_000)

    def test_a_target_is_no_stop(self) -> None:
        story = just_entered()
        trade = story.state.trade
        assert trade is not None
        story.accept(trade.target_order_id)
        assert story.state.unprotected_since_ts >= 0

    def test_a_stop_that_is_gone_counts_from_then(self) -> None:
        story = in_position()
        trade = story.state.trade
        assert trade is not None
        story.cancelled(trade.stop_order_id, "evicted")
        assert story.state.unprotected_since_ts == story.now

    def test_past_the_limit_the_position_is_closed(self) -> None:
        story = just_entered(Limits(unprotected_max_s=5.0))
        assert immediate(story.beat(5_000)) == []
        assert reasons(story.beat(1)) == [Reason.UNPROTECTED]

    def test_the_time_ends_with_the_position(self) -> None:
        story = just_entered()
        story.beat(2_000)
        story.liquidate(100.0)
        assert story.state.unprotected_since_ts == -1
        assert story.state.tally.unprotected_ms_max == 2_000
