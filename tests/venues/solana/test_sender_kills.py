import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.venues.solana.sender_rounds import STEPS

ROOT = Path(__file__).parents[3]


def killed(folder: Path, seed: int, kills: int) -> Counter[str]:
    """How the intents ended, when a sender is killed so often; what it did is held against its promises."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.venues.solana.sender_rounds", str(folder), str(seed), str(kills)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=600,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    lines = ran.stdout.splitlines()
    assert sum(line.startswith("killed ") for line in lines) == kills
    counts = Counter[str]()
    for line in lines:
        if line.startswith("ended "):
            counts.update(json.loads(line.removeprefix("ended ")))
    return counts


@pytest.mark.slow
def test_a_sender_that_dies_at_any_step_sends_no_second_order_and_reports_what_happened(
    tmp_path: Path,
) -> None:
    counts = killed(tmp_path, 1, 3 * (len(STEPS) + 1))
    assert counts["Landed"] > 2
    assert counts["Expired"] > 0


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(2, 8))
def test_hundreds_of_deaths_of_a_sender_double_nothing(tmp_path: Path, seed: int) -> None:
    assert killed(tmp_path, seed, 300)["Landed"] > 50
