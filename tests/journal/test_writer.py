import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from drift_e3.core.events import AdviceReceived
from drift_e3.core.notes import SettingsTaken
from drift_e3.journal import commits, writer
from drift_e3.journal.errors import JournalError
from drift_e3.journal.reader import open_journal
from drift_e3.journal.writer import JournalWriter
from tests.journal.journal_builders import CODE, ToyTrader, append, candle, outputs_of, write_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def committed(path: Path) -> int:
    """The last event that another connection can see."""
    with open_journal(path) as reader:
        return reader.last_seq


def transactions(opened: JournalWriter) -> list[str]:
    """Record the statements of the writer's connection from now on."""
    statements: list[str] = []
    opened._committer._connection.set_trace_callback(statements.append)
    return statements


async def test_what_was_committed_is_there_in_order(path: Path) -> None:
    with JournalWriter(path, CODE) as journal:
        append(journal, ToyTrader(), 50)
        await journal.commit()
        with open_journal(path) as reader:
            assert [event for _, event in reader.events()] == [candle(seq) for seq in range(1, 51)]
            assert [len(entry.outputs) for entry in reader.entries()] == [outputs_of(s) for s in range(1, 51)]


def test_outputs_keep_their_order_commands_first(path: Path) -> None:
    write_journal(path, 11)
    with open_journal(path) as reader:
        outputs = reader.outputs(11)
    assert [(row.n, row.role, row.kind) for row in outputs] == [
        (0, "command", "cancel_order"),
        (1, "command", "cancel_order"),
        (2, "note", "settings_taken"),
        (3, "note", "settings_taken"),
        (4, "note", "settings_taken"),
    ]
    assert {row.ts for row in outputs} == {candle(11).seen_ts}


def test_closing_commits_what_nobody_awaited(path: Path) -> None:
    write_journal(path, 5_000)
    assert committed(path) == 5_000


async def test_all_that_is_queued_goes_into_one_transaction_and_is_synced(path: Path) -> None:
    with JournalWriter(path, CODE, linger_s=60.0) as journal:
        statements = transactions(journal)
        append(journal, ToyTrader(), 70)
        await journal.commit()
        assert [text for text in statements if not text.startswith("INSERT")][-2:] == [
            "BEGIN IMMEDIATE",
            "COMMIT",
        ]
        assert statements.count("COMMIT") == 1
        assert "PRAGMA synchronous = NORMAL" not in statements


async def test_a_large_queue_is_split_between_items(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "GROUP_ITEMS", 10)
    with JournalWriter(path, CODE, linger_s=60.0) as journal:
        statements = transactions(journal)
        append(journal, ToyTrader(), 30)
        await journal.commit()
        # 30 events, 27 outcomes that are not empty, one barrier.
        assert statements.count("COMMIT") == 6
    assert committed(path) == 30


async def test_drained_rows_are_committed_and_a_later_commit_syncs_them(path: Path) -> None:
    with JournalWriter(path, CODE, linger_s=60.0) as journal:
        statements = transactions(journal)
        append(journal, ToyTrader(), 3)
        await journal.drain()
        assert committed(path) == 3
        assert "PRAGMA synchronous = NORMAL" in statements
        statements.clear()
        await journal.commit()
        assert statements[0] == "PRAGMA synchronous = FULL"
        assert statements[-1] == "COMMIT"
        statements.clear()
        await journal.commit()
        assert statements == []


