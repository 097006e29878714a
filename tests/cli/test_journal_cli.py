"""`drift-e3 journal` and `replay` on journals that are whole, damaged, planted and missing."""

from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from drift_e3.core.notes import DecisionMade
from drift_e3.journal.codec import decode
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from tests.live.daemons import orders, run_on
from tests.live.journals import plant_difference, rewrite, spoil, told
from tests.live.markets import settings, tape_market
from tests.live.program import Ran, program

CHOSEN = settings()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a journal in `state`."""
    folder = tmp_path_factory.mktemp("journal")
    run_on(tape_market(CHOSEN, count=120), orders(folder / "state", CHOSEN.trading()))
    return folder


def one_line(ran: Ran, code: Exit) -> str:
    assert (ran.code, ran.out) == (code, "")
    (line,) = ran.err.splitlines()
    return line


def test_export_prints_every_record_in_order(folder: Path) -> None:
    ran = program(folder, "journal", "export", "--state", "state", "--format", "jsonl")
    assert (ran.code, ran.err) == (Exit.OK, "")
    records = ran.lines
    assert [record["kind"] for record in records[:3]] == ["started", "funding_published", "candle_closed"]
    assert {"decision", "order", "fill", "position_closed", "stop_requested"} <= {
        one["kind"] for one in records
    }
    # Decisions carry the candle's close, which is the time of the event that they were taken at.
    times = [record["ts"] for record in records]
    assert times == sorted(times)


def test_export_of_one_kind_has_no_other(folder: Path) -> None:
    fills = program(folder, "journal", "export", "--state", "state", "--kind", "fill").lines
    assert {line["kind"] for line in fills} == {"fill"}
    assert len(fills) > 4


def test_export_of_an_unknown_kind_names_the_known_ones(folder: Path) -> None:
    line = one_line(program(folder, "journal", "export", "--state", "state", "--kind", "fils"), Exit.USAGE)
    assert "fils: no such kind of record; known are candle_closed, " in line


def test_verify_says_how_far_it_is_good(folder: Path) -> None:
    ran = program(folder, "journal", "verify", "--state", "state")
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert ran.out == f"good up to event {len(told(folder / 'state'))}; clean stop\n"


@pytest.mark.parametrize("table", ["events", "outputs"])
def test_verify_replay_and_export_name_a_damaged_row(folder: Path, tmp_path: Path, table: str) -> None:
    rewrite(folder / "state", tmp_path / "state")
    seq = next(seq for seq, (_, outputs) in enumerate(told(folder / "state"), 1) if seq > 30 and outputs)
    spoil(tmp_path / "state", seq, table)
    ran = program(tmp_path, "journal", "verify", "--state", "state")
    assert (ran.code, ran.err) == (Exit.CHECK_FAILED, "")
    assert f"{table} {seq}: checksum differs" in ran.out
    for verb in (("replay",), ("journal", "export")):
        ran = program(tmp_path, *verb, "--state", "state")
        assert ran.code == Exit.DATA
        (line,) = ran.err.splitlines()
        assert f"{table.removesuffix('s')} {seq}: checksum differs" in line


def test_replay_finds_a_planted_difference_and_prints_it(folder: Path, tmp_path: Path) -> None:
    seq = plant_difference(folder / "state", tmp_path / "state")
    ran = program(tmp_path, "replay", "--state", "state")
    assert (ran.code, ran.out) == (Exit.CHECK_FAILED, "")
    where, journaled, computed = ran.err.splitlines()
    assert where.startswith(f"event {seq} (candle_closed), output ")
    was, now = (
        decode("decision_made", line.partition("note decision_made ")[2].encode())
        for line in (journaled, computed)
    )
    assert isinstance(was, DecisionMade)
    assert isinstance(now, DecisionMade)
    assert was.decision.confidence == pytest.approx(now.decision.confidence + 1e-12, abs=1e-15)


def test_replay_says_what_the_last_start_will_complete(folder: Path, tmp_path: Path) -> None:
    seq = next(seq for seq, (_, outputs) in enumerate(told(folder / "state"), 1) if seq > 9 and outputs)
    rewrite(folder / "state", tmp_path / "state", upto=seq, last_outcome=False)
    ran = program(tmp_path, "replay", "--state", "state")
    assert ran.code == Exit.OK
    assert "the next start completes it" in ran.out


def test_replay_says_which_events_other_code_processed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with JournalWriter(tmp_path / "state" / JOURNAL_NAME, "0ther") as writer:
        writer.append_event(1, told(folder / "state")[0][0])
    assert (
        "note: 1 events were processed by other code (0ther)"
        in program(tmp_path, "replay", "--state", "state").out
    )


@pytest.mark.parametrize("verb", [("replay",), ("journal", "verify"), ("journal", "export")])
def test_no_journal_is_one_line_and_makes_nothing(tmp_path: Path, verb: tuple[str, ...]) -> None:
    line = one_line(program(tmp_path, *verb, "--state", "nowhere"), Exit.DATA)
    assert line == "drift-e3: nowhere/journal.db: no journal there"
    assert list(tmp_path.iterdir()) == []
