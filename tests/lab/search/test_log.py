"""The durable log: what was finished is there after any crash, what was not is not."""

from pathlib import Path

import pytest

from drift_e3.journal.state_lock import StateLocked
from drift_e3.lab.search.log import LOG_NAME, LogOfAnother, SearchLog, Unfinished
from drift_e3.lab.search.score import Metrics
from drift_e3.lab.search.work import Measured
from drift_e3.lab.verdict import TradeCosts

ONE = (Measured((Metrics(3.0, float("inf"), 0.1),), (0.1, -1e-17), (TradeCosts(1.0, 0.2, 0.3, -0.1),)),)
OTHER = (Measured((Metrics(),)), Measured((Metrics(1.0),)))


def test_what_is_put_is_there_after_opening_again_bit_for_bit(tmp_path: Path) -> None:
    with SearchLog(tmp_path / "new", "me", resume=False) as log:
        log.put("a", ONE)
        log.put("b", OTHER)
        assert log.get("a") == ONE
    with SearchLog(tmp_path / "new", "me", resume=True) as log:
        assert (log.get("a"), log.get("b"), log.get("c")) == (ONE, OTHER, None)
        assert "a" in log
        assert "c" not in log
        log.put("c", ONE)
        assert log.get("b") == OTHER


def test_wherever_it_was_cut_off_what_is_before_the_cut_is_there(tmp_path: Path) -> None:
    with SearchLog(tmp_path, "me", resume=False) as log:
        log.put("a", ONE)
        log.put("b", OTHER)
    whole = (tmp_path / LOG_NAME).read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == ord("\n")]
    near = {end + off for end in ends for off in (-1, 0, 1)} | set(range(0, len(whole), 29))
    for length in sorted(near - {len(whole) + 1}):
        (tmp_path / LOG_NAME).write_bytes(whole[:length])
        with SearchLog(tmp_path, "me", resume=True) as log:
            assert [key in log for key in ("a", "b")] == [length >= ends[1], length >= ends[2]]
            log.put("b", OTHER)
        with SearchLog(tmp_path, "me", resume=True) as log:
            assert log.get("b") == OTHER


def test_a_flipped_bit_ends_what_is_believed(tmp_path: Path) -> None:
    with SearchLog(tmp_path, "me", resume=False) as log:
        log.put("a", ONE)
        log.put("b", OTHER)
    content = bytearray((tmp_path / LOG_NAME).read_bytes())
    content[content.index(b'"a"') + 1] ^= 1
    (tmp_path / LOG_NAME).write_bytes(content)
    with SearchLog(tmp_path, "me", resume=True) as log:
        assert "a" not in log
        assert "b" not in log


def test_the_log_of_another_search_is_left_alone(tmp_path: Path) -> None:
    with SearchLog(tmp_path, "me", resume=False) as log:
        log.put("a", ONE)
    before = (tmp_path / LOG_NAME).read_bytes()
    with pytest.raises(LogOfAnother):
        SearchLog(tmp_path, "you", resume=True)
    with pytest.raises(Unfinished):
        SearchLog(tmp_path, "me", resume=False)
    assert (tmp_path / LOG_NAME).read_bytes() == before


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with SearchLog(tmp_path, "me", resume=False), pytest.raises(StateLocked):
        SearchLog(tmp_path, "me", resume=True)
    SearchLog(tmp_path, "me", resume=True).close()


def test_a_finished_search_leaves_no_log(tmp_path: Path) -> None:
    with SearchLog(tmp_path, "me", resume=False) as log:
        log.put("a", ONE)
        log.remove()
    assert list(tmp_path.iterdir()) == []
