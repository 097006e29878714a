"""What a measurement is: alternated rounds, medians with their spread, a peer of the same run, an aim.

How a program behaves on a shared machine changes from second to second. So everything that is compared is run
in turn, round by round, and each figure is also given as a ratio to a peer measured in the same rounds.
Nothing here knows what is measured.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Final

Part = Callable[[], Mapping[str, float]]
"""Measures once and returns named values."""
Rounds = Mapping[str, Sequence[float]]
"""Every named value, one of each round."""

ADDITIONS: Final = 1_000_000
ADDITION: Final = "float addition"
"""The yardstick of the machine as it is at that moment; see `yardstick`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is measured; a quick run says the same of fewer rounds and shorter ones."""

    rounds: int
    candles: int
    samples: int
    lag_s: float
    starts: int


FULL: Final = Scale(rounds=5, candles=40_000, samples=2_000, lag_s=5.0, starts=5)
QUICK: Final = Scale(rounds=3, candles=8_000, samples=400, lag_s=1.5, starts=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a figure should reach: `at_least` the limit, or else stay below it."""

    limit: float
    at_least: bool = False

    def met_by(self, value: float) -> bool:
        """Whether a value is as good as that."""
        return value >= self.limit if self.at_least else value < self.limit

    @property
    def text(self) -> str:
        """The aim as people write it."""
        return f"{'>=' if self.at_least else '<'} {self.limit:,.6g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured thing: a value of each round, and each round's ratio to `peer` measured beside it."""

    measure: str
    name: str
    unit: str
    values: Sequence[float]
    peer: str = ""
    ratios: Sequence[float] = ()
    aim: Aim | None = None
    key: str = ""
    """Under this name the ratios are in the JSON, for whoever looks for just them."""

    @property
    def median(self) -> float:
        """The value of the middle round."""
        return median(self.values)

    @property
    def ratio(self) -> float | None:
        """The ratio of the middle round, None without a peer."""
        return median(self.ratios) if self.ratios else None

    @property
    def met(self) -> bool | None:
        """Whether the median meets the aim, None without one."""
        return None if self.aim is None else self.aim.met_by(self.median)


def alternate(rounds: int, parts: Sequence[Part]) -> Rounds:
    """Run all parts in turn, `rounds` times over."""
    values: dict[str, list[float]] = {}
    for _ in range(rounds):
        for part in parts:
            for name, value in part().items():
                values.setdefault(name, []).append(value)
    return values


def ratios(values: Sequence[float], peers: Sequence[float], scale: float = 1.0) -> list[float]:
    """Each round's value over its peer's, times `scale` where their units differ."""
    return [scale * value / peer for value, peer in zip(values, peers, strict=True)]


def inverse(values: Sequence[float], scale: float = 1.0) -> list[float]:
    """Rates of times, or times of rates."""
    return [scale / value for value in values]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0..1) of the values do not exceed; 1 gives the largest."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def yardstick() -> dict[str, float]:
    """Nanoseconds of one float addition in a plain Python loop, as `addition_ns`."""
    total = 0.0
    began = perf_counter()
    for _ in range(ADDITIONS):
        total += 1.0
    return {"addition_ns": (perf_counter() - began) / ADDITIONS * 1e9}
