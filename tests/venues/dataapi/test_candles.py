"""Which candles are closed: once each, in order, and what the service says of them in the end."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_e3.venues.dataapi.candles import (
    GRACE_MS,
    PATIENCE_MS,
    SKEW_MS,
    TOLD_KEPT,
    UNBROKEN_MS,
    CandleAssembly,
    same,
)
from drift_e3.venues.dataapi.records import CandleRecord, Ohlc
from tests.venues.dataapi.builders import MINUTE, T0, a_candle

LATER = 2 * PATIENCE_MS


def an_assembly(minute: int = 0) -> CandleAssembly:
    return CandleAssembly(MINUTE, T0 + minute * MINUTE)


def end(minute: int) -> int:
    """When the candle of that minute ends."""
    return T0 + (minute + 1) * MINUTE


def told(assembly: CandleAssembly, now_ms: int) -> list[CandleRecord]:
    return [candle.record for candle in assembly.take(now_ms)]


# -- examples ------------------------------------------------------------------------------------------------


def test_a_forming_candle_is_never_told() -> None:
    assembly = an_assembly()
    for second in range(0, 60, 5):
        now = T0 + second * 1_000
        assembly.observe(a_candle(0, volume=second), now)
        assembly.confirm([a_candle(0, volume=second)], T0, now)
        assert assembly.take(now) == []
        assert assembly.asks(now) is None


def test_a_candle_is_told_once_an_answer_has_it_and_a_later_one() -> None:
    assembly = an_assembly()
    now = end(0) + GRACE_MS
    assert assembly.asks(now) == T0
    assembly.confirm([a_candle(0), a_candle(1)], T0, now)
    assert told(assembly, now) == [a_candle(0)]
    assert assembly.take(now) == []
    assert assembly.asks(now) is None


def test_nothing_is_asked_before_late_fills_are_in() -> None:
    assembly = an_assembly()
    assembly.observe(a_candle(1), end(0))
    assert assembly.asks(end(0) + GRACE_MS - 1) is None
    assert assembly.asks(end(0) + GRACE_MS) == T0


def test_an_answer_asked_for_within_the_grace_confirms_nothing() -> None:
    assembly = an_assembly()
    assembly.confirm([a_candle(0), a_candle(1)], T0, end(0) + GRACE_MS - 1)
    assert assembly.take(end(0) + GRACE_MS) == []


def test_a_stale_answer_does_not_confirm_the_candle_that_was_forming_when_it_was_made() -> None:
    assembly = an_assembly()
    now = end(0) + PATIENCE_MS - 1
    assembly.observe(a_candle(0, close=101.0, volume=3.0), end(0) - 1)
    assembly.confirm([a_candle(0, volume=2.0)], T0, now)
    assert assembly.take(now) == []
    assembly.observe(a_candle(1), now)
    assembly.confirm([a_candle(0, volume=2.0)], T0, end(0) + PATIENCE_MS)
    (closed,) = assembly.take(end(0) + PATIENCE_MS)
    assert (closed.record, closed.confirmed) == (a_candle(0, close=101.0, volume=3.0), False)


def test_a_stale_answer_of_equal_volume_does_not_replace_the_streams_word() -> None:
    assembly = an_assembly()
    assembly.observe(a_candle(0, close=101.0, volume=0.0), end(0) - 1)
    assembly.confirm([a_candle(0, close=99.0, volume=0.0)], T0, end(0) + GRACE_MS)
    assembly.observe(a_candle(1), end(0) + GRACE_MS)
    assert told(assembly, end(0) + PATIENCE_MS) == [a_candle(0, close=101.0, volume=0.0)]


def test_a_stream_that_went_on_is_believed_where_nobody_answers() -> None:
    assembly = an_assembly()
    assembly.observe(a_candle(0, volume=2.0), end(0) - 1)
    assembly.observe(a_candle(1), end(0) + 1)
    assert assembly.take(end(0) + PATIENCE_MS - 1) == []
    (closed,) = assembly.take(end(0) + PATIENCE_MS)
    assert (closed.record, closed.confirmed) == (a_candle(0, volume=2.0), False)


def test_a_stream_with_a_break_in_it_is_not_believed() -> None:
    """The last words on the candle may have been in the break."""
    for last, first in ((end(0) - UNBROKEN_MS, end(0) + 1), (end(0) - 1, end(0) + 10 * MINUTE)):
        assembly = an_assembly()
        assembly.observe(a_candle(0), last)
        assembly.observe(a_candle(1), first)
        assembly.observe(a_candle(2), max(first, end(1)))
        assert assembly.take(end(0) + 20 * MINUTE) == []
        assembly.confirm([a_candle(0, volume=2.0), a_candle(1)], T0, end(0) + 20 * MINUTE)
        assert told(assembly, end(0) + 20 * MINUTE)[0] == a_candle(0, volume=2.0)


def test_a_stream_that_left_a_candle_out_is_not_believed_on_the_one_before() -> None:
    assembly = an_assembly()
    assembly.observe(a_candle(0), end(1) - 1)
    assembly.observe(a_candle(2), end(1))
    assert assembly.take(end(0) + 10 * MINUTE) == []


def test_an_old_word_said_again_does_not_mend_a_break() -> None:
    for late in (end(0) + PATIENCE_MS + 1, end(1) - 1):
        assembly = an_assembly()
        assembly.observe(a_candle(0), T0 + 1)
        assembly.observe(a_candle(0), late)
        assembly.observe(a_candle(1), late + 1)
        assert assembly.take(end(2)) == []
    assembly = an_assembly()
    for record, ts in ((a_candle(0), T0 + 1), (a_candle(1), end(0)), (a_candle(0), end(0) + 1)):
        assembly.observe(record, ts)
    assembly.observe(a_candle(1), end(0) + 2)
    assert assembly.take(end(0) + PATIENCE_MS) == []


def test_an_old_word_between_two_candles_breaks_nothing_and_mends_nothing() -> None:
    assembly = an_assembly()
    assembly.observe(a_candle(0), end(0) - 1)
    assembly.observe(a_candle(2), end(1) - SKEW_MS)
    assembly.observe(a_candle(1), end(1) - SKEW_MS + 1)
    assembly.observe(a_candle(2), end(1))
    assert assembly.take(end(2)) == []


def test_a_stream_that_goes_on_after_a_candle_was_told_leaves_nothing_behind() -> None:
    assembly = an_assembly()
    assembly.observe(a_candle(0), end(0) - 1)
    now = end(0) + GRACE_MS
    assembly.confirm([a_candle(0), a_candle(1)], T0, now)
    assert told(assembly, now) == [a_candle(0)]
    assembly.observe(a_candle(1), now)
    assert not assembly._followed


def test_a_stream_that_stopped_is_not_believed() -> None:
    assembly = an_assembly()
    assembly.observe(a_candle(0), end(0) - 1)
    assert assembly.take(end(0) + 10 * MINUTE) == []


def test_the_last_candle_of_a_still_market_is_told_after_a_while() -> None:
    assembly = an_assembly()
    assembly.confirm([a_candle(0)], T0, end(0) + PATIENCE_MS - 1)
    assert assembly.take(end(0) + PATIENCE_MS) == []
    assembly.confirm([a_candle(0)], T0, end(0) + PATIENCE_MS)
    assert told(assembly, end(0) + PATIENCE_MS) == [a_candle(0)]


def test_a_candle_that_still_forms_is_not_over_because_our_clock_is_ahead() -> None:
    assembly, ahead_ms = an_assembly(), 40_000
    for second in range(60):
        now = T0 + second * 1_000
        forming = a_candle(0, volume=second)
        if second == 30:
            # An answer comes before the stream has said anything by the new time.
            assembly.confirm([forming], T0, now + ahead_ms)
        assembly.observe(forming, now + (ahead_ms if second >= 30 else 0))
        if second > 30:
            assembly.confirm([forming], T0, now + ahead_ms)
        assert assembly.take(now + ahead_ms) == []
    whole = a_candle(0, volume=60)
    assembly.confirm([whole, a_candle(1)], T0, end(0) + ahead_ms + GRACE_MS)
    assert told(assembly, end(0) + ahead_ms + GRACE_MS) == [whole]


def test_the_last_candle_that_the_stream_told_of_is_told_once_answers_agree_for_a_while() -> None:
    assembly = an_assembly()
    assembly.observe(a_candle(0), end(0) - 1_000)
    since = end(0) + GRACE_MS
    assembly.confirm([a_candle(0)], T0, since)
    assembly.confirm([a_candle(0)], T0, end(0) + PATIENCE_MS - 1)
    assert assembly.take(end(0) + PATIENCE_MS) == []
    assembly.confirm([a_candle(0)], T0, end(0) + PATIENCE_MS)
    assert told(assembly, end(0) + PATIENCE_MS) == [a_candle(0)]


def test_a_candle_that_the_service_lacks_is_skipped_and_counted() -> None:
    assembly = an_assembly()
    now = end(3) + GRACE_MS
    assembly.confirm([a_candle(0), a_candle(3), a_candle(4)], T0, now)
    assert told(assembly, now) == [a_candle(0), a_candle(3)]
    assert assembly.skipped == 2


def test_an_answer_that_begins_later_says_nothing_of_what_was_before() -> None:
    assembly = an_assembly()
    now = end(3) + GRACE_MS
    assembly.confirm([a_candle(2), a_candle(3), a_candle(4)], T0 + 2 * MINUTE, now)
    assert assembly.take(now) == []
    assert assembly.asks(now) == T0
    assembly.confirm([a_candle(0), a_candle(1), a_candle(2), a_candle(3), a_candle(4)], T0, now)
    assert told(assembly, now) == [a_candle(minute) for minute in range(4)]


def test_a_candle_the_stream_had_and_the_service_lacks_is_taken_as_the_stream_had_it() -> None:
    assembly = an_assembly()
    assembly.observe(a_candle(0), end(0) - 1)
    assembly.observe(a_candle(1), end(0))
    assembly.confirm([a_candle(1)], T0, end(0) + GRACE_MS)
    assert told(assembly, end(0) + PATIENCE_MS) == [a_candle(0)]


def test_a_hole_in_an_answer_within_the_grace_is_no_hole_yet() -> None:
    assembly = an_assembly()
    assembly.confirm([a_candle(1)], T0, end(0) + GRACE_MS - 1)
    assembly.confirm([a_candle(0), a_candle(1)], T0, end(0) + GRACE_MS)
    assert told(assembly, end(0) + GRACE_MS) == [a_candle(0)]


def test_a_few_words_of_the_stream_on_a_candle_that_the_service_lacks_hold_nobody_up() -> None:
    assembly = an_assembly()
    assembly.observe(a_candle(0), T0 + 1)
    assembly.confirm([a_candle(1), a_candle(2)], T0, end(1) + GRACE_MS)
    assert told(assembly, end(0) + PATIENCE_MS - 1) == []
    assert told(assembly, end(1) + GRACE_MS) == [a_candle(1)]
    assert assembly.skipped == 1


def test_a_candle_waits_until_our_own_clock_has_passed_its_end() -> None:
    assembly = an_assembly()
    assembly.confirm([a_candle(0), a_candle(1)], T0, end(0) + GRACE_MS)
    assert assembly.take(end(0) - 1) == []
    assert told(assembly, end(0)) == [a_candle(0)]


def test_what_an_answer_made_final_an_old_word_of_the_stream_does_not_change() -> None:
    assembly = an_assembly()
    now = end(0) + GRACE_MS
    assembly.confirm([a_candle(0, close=101.0), a_candle(1)], T0, now)
    assembly.observe(a_candle(0, close=99.0), now)
    assert told(assembly, now) == [a_candle(0, close=101.0)]


def test_nothing_is_kept_of_candles_that_were_told_or_skipped() -> None:
    assembly = an_assembly()
    assembly.observe(a_candle(0), end(0) - 1)
    assembly.observe(a_candle(1), end(0))
    assembly.observe(a_candle(3), end(2))
    assembly.confirm([a_candle(0), a_candle(3)], T0, end(2) + GRACE_MS)
    assert told(assembly, end(2) + PATIENCE_MS) == [a_candle(0)]
    assert assembly.skipped == 2
    assert not assembly._final
    assert not assembly._absent
    assert not assembly._followed
    assert set(assembly._waiting) == {T0 + 3 * MINUTE}


def test_candles_off_the_grid_or_of_the_future_are_refused() -> None:
    assembly = an_assembly()
    assembly.observe(a_candle(0)._replace(open_ts=T0 + 1), T0)
    assembly.observe(a_candle(1), end(0) - SKEW_MS - 1)
    assert assembly.refused == 2
    assembly.observe(a_candle(0), T0)
    assembly.observe(a_candle(1), end(0) - SKEW_MS)
    assert assembly.refused == 2


def test_what_was_told_and_is_now_said_otherwise_has_diverged_and_is_not_told_again() -> None:
    assembly = an_assembly()
    now = end(0) + GRACE_MS
    assembly.confirm([a_candle(0), a_candle(1)], T0, now)
    assembly.take(now)
    later = a_candle(0, volume=2.0)
    (one,) = assembly.confirm([later, a_candle(1)], T0, now + 1)
    assert (one.told, one.now) == (a_candle(0), later)
    assert assembly.confirm([later, a_candle(1)], T0, now + 2) == []
    assert assembly.take(now + 2) == []


def test_what_is_remembered_is_held_against_the_first_answer() -> None:
    assembly = an_assembly(2)
    assembly.remember([a_candle(0), a_candle(1)])
    others = [a_candle(0), a_candle(1, close=103.0), a_candle(2)]
    (one,) = assembly.confirm(others, T0, end(1) + GRACE_MS)
    assert one.now == a_candle(1, close=103.0)


def test_a_candle_still_forming_in_a_stale_answer_has_not_diverged() -> None:
    assembly = an_assembly(1)
    assembly.remember([a_candle(0, volume=5.0)])
    assert assembly.confirm([a_candle(0, volume=2.0)], T0, end(0) + GRACE_MS) == []


def test_only_the_last_candles_are_remembered() -> None:
    assembly = an_assembly(1_000)
    assembly.remember(a_candle(minute) for minute in range(1_000))
    assert len(assembly._told) == TOLD_KEPT


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        (a_candle(0)._replace(volume_base=1.0 + 1e-12), True),
        (a_candle(0)._replace(volume_base=1.0 + 1e-6), False),
        (a_candle(0)._replace(fill=None), False),
        (a_candle(0)._replace(oracle=Ohlc(100.1, 101.1, 99.1, 100.2)), False),
        (a_candle(0)._replace(volume_quote=7.0), True),
    ],
)
def test_words_on_a_candle_agree_up_to_noise(other: CandleRecord, *, alike: bool) -> None:
    assert same(a_candle(0), other) is alike


def test_a_start_off_the_grid_is_a_bug() -> None:
    with pytest.raises(ValueError, match="not on the grid"):
        CandleAssembly(MINUTE, T0 + 1)


# -- any interleaving ----------------------------------------------------------------------------------------

MINUTES = 8


@dataclass(frozen=True)
class Change:
    """From `ts` on the service says this of a candle."""

    ts: int
    record: CandleRecord


@st.composite
def true_markets(draw: st.DrawFn) -> list[list[Change]]:
    """Candles and how each forms; late fills come within the grace. None at all: the service lacks it."""
    market: list[list[Change]] = []
    for minute in range(MINUTES):
        changes: list[Change] = []
        volume = 0.0
        if not draw(st.integers(0, 4)) and minute not in {0, MINUTES - 1}:
            market.append(changes)
            continue
        open_ts = T0 + minute * MINUTE
        moments = draw(st.lists(st.integers(0, MINUTE + GRACE_MS - 1), max_size=5))
        for moment in sorted([0, *moments]):
            volume += draw(st.sampled_from([0.0, 0.0, 1.5]))
            close = 100.0 + draw(st.integers(-3, 3))
            changes.append(Change(open_ts + moment, a_candle(minute, close, volume)))
        market.append(changes)
    return market


def said(changes: list[Change], ts: int) -> CandleRecord | None:
    """What the service says of a candle at a time."""
    known = [change.record for change in changes if change.ts <= ts]
    return known[-1] if known else None


def answer(market: list[list[Change]], ts: int, first: int) -> list[CandleRecord]:
    """All candles from the `first` minute on, as the service has them at a time."""
    found = (said(changes, ts) for changes in market[first:])
    return [record for record in found if record is not None]


@settings(max_examples=60)
@given(true_markets(), st.data())
def test_any_interleaving_of_duplicates_disorder_gaps_and_reconnects_gives_the_true_candles(
    market: list[list[Change]], data: st.DataObject
) -> None:
    """The stream says anything that was ever true, at any later time and any number of times or never;
    answers come late, at any time, and begin anywhere. Nobody looks so late that the stream must do."""
    assembly = an_assembly()
    everything = [change for changes in market for change in changes]
    got: list[CandleRecord] = []
    now = T0
    for _ in range(data.draw(st.integers(5, 40))):
        now += data.draw(st.integers(0, 40_000))
        match data.draw(st.sampled_from(["stream", "stream", "answer", "take", "due"])):
            case "stream":
                past = [change.record for change in everything if change.ts <= now]
                if past:
                    assembly.observe(data.draw(st.sampled_from(past)), now)
            case "answer":
                first = data.draw(st.integers(0, MINUTES - 1))
                asked_ms = now - data.draw(st.integers(0, 5_000))
                rows = answer(market, asked_ms, first)
                assert assembly.confirm(rows, T0 + first * MINUTE, asked_ms) == []
            case "due":
                due_ts = assembly.asks(now)
                if due_ts is not None:
                    first = (due_ts - T0) // MINUTE
                    assembly.confirm(answer(market, now, first), due_ts, now)
            case _:
                pass
        closed = assembly.take(min(now, assembly.next_ts + MINUTE + PATIENCE_MS - 1))
        got += [candle.record for candle in closed]
        assert all(candle.confirmed for candle in closed)
    now = max(now, T0 + MINUTES * MINUTE) + LATER
    assembly.confirm(answer(market, now, 0), T0, now)
    got += told(assembly, now)
    assert got == [changes[-1].record for changes in market if changes]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(-3, 12), st.integers(0, 6), st.booleans()), max_size=60))
def test_candles_come_in_order_each_once_on_the_grid_whatever_is_said(
    words: list[tuple[int, int, bool]],
) -> None:
    assembly = an_assembly()
    opens: list[int] = []
    now = T0
    for minute, volume, answered in words:
        now += 20_000
        record = a_candle(minute, volume=volume)
        if answered:
            assembly.confirm([record, a_candle(minute + 1)], record.open_ts, now)
        else:
            assembly.observe(record, now)
        closed = assembly.take(now)
        opens += [candle.record.open_ts for candle in closed]
        assert all(candle.record.open_ts + MINUTE <= now for candle in closed)
    assert opens == sorted(set(opens))
    assert all(ts % MINUTE == 0 and ts >= T0 for ts in opens)
    assert len(assembly._waiting) <= 12
