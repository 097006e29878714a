"""Archives of answers: written so that a kill loses nothing, read to the letter, refused in one line."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent
from drift_e3.lab.archive import (
    Archive,
    ArchivedAnswers,
    ArchiveWriter,
    Header,
    read_archive,
    tape_digest,
)
from drift_e3.lab.leakage import Mark, Mode
from drift_e3.ports import DataError
from drift_e3.venues.tape.reading import read_candles
from drift_e3.venues.tape.series import CandleTape
from tests.advisors.questions import ASKED_TS, a_question
from tests.live.tapes import random_walk, write_candles

MINUTE = 60_000
CLOSE_TS = ASKED_TS
HEADER = Header(tape="ab" * 32, symbol="SOL-PERP", frame_ms=MINUTE, mode=Mode.MASKED, model="some-model")


def an_answer(latency_ms: int = 700) -> AdviceReceived:
    return AdviceReceived(
        seen_ts=CLOSE_TS + latency_ms,
        question_id=f"{CLOSE_TS}-ask",
        text='{"regime": "chop"}',
        latency_ms=latency_ms,
        model="some-model",
    )


def a_failure() -> AdviceFailed:
    return AdviceFailed(seen_ts=CLOSE_TS, question_id="q", reason="timeout", latency_ms=8_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def write(path: Path, *answers: tuple[int, AdvisorEvent], header: Header = HEADER) -> None:
    with ArchiveWriter(path, header) as archive:
        for close_ts, event in answers:
            archive.append(close_ts, event)


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_archive(path)
    return str(caught.value).replace(str(path), "FILE")


def test_what_was_written_is_read(path: Path) -> None:
    write(path, (CLOSE_TS, an_answer()), (CLOSE_TS + MINUTE, a_failure()))
    archive = read_archive(path)
    assert archive.header == HEADER
    assert archive.answers == {CLOSE_TS: an_answer(), CLOSE_TS + MINUTE: a_failure()}


def test_somebody_who_was_killed_goes_on_where_the_last_whole_line_ends(path: Path) -> None:
    write(path, (CLOSE_TS, an_answer()))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"ts":1700000060000,"kind":"advice_rec')
    assert list(read_archive(path).answers) == [CLOSE_TS]
    with ArchiveWriter(path, HEADER) as archive:
        assert archive.recorded == {CLOSE_TS}
        archive.append(CLOSE_TS + MINUTE, a_failure())
    assert list(read_archive(path).answers) == [CLOSE_TS, CLOSE_TS + MINUTE]
    assert path.read_bytes().startswith(whole)


def test_an_archive_of_something_else_is_not_gone_on_with(path: Path) -> None:
    write(path)
    with pytest.raises(DataError, match=r"was begun with model some-model, not another; give another --out$"):
        ArchiveWriter(path, msgspec.structs.replace(HEADER, model="another"))


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be written: No such file or directory$"):
        ArchiveWriter(tmp_path / "none" / "answers.jsonl", HEADER)


def test_what_is_no_archive_is_refused_with_its_line(path: Path) -> None:
    head = msgspec.json.encode(HEADER) + b"\n"
    row = b'{"ts":1,"kind":"%s","event":%s}\n'
    failed = msgspec.json.encode(a_failure())
    assert refusal(path, b"") == "FILE: is no archive of answers: it has no header line"
    assert refusal(path, b"ts,open\n").startswith("FILE, line 1: is no header of an archive of answers: ")
    newer = msgspec.json.encode(msgspec.structs.replace(HEADER, format=2)) + b"\n"
    assert refusal(path, newer) == "FILE, line 1: has format 2, this program knows 1"
    assert refusal(path, head + b"{}\n").startswith("FILE, line 2: is no answer: ")
    assert refusal(path, head + row % (b"advice_failed", b"{}")).startswith("FILE, line 2: is no answer: ")
    beat = row % (b"heartbeat", b'{"seen_ts":1}')
    assert refusal(path, head + beat) == "FILE, line 2: is no answer but heartbeat"
    twice = (row % (b"advice_failed", failed)) * 2
    assert refusal(path, head + twice) == "FILE, line 3: the candle that closed at 1 is there twice"


def test_a_file_that_is_not_there_is_one_line(path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read: No such file or directory$"):
        read_archive(path)


class TestAnswers:
    ANSWERS = ArchivedAnswers(
        Archive(
            path=Path("answers"), header=HEADER, answers={CLOSE_TS: an_answer(), CLOSE_TS + 1: a_failure()}
        )
    )

    def asked(self, ts: int) -> AskAdvisor:
        """A question that was put at `ts` about the candle that closed at `CLOSE_TS`."""
        return AskAdvisor(question=a_question(ts=ts, question_id="now"), deadline_ms=8_000)

    def test_the_recorded_answer_comes_as_late_as_it_came(self) -> None:
        event = self.ANSWERS(self.asked(CLOSE_TS + 40))
        assert event == replace(an_answer(), seen_ts=CLOSE_TS + 740, question_id="now")

    def test_only_the_very_candle_counts(self) -> None:
        question = a_question(candles=a_question().candles[:-1])
        event = self.ANSWERS(AskAdvisor(question=question, deadline_ms=8_000))
        assert event == AdviceFailed(
            seen_ts=question.ts, question_id=question.question_id, reason="not_recorded", latency_ms=0
        )


class TestTape:
    def tape(self, folder: Path, seed: int = 1) -> CandleTape:
        return read_candles(write_candles(folder / f"{seed}.csv", random_walk(seed, 50)))

    def test_an_archive_belongs_to_one_market(self, tmp_path: Path) -> None:
        candles = self.tape(tmp_path)
        header = msgspec.structs.replace(HEADER, tape=tape_digest(candles), frame_ms=candles.frame_ms)
        archive = Archive(path=Path("answers"), header=header, answers={})
        archive.check_tape(candles, "SOL-PERP")
        with pytest.raises(DataError, match=r"^answers: was recorded over symbol SOL-PERP, this market has"):
            archive.check_tape(candles, "BTC-PERP")
        with pytest.raises(DataError, match=r"^answers: was recorded over tape [0-9a-f]{64}, this market"):
            archive.check_tape(self.tape(tmp_path, seed=2), "SOL-PERP")

    def test_the_mark_is_that_of_the_header(self) -> None:
        header = msgspec.structs.replace(HEADER, cutoff_ts=CLOSE_TS)
        archive = Archive(path=Path("answers"), header=header, answers={})
        assert archive.mark(CLOSE_TS - MINUTE, CLOSE_TS) is Mark.MASKED
        assert archive.mark(CLOSE_TS, CLOSE_TS + MINUTE) is Mark.CLEAN
