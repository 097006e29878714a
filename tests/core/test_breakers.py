"""The circuit breakers, on a scripted clock."""

from math import nan

from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.breakers import Breakers
from drift_e3.core.modes import Trigger
from drift_e3.core.params import Limits
from tests.core.builders import DAY, HOUR, MINUTE, START_TS

LIMITS = Limits()
"""5 % a day, 20 % from the peak, 5 losses, 60 minutes, 6 an hour, 30 a day, 5 minutes."""


def marked(equity_usd: float = 1_000.0, now_ts: int = START_TS) -> Breakers:
    breakers = Breakers()
    assert breakers.mark(equity_usd, now_ts, LIMITS) is None
    return breakers


def refusal_code(breakers: Breakers, now_ts: int, limits: Limits = LIMITS) -> str:
    refused = breakers.refuse_entry(now_ts, limits)
    return "" if refused is None else refused.code


def test_a_daily_loss_pauses_until_midnight() -> None:
    breakers = marked()
    assert breakers.mark(950.1, START_TS + HOUR, LIMITS) is None
    assert breakers.mark(950.0, START_TS + HOUR, LIMITS) is Trigger.DAILY_LOSS
    assert breakers.paused_until_ts == START_TS + DAY


def test_a_new_day_is_measured_from_its_first_equity() -> None:
    breakers = marked()
    assert breakers.mark(960.0, START_TS + DAY - 1, LIMITS) is None
    assert breakers.mark(955.0, START_TS + DAY, LIMITS) is None
    assert breakers.mark(908.0, START_TS + DAY + HOUR, LIMITS) is None
    assert breakers.mark(907.25, START_TS + DAY + HOUR, LIMITS) is Trigger.DAILY_LOSS


def test_an_event_from_before_midnight_does_not_open_its_day_again() -> None:
    breakers = marked()
    breakers.mark(1_000.0, START_TS + DAY, LIMITS)
    breakers.mark(960.0, START_TS + DAY - 1, LIMITS)
    assert breakers.mark(950.0, START_TS + DAY + 1, LIMITS) is Trigger.DAILY_LOSS


def test_a_drawdown_counts_from_the_highest_equity_over_days() -> None:
    breakers = marked()
    assert breakers.mark(1_250.0, START_TS + 1, LIMITS) is None
    for day in range(1, 6):
        breakers.mark(1_250.0 - day * 40.0, START_TS + day * DAY, LIMITS)
    assert breakers.mark(1_001.0, START_TS + 6 * DAY, LIMITS) is None
    assert breakers.mark(999.9, START_TS + 6 * DAY, LIMITS) is Trigger.DRAWDOWN


def test_the_gravest_is_told_when_both_break() -> None:
    assert marked().mark(700.0, START_TS, LIMITS) is Trigger.DRAWDOWN


def test_unknown_equity_breaks_nothing_and_moves_no_baseline() -> None:
    breakers = marked()
    assert breakers.mark(nan, START_TS + DAY, LIMITS) is None
    assert breakers == marked()


def test_without_baselines_there_is_no_loss() -> None:
    assert Breakers().drawdown_frac(500.0) == 0.0
    assert Breakers().daily_loss_frac(500.0) == 0.0


def test_a_full_streak_of_losses_pauses_and_counts_anew() -> None:
    breakers = marked()
    for _ in range(4):
        assert breakers.book_trade(-1.0, START_TS, LIMITS) is None
    assert breakers.book_trade(-1.0, START_TS, LIMITS) is Trigger.LOSS_STREAK
    assert breakers.paused_until_ts == START_TS + HOUR
    assert breakers.loss_streak == 0


def test_a_trade_without_loss_ends_the_streak() -> None:
    breakers = marked()
    for net_usd in (-1.0, -1.0, -1.0, -1.0, 0.0):
        assert breakers.book_trade(net_usd, START_TS, LIMITS) is None
    assert breakers.book_trade(-1.0, START_TS, LIMITS) is None
    assert breakers.loss_streak == 1


