"""The bodies that the data API and the order book's server answer with. All readers raise `BadBody`."""

from typing import NamedTuple

import msgspec

from drift_e3.venues.dataapi.records import (
    Book,
    CandleRecord,
    FundingPage,
    MarketStats,
)
from drift_e3.venues.dataapi.shapes import BookShape, CandleShape, FundingShape, Number, decoded, number


class BadBody(ValueError):
    """A body that is not what the service sends; the text says in short what is wrong."""


class CandlePage(NamedTuple):
    """Candles, oldest first, the unfinished one among them, and how many made no sense."""

    records: tuple[CandleRecord, ...]
    refused: int


class _Meta(msgspec.Struct):
    nextPage: Number = None


class _Records(msgspec.Struct):
    records: list[msgspec.Raw]
    success: bool = True
    meta: _Meta | None = None


class _Sides(msgspec.Struct):
    long: Number = None
    short: Number = None


class _Market(msgspec.Struct):
    symbol: str
    status: str = ""
    oraclePrice: Number = None
    markPrice: Number = None
    openInterest: _Sides | None = None
    fundingRate: _Sides | None = None


class _Markets(msgspec.Struct):
    markets: list[msgspec.Raw]


class _Problem(msgspec.Struct):
    message: str = ""
    error: str = ""


def read_candles(body: bytes) -> CandlePage:
    """The body of ``/market/S/candles/R``; a few records without sense are left out, most of them refused."""
    rows = _records(body).records
    shapes = (decoded(row, CandleShape) for row in rows)
    candles = (None if shape is None else shape.record() for shape in shapes)
    found = [candle for candle in candles if candle is not None]
    _refuse_most(len(rows), len(found))
    # The last word on a candle counts, wherever it stands: servers sort as they like.
    by_ts = {candle.open_ts: candle for candle in found}
    return CandlePage(tuple(by_ts[ts] for ts in sorted(by_ts)), len(rows) - len(found))


def read_funding(body: bytes) -> FundingPage:
    """The body of ``/market/S/fundingRates``, whether of the last days or of one day."""
    answer = _records(body)
    shapes = (decoded(row, FundingShape) for row in answer.records)
    records = (None if shape is None else shape.record() for shape in shapes)
    found = [record for record in records if record is not None]
    _refuse_most(len(answer.records), len(found))
    found.sort(key=lambda record: -record.publish_ts)
    cursor = answer.meta.nextPage if answer.meta is not None else None
    return FundingPage(tuple(found), "" if cursor is None else str(cursor))


def read_stats(body: bytes, symbol: str) -> MarketStats:
    """One market out of the body of ``/stats/markets``.

    The service's funding rate is the long side's profit in percent: its sign is turned round here.
    """
    answer = decoded(body, _Markets)
    if answer is None:
        raise BadBody("no list of markets")
    for raw in answer.markets:
        market = decoded(raw, _Market)
        if market is not None and market.symbol == symbol:
            sides = market.openInterest or _Sides()
            funding = market.fundingRate or _Sides()
            return MarketStats(
                status=market.status,
                oracle_usd=number(market.oraclePrice),
                mark_usd=number(market.markPrice),
                open_interest_base=max(abs(number(sides.long)), abs(number(sides.short))),
                funding_frac_1h=-number(funding.long) / 100.0,
            )
    raise BadBody(f"{symbol} is not among the markets")


def read_book(body: bytes) -> Book:
    """The body of ``/l2``."""
    answer = decoded(body, BookShape)
    if answer is None:
        raise BadBody("no order book")
    return answer.book()


def read_problem(body: bytes) -> str:
    """What the body beside an error status says, empty where it says nothing in words."""
    problem = decoded(body, _Problem)
    return "" if problem is None else problem.message or problem.error


def _records(body: bytes) -> _Records:
    answer = decoded(body, _Records)
    if answer is None:
        raise BadBody("no list of records")
    if not answer.success:
        raise BadBody("success is false")
    return answer


def _refuse_most(rows: int, sound: int) -> None:
    """A few odd records are left out; mostly odd ones are another service's, or another version's."""
    if 2 * sound < rows:
        raise BadBody(f"{rows - sound} of {rows} records make no sense")
