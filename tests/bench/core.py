"""Candles a second on one core: the whole backtest, and what of it are the features, the core, the market."""

from collections.abc import Sequence
from time import perf_counter
from typing import Final

import numpy as np

from drift_e3.core.commands import Command
from drift_e3.core.events import CandleClosed, Event, MarketEvent, Settings, Started
from drift_e3.core.market import new_market
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Instrument
from drift_e3.core.trader import Trader
from drift_e3.lab.backtest import backtest
from tests.bench.markets import EQUITY_USD, Tapes, made_tapes, markets, recorded_tapes
from tests.bench.measuring import (
    ADDITION,
    Aim,
    Figure,
    Part,
    Rounds,
    Scale,
    alternate,
    inverse,
    ratios,
    yardstick,
)
from tests.core.naive_features import Tape, naive_features, naive_rank

SETTINGS: Final = Settings(params=Params(), limits=Limits())
AIM: Final = Aim(limit=25_000, at_least=True)
NAIVE_CANDLES: Final = 4_000
RECORDED_FROM: Final = 20_000
"""A shorter run than this, in candles, leaves the recorded tape out: it takes as long as all else."""


class Recorded:
    """One backtest, written down: its market events and all events, and the commands after each step."""

    def __init__(self, tapes: Tapes) -> None:
        self.new_market = markets(tapes)
        market = self.new_market()
        trader = Trader()
        started = Started(
            seen_ts=market.next_ts() or 0,
            settings=SETTINGS,
            instrument=market.instrument,
            feed=market.feed,
            equity_usd=EQUITY_USD,
        )
        trader.process(started)
        self.events: list[Event] = [started]
        self.steps: list[list[tuple[Command, int]]] = []
        while market.next_ts() is not None:
            commands: list[tuple[Command, int]] = []
            for event in market.advance():
                self.events.append(event)
                commands += [(command, event.seen_ts) for command in trader.process(event).commands]
            for command, now_ts in commands:
                market.execute(command, now_ts)
            self.steps.append(commands)
        self.market_events = [event for event in self.events if isinstance(event, MarketEvent)]
        self.candles = len([event for event in self.events if isinstance(event, CandleClosed)])

    def all(self) -> dict[str, float]:
        """Microseconds a candle of the backtest."""
        market = self.new_market()
        began = perf_counter()
        backtest(market, SETTINGS, EQUITY_USD, keep_decisions=False)
        return {"all_us": self._per_candle(began)}

    def core(self) -> dict[str, float]:
        """The trader alone, told the same events."""
        trader = Trader()
        began = perf_counter()
        for event in self.events:
            trader.process(event)
        return {"core_us": self._per_candle(began)}

    def features(self) -> dict[str, float]:
        """The market view alone: what the trader keeps of the market, with the features."""
        market = self.new_market()
        view = new_market(market.instrument, market.feed)
        began = perf_counter()
        for event in self.market_events:
            view.observe(event)
        return {"features_us": self._per_candle(began)}

    def market(self) -> dict[str, float]:
        """Feed and simulated venue alone, given the same orders."""
        market = self.new_market()
        began = perf_counter()
        for commands in self.steps:
            market.next_ts()
            market.advance()
            for command, now_ts in commands:
                market.execute(command, now_ts)
        return {"market_us": self._per_candle(began)}

    def _per_candle(self, began: float) -> float:
        return (perf_counter() - began) / self.candles * 1e6


def measure(scale: Scale) -> list[Figure]:
    """The made tape in its parts, and the recorded one where it is there."""
    tapes = made_tapes(scale.candles)
    made = Recorded(tapes)
    anew = _naive(tapes)
    parts = [yardstick, made.features, anew, made.core, made.market, made.all]
    recorded = recorded_tapes() if scale.candles >= RECORDED_FROM else None
    if recorded is not None:
        whole = Recorded(recorded)
        parts.append(lambda: {"recorded_us": whole.all()["all_us"]})
    times = alternate(scale.rounds, parts)
    figures = [
        _rate("backtest of a made tape", times["all_us"], times, AIM),
        _rate("its features alone", times["features_us"], times),
        Figure(
            measure="core",
            name="its features from their definitions",
            unit="candles/s",
            values=inverse(times["naive_us"], 1e6),
            peer="the time of the features",
            ratios=ratios(times["naive_us"], times["features_us"]),
        ),
        _rate("its core, features included", times["core_us"], times),
        _rate("its feed and simulated venue", times["market_us"], times),
    ]
    if recorded is not None:
        figures.append(_rate("backtest of the recorded tape", times["recorded_us"], times, AIM))
    return figures


def _rate(name: str, times: Sequence[float], rounds: Rounds, aim: Aim | None = None) -> Figure:
    return Figure(
        measure="core",
        name=name,
        unit="candles/s",
        values=inverse(times, 1e6),
        peer=ADDITION,
        ratios=ratios(times, rounds["addition_ns"], 1e3),
        aim=aim,
    )


def _naive(tapes: Tapes) -> Part:
    """The peer of the features: whole arrays in numpy, straight from the definitions."""
    candles, funding = tapes
    rows = min(len(candles.ts_ms), NAIVE_CANDLES)
    instrument = Instrument()
    assert candles.taker_buy_volume is not None
    assert funding.premium_frac is not None
    tape = Tape(
        frame_ms=candles.frame_ms,
        ts=np.array(candles.ts_ms[:rows]),
        open=np.array(candles.open[:rows]),
        high=np.array(candles.high[:rows]),
        low=np.array(candles.low[:rows]),
        close=np.array(candles.close[:rows]),
        volume=np.array(candles.volume[:rows]),
        taker_buy=np.array(candles.taker_buy_volume[:rows]),
        funding_ts=np.array(funding.ts_ms),
        funding_rate=np.array(funding.rate_frac_1h),
        funding_hours=np.array(funding.hours),
        funding_premium=np.array(funding.premium_frac),
    )

    def run() -> dict[str, float]:
        began = perf_counter()
        columns = naive_features(tape, instrument.tick_usd, instrument.funding_floor_frac_1h)
        naive_rank(columns["rv_1h"], tape.frame_ms // 60_000)
        return {"naive_us": (perf_counter() - began) / rows * 1e6}

    return run