def test_a_pause_never_shortens_a_longer_one() -> None:
    breakers = marked()
    breakers.mark(950.0, START_TS + HOUR, LIMITS)
    breakers.book_trade(-1.0, START_TS + HOUR, LIMITS._replace(loss_streak_max=1))
    assert breakers.paused_until_ts == START_TS + DAY
    late = marked()
    late.book_trade(-1.0, START_TS + DAY - 1, LIMITS._replace(loss_streak_max=1))
    late.mark(950.0, START_TS + DAY - 1, LIMITS)
    assert late.paused_until_ts == START_TS + DAY - 1 + HOUR


def test_no_entry_within_the_cooldown_after_an_exit() -> None:
    breakers = marked()
    breakers.book_trade(1.0, START_TS, LIMITS)
    refused = breakers.refuse_entry(START_TS + 5 * MINUTE - 1, LIMITS)
    assert refused is not None
    assert (refused.code, refused.limit) == ("cooldown_minutes", 5.0)
    assert refusal_code(breakers, START_TS + 5 * MINUTE) == ""


def test_entries_in_any_hour_and_any_day_are_counted() -> None:
    breakers = marked()
    for index in range(6):
        assert refusal_code(breakers, START_TS + index) == ""
        breakers.book_entry(START_TS + index)
    assert refusal_code(breakers, START_TS + HOUR - 1) == "trades_per_hour_max"
    assert refusal_code(breakers, START_TS + HOUR) == ""
    few = LIMITS._replace(trades_per_day_max=6)
    assert refusal_code(breakers, START_TS + DAY - 1, few) == "trades_per_day_max"
    assert refusal_code(breakers, START_TS + DAY, few) == ""


def test_entries_older_than_a_day_are_forgotten() -> None:
    breakers = marked()
    breakers.book_entry(START_TS)
    breakers.book_entry(START_TS + DAY)
    assert breakers.entry_ts == [START_TS + DAY]


def test_starting_anew_takes_the_present_equity_as_every_baseline() -> None:
    breakers = marked()
    breakers.mark(700.0, START_TS, LIMITS)
    breakers.loss_streak, breakers.paused_until_ts = 3, START_TS + DAY
    breakers.start_anew(700.0)
    assert breakers.mark(700.0, START_TS, LIMITS) is None
    assert (breakers.loss_streak, breakers.paused_until_ts) == (0, 0)
    assert breakers.mark(559.9, START_TS + 1, LIMITS) is Trigger.DRAWDOWN


def test_starting_anew_with_unknown_equity_keeps_the_baselines() -> None:
    breakers = marked()
    breakers.start_anew(nan)
    assert breakers.mark(799.9, START_TS, LIMITS) is Trigger.DRAWDOWN


@given(st.lists(st.tuples(st.floats(1.0, 2_000.0), st.integers(0, 2 * DAY)), min_size=1, max_size=40))
def test_every_loss_beyond_a_limit_is_told(marks: list[tuple[float, int]]) -> None:
    """Against the whole history: peak over all, opening over the day."""
    breakers = Breakers()
    now_ts = START_TS
    seen: list[tuple[float, int]] = []
    for equity_usd, passed_ms in marks:
        now_ts += passed_ms
        seen.append((equity_usd, now_ts))
        peak = max(usd for usd, _ in seen)
        opening = next(usd for usd, ts in seen if ts // DAY == now_ts // DAY)
        expected = None
        if 1.0 - equity_usd / peak >= LIMITS.drawdown_max:
            expected = Trigger.DRAWDOWN
        elif 1.0 - equity_usd / opening >= LIMITS.daily_loss_max:
            expected = Trigger.DAILY_LOSS
        assert breakers.mark(equity_usd, now_ts, LIMITS) is expected


def test_a_loss_of_exactly_the_limit_breaks_it() -> None:
    limits = Limits(drawdown_max=0.2, daily_loss_max=0.9)
    breakers = Breakers()
    breakers.mark(1_000.0, 0, limits)
    assert breakers.mark(800.0, 1, limits) is Trigger.DRAWDOWN


def test_a_pause_keeps_the_cause_that_lasts_longest() -> None:
    limits = Limits(loss_streak_max=1, pause_minutes=5.0)
    breakers = Breakers()
    breakers.mark(1_000.0, 0, limits)
    assert breakers.mark(940.0, 1, limits) is Trigger.DAILY_LOSS
    breakers.book_trade(-1.0, 2, limits)
    assert breakers.pause_cause is Trigger.DAILY_LOSS
