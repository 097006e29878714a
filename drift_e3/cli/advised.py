"""`--advice ARCHIVE|off` of a backtest: whose answers are heard, and what a result over them is worth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from drift_e3.lab.archive import ArchivedAnswers
    from drift_e3.wiring import Recording

OFF = "off"
Advice = Annotated[
    str,
    typer.Option(
        "--advice", metavar="ARCHIVE|off", help="Recorded answers to hear; off, the default: the rules alone."
    ),
]
WORTH = {
    "clean": "",
    "masked": (
        "The answers are of a model that was shown neither dates nor the level of prices; "
        "it may know the time all the same."
    ),
    "contaminated": (
        "The answers are of a model that was trained on this very time: what it earned here proves nothing."
    ),
    "stub": (
        "The answers are made up by a statistical twin that is told the outcomes: "
        "they test the machinery and no model."
    ),
}
"""What a reader must know of a result, by the mark of its window."""


class Advised(NamedTuple):
    """Answers for a backtest; `told` is what the run card says of them, `warning` a sentence or nothing."""

    answers: "ArchivedAnswers"
    told: dict[str, object]
    warning: str


def archive_file(advice: str) -> Path | None:
    """The archive that is meant; None for ``off``."""
    return None if advice == OFF else Path(advice)


def advised(path: Path, recording: "Recording") -> Advised:
    """The answers of an archive about this very tape.

    Raises `DataError` for one about another market, a file that is none, and a window on both sides of the
    model's training cutoff.
    """
    from drift_e3.lab.archive import ArchivedAnswers, read_archive
    from drift_e3.lab.report.card import file_data

    archive = read_archive(path)
    played = recording.feed.played
    candles = played.candles
    archive.check_tape(candles, recording.feed.instrument.symbol)
    mark = archive.mark(candles.ts_ms[played.live], candles.ts_ms[played.end - 1] + candles.frame_ms)
    header = archive.header
    told = file_data("advice", path) | {
        "mode": header.mode.value,
        "mark": mark.value,
        "model": header.model,
        "digest": header.digest,
        "template": header.template,
        "options": header.options,
    }
    return Advised(ArchivedAnswers(archive), told, WORTH[mark.value])
