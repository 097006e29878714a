"""The winner as a parameter card: what the daemon takes with `--params`, and where it comes from.

Everything that steers the daemon stands in its sections; `licence` is what the verdict covers, and `about`
says what the winner was found in, how it did, and why the verdict is what it is. Nothing in it depends on the
moment or the machine.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import isinf
from typing import Any

from drift_e3.core.params import Params
from drift_e3.core.terms import Regime, Strategy, Term
from drift_e3.lab.licence import LICENSED, REFUSED, Leg, Licence, limits_record, parameters_hash
from drift_e3.lab.search.driver import Fold, Found, validation_score
from drift_e3.lab.search.grid import Grid
from drift_e3.lab.search.identity import Account, Hashes
from drift_e3.lab.search.plan import Period, Plan
from drift_e3.lab.search.score import Metrics, period_score
from drift_e3.lab.search.trial import Trial
from drift_e3.lab.search.work import params_of
from drift_e3.lab.trial_ledger import Census
from drift_e3.lab.verdict import Verdict

Document = dict[str, Any]


def card(
    plan: Plan,
    account: Account,
    found: Found,
    hashes: Hashes,
    verdict: Verdict,
    census: Census,
    *,
    frame_ms: int,
    legs: frozenset[Leg],
    advice: Document | None,
) -> Document:
    """The card, ready for JSON. `legs` are the kinds of data that the search had besides candles of
    `frame_ms`, `advice` says whose answers it heard; `census` counts the sets tried on this data by this and
    earlier searches."""
    winner = found.winner
    params = plan.base if winner is None else params_of(plan.base, plan.keys, winner.values)
    limits = account.limits._asdict()
    caps = limits.pop("leverage_caps")
    return {
        "name": plan.name,
        "symbol": plan.symbol,
        "strategy": "regimeAdaptive",
        "timeframe": timeframe(frame_ms),
        "parameters": _parameters(params),
        "limits": limits,
        "leverage": {regime.label: caps[regime] for regime in Regime},
        "routing": {regime.label: Strategy(params.routing[regime]).label for regime in Regime},
        "about": {
            "score": None if winner is None else winner.score,
            "score_out_of_sample": None if winner is None else validation_score(plan, winner),
            "broken_rule": None if winner is None or not winner.broken else winner.broken,
            "periods": _periods(plan, winner),
            "walk_forward": [_fold(plan, fold) for fold in found.folds],
            "search": {
                "seed": plan.seed,
                "grid": Grid(plan.axes).size,
                "trials": len(found.trials),
                "trials_ever": census.together,
                "finished": sum(1 for trial in found.trials if trial.share >= 1.0),
                "searched": {axis.key: list(axis.values) for axis in plan.axes},
                "held": dict(plan.held),
                "equity_usd": account.equity_usd,
                "taker_fee_bps": account.instrument.taker_fee_bps,
            },
            "advice": advice,
            "verdict": verdict.document() | {"judge": hashes.judge},
        },
        "licence": Licence(
            verdict=LICENSED if verdict.licensed else REFUSED,
            reasons=verdict.reasons,
            parameters=parameters_hash(params),
            limits=limits_record(account.limits),
            symbol=plan.symbol,
            frame_ms=frame_ms,
            legs=tuple(leg.value for leg in Leg if leg in legs),
            trials=census.together,
            own_trials=census.own,
            earlier=census.earlier_hash,
            data=hashes.data,
            code=hashes.code,
            search=hashes.search,
        ).document(),
    }


def timeframe(frame_ms: int) -> str:
    """The length of a candle as people write it, such as ``5m``."""
    seconds = frame_ms // 1_000
    for unit, length in (("h", 3_600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _parameters(params: Params) -> Document:
    values = params._asdict()
    del values["routing"]
    return {key: value.label if isinstance(value, Term) else value for key, value in values.items()}


def _periods(plan: Plan, winner: Trial | None) -> list[Document]:
    if winner is None:
        return []
    told = [
        _period(plan, "training", period, row) for period, row in zip(plan.training, winner.rows, strict=True)
    ]
    if winner.validation is not None:
        told.append(_period(plan, "validation", plan.validation, winner.validation))
    return told


def _period(plan: Plan, role: str, period: Period, row: Metrics) -> Document:
    metrics = {name: None if isinf(value) else value for name, value in row._asdict().items()}
    return {
        "name": period.name,
        "role": role,
        "start": day_time(period.start_ts),
        "end": day_time(period.end_ts),
        "weight": period.weight,
        "score": period_score(row, plan.scoring),
        **metrics,
    }


def _fold(plan: Plan, fold: Fold) -> Document:
    return {
        "chosen_on": _span(fold.chosen_on),
        "traded_on": _span(fold.traded_on),
        "parameters": None if fold.values is None else dict(zip(plan.keys, fold.values, strict=True)),
        "score_inside": fold.score_inside,
        "scores_outside": [period_score(row, plan.scoring) for row in fold.rows],
        "trades_outside": int(sum(row.trades for row in fold.rows)),
        "return_outside_frac": _compounded(fold.returns),
    }


def _span(periods: Sequence[Period]) -> list[list[str]]:
    return [[day_time(period.start_ts), day_time(period.end_ts)] for period in periods]


def _compounded(returns: Sequence[float]) -> float:
    growth = 1.0
    for change in returns:
        growth *= 1.0 + change
    return growth - 1.0


def day_time(ts_ms: int) -> str:
    """A moment as people write it, UTC, to the minute."""
    return datetime.fromtimestamp(ts_ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%MZ")
