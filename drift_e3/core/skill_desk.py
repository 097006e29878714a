"""Earned weight at work: answers followed, judged when their time has come, and heard for what they earned.

With a fixed weight nothing here does anything. The rule itself is `core.skill`'s.
"""

from drift_e3.core.notes import AdviceJudged, WeightChanged
from drift_e3.core.terms import WeightMode
from drift_e3.core.turn import Turn


def follow_advice(turn: Turn) -> None:
    """Take the answer that has just come: wait for its outcome, and hear it for what it is worth."""
    state = turn.state
    held = state.consultation.held
    if held is None or state.settings.params.ai_weightMode is not WeightMode.EARNED:
        return
    close_usd = state.market.recent_candles[-1][4]
    state.skill.follow(held, state.market.candle_close_ts, close_usd)
    state.consultation.heard = state.skill.hear(held)


def judge_advice(turn: Turn, close_ts: int, close_usd: float) -> None:
    """Judge the answers that are due at a candle's close, and say what that changes."""
    state = turn.state
    judged = state.skill.judge(close_ts, close_usd)
    for advice, right, record, before in judged:
        turn.notes.append(
            AdviceJudged(
                question_id=advice.question_id,
                advisor=advice.advisor,
                direction=advice.direction,
                confidence=advice.confidence,
                calibrated=advice.calibrated,
                base=advice.base,
                right=right,
                counted=advice.counted,
                evidence=record.evidence,
            )
        )
        if record.share != before:
            turn.notes.append(
                WeightChanged(
                    advisor=advice.advisor,
                    before=before,
                    after=record.share,
                    evidence=record.evidence,
                    counted=record.counted,
                )
            )
    if any(advice.counted for advice, *_ in judged):
        weigh_anew(turn)


def weigh_anew(turn: Turn) -> None:
    """Give the advice at hand the say that it has now, by the settings in force."""
    state = turn.state
    consultation = state.consultation
    if state.settings.params.ai_weightMode is not WeightMode.EARNED:
        state.skill.open.clear()
        consultation.heard = consultation.held
    elif consultation.held is not None:
        consultation.heard = state.skill.hear(consultation.held)
