"""What `optimize` shows of a walk-forward."""

from pathlib import Path
from typing import Any

import pytest

from drift_e3.cli.search_result import show

TRADED = "2024-03-10..2024-03-26"
SPANS: dict[str, Any] = {
    "chosen_on": [["2024-01-01T00:00Z", "2024-02-12T14:24Z"], ["2024-03-01T00:00Z", "2024-03-10T00:00Z"]],
    "traded_on": [["2024-03-10T00:00Z", "2024-03-26T04:48Z"]],
}
FOUND = SPANS | {
    "parameters": {"m_volumeZ": 2.0},
    "score_inside": 0.34455,
    "scores_outside": [0.12477, None],
    "trades_outside": 32,
    "return_outside_frac": -0.20049,
}
NOTHING = SPANS | {
    "parameters": None,
    "score_inside": None,
    "scores_outside": [],
    "trades_outside": 0,
    "return_outside_frac": 0.0,
}


def test_each_part_of_a_walk_forward_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    card: dict[str, Any] = {
        "about": {
            "score": None,
            "search": {"trials": 3, "grid": 9, "finished": 2, "trials_ever": 5},
            "walk_forward": [FOUND, NOTHING],
            "verdict": {"verdict": "refused", "reasons": []},
        }
    }
    show(card, Path("found"))
    first, _, *folds, _, _ = capsys.readouterr().out.splitlines()
    assert first.endswith("with walk-forward and earlier searches on this data 5")
    assert folds == [
        f"walk-forward 2024-01-01..2024-03-10: 0.3446; traded on {TRADED}: 0.1248, -, 32 trades, -20.0%",
        f"walk-forward 2024-01-01..2024-03-10: nothing was found to trade on {TRADED}",
    ]
