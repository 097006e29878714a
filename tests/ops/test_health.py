"""Alive and ready: what stands still and what stands in the way, each by its name."""

from dataclasses import replace

import pytest

from drift_e3.core.events import EntriesBarred
from drift_e3.ops.health import JOURNAL_LAG_MAX_S, Progress, readiness
from drift_e3.status import FeedStatus, Status
from drift_e3.trader_status import Circumstances, status
from tests.core.stories import a_story


def moving(*, live: bool = True) -> Progress:
    return Progress(began_s=0.0, live=live)


def test_nothing_stands_still_while_all_moves() -> None:
    progress = moving()
    progress.took(100.0, market=True, live=True)
    progress.compare(5, 5, 100.0)
    assert progress.stalled(110.0, 20.0) == ()


@pytest.mark.parametrize(
    ("market_s", "other_s", "found"),
    [(100.0, 100.0, ("loop", "data")), (100.0, 125.0, ("data",)), (125.0, 125.0, ())],
)
def test_what_stands_still_is_named(market_s: float, other_s: float, found: tuple[str, ...]) -> None:
    progress = moving()
    progress.took(market_s, market=True, live=True)
    progress.took(other_s, market=False, live=True)
    assert progress.stalled(130.0, 20.0) == found


def test_a_start_has_its_time() -> None:
    assert moving().stalled(19.0, 20.0) == ()
    assert moving().stalled(21.0, 20.0) == ("loop", "data")


def test_a_recorded_market_may_be_as_slow_as_it_likes() -> None:
    assert moving(live=False).stalled(1e9, 20.0) == ()


def test_a_journal_is_behind_only_when_it_lacks_what_was_taken_before() -> None:
    progress = moving()
    progress.compare(10, 10, 0.0)
    progress.compare(20, 10, 1.0)
    assert progress.behind_s < 0.0
    progress.compare(30, 15, 2.0)
    assert progress.behind_s == 2.0
    progress.compare(40, 15, 3.0)
    progress.took(15.0, market=True, live=True)
    assert progress.stalled(14.0, 11.0) == ("journal",)
    progress.compare(50, 25, 15.0)
    assert progress.behind_s < 0.0


def standing(**changed: object) -> Status:
    story = a_story()
    now = Circumstances(seq=1, now_ts=story.now, event_ts=story.now, decision=None)
    return replace(status(story.state, now), **changed)  # type: ignore[arg-type]


def test_a_warm_trader_with_fresh_data_is_ready() -> None:
    assert readiness(standing(), moving(), 0.0).ready


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"halted": True, "halt_cause": "drawdown"}, "halted:drawdown"),
        ({"mode": "warming"}, "warming"),
        ({"mode": "stopping"}, "stopping"),
        ({"barred": ("paused",)}, "barred:paused"),
        (
            {"live_feed": True, "feeds": (FeedStatus(name="oracle", age_s=11.0, limit_s=10.0),)},
            "oracle_stale",
        ),
        ({"live_feed": True, "feeds": (FeedStatus(name="book", age_s=None, limit_s=10.0),)}, "book_stale"),
    ],
)
def test_what_stands_in_the_way_is_named(changed: dict[str, object], missing: str) -> None:
    found = readiness(standing(**changed), moving(), 0.0)
    assert (found.ready, found.missing) == (False, (missing,))


def test_a_journal_that_is_behind_is_not_ready() -> None:
    progress = moving()
    progress.compare(5, 0, 0.0)
    progress.compare(6, 0, 1.0)
    assert readiness(standing(), progress, 2.0 + JOURNAL_LAG_MAX_S).missing == ("journal_behind",)


def test_bars_come_from_the_venue() -> None:
    story = a_story()
    story.process(EntriesBarred(seen_ts=story.now, reasons=("amm_paused",)))
    now = Circumstances(seq=1, now_ts=story.now, event_ts=story.now, decision=None)
    assert readiness(status(story.state, now), moving(), 0.0).missing == ("barred:amm_paused",)
