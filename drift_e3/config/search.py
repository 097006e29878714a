"""A search's configuration: the guide's file as it stands, checked as a whole, as a plan for the lab.

Keys keep the guide's names; `search` is an object of ours with what the guide leaves open. Files that come
with the program go by their bare name. Values on the guide's scale are converted, once, and that is said.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from drift_e3.config.card import read_object
from drift_e3.config.keys import ConfigError, did_you_mean, shortened
from drift_e3.config.search_axes import Axes, read_axes
from drift_e3.config.search_file import PeriodOfDays, SearchFile
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Regime
from drift_e3.lab.search.grid import Grid
from drift_e3.lab.search.plan import Axis, EarlyStop, Period, Plan, Scoring

SHIPPED = resources.files("drift_e3.config") / "searches"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchConfig:
    """A file that was understood."""

    path: Path
    file: SearchFile
    axes: Axes

    @property
    def settings(self) -> dict[str, object]:
        """The account and the caps of the file as settings by path; a cap is never above `maxLeverage`."""
        execution = self.file.execution
        fee_bps = execution.tradingFees * 10_000.0
        values: dict[str, object] = {
            "paper.equity_usd": execution.initialEquity,
            "paper.taker_fee_bps": fee_bps,
            "paper.maker_fee_bps": fee_bps,
        }
        for regime in Regime:
            cap = execution.regimeLeverageSchedule.get(regime.label, Limits().leverage_caps[regime])
            values[f"leverage.{regime.label}"] = min(cap, execution.maxLeverage)
        return values

    @property
    def training(self) -> tuple[Period, ...]:
        """The periods to search on, in order of time."""
        named = [_period(one, f"training_{at}") for at, one in enumerate(self.file.backtestPeriods, 1)]
        return tuple(sorted(named, key=lambda period: period.start_ts))

    @property
    def validation(self) -> Period:
        """The period that the search does not see."""
        return _period(self.file.validationPeriod, "validation")

    def refuse(self, problems: Sequence[str]) -> ConfigError:
        """The error for what is wrong with the file."""
        return ConfigError(f"{self.path}: {problem}" for problem in problems)


def shipped() -> list[str]:
    """The names of the files that come with the program."""
    return sorted(entry.name for entry in SHIPPED.iterdir() if entry.name.endswith(".json"))


def read_search(path: Path) -> SearchConfig:
    """Read a configuration, or one that comes with the program by its bare name (``.json`` may be left out).

    `ConfigError` with a line for each thing that is wrong.
    """
    content = _content(path)
    try:
        file = SearchFile.model_validate(content)
    except ValidationError as error:
        raise ConfigError(dict.fromkeys(f"{path}: {_complaint(fault)}" for fault in error.errors())) from None
    try:
        axes = read_axes(file.parameters)
    except ConfigError as error:
        raise ConfigError(f"{path}: {problem}" for problem in error.problems) from None
    return SearchConfig(path=path, file=file, axes=axes)


def plan_of(
    config: SearchConfig,
    base: Params,
    training: tuple[Period, ...],
    held: Mapping[str, str],
) -> Plan:
    """The plan of a configuration over these training periods, with `base` in force for what is not searched.

    `held` names parameters of the file that are not searched here, and why. `ConfigError` where nothing is
    left to search or the periods do not fit together.
    """
    file = config.file
    problems = _overlaps(training, config.validation)
    names = {period.name for period in training}
    if len(names) < len(training):
        problems.append("backtestPeriods: two periods have the same name")
    axes = tuple(Axis(key, values) for key, values in config.axes.values.items() if key not in held)
    if Grid(axes).size < 2:
        besides = f"; not searched here: {', '.join(held)}" if held else ""
        problems.append(f"parameters: there is only one set, so nothing to search{besides}")
    if problems:
        raise config.refuse(problems)
    constraints, search = file.constraints, file.search
    rules, terms, penalties = constraints.earlyStopRules, file.scoring.metrics, file.scoring.penalties
    return Plan(
        name=file.name,
        symbol=file.symbol,
        base=base._replace(**config.axes.fixed),  # type: ignore[arg-type]  # by key
        axes=axes,
        held=tuple(held.items()),
        training=training,
        validation=config.validation,
        max_combinations=constraints.maxCombinations,
        early_stop=EarlyStop(
            profit_factor_min=rules.minProfitFactor,
            drawdown_frac_max=rules.maxDrawdownPct / 100.0,
            trades_per_day_max=rules.maxTradesPerDay,
            win_rate_min=rules.minWinRate,
        ),
        regime_weights=tuple(constraints.regimeWeights.get(regime.label, 1.0) for regime in Regime),
        scoring=Scoring(
            profit_factor=terms.profitFactor,
            sharpe=terms.sharpeRatio,
            drawdown=terms.maxDrawdown,
            win_rate=terms.winRate,
            trade_return=terms.avgTradeReturn,
            trades_per_day=penalties.excessiveTrades,
            volatility=penalties.highVolatility,
        ),
        seed=search.seed,
        rungs=tuple(search.rungs),
        keep_min=search.keepMin,
        refinement=search.refinement,
        refinement_trials=search.refinementTrials,
        refine_best=search.refineBest,
        folds=search.walkForwardFolds,
        evidence_sets=search.evidenceSets,
        chunk_sets=search.chunkSets,
    )


def _period(days: PeriodOfDays, name: str) -> Period:
    return Period(days.name or name, days.start_ts, days.end_ts, days.weight)


def _overlaps(training: tuple[Period, ...], validation: Period) -> list[str]:
    """Training that overlaps, validation that the search has seen."""
    problems = [
        f"backtestPeriods: {earlier.name} and {later.name} overlap"
        for earlier, later in pairwise(training)
        if later.start_ts < earlier.end_ts
    ]
    problems += (
        f"validationPeriod: overlaps {period.name}: what the search has seen proves nothing"
        for period in training
        if period.start_ts < validation.end_ts and validation.start_ts < period.end_ts
    )
    return problems


def _content(path: Path) -> dict[str, Any]:
    name = path.name if path.name.endswith(".json") else f"{path.name}.json"
    if path.exists() or name not in shipped():
        return read_object(path, "search configuration")
    if path.parent != Path():
        raise ConfigError(
            [f"{path}: there is no such file; {name}, without a folder, comes with the program"]
        )
    content: dict[str, Any] = json.loads((SHIPPED / name).read_text(encoding="utf-8"))
    return content


def _complaint(fault: Any) -> str:
    """A fault found by validation with its place in words: ``constraints.maxCombinations: 0: ...``."""
    place = ".".join(str(part) for part in fault["loc"]) or "the file"
    if fault["type"] == "extra_forbidden":
        return f"{place}: unknown key{did_you_mean(str(fault['loc'][-1]), _known(fault['loc'][:-1]))}"
    if fault["type"] == "missing":
        return f"{place}: is missing"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {shortened(fault['input'])}: {message[0].lower()}{message[1:]}"


def _known(place: tuple[int | str, ...]) -> list[str]:
    """The keys of the object at a place of the file."""
    model: type[BaseModel] = SearchFile
    for part in place:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            inner = [annotation, *get_args(annotation)]
            model = next(one for one in inner if isinstance(one, type) and issubclass(one, BaseModel))
    return list(model.model_fields)
