"""The decision maker as a whole: start, restart, operator, settings, winding down."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.events import (
    CandleClosed,
    Event,
    FundingPublished,
    Heartbeat,
    OrderAccepted,
    Settings,
    SettingsChanged,
    Started,
    StopRequested,
)
from drift_e3.core.notes import SettingsTaken
from drift_e3.core.orders import IllegalTransition
from drift_e3.core.params import LIMIT_SPANS, Limits, Params
from drift_e3.core.terms import Mode, StopPolicy
from drift_e3.core.trader import NotStarted, Trader, tighter_limits
from drift_e3.core.turn import Outcome
from tests.core.builders import (
    EQUITY_USD,
    FREE,
    MINUTE,
    START_TS,
    TICKS,
    bytes_of,
    immediate,
    notes_of,
    submitted,
)
from tests.core.stories import Story, a_cold_story, a_story, in_position


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


def stop(story: Story, policy: StopPolicy) -> Outcome:
    return story.process(StopRequested(seen_ts=story.now, policy=policy, by="test"))


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
