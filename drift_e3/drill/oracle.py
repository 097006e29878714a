"""Plays a market into the drill: its story to the stand-ins, its price to the oracles, slot by slot."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from drift_e3.core.events import BookSeen, CandleClosed, OracleTick
from drift_e3.drill.faults import FaultKind, Faults, Service
from drift_e3.drill.market import DrillMarket
from drift_e3.venues.sim.steps import Step

Post = Callable[[float, int, int], None]
"""Writes a price in USD to the oracle accounts: price, slot, time (UTC, ms)."""


class StepFeed(Protocol):
    """A market that is played step by step, such as the synthetic one or a `PathFeed`."""

    @property
    def begins_ts(self) -> int: ...
    def next_ts(self) -> int: ...
    def advance(self) -> Step: ...


class ScriptedOracle:
    """The price, as a feed and whoever holds the switch want it."""

    def __init__(self, feed: StepFeed, market: DrillMarket, faults: Faults, post: Post) -> None:
        self._feed = feed
        self._market = market
        self._faults = faults
        self._post = post
        self._factor = 1.0

    @property
    def price_usd(self) -> float:
        """The latest price."""
        return self._market.oracle_usd

    def jump(self, frac: float) -> None:
        """Let every price from now on be that fraction higher (negative: lower) than the feed has it."""
        self._factor *= 1.0 + frac
        self._market.tick(self._market.now_ts, self.price_usd * (1.0 + frac))

    def play(self, slot: int, now_ts: int) -> None:
        """Play everything that is due and post the price of the slot, unless the oracle is stale."""
        self._market.slot = slot
        while self._feed.next_ts() <= now_ts:
            self._market.see(self._told(self._feed.advance()))
        if self._market.oracle_usd > 0.0 and not self._faults.hit(FaultKind.ORACLE_STALE, Service.CHAIN):
            self._post(self._market.oracle_usd, slot, now_ts)

    def _told(self, step: Step) -> Step:
        """A step at the prices that hold now. A candle in which they jumped is what its ticks made of it."""
        factor = self._factor
        if factor == 1.0:
            return step
        match step:
            case OracleTick(price_usd=price):
                return replace(step, price_usd=price * factor)
            case CandleClosed() if self._market.bars and self._market.bars[-1].ts == step.open_ts:
                first, high, low, last = self._market.bars[-1].oracle
                return replace(step, open=first, high=high, low=low, close=last)
            case BookSeen(bids=bids, asks=asks):
                return replace(
                    step,
                    bids=tuple((price * factor, size) for price, size in bids),
                    asks=tuple((price * factor, size) for price, size in asks),
                )
            case _:
                return step
