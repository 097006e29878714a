"""Other futures for a tape: what lies after a moment is changed, what lies before stays to the bit.

Seeded and deterministic; each kind is another way in which a future could leak into the past. Every tape made
here is one that a reader would accept.
"""

import random
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import exp

from drift_e3.venues.tape.series import CandleTape, FundingTape

Row = tuple[float, float, float, float, float]
"""Open, high, low and close (USD), and volume (base)."""
Change = Callable[[Sequence[Row], float, random.Random], list[Row]]
"""Makes other candles of those after a moment, given the last close before it and the dice."""


def _cut_off(rows: Sequence[Row], close: float, dice: random.Random) -> list[Row]:
    return []


def _mirrored(rows: Sequence[Row], close: float, dice: random.Random) -> list[Row]:
    """Each rise a fall of the same factor."""
    square = close * close
    return [(square / o, square / low, square / high, square / c, v) for o, high, low, c, v in rows]


def _shuffled(rows: Sequence[Row], close: float, dice: random.Random) -> list[Row]:
    return dice.sample(rows, len(rows))


def _reversed(rows: Sequence[Row], close: float, dice: random.Random) -> list[Row]:
    return [(c, high, low, o, v) for o, high, low, c, v in reversed(rows)]


def _frozen(rows: Sequence[Row], close: float, dice: random.Random) -> list[Row]:
    """Nothing moves and nothing is traded any more."""
    return [(close, close, close, close, 0.0)] * len(rows)


def _gapped(rows: Sequence[Row], close: float, dice: random.Random) -> list[Row]:
    """A jump of up to two fifths either way, and a hundred times the volume."""
    factor = exp(dice.choice((-1.0, 1.0)) * dice.uniform(0.1, 0.4))
    return [(o * factor, h * factor, low * factor, c * factor, v * 100.0) for o, h, low, c, v in rows]


def _noisy(rows: Sequence[Row], close: float, dice: random.Random) -> list[Row]:
    """Each candle moved by itself."""
    made = []
    for o, high, low, c, v in rows:
        factor = exp(dice.gauss(0.0, 0.02))
        made.append((o * factor, high * factor, low * factor, c * factor, v * exp(dice.gauss(0.0, 1.0))))
    return made


PERTURBATIONS: dict[str, Change] = {
    "cut_off": _cut_off,
    "mirrored": _mirrored,
    "shuffled": _shuffled,
    "reversed": _reversed,
    "frozen": _frozen,
    "gapped": _gapped,
    "noisy": _noisy,
}


def other_future(
    kind: str, candles: CandleTape, funding: FundingTape | None, row: int, dice: random.Random
) -> tuple[CandleTape, FundingTape | None]:
    """The same tapes up to the close of the 0-based `row`, and another future of this kind after it.

    Funding published after that close is changed in sign and size. With a future that is cut off nothing at
    all comes after, no funding either.
    """
    kept = row + 1
    columns = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    after = list(zip(*(column[kept:] for column in columns), strict=True))
    changed = PERTURBATIONS[kind](after, candles.close[row], dice)
    made = [
        column[:kept] + array("d", values) for column, values in zip(columns, turned(changed), strict=True)
    ]
    bought = candles.taker_buy_volume
    other = replace(
        candles,
        ts_ms=candles.ts_ms[: kept + len(changed)],
        open=made[0],
        high=made[1],
        low=made[2],
        close=made[3],
        volume=made[4],
        taker_buy_volume=None
        if bought is None
        else bought[:kept] + array("d", (dice.random() * candle[4] for candle in changed)),
    )
    close_ts = candles.ts_ms[row] + candles.frame_ms
    return other, None if funding is None else _other_funding(funding, close_ts, dice, gone=not changed)


def turned(rows: Sequence[Row]) -> Sequence[Sequence[float]]:
    """Rows as five columns."""
    return [[row[place] for row in rows] for place in range(5)]


def _other_funding(funding: FundingTape, after_ts: int, dice: random.Random, *, gone: bool) -> FundingTape:
    kept = sum(ts <= after_ts for ts in funding.ts_ms)
    if gone:
        premium = funding.premium_frac
        return replace(
            funding,
            ts_ms=funding.ts_ms[:kept],
            rate_frac_1h=funding.rate_frac_1h[:kept],
            hours=funding.hours[:kept],
            premium_frac=None if premium is None else premium[:kept],
        )
    factor = -dice.uniform(0.5, 3.0)

    def other(column: "array[float]") -> "array[float]":
        return column[:kept] + array("d", (factor * value for value in column[kept:]))

    return replace(
        funding,
        rate_frac_1h=other(funding.rate_frac_1h),
        premium_frac=None if funding.premium_frac is None else other(funding.premium_frac),
    )
