"""The shape of a search's configuration: its keys, their types, ranges and defaults.

What keys mean together, and which parameters there are, is checked in `config.search` and `search_axes`.
"""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from drift_e3.core.params import LEVERAGE_SPAN
from drift_e3.core.terms import Regime


def _day(value: object) -> date:
    """A day such as 2023-10-01."""
    if isinstance(value, str) and len(value) == len("2023-10-01"):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("is no date such as 2023-10-01")


def _by_regime(values: dict[str, float]) -> dict[str, float]:
    unknown = [name for name in values if name not in {regime.label for regime in Regime}]
    if unknown:
        known = ", ".join(regime.label for regime in Regime)
        raise ValueError(f"{unknown[0]} is no regime; these are {known}")
    return values


def _rising(shares: list[float]) -> list[float]:
    if not shares or shares[-1] != 1.0 or any(b <= a for a, b in pairwise(shares)):
        raise ValueError("must rise and end with 1")
    return shares


Day = Annotated[date, BeforeValidator(_day)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Weight = Annotated[float, Field(ge=0.0, le=100.0)]
Leverage = Annotated[float, Field(ge=LEVERAGE_SPAN.low, le=LEVERAGE_SPAN.high)]


class FileModel(BaseModel):
    """What all objects of the file have in common: no unknown keys, no NaN, no texts for numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class EarlyStopRules(FileModel):
    minProfitFactor: Annotated[float, Field(ge=0.0, le=100.0)] = 1.0
    maxDrawdownPct: Annotated[float, Field(gt=0.0, le=100.0)] = 30.0
    maxTradesPerDay: Annotated[float, Field(gt=0.0, le=100_000.0)] = 50.0
    minWinRate: Share = 0.15


class Constraints(FileModel):
    maxCombinations: Annotated[int, Field(ge=1, le=250_000)] = 2_500
    earlyStopRules: EarlyStopRules = EarlyStopRules()
    regimeWeights: Annotated[
        dict[str, Annotated[float, Field(ge=0.0, le=10.0)]], AfterValidator(_by_regime)
    ] = {}


class PeriodOfDays(FileModel):
    """Whole days, UTC, the last one included."""

    name: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$")] = ""
    start: Day
    end: Day
    weight: Annotated[float, Field(gt=0.0, le=100.0)] = 1.0

    @model_validator(mode="after")
    def _in_order(self) -> "PeriodOfDays":
        if self.end < self.start:
            raise ValueError(f"ends on {self.end}, before it starts on {self.start}: an empty period")
        return self

    @property
    def start_ts(self) -> int:
        """Its first moment (UTC, ms)."""
        return _midnight_ms(self.start)

    @property
    def end_ts(self) -> int:
        """The first moment behind it (UTC, ms)."""
        return _midnight_ms(self.end + timedelta(days=1))


class ScoreWeights(FileModel):
    profitFactor: Share = 0.30
    sharpeRatio: Share = 0.25
    maxDrawdown: Share = 0.20
    winRate: Share = 0.15
    avgTradeReturn: Share = 0.10


class Penalties(FileModel):
    excessiveTrades: Share = 0.10
    highVolatility: Share = 0.05


class ScoringOfFile(FileModel):
    metrics: ScoreWeights = ScoreWeights()
    penalties: Penalties = Penalties()


class Execution(FileModel):
    """`tradingFees` is a fraction of notional a side."""

    initialEquity: Annotated[float, Field(ge=1.0, le=1e9)] = 1_000.0
    tradingFees: Annotated[float, Field(ge=0.0, le=0.1)] = 0.001
    maxLeverage: Leverage = 3.0
    regimeLeverageSchedule: Annotated[dict[str, Leverage], AfterValidator(_by_regime)] = {}


class SearchKeys(FileModel):
    """What the guide leaves open; see `lab.search.plan.Plan`."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 53
    rungs: Annotated[list[Annotated[float, Field(gt=0.0, le=1.0)]], AfterValidator(_rising)] = [
        0.125,
        0.25,
        0.5,
        1.0,
    ]
    keepMin: Annotated[int, Field(ge=1, le=250_000)] = 16
    refinement: Literal["half_steps", "optuna", "none"] = "half_steps"
    refinementTrials: Annotated[int, Field(ge=0, le=100_000)] = 1_000
    refineBest: Annotated[int, Field(ge=1, le=1_000)] = 5
    walkForwardFolds: Annotated[int, Field(ge=0, le=50)] = 0
    evidenceSets: Annotated[int, Field(ge=2, le=2_000)] = 256
    chunkSets: Annotated[int, Field(ge=0, le=10_000)] = 0


class SearchFile(FileModel):
    """The whole file. `parameters` are lists of values by key."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    strategy: Literal["regimeAdaptive"] = "regimeAdaptive"
    symbol: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$")] = "SOL-PERP"
    timeframe: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}[smh]$")] = "1m"
    parameters: Annotated[dict[str, Any], Field(min_length=1)]
    constraints: Constraints = Constraints()
    backtestPeriods: Annotated[list[PeriodOfDays], Field(min_length=1, max_length=100)]
    validationPeriod: PeriodOfDays
    scoring: ScoringOfFile = ScoringOfFile()
    execution: Execution = Execution()
    search: SearchKeys = SearchKeys()


def _midnight_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000