def test_unawaited_rows_are_committed_after_a_while(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    commit = commits.Committer.commit

    def commit_and_tell(self: commits.Committer, group: commits.Group, *, durable: bool) -> None:
        commit(self, group, durable=durable)
        done.set()

    monkeypatch.setattr(commits.Committer, "commit", commit_and_tell)
    with JournalWriter(path, CODE, linger_s=0.001) as journal:
        append(journal, ToyTrader(), 1)
        assert done.wait(10)
        assert committed(path) == 1


async def test_a_full_queue_says_so_and_drains(path: Path) -> None:
    with JournalWriter(path, CODE, linger_s=60.0, capacity=20) as journal:
        append(journal, ToyTrader(), 8)
        assert not journal.full
        append(journal, ToyTrader(), 8)
        assert journal.full
        await journal.drain()
        assert not journal.full


def test_a_queue_that_nobody_drains_is_bounded(path: Path) -> None:
    with (
        pytest.raises(JournalError, match="nobody awaited drain"),
        JournalWriter(path, CODE, linger_s=60.0, capacity=20) as journal,
    ):
        append(journal, ToyTrader(), 100)
    with open_journal(path) as reader:
        assert 20 <= reader.last_seq < 40
        assert not reader.clean_stop


def test_a_seq_must_follow_and_an_outcome_belongs_to_the_last_event(path: Path) -> None:
    with JournalWriter(path, CODE) as journal:
        append(journal, ToyTrader(), 2)
        for seq in (2, 4):
            with pytest.raises(ValueError, match="does not follow event 2"):
                journal.append_event(seq, candle(seq))
        with pytest.raises(ValueError, match="outcome of event 1 after event 2"):
            journal.append_outcome(1, (), ())
    assert committed(path) == 2


def test_a_message_that_cannot_be_encoded_fails_at_its_own_line_and_harms_nothing(path: Path) -> None:
    answer = AdviceReceived(seen_ts=1, question_id="q", text="\ud800", latency_ms=1, model="m")
    with JournalWriter(path, CODE) as journal:
        with pytest.raises(UnicodeEncodeError):
            journal.append_event(1, answer)
        append(journal, ToyTrader(), 1)
    assert committed(path) == 1


def test_a_writer_goes_on_where_the_last_one_ended(path: Path) -> None:
    write_journal(path, 4)
    with JournalWriter(path, "new code") as journal:
        assert journal.last_seq == 4
        append(journal, ToyTrader(4), 3)
    with open_journal(path) as reader:
        assert [reader.codes()[entry.event.code] for entry in reader.entries()] == [CODE] * 4 + [
            "new code"
        ] * 3


def test_recovery_may_append_the_outcome_that_a_crash_left_out_but_only_once(path: Path) -> None:
    with JournalWriter(path, CODE) as journal:
        journal.append_event(1, candle(1))
    note = SettingsTaken(kept=())
    with JournalWriter(path, CODE) as journal:
        journal.append_outcome(1, (), (note,))
    with open_journal(path) as reader:
        assert reader.outputs(1)[0].ts == candle(1).seen_ts
    journal = JournalWriter(path, CODE)
    journal.append_outcome(1, (), (note,))
    with pytest.raises(JournalError, match="an output is written once"):
        journal.close()


def test_three_snapshots_are_kept_and_a_second_after_the_same_event_replaces_the_first(path: Path) -> None:
    with JournalWriter(path, CODE) as journal:
        for n in range(5):
            append(journal, ToyTrader(), 2)
            journal.append_snapshot(b"old", b"")
            journal.append_snapshot(b"trader %d" % n, b"market %d" % n)
    with open_journal(path) as reader:
        assert reader.query("SELECT seq FROM snapshots ORDER BY seq") == [(6,), (8,), (10,)]
        snapshot = reader.last_good_snapshot()
    assert snapshot == (10, CODE, b"trader 4", b"market 4")


@pytest.mark.parametrize("orderly", [True, False])
def test_only_an_orderly_end_is_called_clean(path: Path, orderly: bool) -> None:
    journal = JournalWriter(path, CODE)
    append(journal, ToyTrader(), 3)
    journal.close(clean=orderly)
    with open_journal(path) as reader:
        assert reader.clean_stop is orderly
        assert reader.last_seq == 3


def test_a_writer_takes_the_mark_of_the_clean_stop_away(path: Path) -> None:
    write_journal(path, 3)
    JournalWriter(path, CODE).close(clean=False)
    with open_journal(path) as reader:
        assert not reader.clean_stop


async def test_a_full_disk_is_raised_again_and_again_and_loses_nothing_committed(path: Path) -> None:
    journal = JournalWriter(path, CODE, linger_s=60.0)
    append(journal, ToyTrader(), 10)
    await journal.commit()
    connection = journal._committer._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    async def fill_the_disk() -> None:
        """The thread may be ahead: then an append already tells."""
        append(journal, ToyTrader(10), 1_000)
        await journal.commit()

    with pytest.raises(JournalError, match="database or disk is full"):
        await fill_the_disk()
    calls: tuple[Callable[[], None], ...] = (
        lambda: journal.append_event(journal.last_seq + 1, candle(1)),
        lambda: journal.append_outcome(journal.last_seq, (), ()),
        lambda: journal.append_snapshot(b"", b""),
        journal.close,
    )
    for call in calls:
        with pytest.raises(JournalError, match="database or disk is full"):
            call()
    for awaited in (journal.commit, journal.drain):
        with pytest.raises(JournalError, match="database or disk is full"):
            await awaited()
    assert committed(path) == 10


async def test_whatever_ends_the_thread_reaches_everybody_who_waits(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    journal = JournalWriter(path, CODE, linger_s=60.0)
    monkeypatch.setattr(commits.Committer, "commit", fall)
    waiting = [asyncio.ensure_future(journal.commit()) for _ in range(3)]
    for failed in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(failed, JournalError)
        assert isinstance(failed.__cause__, RuntimeError)


async def test_a_commit_that_nobody_waits_for_any_more_does_no_harm(path: Path) -> None:
    with JournalWriter(path, CODE, linger_s=60.0) as journal:
        append(journal, ToyTrader(), 1)
        waiting = asyncio.ensure_future(journal.commit())
        await asyncio.sleep(0)
        waiting.cancel()
        await journal.commit()
        assert waiting.cancelled()


async def test_a_commit_that_meets_a_thread_just_dead_is_not_left_waiting(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = JournalWriter(path, CODE)
    journal.close()
    checks = iter([None])
    monkeypatch.setattr(journal, "_check", lambda: next(checks))
    monkeypatch.setattr(journal, "_closing", False)
    monkeypatch.setattr(journal, "_error", JournalError("dead"))
    with pytest.raises(JournalError, match="dead"):
        await journal.commit()


def test_a_loop_that_is_gone_does_not_stop_the_writer(path: Path) -> None:
    journal = JournalWriter(path, CODE, linger_s=60.0)
    append(journal, ToyTrader(), 1)
    loop = asyncio.new_event_loop()
    lost = writer._Barrier(loop.create_future(), True)
    loop.close()
    journal._enqueue(lost)
    journal.close()
    assert committed(path) == 1


def test_a_closed_writer_takes_nothing_more(path: Path) -> None:
    journal = JournalWriter(path, CODE)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append_event(1, candle(1))


def test_a_lock_held_by_somebody_else_is_a_journal_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_journal(path, 1)
    monkeypatch.setattr("drift_e3.journal.schema.LOCK_WAIT_S", 0.0)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="locked"):
        JournalWriter(path, CODE)
    other.close()
