"""The score card of advice: everything that a ledger says about an advisor, in one value.

Here the parts are put together; the arithmetic, the definitions and the pictures live in the other `scoring`
modules.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from drift_e3.core.terms import REGIMES
from drift_e3.lab.ledger import HORIZONS_MS, Knowledge, Record
from drift_e3.lab.scoring_answers import Answer, answer
from drift_e3.lab.scoring_association import Correlation, agreed_frac, agreement, kappa, pearson, spearman
from drift_e3.lab.scoring_horizon import HorizonScore, score_horizon
from drift_e3.lab.scoring_service import ModelService, ServiceBook, latency_percentiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often the advisor's regime (row) met the rules' (column), and how far beyond chance: Cohen's kappa,
    None where it is not defined. `labels` name rows and columns."""

    labels: tuple[str, ...]
    table: tuple[tuple[int, ...], ...]
    agreed_frac: float | None
    kappa: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """How the advisor's confidence goes with another; None for too few pairs or where one never changes."""

    pearson: Correlation | None
    spearman: Correlation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All scores of a ledger.

    `outcomes` counts questions by what came of them, `known` the returns by horizon and whether they are
    known. `latency_ms` has percentiles from question to advice, the whole ladder included. `regimes` and
    `confidence` compare advice with what the rules said at the same time: the confidence of their regime, and
    of their signal where there was one. `cost_frac` is the round trip that FLAT answers are judged by.
    """

    symbol: str
    first_ts: int | None
    last_ts: int | None
    questions: int
    outcomes: dict[str, int]
    latency_ms: dict[str, float]
    models: tuple[ModelService, ...]
    regimes: Agreement
    rule_confidence: Together
    signal_confidence: Together
    cost_frac: float
    known: dict[str, dict[Knowledge, int]]
    horizons: tuple[HorizonScore, ...]


def score(
    records: Iterable[Record], cost_frac: float, horizons: Collection[str] = tuple(HORIZONS_MS)
) -> Card:
    """Score a ledger, read once, at these horizons; `cost_frac` is a round trip's cost over notional. Of a
    record only numbers are kept."""
    service, answers = ServiceBook(), list[Answer]()
    known = {name: Counter[Knowledge]() for name in horizons}
    symbol, asked = "", list[int]()
    for record in records:
        service.take(record)
        answers.append(answer(record))
        symbol = record.question.symbol
        asked = [asked[0] if asked else record.question.ts, record.question.ts]
        for name, result in zip(HORIZONS_MS, record.results.all(), strict=True):
            if name in known:
                known[name][result.knowledge] += 1
    # By when they were heard: a late one may come after its successor.
    answers.sort(key=lambda one: one.ts)
    advised = [one for one in answers if one.advised]
    return Card(
        symbol=symbol,
        first_ts=asked[0] if asked else None,
        last_ts=asked[-1] if asked else None,
        questions=len(answers),
        outcomes=dict(Counter(one.outcome for one in answers).most_common()),
        latency_ms=latency_percentiles([one.latency_ms for one in advised if one.latency_ms >= 0]),
        models=service.models(),
        regimes=_agreement(advised),
        rule_confidence=_together([(one.confidence, one.rule_confidence) for one in advised]),
        signal_confidence=_together([(one.confidence, one.signal_confidence) for one in advised]),
        cost_frac=cost_frac,
        known={name: dict(counts) for name, counts in known.items()},
        horizons=tuple(
            score_horizon(answers, name, horizon_ms, place, cost_frac)
            for place, (name, horizon_ms) in enumerate(HORIZONS_MS.items())
            if name in known
        ),
    )


def _agreement(advised: Sequence[Answer]) -> Agreement:
    table = agreement([(one.advice_regime, one.rule_regime) for one in advised], len(REGIMES))
    return Agreement(
        labels=tuple(regime.label for regime in REGIMES),
        table=table,
        agreed_frac=agreed_frac(table),
        kappa=kappa(table),
    )


def _together(pairs: Iterable[tuple[float, float]]) -> Together:
    known = [(one, other) for one, other in pairs if one == one and other == other]
    ones, others = [one for one, _ in known], [other for _, other in known]
    return Together(pearson=pearson(ones, others), spearman=spearman(ones, others))
