"""A small market and a search over it, for the verb's tests."""

import json
from pathlib import Path
from typing import Any

from drift_e3.core.events import AdviceReceived
from drift_e3.lab.archive import ArchiveWriter, Header, tape_digest
from drift_e3.lab.leakage import Mode
from drift_e3.venues.tape.series import CandleTape
from tests.live.tapes import random_walk, write_candles, write_funding

HOURS = 24 * 40
COMMAND = ("optimize", "--config", "search.json", "--tape", "tape.csv", "--funding", "funding.csv")
SEARCH: dict[str, Any] = {
    "name": "lively",
    "timeframe": "1h",
    "parameters": {
        "m_volumeZ": [0.5, 1.0, 1.5],
        "m_realizedVol": [0.1, 0.3],
        "m_stopLossPct": [0.008, 0.012],
        "m_spreadBps": [20, 30],
        "ai_minConfidence": [0.2, 0.4],
    },
    "constraints": {"maxCombinations": 8, "earlyStopRules": {"minProfitFactor": 0.1}},
    "backtestPeriods": [{"name": "inside", "start": "2025-01-09", "end": "2025-01-28"}],
    "validationPeriod": {"name": "outside", "start": "2025-01-29", "end": "2025-02-08"},
    "search": {"keepMin": 2, "refinementTrials": 4, "refineBest": 1, "evidenceSets": 4, "chunkSets": 1},
}


def make_market(folder: Path, search: dict[str, Any] | None = None) -> None:
    """Write tape, funding and configuration."""
    write_candles(folder / "tape.csv", random_walk(4, HOURS, minutes=60))
    write_funding(folder / "funding.csv", 1, HOURS + 1)
    (folder / "search.json").write_text(json.dumps(search or SEARCH))


def record_answers(
    folder: Path, candles: CandleTape, mode: Mode = Mode.RECORDED, cutoff_ts: int | None = None
) -> Path:
    """A model that always sees a sure thing to the short side, and answers within half a second."""
    header = Header(
        tape=tape_digest(candles),
        symbol="SOL-PERP",
        frame_ms=candles.frame_ms,
        mode=mode,
        model="bear",
        cutoff_ts=cutoff_ts,
    )
    answer = {
        "regime": "bear_trend",
        "direction": "SHORT",
        "confidence": 0.7,
        "size_multiplier": 1.0,
        "reasoning": "down",
    }
    path = folder / "answers.jsonl"
    with ArchiveWriter(path, header) as archive:
        for open_ts in candles.ts_ms[190:]:
            close_ts = open_ts + candles.frame_ms
            answered = AdviceReceived(
                seen_ts=close_ts + 500,
                question_id="q",
                text=json.dumps(answer),
                latency_ms=500,
                model="bear",
            )
            archive.append(close_ts, answered)
    return path
