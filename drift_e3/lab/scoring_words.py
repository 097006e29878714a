"""Scores in words and rows of words, for the terminal and the page alike. Nothing is computed here."""

from datetime import UTC, datetime

from drift_e3.lab.scoring_card import Card
from drift_e3.lab.scoring_direction import DirectionScore, Skill
from drift_e3.lab.scoring_horizon import HorizonScore
from drift_e3.lab.scoring_intervals import Interval, Measure
from drift_e3.lab.scoring_service import ModelService, Service

UNKNOWN = "-"
HORIZON_HEAD = (
    "horizon",
    "answers",
    "right",
    "95 %",
    "by chance",
    "edge, points",
    "claims",
    "overclaims, points",
    "Brier",
    "log loss",
    "ECE (noise)",
    "skill over base rate, %",
    "over rules, %",
    "of the blend, %",
)
MODEL_HEAD = ("model", "asked", "understood", "timed out", "misunderstood", "failed", "p50", "p95", "tokens")


def percent(frac: float | None, digits: int = 1) -> str:
    """A share as people read it."""
    return UNKNOWN if frac is None else f"{100.0 * frac:.{digits}f} %"


def points(measure: Measure) -> str:
    """A difference of shares in percentage points, with its interval where there is one."""
    if measure.value is None:
        return UNKNOWN
    return f"{100.0 * measure.value:+.1f}{_within(measure.interval, sign='+')}"


def between(interval: Interval | None) -> str:
    """An interval of shares."""
    return UNKNOWN if interval is None else f"{100.0 * interval.low:.1f} to {100.0 * interval.high:.1f} %"


def seconds(ms: float | None) -> str:
    """A latency."""
    return UNKNOWN if ms is None else f"{ms / 1_000.0:.2f} s"


def day(ts: int | None) -> str:
    """A moment, UTC."""
    return UNKNOWN if ts is None else datetime.fromtimestamp(ts / 1_000, UTC).strftime("%Y-%m-%d %H:%M")


def findings(card: Card) -> list[str]:
    """What can be said at each horizon, in a sentence each; of each model where there are several."""
    sentences = []
    for score in card.horizons:
        if score.direction is None:
            known = f"{score.judged} questions judged" if score.judged else "nothing known yet"
            sentences.append(f"{score.horizon}: no directional answer to judge ({known}).")
        elif score.models:
            sentences += [
                f"{score.horizon}, {model}: {_finding(told)}" for model, told in score.models.items()
            ]
        else:
            sentences.append(f"{score.horizon}: {_finding(score.direction)}")
    return sentences


def horizon_row(score: HorizonScore) -> tuple[str, ...]:
    """A horizon's figures under `HORIZON_HEAD`."""
    told = score.direction
    if told is None:
        return (score.horizon, "0", *[UNKNOWN] * (len(HORIZON_HEAD) - 2))
    return (
        score.horizon,
        f"{told.rate.answers:,}",
        percent(told.rate.frac),
        between(told.rate.interval),
        percent(told.rate.expected_frac),
        points(told.edge),
        percent(told.rate.mean_confidence),
        points(told.overconfidence),
        f"{told.parts.score:.4f}",
        f"{told.log_loss:.4f}",
        f"{told.calibration_error:.3f} ({told.calibration_noise:.3f})",
        points(told.base_skill),
        points(score.rules.advisor_skill),
        points(score.rules.blend_skill),
    )


def model_row(service: ModelService) -> tuple[str, ...]:
    """A model's service under `MODEL_HEAD`; tokens are those of question and answer."""
    tokens = (service.prompt_tokens, service.answer_tokens)
    return (
        service.model or "(not told)",
        f"{service.attempts:,}",
        *(percent(service.rates[kind].frac) for kind in Service),
        seconds(service.latency_ms.get("p50")),
        seconds(service.latency_ms.get("p95")),
        " + ".join(UNKNOWN if count is None else f"{count:.0f}" for count in tokens),
    )


def _finding(told: DirectionScore) -> str:
    right = f"right in {percent(told.rate.frac)} of {told.rate.answers:,}"
    chance = f"{percent(told.rate.expected_frac)} by chance"
    claimed = f"claims {percent(told.rate.mean_confidence)}"
    if told.skill is Skill.UNKNOWN:
        return f"{told.skill.value} ({right}, {chance}; {claimed})."
    return f"{told.skill.value} ({right}, {chance}); {told.honesty.value} ({claimed})."


def _within(interval: Interval | None, sign: str = "") -> str:
    if interval is None:
        return ""
    return f" [{100.0 * interval.low:{sign}.1f}, {100.0 * interval.high:{sign}.1f}]"
