"""Made-up candles, tapes and books, and the way of playing a tape through a market view."""

import struct
from collections.abc import Iterable, Iterator

import numpy as np

from drift_e3.core.events import (
    BookSeen,
    CandleClosed,
    Feed,
    FundingPublished,
    MarketEvent,
    OpenInterestSeen,
    OracleTick,
)
from drift_e3.core.features import Features
from drift_e3.core.market import MarketView, new_market
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, Instrument
from tests.core.naive_features import Column, Tape

START_TS = 1_700_006_400_000
"""2023-11-15 00:00 UTC."""
INSTRUMENT = Instrument(tick_usd=0.001, funding_floor_frac_1h=1.25e-5)


def a_view(frame_ms: int = MS_PER_MINUTE, **feed: bool) -> MarketView:
    """A market view that has seen nothing."""
    return new_market(INSTRUMENT, Feed(frame_ms=frame_ms, **feed))


def a_candle(
    index: int = 0,
    close: float = 100.0,
    *,
    frame_ms: int = MS_PER_MINUTE,
    open_usd: float | None = None,
    volume: float = 10.0,
    taker_buy_volume: float | None = None,
) -> CandleClosed:
    """The `index`-th candle of a tape that starts at midnight, its wicks 0.1 USD long."""
    opened = close if open_usd is None else open_usd
    open_ts = START_TS + index * frame_ms
    return CandleClosed(
        seen_ts=open_ts + frame_ms,
        open_ts=open_ts,
        open=opened,
        high=max(opened, close) + 0.1,
        low=min(opened, close) - 0.1,
        close=close,
        volume=volume,
        taker_buy_volume=taker_buy_volume,
    )


def a_book(
    seen_ts: int,
    *,
    publish_ts: int | None = None,
    bids: tuple[tuple[float, float], ...] = ((99.99, 3.0),),
    asks: tuple[tuple[float, float], ...] = ((100.01, 1.0),),
) -> BookSeen:
    """A book whose mid is 100, three times as heavy on the bid."""
    return BookSeen(
        seen_ts=seen_ts, publish_ts=seen_ts if publish_ts is None else publish_ts, bids=bids, asks=asks
    )


def a_tick(seen_ts: int, price_usd: float = 100.0, *, publish_ts: int | None = None) -> OracleTick:
    """An oracle price, published as it is seen."""
    return OracleTick(
        seen_ts=seen_ts, publish_ts=seen_ts if publish_ts is None else publish_ts, price_usd=price_usd
    )


def funding_at(
    publish_ts: int, rate_frac_1h: float = 1e-5, *, hours: float = 1.0, premium_frac: float | None = None
) -> FundingPublished:
    """A funding rate, seen as it is published."""
    return FundingPublished(
        seen_ts=publish_ts,
        publish_ts=publish_ts,
        rate_frac_1h=rate_frac_1h,
        hours=hours,
        premium_frac=premium_frac,
    )


def observe_all(view: MarketView, events: Iterable[MarketEvent]) -> list[Features]:
    """The features of the candles among `events`, in order."""
    return [features for event in events if (features := view.observe(event)) is not None]


def bits(rows: list[Features]) -> list[bytes]:
    """The features' very bits: NaN equals NaN, and nothing else is rounded away."""
    return [struct.pack(f"<{len(row)}d", *row) for row in rows]


