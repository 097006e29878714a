"""What a stated confidence is worth, from how often such statements came true.

Isotonic regression by pooling adjacent violators: Ayer, Brunk, Ewing, Reid and Silverman, "An empirical
distribution function for sampling with incomplete information", Annals of Mathematical Statistics 26, 1955;
to calibrate classifiers: Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass
probability estimates", KDD 2002. Nothing here knows of advice or weights.
"""

from typing import Final, NamedTuple

from drift_e3.core.windows import Floats

PRIOR_COUNT: Final = 50.0
"""Statements of the base rate that are added to each step: few outcomes are drawn towards no skill."""


class Step(NamedTuple):
    """Of `stated` statements with a confidence from `confidence` up to the next step `true` came true."""

    confidence: float
    true: float
    stated: float


def isotonic_steps(confidences: Floats, rights: Floats) -> list[Step]:
    """The non-decreasing step function of confidence that fits the outcomes best (least squares).

    `rights` are 1 for what came true and 0 for what did not, in the order of `confidences`. Equal confidences
    are one step. Ascending; empty without outcomes.
    """
    steps: list[Step] = []
    for confidence, right in sorted(zip(confidences, rights, strict=True)):
        if steps and steps[-1].confidence == confidence:
            steps[-1] = Step(confidence, steps[-1].true + right, steps[-1].stated + 1.0)
        else:
            steps.append(Step(confidence, right, 1.0))
    pooled: list[Step] = []
    for step in steps:
        latest = step
        # Crosswise, so that no rounding of a quotient decides.
        while pooled and pooled[-1].true * latest.stated >= latest.true * pooled[-1].stated:
            before = pooled.pop()
            latest = Step(before.confidence, before.true + latest.true, before.stated + latest.stated)
        pooled.append(latest)
    return pooled


def calibrated(steps: list[Step], confidence: float, base: float) -> float:
    """How likely a statement of this confidence is to come true, 0..1; `base` is so without any skill.

    The step that `confidence` lies on (the first for all below it), drawn towards `base` by `PRIOR_COUNT`.
    """
    found = Step(0.0, 0.0, 0.0)
    for step in steps:
        if found.stated > 0.0 and step.confidence > confidence:
            break
        found = step
    return (found.true + PRIOR_COUNT * base) / (found.stated + PRIOR_COUNT)
