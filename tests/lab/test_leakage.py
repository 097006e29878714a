"""What answers about a window are worth, and that worths are not mixed."""

import pytest

from drift_e3.lab.leakage import Mark, Mode, mark_of, unmixed
from drift_e3.ports import DataError

CUTOFF = 1_725_148_800_000
"""2024-09-01 00:00 UTC."""
DAY = 86_400_000
BEFORE = (CUTOFF - 30 * DAY, CUTOFF - DAY)
AFTER = (CUTOFF, CUTOFF + 30 * DAY)
ACROSS = (CUTOFF - DAY, CUTOFF + DAY)


@pytest.mark.parametrize(
    ("mode", "cutoff_ts", "window", "mark"),
    [
        (Mode.RECORDED, None, BEFORE, Mark.CLEAN),
        (Mode.RECORDED, CUTOFF, ACROSS, Mark.CLEAN),
        (Mode.PLAIN, None, AFTER, Mark.CONTAMINATED),
        (Mode.PLAIN, CUTOFF, BEFORE, Mark.CONTAMINATED),
        (Mode.PLAIN, CUTOFF, AFTER, Mark.CLEAN),
        (Mode.MASKED, None, AFTER, Mark.MASKED),
        (Mode.MASKED, CUTOFF, BEFORE, Mark.MASKED),
        (Mode.MASKED, CUTOFF, ACROSS, Mark.MASKED),
        (Mode.MASKED, CUTOFF, AFTER, Mark.CLEAN),
        (Mode.STUB, CUTOFF, AFTER, Mark.STUB),
    ],
)
def test_the_mark_of_a_window(mode: Mode, cutoff_ts: int | None, window: tuple[int, int], mark: Mark) -> None:
    assert mark_of(mode, cutoff_ts, *window) is mark


def test_a_window_on_both_sides_of_the_cutoff_is_refused_in_one_line() -> None:
    with pytest.raises(DataError) as caught:
        mark_of(Mode.PLAIN, CUTOFF, *ACROSS)
    assert str(caught.value) == (
        "2024-08-31 to 2024-09-02: lies on both sides of the model's training cutoff 2024-09-01: "
        "contaminated and clean windows are never mixed; end before it or start after"
    )


def test_windows_of_one_mark_have_it_together() -> None:
    assert unmixed([Mark.MASKED, Mark.MASKED]) is Mark.MASKED
    assert unmixed([]) is None


def test_windows_of_several_marks_are_refused_in_one_line() -> None:
    with pytest.raises(DataError, match=r"^clean and contaminated windows are never mixed: judge them one"):
        unmixed([Mark.CLEAN, Mark.CONTAMINATED, Mark.CLEAN])
