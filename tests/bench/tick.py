"""From an oracle tick to the exit order that it causes, and the ordinary tick beside it.

The trader is warm and has an open position. Each measured exit is taken by a trader made anew from the same
snapshot, so that every one of them is the first.
"""

from collections.abc import Sequence
from time import perf_counter_ns
from typing import Final

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.events import OracleTick, Settings, Started
from drift_e3.core.params import Limits, Params
from drift_e3.core.state import TraderState
from drift_e3.core.terms import OrderKind, Reason, Strategy
from drift_e3.core.trader import Trader
from drift_e3.journal.memory import decode_state, encode_state
from tests.bench.markets import EQUITY_USD, ticking_market
from tests.bench.measuring import (
    ADDITION,
    Aim,
    Figure,
    Rounds,
    Scale,
    alternate,
    percentile,
    ratios,
    yardstick,
)

EAGER: Final = Params(
    m_bodyOverAtr=0.0,
    m_volumeZ=-5.0,
    m_realizedVol=0.0,
    m_imbalance=0.0,
    m_premiumPct=1.0,
    routing=(Strategy.E3,) * 5,
)
"""Rules that enter as soon as they may: here a position is wanted, not a good one."""
TICK_MS: Final = 1_000
QUIET_TICKS: Final = 5
"""Ordinary ticks that a new trader sees before the one that is measured."""
AIM: Final = Aim(limit=1_000.0)


def with_position() -> Trader:
    """A warm trader in a ticking market, with an open position whose stop and target rest on the venue."""
    market = ticking_market()
    trader = Trader()
    trader.process(
        Started(
            seen_ts=market.next_ts() or 0,
            settings=Settings(params=EAGER, limits=Limits()),
            instrument=market.instrument,
            feed=market.feed,
            equity_usd=EQUITY_USD,
        )
    )
    while not _protected(trader.state):
        for event in market.advance():
            for command in trader.process(event).commands:
                market.execute(command, event.seen_ts)
    return trader


def measure(scale: Scale) -> list[Figure]:
    """Exits and ordinary ticks, each by its median and its slow end."""
    snapshot = encode_state(with_position().state)
    times = alternate(
        scale.rounds,
        [
            yardstick,
            lambda: _slow_end("exit", [_exit_ns(snapshot) for _ in range(scale.samples)]),
            lambda: _slow_end("ordinary", _ordinary_ns(snapshot, 10 * scale.samples)),
        ],
    )
    return [
        _figure("tick to exit order, p50", times, "exit_p50"),
        _figure("tick to exit order, p99", times, "exit_p99", AIM),
        _figure("ordinary tick with a position, p50", times, "ordinary_p50"),
        _figure("ordinary tick with a position, p99", times, "ordinary_p99", AIM),
    ]


def _exit_ns(snapshot: bytes) -> int:
    trader = Trader(decode_state(snapshot))
    state = trader.state
    now_ts = state.market.now_ts
    for _ in range(QUIET_TICKS):
        now_ts += TICK_MS
        trader.process(_tick(now_ts, state.market.price_usd))
    assert state.trade is not None
    tick = _tick(now_ts + TICK_MS, state.trade.stop_usd * (1.0 - 1e-4 * state.trade.direction))
    began = perf_counter_ns()
    outcome = trader.process(tick)
    taken = perf_counter_ns() - began
    (command,) = outcome.commands
    assert isinstance(command, SubmitOrder)
    intent = command.approved.intent
    assert intent.kind is OrderKind.IOC
    assert intent.reason is Reason.STOP
    return taken


def _ordinary_ns(snapshot: bytes, count: int) -> list[int]:
    trader = Trader(decode_state(snapshot))
    market = trader.state.market
    # All of one moment, or the position would be closed by its age.
    ts, price_usd = market.now_ts + TICK_MS, market.price_usd
    taken: list[int] = []
    for number in range(count):
        tick = _tick(ts, price_usd * (1.0 + 1e-5 * (number % 7)))
        began = perf_counter_ns()
        outcome = trader.process(tick)
        taken.append(perf_counter_ns() - began)
        assert not outcome.commands
    return taken


def _tick(ts: int, price_usd: float) -> OracleTick:
    return OracleTick(seen_ts=ts, publish_ts=ts, price_usd=price_usd)


def _protected(state: TraderState) -> bool:
    return state.trade is not None and state.trade.armed_base > 0.0 and len(state.orders.by_id) == 2


def _slow_end(name: str, taken: Sequence[int]) -> dict[str, float]:
    return {f"{name}_p50": percentile(taken, 0.5) / 1e3, f"{name}_p99": percentile(taken, 0.99) / 1e3}


def _figure(name: str, times: Rounds, key: str, aim: Aim | None = None) -> Figure:
    return Figure(
        measure="tick",
        name=name,
        unit="us",
        values=times[key],
        peer=ADDITION,
        ratios=ratios(times[key], times["addition_ns"], 1e3),
        aim=aim,
    )
