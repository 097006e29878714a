"""Markets for the shell's tests: made tapes with the simulated venue, and the settings they are traded by."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from drift_e3.config import load
from drift_e3.config.sections import Settings
from drift_e3.venues.paper import PaperMarket
from drift_e3.venues.tape.feed import TapeFeed
from drift_e3.venues.tape.reading import read_candles, read_funding, read_ticks
from drift_e3.venues.tape.series import CandleTape, FundingTape, TickTape
from drift_e3.wiring import paper_market
from tests.live.tapes import LIVELY, random_walk, write_candles, write_funding, write_ticks


def settings(**variables: str) -> Settings:
    """Lively settings without an advisor, and these variables."""
    environment = {f"DRIFT_E3_{name}": value for name, value in (LIVELY | variables).items()}
    return load(environment=environment, overrides={"advisor": variables.get("ADVISOR", "off")}).settings


@cache
def _tapes(
    seed: int, count: int, minutes: int, each: int, wildness: float
) -> tuple[CandleTape, FundingTape, TickTape | None]:
    candles = random_walk(seed, count, minutes=minutes, wildness=wildness)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        return (
            read_candles(write_candles(root / "candles.csv", candles)),
            read_funding(write_funding(root / "funding.csv", seed, count * minutes // 60 + 1)),
            read_ticks(write_ticks(root / "ticks.csv", candles, each)) if each else None,
        )


def tape_market(
    chosen: Settings,
    *,
    seed: int = 4,
    count: int = 240,
    minutes: int = 60,
    each: int = 0,
    wildness: float = 1.0,
) -> PaperMarket:
    """A made tape with its venue; `each` oracle ticks a candle, 0 for none."""
    candles, funding, ticks = _tapes(seed, count, minutes, each, wildness)
    feed = TapeFeed(candles, funding, chosen.instrument(), ticks=ticks)
    return paper_market(chosen, feed)
