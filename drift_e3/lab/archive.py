"""Archives of answers about a recorded market: asked once, read by as many backtests as one likes.

A file of JSON lines: a header that says what was asked of whom about which tape, then an object for each
question with the close of the candle that it was about. Written by appending, each answer on the disk before
the next question, so that whoever was killed goes on where it ended. Who asks is not known here; what answers
about the past are worth is `lab.leakage`'s.
"""

import os
import struct
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import AdviceFailed, AdvisorEvent
from drift_e3.journal.codec import KINDS, PayloadError, decode_event, encode
from drift_e3.lab.leakage import Mark, Mode, mark_of
from drift_e3.ports import DataError
from drift_e3.venues.tape.series import CandleTape

FORMAT: Final = 1
NOT_RECORDED: Final = "not_recorded"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of whom about which market.

    `tape` is the SHA-256 of the tape's candles, `options` how the model was asked, as canonical JSON,
    `cutoff_ts` the end of the model's training data (UTC, ms), null where nobody knows it.
    """

    format: int = FORMAT
    tape: str
    symbol: str
    frame_ms: int
    mode: Mode
    model: str
    digest: str = ""
    template: str = ""
    options: str = ""
    cutoff_ts: int | None = None


class _Row(msgspec.Struct):
    """One line: the candle's close, the kind of event and its fields."""

    ts: int
    kind: str
    event: msgspec.Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A whole archive. `answers` are by the close (UTC, ms) of the candle that was asked about."""

    path: Path
    header: Header
    answers: Mapping[int, AdvisorEvent]

    def mark(self, first_ts: int, last_ts: int) -> Mark:
        """What a result over this window is worth; see `leakage.mark_of`."""
        return mark_of(self.header.mode, self.header.cutoff_ts, first_ts, last_ts)

    def check_tape(self, candles: CandleTape, symbol: str) -> None:
        """Raise `DataError` unless the answers are about this very market."""
        header = self.header
        asked = (
            ("symbol", header.symbol, symbol),
            ("frame_ms", header.frame_ms, candles.frame_ms),
            ("tape", header.tape, tape_digest(candles)),
        )
        for key, there, here in asked:
            if there != here:
                raise DataError(f"{self.path}: was recorded over {key} {there}, this market has {here}")


class ArchivedAnswers:
    """Answers out of an archive, for `lab.backtest`: the very question's answer, or ``not_recorded``."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def __call__(self, command: AskAdvisor) -> AdvisorEvent:
        """What was answered about this candle, as long after the question as it took then."""
        question = command.question
        close_ts = question.candles[-1][0] + self._archive.header.frame_ms
        recorded = self._archive.answers.get(close_ts)
        if recorded is None:
            return AdviceFailed(
                seen_ts=question.ts, question_id=question.question_id, reason=NOT_RECORDED, latency_ms=0
            )
        return replace(recorded, seen_ts=question.ts + recorded.latency_ms, question_id=question.question_id)


def tape_digest(candles: CandleTape) -> str:
    """The SHA-256 of a tape's candles: frame, times, prices and volumes, whatever the file's format."""
    digest = sha256(struct.pack("<qq", candles.frame_ms, len(candles.ts_ms)))
    columns: list[array[int] | array[float]] = [
        candles.ts_ms,
        candles.open,
        candles.high,
        candles.low,
        candles.close,
        candles.volume,
    ]
    for column in columns:
        digest.update(column)
    return digest.hexdigest()


def read_archive(path: Path) -> Archive:
    """Read an archive; an unfinished last line, of somebody killed, does not count.

    Raises `DataError` naming file and line for anything that is not one.
    """
    header, answers, _ = _read(path)
    return Archive(path=path, header=header, answers=answers)


class ArchiveWriter:
    """An archive that grows. `recorded` are the closes that it has an answer for."""

    def __init__(self, path: Path, header: Header) -> None:
        """Begin an archive, or go on with one. Raises `DataError` for a file with another header, or that is
        none, and where nothing can be written."""
        self.recorded: set[int] = set()
        try:
            if path.exists() and path.stat().st_size > 0:
                there, answers, whole_bytes = _read(path)
                _refuse_another(path, there, header)
                self.recorded.update(answers)
                os.truncate(path, whole_bytes)
                self._file = path.open("ab")
            else:
                self._file = path.open("wb")
                self._write(msgspec.json.encode(header))
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error

    def append(self, close_ts: int, event: AdvisorEvent) -> None:
        """Add an answer; it is on the disk when this returns."""
        kind = KINDS[type(event)].encode()
        self._write(b'{"ts":%d,"kind":"%s","event":%s}' % (close_ts, kind, encode(event)))
        self.recorded.add(close_ts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _write(self, line: bytes) -> None:
        self._file.write(line + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def _read(path: Path) -> tuple[Header, dict[int, AdvisorEvent], int]:
    """Header, answers, and the bytes of all finished lines."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    whole = content[: content.rfind(b"\n") + 1]
    lines = whole.splitlines()
    if not lines:
        raise DataError(f"{path}: is no archive of answers: it has no header line")
    try:
        header = msgspec.json.decode(lines[0], type=Header)
    except msgspec.DecodeError as error:
        raise DataError(f"{path}, line 1: is no header of an archive of answers: {error}") from error
    if header.format != FORMAT:
        raise DataError(f"{path}, line 1: has format {header.format}, this program knows {FORMAT}")
    answers: dict[int, AdvisorEvent] = {}
    for number, line in enumerate(lines[1:], 2):
        try:
            row = msgspec.json.decode(line, type=_Row)
            event = decode_event(row.kind, bytes(row.event))
        except (msgspec.DecodeError, PayloadError) as error:
            raise DataError(f"{path}, line {number}: is no answer: {error}") from error
        if not isinstance(event, AdvisorEvent):
            raise DataError(f"{path}, line {number}: is no answer but {row.kind}")
        if row.ts in answers:
            raise DataError(f"{path}, line {number}: the candle that closed at {row.ts} is there twice")
        answers[row.ts] = event
    return header, answers, len(whole)


def _refuse_another(path: Path, there: Header, here: Header) -> None:
    for key in Header.__struct_fields__:
        was, wanted = getattr(there, key), getattr(here, key)
        if was != wanted:
            raise DataError(f"{path}: was begun with {key} {was}, not {wanted}; give another --out")
