"""The real command line over a journal in many segments: every word as over one file, or one clear line.

The same market was traded three times: into one file, with a segment every few days, and with old segments
deleted on the way.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from drift_e3.core.state import TraderState
from drift_e3.journal import retention, rotation
from drift_e3.journal.beginning import oldest_state, started
from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.memory import decode_state, encode_state
from drift_e3.journal.retention import NO_BACKUP, NOT_AT_REST, retirement
from drift_e3.journal.segments import KEPT_FROM
from drift_e3.live.recovery import first_start, recover
from drift_e3.ports import DataError
from tests.journal.journal_builders import change_byte
from tests.live.journals import opened
from tests.live.program import Ran, program
from tests.live.tapes import LIVELY, random_walk, write_candles, write_funding

CANDLES = 1_000
OFTEN = {"JOURNAL__ROTATE_MB": "0.1"}
KEEP_TEN_DAYS = {**OFTEN, "JOURNAL__KEEP_DAYS": "10", "JOURNAL__BACKUP_FIRST": "false"}
VERBS = [
    ("replay",),
    ("report", "--json", "-"),
    ("report", "compare", "--json", "-"),
    ("journal", "export"),
    ("advice", "list"),
    ("advice", "score"),
    ("audit", "--json", "-"),
    ("status", "--json"),
]


def run(folder: Path, state: str, **variables: str) -> Ran:
    tape, funding = folder / "tape.csv", folder / "funding.csv"
    arguments = ("--tape", tape, "--funding", funding, "--speed", "max", "--advisor", "off")
    return program(folder, "run", *arguments, "--state", state, **LIVELY, **variables)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Ran]]:
    folder = tmp_path_factory.mktemp("segments")
    write_candles(folder / "tape.csv", random_walk(7, CANDLES, minutes=60))
    write_funding(folder / "funding.csv", 7, CANDLES + 1)
    with pytest.MonkeyPatch.context() as patch:
        # A market that is played this fast has little time for rotations.
        patch.setattr(rotation, "PAUSE_S", 0.001)
        return folder, {
            "one": run(folder, "one", JOURNAL__ROTATE_MB="0"),
            "many": run(folder, "many", **OFTEN),
            "kept": run(folder, "kept", **KEEP_TEN_DAYS),
        }


@pytest.fixture
def folder(runs: tuple[Path, dict[str, Ran]]) -> Path:
    return runs[0]


def test_segments_are_made_and_told_of(runs: tuple[Path, dict[str, Ran]]) -> None:
    folder, ran = runs
    assert [ran[name].code for name in ("one", "many", "kept")] == [0, 0, 0]
    assert not (folder / "one" / "journal").exists()
    rotated = ran["many"].named("journal.rotated")
    assert sorted(os.listdir(folder / "many" / "journal")) == [line["segment"] for line in rotated]
    assert len(rotated) >= 4
    gone = [line["segment"] for line in ran["kept"].named("segment.deleted")]
    there = sorted(os.listdir(folder / "kept" / "journal"))
    assert gone
    assert gone + there == [line["segment"] for line in ran["kept"].named("journal.rotated")]


@pytest.mark.parametrize("verb", VERBS, ids=[" ".join(verb) for verb in VERBS])
def test_every_reader_says_the_same_over_segments_as_over_one_file(
    folder: Path, verb: tuple[str, ...]
) -> None:
    one, many = (program(folder, *verb, "--state", state, **LIVELY) for state in ("one", "many"))
    if verb[0] == "status":
        # Only the time of writing is another.
        one, many = (ran._replace(out=json.dumps(without_times(ran.out))) for ran in (one, many))
    assert (many.code, many.err, many.out) == (0, "", one.out)


def without_times(out: str) -> dict[str, object]:
    told: dict[str, object] = json.loads(out)
    return {name: value for name, value in told.items() if name not in {"written_ts", "now_ts", "state_dir"}}


def test_all_of_it_can_be_verified_and_restored_elsewhere(folder: Path, tmp_path: Path) -> None:
    one, many = (program(folder, "journal", "verify", "--state", state) for state in ("one", "many"))
    assert (one.code, many.code) == (0, 0)
    assert program(folder, "backup", "--state", "many", "--out", tmp_path / "b.tar.gz").code == 0
    assert program(folder, "restore", tmp_path / "b.tar.gz", "--state", tmp_path / "again").code == 0
    assert program(folder, "replay", "--state", tmp_path / "again").code == 0


def test_what_is_left_after_retention_is_read_from_its_snapshot_on(folder: Path) -> None:
    with opened(folder / "kept") as reader:
        first_seq = reader.first_seq
    assert first_seq > 1
    for verb in (*VERBS[:-1], ("report", "shadow"), ("journal", "verify")):
        ran = program(folder, *verb, "--state", "kept", **LIVELY)
        assert ran.code == 0, ran.err
        assert ran.err.startswith(f"note: the journal begins at event {first_seq} ("), verb
    whole, kept = (
        [json.loads(line) for line in program(folder, "journal", "export", "--state", state).out.splitlines()]
        for state in ("one", "kept")
    )
    assert whole[-len(kept) :] == kept
    reports = [
        json.loads(program(folder, "report", "--json", "-", "--state", state).out)
        for state in ("one", "kept")
    ]
    everything, rest = (report["trades"] for report in reports)
    assert len(rest) > 10
    assert everything[-len(rest) :] == rest
    with opened(folder / "kept") as reader:
        assert reports[1]["report"]["pnl"]["equity_start_usd"] == started(reader).equity_usd


def test_what_is_left_after_retention_is_traded_on(folder: Path) -> None:
    with opened(folder / "one") as one, opened(folder / "kept") as kept:
        assert first_start(kept.path) == first_start(one.path) is not None
        states = [encode_state(recover(reader, None).trader.state) for reader in (kept, one)]
    assert states[0] == states[1]
    ran = run(folder, "kept", **KEEP_TEN_DAYS)
    assert (ran.code, ran.err) == (0, "")


def remove_one(segments: list[Path]) -> None:
    segments[2].unlink()


def swap_two(segments: list[Path]) -> None:
    segments[1].rename(segments[1].with_suffix(".x"))
    segments[2].rename(segments[1])
    segments[1].with_suffix(".x").rename(segments[2])


def alter_one(segments: list[Path]) -> None:
    segments[2].chmod(0o644)
    change_byte(segments[2], -100)


def cut_one(segments: list[Path]) -> None:
    segments[2].chmod(0o644)
    os.truncate(segments[2], segments[2].stat().st_size - 1)


def take_a_foreign_one(segments: list[Path]) -> None:
    foreign = segments[0].parents[2] / "one" / "journal.db"
    segments[2].unlink()
    shutil.copy(foreign, segments[2])


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (remove_one, "the segment is missing"),
        (swap_two, "not the segment that was recorded"),
        (alter_one, "not the segment that was recorded"),
        (cut_one, "not the segment that was recorded"),
        (take_a_foreign_one, "not the segment that was recorded"),
    ],
)
def test_a_segment_that_was_tampered_with_is_one_clear_line(
    folder: Path, tamper: Callable[[list[Path]], None], says: str, request: pytest.FixtureRequest
) -> None:
    state = folder / f"bad-{request.node.callspec.id}"
    shutil.copytree(folder / "many", state)
    tamper(sorted((state / "journal").iterdir()))
    for verb in (("replay",), ("report",), ("advice", "list")):
        ran = program(folder, *verb, "--state", state.name)
        assert ran.code == Exit.DATA, (verb, ran.err)
        line = ran.err.rstrip("\n").splitlines()[-1]
        assert line.startswith(f"drift-e3: {state.name}/journal/2025-")
        assert says in line
    assert program(folder, "journal", "verify", "--state", state.name).code == Exit.CHECK_FAILED


def test_the_daemon_needs_no_segment_and_says_that_one_is_lost(folder: Path) -> None:
    shutil.copytree(folder / "many", folder / "alone")
    shutil.rmtree(folder / "alone" / "journal")
    ran = run(folder, "alone", **OFTEN)
    assert (ran.code, ran.err) == (0, "")
    with opened(folder / "alone") as reader:
        assert len(ran.named("segment.lost")) == len(reader.segments)


def test_a_word_to_a_daemon_at_rest_needs_no_segment(folder: Path) -> None:
    shutil.copytree(folder / "many", folder / "halted")
    shutil.rmtree(folder / "halted" / "journal")
    assert program(folder, "halt", "--state", "halted").code == 0
    told = json.loads(program(folder, "status", "--json", "--state", "halted").out)
    assert told["halted"]


def test_the_segments_can_be_listed(folder: Path) -> None:
    listed = program(folder, "journal", "segments", "--state", "kept").out.splitlines()
    with opened(folder / "kept") as reader:
        kept = reader.segments
    assert [line.split()[0] for line in listed[:-1]] == [segment.name for segment in kept]
    assert f" {kept[0].first_seq} to {kept[0].last_seq}  2025-0" in listed[0]
    assert listed[-1].startswith(f"{len(kept)} segments, ")
    assert program(folder, "journal", "segments", "--state", "one").out.startswith("0 segments, 0.0 MB")


def test_a_changed_record_is_found(folder: Path) -> None:
    shutil.copytree(folder / "many", folder / "changed")
    with sqlite3.connect(folder / "changed" / "journal.db") as journal:
        journal.execute("DROP TRIGGER segments_no_update")
        journal.execute("UPDATE segments SET sha256 = 'x' WHERE first_seq = 1")
    journal.close()
    for verb in ("replay", "status"):
        ran = program(folder, verb, "--state", "changed")
        assert ran.code == Exit.DATA
        assert "the record of segment 2025-01-" in ran.err


def test_retention_waits_for_a_backup_and_for_a_moment_without_a_trade(folder: Path) -> None:
    day_ms = 24 * 3_600_000
    with opened(folder / "many") as reader:
        segments = reader.segments
        assert retirement(reader, 9_999 * day_ms, None).segments == ()
        assert retirement(reader, 1, 0) == ((), 1, NO_BACKUP)
        everything = retirement(reader, 1, None)
        assert everything.segments == tuple(segments[: len(everything.segments)])
        assert everything.kept_from == everything.segments[-1].last_seq + 1
        some = retirement(reader, 1, segments[1].last_seq)
        assert some.segments in {tuple(segments[:count]) for count in (0, 1, 2)}
        assert some.waits in {NO_BACKUP, NOT_AT_REST}


def test_a_trader_is_at_rest_only_with_nothing_open_and_nothing_asked(folder: Path) -> None:
    with opened(folder / "one") as reader:
        snapshot = reader.last_good_snapshot()
    assert snapshot is not None

    def is_at_rest(change: Callable[[TraderState], None]) -> bool:
        state = decode_state(snapshot.trader)
        state.trade = None
        state.account.position_base = 0.0
        state.orders.by_id.clear()
        change(state)
        return retention._at_rest(snapshot._replace(trader=encode_state(state)))

    assert is_at_rest(lambda state: None)
    assert not is_at_rest(lambda state: setattr(state.account, "position_base", 0.5))
    assert not is_at_rest(lambda state: setattr(state.consultation, "open_id", "question"))
    assert not retention._at_rest(snapshot._replace(trader=b"of another version"))
    assert not retention._at_rest(None)


def test_a_snapshot_of_another_version_without_the_first_events_is_one_clear_line(folder: Path) -> None:
    shutil.copytree(folder / "kept", folder / "other")
    with sqlite3.connect(folder / "other" / "journal.db") as journal:
        journal.execute("DELETE FROM snapshots")
        journal.execute("UPDATE meta SET value = value + 1 WHERE key = ?", (KEPT_FROM,))
    journal.close()
    with opened(folder / "other") as reader:
        with pytest.raises(DataError, match="retention has deleted the first events: start the version"):
            recover(reader, None)
        with pytest.raises(JournalUnreadable, match="this version cannot read the snapshot before it"):
            oldest_state(reader)
