"""Pages of a journal, newest first: whole, in order, each row once, and found without walking the table."""

from pathlib import Path

import pytest

from drift_e3.core.events import Heartbeat, OracleTick
from drift_e3.journal.reader import open_journal
from drift_e3.journal.rows import EventRow, OutputRow
from drift_e3.journal.schema import FREQUENT_EVENTS, INDEXED_EVENTS
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import CODE, ToyTrader, append, write_journal

AFTER_ALL = 2**62
KINDS = ("cancel_order", "settings_taken")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_journal(tmp_path / "journal.db", 40)
    return tmp_path / "journal.db"


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100, 1_000])
def test_pages_of_outputs_hold_each_row_once_and_never_part_an_event(path: Path, limit: int) -> None:
    with open_journal(path) as reader:
        whole = [row for entry in reader.entries() for row in entry.outputs]
        paged: list[OutputRow] = []
        before = AFTER_ALL
        while page := reader.newest_outputs(KINDS, before, limit):
            assert len(page) >= limit or page[-1].seq == whole[0].seq
            paged += page
            before = page[-1].seq
    assert paged == whole[::-1]


def test_only_the_kinds_that_are_asked_for_come(path: Path) -> None:
    with open_journal(path) as reader:
        assert {row.kind for row in reader.newest_outputs(("cancel_order",), AFTER_ALL, 100)} == {
            "cancel_order"
        }
        assert reader.newest_outputs(("decision_made",), AFTER_ALL, 100) == []


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_of_events_hold_each_row_once(path: Path, limit: int) -> None:
    with open_journal(path) as reader:
        paged: list[EventRow] = []
        before = AFTER_ALL
        while page := reader.newest_events(("candle_closed", "fill"), before, limit):
            paged += page
            before = page[-1].seq
        assert [row.seq for row in paged] == list(range(40, 0, -1))


def test_the_index_leaves_out_what_comes_every_second(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with JournalWriter(path, CODE) as writer:
        append(writer, ToyTrader(), 3)
        writer.append_event(4, OracleTick(seen_ts=1, publish_ts=1, price_usd=1.0))
        writer.append_event(5, Heartbeat(seen_ts=2))
    with open_journal(path) as reader:
        assert [row.kind for row in reader.newest_events(("candle_closed",), AFTER_ALL, 9)] == [
            "candle_closed"
        ] * 3
        assert {row.kind for row in reader.event_rows(3, 9)} <= set(FREQUENT_EVENTS)
        plan = reader.query(
            f"EXPLAIN QUERY PLAN SELECT * FROM events WHERE {INDEXED_EVENTS} AND kind = ? AND seq < ?"
            " ORDER BY seq DESC LIMIT ?",
            "fill",
            9,
            9,
        )
    assert "USING INDEX events_by_kind" in str(plan)
