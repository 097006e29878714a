"""The trial ledger: a set that counts every trial once, in whatever order and however often it is killed."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_e3.lab.trial_ledger import APPLICATION_ID, Census, LedgerBusy, TrialLedger, trial_key
from drift_e3.ports import DataError


def keys(*numbers: int, code: str = "code") -> list[str]:
    return [trial_key(code, f"parameters {number}") for number in numbers]


def test_a_repeat_adds_nothing_and_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state" / "trials.db"
    with TrialLedger(path) as ledger:
        ledger.record("a", "tape", keys(1, 2, 3))
        ledger.record("a", "tape", keys(3, 4))
        first = ledger.census("a")
    before = path.read_bytes()
    with TrialLedger(path) as ledger:
        ledger.record("a", "tape", keys(4, 1, 2, 2))
        assert ledger.census("a") == first == Census(own=4, earlier=0, together=4, earlier_hash="")
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["trials.db"]


def test_earlier_searches_on_the_same_data_count_and_each_trial_once(tmp_path: Path) -> None:
    with TrialLedger(tmp_path / "trials.db") as ledger:
        ledger.record("a", "tape", keys(1, 2, 3))
        ledger.record("other", "another tape", keys(10, 11))
        ledger.record("b", "tape", keys(3, 4))
        ledger.record("c", "tape", keys(5))
        assert ledger.census("b")[:3] == (2, 3, 4)
        assert ledger.census("c")[:3] == (1, 4, 5)
        assert ledger.census("other") == Census(2, 0, 2, "")


def test_a_search_counts_the_same_whatever_ran_after_it(tmp_path: Path) -> None:
    with TrialLedger(tmp_path / "trials.db") as ledger:
        ledger.record("a", "tape", keys(1))
        ledger.record("b", "tape", keys(2))
        before = ledger.census("b")
        ledger.record("c", "tape", keys(3))
        ledger.record("b", "tape", keys(2))
        assert ledger.census("b") == before


def test_the_same_parameters_under_other_code_are_another_trial(tmp_path: Path) -> None:
    with TrialLedger(tmp_path / "trials.db") as ledger:
        ledger.record("a", "tape", keys(1, code="old"))
        ledger.record("b", "tape", keys(1, code="new"))
        assert ledger.census("b").together == 2


def test_the_hash_is_of_the_set_of_earlier_trials(tmp_path: Path) -> None:
    hashes = []
    for name, order in (("one", (1, 2)), ("two", (2, 1)), ("three", (1, 3))):
        with TrialLedger(tmp_path / f"{name}.db") as ledger:
            ledger.record("a", "tape", keys(*order))
            ledger.record("b", "tape", keys(9))
            hashes.append(ledger.census("b").earlier_hash)
    assert hashes[0] == hashes[1] != hashes[2]
    assert len(hashes[0]) == 64


# Each record is a commit to the disk: fewer examples than usual.
@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.sets(st.integers(0, 9)))))
def test_it_counts_as_plain_sets_do(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[str, str, set[int]]]
) -> None:
    searches: dict[str, set[int]] = {}
    with TrialLedger(tmp_path_factory.mktemp("ledger") / "trials.db") as ledger:
        for search, data, numbers in records:
            # The name of a search holds its data's.
            ledger.record(search + data, data, keys(*numbers))
            searches.setdefault(search + data, set()).update(numbers)
        names = list(searches)
        for place, name in enumerate(names):
            before = [searches[other] for other in names[:place] if other[1] == name[1]]
            earlier = set[int]().union(*before)
            census = ledger.census(name)
            assert census[:3] == (len(searches[name]), len(earlier), len(earlier | searches[name]))


def test_a_search_over_other_data_is_another_and_one_that_never_was_has_no_count(tmp_path: Path) -> None:
    with TrialLedger(tmp_path / "trials.db") as ledger:
        ledger.record("a", "tape", keys(1))
        with pytest.raises(ValueError, match="recorded over data tape, not another"):
            ledger.record("a", "another", keys(2))
        assert ledger.census("a").own == 1
        with pytest.raises(KeyError):
            ledger.census("b")


# -- several at once, and killed -----------------------------------------------------------------------------


def test_several_may_record_at_once(tmp_path: Path) -> None:
    path = tmp_path / "trials.db"

    def work(worker: int) -> None:
        with TrialLedger(path) as ledger:
            for number in range(0, 40, 4):
                ledger.record("a", "tape", keys(*range(number, number + 4 + worker)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with TrialLedger(path) as ledger:
        assert ledger.census("a").own == 43


RECORDING = """
import sys
from pathlib import Path
from drift_e3.lab.trial_ledger import TrialLedger, trial_key
with TrialLedger(Path(sys.argv[1])) as ledger:
    number = 0
    while True:
        ledger.record("a", "tape", [trial_key("code", f"parameters {number}")])
        print(number, flush=True)
        number += 1
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 7, 40])
def test_what_was_recorded_survives_a_kill(tmp_path: Path, after: int) -> None:
    path = tmp_path / "trials.db"
    with subprocess.Popen(
        [sys.executable, "-c", RECORDING, str(path)], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= after:
                process.send_signal(signal.SIGKILL)
                break
        told = int(line)
        told += len(process.stdout.readlines())
    with TrialLedger(path) as ledger:
        # At most the one that was being recorded is there and was not told of.
        assert told + 1 <= ledger.census("a").own <= told + 2
        ledger.record("a", "tape", keys(*range(told + 2)))
        assert ledger.census("a").own == told + 2


def test_one_that_stays_locked_says_so(tmp_path: Path) -> None:
    path = tmp_path / "trials.db"
    with TrialLedger(path, lock_wait_s=0.0) as ledger:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy, match=r"trials.db: another search keeps the trial ledger locked"):
            ledger.record("a", "tape", keys(1))
        other.execute("ROLLBACK")
        other.close()
        ledger.record("a", "tape", keys(1))


# -- files that are none -------------------------------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught, TrialLedger(path, lock_wait_s=0.0):
        pass
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("trials " * 400)
    assert "file is not a database" in refused(text)
    assert text.read_text() == "trials " * 400
    for name, statement in (
        ("journal.db", "PRAGMA application_id = 0x44334A4C"),
        ("foreign.db", "CREATE TABLE things (a)"),
        ("newer.db", f"PRAGMA application_id = {APPLICATION_ID}"),
    ):
        connection = sqlite3.connect(tmp_path / name)
        connection.execute(statement)
        connection.execute("PRAGMA user_version = 9")
        connection.commit()
        connection.close()
        assert "is no trial ledger of version 1" in refused(tmp_path / name)


def test_a_ledger_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "trials.db")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder")


def test_a_ledger_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trials.db"
    with TrialLedger(path) as ledger:
        ledger.record("a", "tape", keys(*range(200)))
    path.write_bytes(path.read_bytes()[:5_000])
    with (
        pytest.raises(DataError, match=r"trials.db: the trial ledger cannot be used"),
        TrialLedger(path) as ledger,
    ):
        ledger.census("a")


def test_an_error_of_the_caller_is_not_ours_and_writes_nothing(tmp_path: Path) -> None:
    def trials() -> Iterator[str]:
        yield from keys(1)
        raise RuntimeError("made up")

    with TrialLedger(tmp_path / "trials.db") as ledger:
        with pytest.raises(RuntimeError, match="made up"):
            ledger.record("a", "tape", trials())
        with pytest.raises(KeyError):
            ledger.census("a")
