from pathlib import Path

import pytest

from drift_e3.core.commands import CancelOrder
from drift_e3.core.events import Event
from drift_e3.core.notes import SettingsTaken
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.codec import encode
from drift_e3.journal.reader import open_journal
from drift_e3.journal.replay import Difference, ReplayReport, replay
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import ToyOutcome, ToyTrader, append, candle, write_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


class Changed(ToyTrader):
    """Does at one event something else than the toy trader."""

    def __init__(self, seq: int, change: ToyOutcome) -> None:
        super().__init__()
        self.seq = seq
        self.change = change

    def process(self, event: Event) -> ToyOutcome:
        outcome = super().process(event)
        return self.change if self.seen == self.seq else outcome


def replayed(path: Path, trader: ToyTrader) -> ReplayReport:
    with open_journal(path) as reader:
        return replay(reader, lambda: trader)


def test_the_same_trader_gives_the_same_bytes(path: Path) -> None:
    write_journal(path, 12, code_hash())
    report = replayed(path, ToyTrader())
    assert report.same
    assert report == ReplayReport(
        events=12, outputs=30, difference=None, outcome_missing=False, other_code={}
    )


def test_a_changed_output_is_the_first_difference(path: Path) -> None:
    write_journal(path, 12)
    cancel, note = CancelOrder(order_id="300000-0"), SettingsTaken(kept=("5", "0"))
    report = replayed(path, Changed(5, ToyOutcome((cancel, CancelOrder(order_id="another")), (note,))))
    assert not report.same
    assert report.events == 5
    assert report.difference == Difference(
        seq=5,
        event_kind="candle_closed",
        n=1,
        journaled=b'command cancel_order {"order_id":"300000-1"}',
        computed=b'command cancel_order {"order_id":"another"}',
    )


def test_an_output_too_few_and_one_too_many_are_differences(path: Path) -> None:
    write_journal(path, 12)
    note = SettingsTaken(kept=("9", "0"))
    fewer = replayed(path, Changed(9, ToyOutcome((), ()))).difference
    assert fewer == Difference(9, "candle_closed", 0, b"note settings_taken " + encode(note), b"")
    more = replayed(path, Changed(9, ToyOutcome((), (note, note)))).difference
    assert more == Difference(9, "candle_closed", 1, b"", b"note settings_taken " + encode(note))


def test_a_note_where_a_command_was_is_a_difference(path: Path) -> None:
    write_journal(path, 4)
    found = replayed(path, Changed(4, ToyOutcome((), (SettingsTaken(kept=()),)))).difference
    assert found is not None
    assert (found.journaled[:7], found.computed[:4]) == (b"command", b"note")


def leave_the_last_outcome_out(path: Path) -> None:
    with JournalWriter(path, code_hash()) as writer:
        append(writer, ToyTrader(), 4)
        writer.append_event(5, candle(5))


def test_a_last_event_without_its_outcome_is_said_and_no_difference(path: Path) -> None:
    leave_the_last_outcome_out(path)
    report = replayed(path, ToyTrader())
    assert report.same
    assert report.outcome_missing
    assert report.events == 5


def test_an_earlier_event_without_its_outcome_is_a_difference(path: Path) -> None:
    leave_the_last_outcome_out(path)
    with JournalWriter(path, code_hash()) as writer:
        append(writer, ToyTrader(5), 1)
    report = replayed(path, ToyTrader())
    assert report.difference is not None
    assert (report.difference.seq, report.difference.journaled) == (5, b"")


def test_rows_of_other_code_are_counted_by_its_hash(path: Path) -> None:
    write_journal(path, 4, "older")
    with JournalWriter(path, code_hash()) as writer:
        append(writer, ToyTrader(4), 3)
    report = replayed(path, ToyTrader())
    assert report.same
    assert report.other_code == {"older": 4}


def test_progress_is_told_on_the_way_and_at_the_end(path: Path) -> None:
    write_journal(path, 2_100)
    told: list[tuple[int, int]] = []
    with open_journal(path) as reader:
        replay(reader, ToyTrader, lambda done, of: told.append((done, of)))
    assert told == [(1_000, 2_100), (2_000, 2_100), (2_100, 2_100)]


def test_events_that_are_written_during_the_replay_are_left_for_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_journal(path, 5, code_hash())

    class Meanwhile(ToyTrader):
        def process(self, event: Event) -> ToyOutcome:
            if self.seen == 0:
                with JournalWriter(path, code_hash()) as writer:
                    writer.append_event(6, candle(6))
            return super().process(event)

    monkeypatch.setattr("drift_e3.journal.reader.PAGE_ROWS", 2)
    with open_journal(path) as reader:
        report = replay(reader, Meanwhile)
    assert (report.events, report.same, report.outcome_missing) == (5, True, False)