def synthetic_tape(seed: int, count: int, minutes: int, *, gap_share: float = 0.01) -> Tape:
    """A random walk with trends, calm and wild stretches, gaps, zero volumes, funding and open interest.

    Some closes repeat, some candles are flat, and one candle in fifteen has no volume; funding misses hours,
    and open interest is seen every 20 s to 3 h.
    """
    rng = np.random.default_rng(seed)
    frame_ms = minutes * MS_PER_MINUTE
    skipped = np.where(rng.random(count) < gap_share, rng.integers(1, 40, count), 0)
    ts = START_TS + (np.arange(count) + np.cumsum(skipped)) * frame_ms
    calm = np.repeat(rng.choice([0.0003, 0.001, 0.003], count // 50 + 1), 50)[:count]
    drift = np.repeat(rng.choice([-0.3, 0.0, 0.3], count // 200 + 1), 200)[:count]
    returns = np.where(rng.random(count) < 0.1, 0.0, calm * (rng.standard_normal(count) + drift))
    close = 100 * np.exp(np.cumsum(returns))
    opened = np.concatenate([[100.0], close[:-1]]) * np.where(skipped > 0, 1.002, 1.0)
    flat = rng.random(count) < 0.03
    wick = np.where(flat, 0.0, calm / 2)
    silent = (rng.random(count) < 1 / 15) | np.repeat(rng.random(count // 40 + 1) < 0.05, 40)[:count]
    volume = np.where(silent, 0.0, rng.lognormal(8, 1, count))
    end_ts = int(ts[-1]) + frame_ms
    hours = np.arange(START_TS - 60 * MS_PER_HOUR, end_ts, MS_PER_HOUR)
    hours = hours[rng.random(len(hours)) > 0.05]
    oi_ts = START_TS + np.cumsum(
        rng.choice([20_000, 60_000, 600_000, 3 * MS_PER_HOUR], count * minutes // 5 + 1)
    )
    oi_ts = oi_ts[oi_ts <= end_ts]
    return Tape(
        frame_ms=frame_ms,
        ts=ts,
        open=opened,
        high=np.maximum(opened, close) * (1 + wick * rng.random(count)),
        low=np.minimum(opened, close) * (1 - wick * rng.random(count)),
        close=close,
        volume=volume,
        taker_buy=np.where(rng.random(count) < 0.9, volume * rng.random(count), np.nan),
        funding_ts=hours + rng.integers(0, 200, len(hours)),
        funding_rate=rng.normal(1.25e-5, 1e-5, len(hours)),
        funding_hours=np.ones(len(hours)),
        funding_premium=np.where(rng.random(len(hours)) < 0.9, rng.normal(0, 5e-4, len(hours)), np.nan),
        oi_ts=oi_ts,
        oi_usd=1e8 * np.exp(np.cumsum(rng.normal(0, 0.01, len(oi_ts)))),
    )


def events_of(tape: Tape) -> Iterator[MarketEvent]:
    """The tape's events by the time at which they are seen; candles come last of what is seen at once."""
    events: list[tuple[int, int, MarketEvent]] = []
    for ts, rate, hours, premium in zip(
        tape.funding_ts.tolist(),
        tape.funding_rate.tolist(),
        tape.funding_hours.tolist(),
        tape.funding_premium.tolist(),
        strict=True,
    ):
        known = premium if premium == premium else None
        events.append((ts, 0, funding_at(ts, rate, hours=hours, premium_frac=known)))
    for ts, usd in zip(tape.oi_ts.tolist(), tape.oi_usd.tolist(), strict=True):
        events.append((ts, 1, OpenInterestSeen(seen_ts=ts, open_interest_usd=usd)))
    for ts, opened, high, low, close, volume, taker_buy in zip(
        tape.ts.tolist(),
        tape.open.tolist(),
        tape.high.tolist(),
        tape.low.tolist(),
        tape.close.tolist(),
        tape.volume.tolist(),
        tape.taker_buy.tolist(),
        strict=True,
    ):
        seen_ts = ts + tape.frame_ms
        candle = CandleClosed(
            seen_ts=seen_ts,
            open_ts=ts,
            open=opened,
            high=high,
            low=low,
            close=close,
            volume=volume,
            taker_buy_volume=taker_buy if taker_buy == taker_buy else None,
        )
        events.append((seen_ts, 2, candle))
    events.sort(key=lambda item: item[:2])
    return (event for _, _, event in events)


def streamed_features(tape: Tape) -> dict[str, Column]:
    """The features of each candle of the tape, as a market view gives them one by one."""
    view = a_view(tape.frame_ms, premium=True)
    rows = np.array(observe_all(view, events_of(tape)))
    return {name: rows[:, place] for place, name in enumerate(Features._fields)}
