"""Worlds with an advisor whose answers are on record, played by backtest and compiled loop."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent, Settings
from drift_e3.lab.archive import Archive, ArchivedAnswers, Header
from drift_e3.lab.kernel.answering import recorded
from drift_e3.lab.kernel.preparing import prepare
from drift_e3.lab.kernel.retelling import retell
from drift_e3.lab.kernel.running import run
from drift_e3.lab.leakage import Mode
from tests.lab.kernel.comparing import differences, played
from tests.lab.kernel.worlds import LIVELY, LOOSE, World, world

REGIMES = ("bull_trend", "bear_trend", "high_vol", "crash", "chop")


def answer(dice: random.Random, frame_ms: int) -> AdvisorEvent:
    """Advice, nonsense or a failure, at once, within the deadline, after it, or candles later."""
    latency_ms = dice.choice(
        (0, 0, 400, 3_000, 7_999, 8_000, 8_001, 8_060, frame_ms - 1, frame_ms, 2 * frame_ms)
    )
    if dice.random() < 0.15:
        return AdviceFailed(seen_ts=0, question_id="", reason="timeout", latency_ms=latency_ms)
    regime, direction = dice.choice(REGIMES), dice.choice(("LONG", "SHORT", "FLAT"))
    confidence, multiplier = dice.choice((0.1, 0.3, 0.6, 0.8, 0.95, 1.0)), dice.choice((0.5, 1, 1.7))
    text = (
        f'{{"regime": "{regime}", "direction": "{direction}", "confidence": {confidence}, '
        f'"multiplier": {multiplier}, "reasoning": "so it is"}}'
    )
    if dice.random() < 0.1:
        text = text[:40]
    return AdviceReceived(seen_ts=0, question_id="", text=text, latency_ms=latency_ms, model="m")


def advised(seed: int, count: int = 200) -> tuple[World, Archive]:
    """A world with an advisor, and what it has said about most candles."""
    dice = random.Random(seed)
    one = world(seed, count=count)
    params = one.settings.params
    if dice.random() < 0.7:
        params = LIVELY._replace(
            ai_ttlSeconds=dice.choice((1.0, 300.0, 5_000.0, 20_000.0)),
            ai_regimeOverride=dice.random() < 0.7,
            ai_allowSizeUp=dice.random() < 0.5,
            ai_minConfidence=dice.choice((0.0, 0.3, 0.7)),
            ai_vetoConfidence=dice.choice((0.5, 0.8, 1.0)),
        )
    limits = one.settings.limits if dice.random() < 0.3 else LOOSE
    frame_ms = one.candles.frame_ms
    answers = {ts + frame_ms: answer(dice, frame_ms) for ts in one.candles.ts_ms if dice.random() < 0.9}
    header = Header(tape="", symbol="SOL-PERP", frame_ms=frame_ms, mode=Mode.STUB, model="m")
    trading = Settings(
        params=params, limits=limits, ai_enabled=True, ai_deadline_ms=dice.choice((1_000, 8_000, 60_000))
    )
    return replace(one, settings=trading), Archive(path=Path("made"), header=header, answers=answers)


def compare(one: World, archive: Archive) -> Counter[str]:
    """Backtest and compiled loop over an advised world, which are to be alike; what decided."""
    here = played(one, ArchivedAnswers(archive))
    prepared = prepare(one.feed(), one.sim, keep=False)
    there = run(prepared, one.settings, one.equity_usd, recorded(prepared, archive.answers))
    assert differences(retell(prepared, there), here) == []
    told = Counter(decision.no_advice for decision in here.decisions)
    told.update(decision.reason.partition(":")[0] for decision in here.decisions)
    return told
