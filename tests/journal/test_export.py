from pathlib import Path

import pytest

from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.export import export
from drift_e3.journal.reader import open_journal
from drift_e3.journal.records import record
from tests.journal.journal_builders import ToyTrader, candle, write_journal
from tests.journal.test_tail import spoil


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_journal(tmp_path / "journal.db", 5)
    return tmp_path / "journal.db"


def test_everything_is_exported_in_order_each_event_before_what_it_led_to(path: Path) -> None:
    trader, expected = ToyTrader(), []
    for seq in range(1, 6):
        event = candle(seq)
        commands, notes = trader.process(event)
        expected += [record(message, event.seen_ts) for message in (event, *commands, *notes)]
    with open_journal(path) as reader:
        assert list(export(reader)) == expected


@pytest.mark.parametrize(
    ("kind", "count"), [("candle_closed", 5), ("cancel_order", 6), ("settings_taken", 7), ("fill", 0)]
)
def test_one_kind_of_event_command_or_note_is_exported(path: Path, kind: str, count: int) -> None:
    with open_journal(path) as reader:
        assert [made["kind"] for made in export(reader, kind)] == [kind] * count


def test_an_unknown_kind_is_refused_at_once_with_the_known_ones(path: Path) -> None:
    with (
        open_journal(path) as reader,
        pytest.raises(ValueError, match=r"trades: no such kind.* fill, .*order, .*decision"),
    ):
        export(reader, "trades")


def test_damage_ends_the_export_with_the_row(path: Path) -> None:
    spoil(path, "UPDATE events SET ts = 0 WHERE seq = 4")
    with open_journal(path) as reader, pytest.raises(JournalUnreadable, match="event 4: checksum differs"):
        list(export(reader))


def test_a_message_this_program_does_not_know_ends_the_export_with_the_row(path: Path) -> None:
    with open_journal(path) as reader:
        row = reader.output_rows(2, 2)[0]._replace(kind="unheard_of")
        with pytest.raises(JournalUnreadable, match="event 2: unheard_of: not a kind of message"):
            reader.message(row)
