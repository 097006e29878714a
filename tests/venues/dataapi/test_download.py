"""Downloads against the drill's data API: the file is the service's truth, also after kills and in pieces."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from drift_e3.core.terms import MS_PER_DAY
from drift_e3.drill.faults import FaultKind
from drift_e3.drill.market import DrillMarket
from drift_e3.ports import DataError
from drift_e3.venues.dataapi.client import DataApi, Manners, open_session
from drift_e3.venues.dataapi.download import Downloaded, Order, download_candles, download_funding
from drift_e3.venues.dataapi.failures import ServiceUnavailable
from drift_e3.venues.dataapi.tape_files import Market
from drift_e3.venues.tape import Anomaly, read_candles, read_funding
from tests.venues.dataapi.builders import DAY, HOUR, MINUTE, records_body
from tests.venues.dataapi.scripted_service import scripted_service
from tests.venues.dataapi.stage import BEGIN, LATE_MS, Stage, staged, warm_market

MARKET = Market("velocity", "SOL-PERP", MINUTE)
QUICK = Manners(deadline_s=5.0, tries=2, pause_s=0.001, pause_max_s=0.002, per_second=10_000)
NOW = BEGIN + LATE_MS


def an_order(folder: Path, from_ts: int, before_ts: int = NOW, **more: Any) -> Order:
    return Order(
        **({"market": MARKET, "choice": "fills"} | more), from_ts=from_ts, before_ts=before_ts, folder=folder
    )


class Killed(BaseException):
    """Stands for kill -9 between two pages."""


class Meter:
    """Progress as it is told; with `kills` the program dies at that call."""

    def __init__(self, kills: int = 0) -> None:
        self.told: list[tuple[int, int]] = []
        self.kills = kills

    def __call__(self, done: int, total: int) -> None:
        self.told.append((done, total))
        if len(self.told) == self.kills:
            raise Killed


async def candles(stage: Stage, order: Order, kills: int = 0) -> tuple[Downloaded, Meter]:
    meter = Meter(kills)
    return await download_candles(stage.client, order, stage.clock.now_ms(), meter), meter


async def funding(stage: Stage, order: Order, kills: int = 0) -> Downloaded:
    return await download_funding(stage.client, order, stage.clock.now_ms(), Meter(kills))


def rows_of(path: Path) -> list[tuple[float, ...]]:
    tape = read_candles(path)
    return [*zip(tape.ts_ms, tape.open, tape.high, tape.low, tape.close, tape.volume, strict=True)]


def truth(market: DrillMarket, from_ts: int, before_ts: int = NOW) -> list[tuple[float, ...]]:
    bars = (bar for bar in market.bars if from_ts <= bar.ts < before_ts)
    return [(bar.ts, *bar.fill, bar.base_volume) for bar in bars]


def pages_asked(stage: Stage) -> int:
    return sum("/candles/" in path for path in stage.api.asked)


# -- candles -------------------------------------------------------------------------------------------------


async def test_a_downloaded_file_is_the_services_truth(tmp_path: Path) -> None:
    market = warm_market(days=3.0)
    async with staged(market) as stage:
        got, meter = await candles(stage, an_order(tmp_path, BEGIN - 2 * DAY + 17))
    assert rows_of(got.path) == truth(market, BEGIN - 2 * DAY + MINUTE)
    assert (got.rows, got.new, got.corrected, got.source) == (2_879, 2_879, 0, "fills")
    assert pages_asked(stage) == 3
    assert meter.told[-1] == (2_879, 2_879)
    assert [done for done, _ in meter.told] == sorted(done for done, _ in meter.told)
    assert [path.name for path in _files(tmp_path)] == ["candles.parquet"]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.mark.parametrize("kills", [1, 2, 3])
async def test_a_killed_download_goes_on_where_it_was(kills: int, tmp_path: Path) -> None:
    market = warm_market(days=3.0)
    order = an_order(tmp_path, BEGIN - 3 * DAY)
    async with staged(market) as stage:
        with pytest.raises(Killed):
            await candles(stage, order, kills)
        before = pages_asked(stage)
        (kept,) = _files(tmp_path)
        kept.write_bytes(kept.read_bytes() + b'{"span": [1790000')
        got, _ = await candles(stage, order)
        assert before == kills
        assert pages_asked(stage) == 5
    assert rows_of(got.path) == truth(market, BEGIN - 3 * DAY)
    assert (got.new, got.corrected) == (4_320, 0)


async def test_what_is_there_is_not_fetched_again_and_what_is_not_is_added(tmp_path: Path) -> None:
    market = warm_market(days=3.0)
    async with staged(market) as stage:
        await candles(stage, an_order(tmp_path, BEGIN - 2 * DAY, BEGIN - DAY))
        before = pages_asked(stage)
        got, _ = await candles(stage, an_order(tmp_path, BEGIN - 2 * DAY, BEGIN - DAY))
        assert (pages_asked(stage), got.rows, got.new) == (before, 1_440, 0)
        wider, _ = await candles(
            stage, an_order(tmp_path, BEGIN - 2 * DAY - 2 * HOUR, BEGIN - DAY + 3 * HOUR)
        )
        assert (pages_asked(stage) - before, wider.new, wider.corrected) == (2, 5 * 60, 0)
        last, _ = await candles(stage, an_order(tmp_path, BEGIN - HOUR))
        assert last.rows == 1_440 + 6 * 60
    expected = [
        *truth(market, BEGIN - 2 * DAY - 2 * HOUR, BEGIN - DAY + 3 * HOUR),
        *truth(market, BEGIN - HOUR),
    ]
    assert rows_of(got.path) == expected
    assert read_candles(got.path).report.count(Anomaly.GAP) == 1


async def test_where_new_meets_old_the_present_word_counts_and_the_differences_are_counted(
    tmp_path: Path,
) -> None:
    market = warm_market(days=1.0)
    async with staged(market) as stage:
        await candles(stage, an_order(tmp_path, BEGIN - 4 * HOUR, BEGIN - 2 * HOUR))
        for bar in market.bars:
            if bar.ts in {BEGIN - 2 * HOUR - MINUTE, BEGIN - 3 * HOUR}:
                bar.base_volume += 1.0
        got, _ = await candles(stage, an_order(tmp_path, BEGIN - 4 * HOUR))
    assert got.corrected == 1
    changed = {row[0]: row[5] for row in rows_of(got.path)}
    assert changed[BEGIN - 2 * HOUR - MINUTE] == 3.0
    assert changed[BEGIN - 3 * HOUR] == 2.0


async def test_where_older_candles_are_added_they_overlap_as_well(tmp_path: Path) -> None:
    market = warm_market(days=1.0)
    async with staged(market) as stage:
        await candles(stage, an_order(tmp_path, BEGIN - HOUR))
        for bar in market.bars:
            bar.base_volume += bar.ts in {BEGIN - HOUR, BEGIN - HOUR + 30 * MINUTE}
        got, meter = await candles(stage, an_order(tmp_path, BEGIN - 2 * HOUR))
    assert (got.corrected, got.new) == (1, 60)
    assert meter.told[-1] == (120, 120)


async def test_the_forming_candle_is_left_out_and_so_is_what_has_hardly_ended(tmp_path: Path) -> None:
    market = warm_market()
    async with staged(market) as stage:
        await stage.play(2 * MINUTE - LATE_MS + 3_000)
        got, _ = await candles(stage, an_order(tmp_path, BEGIN - HOUR, BEGIN + HOUR))
        assert rows_of(got.path)[-1][0] == BEGIN
        await stage.play(4_000)
        got, _ = await candles(stage, an_order(tmp_path, BEGIN - HOUR, BEGIN + HOUR))
        assert rows_of(got.path)[-1][0] == BEGIN + MINUTE


async def test_history_that_begins_later_than_asked_for_ends_the_search(tmp_path: Path) -> None:
    market = warm_market(days=0.1)
    async with staged(market) as stage:
        got, meter = await candles(stage, an_order(tmp_path, BEGIN - 300 * DAY))
        assert got.rows == len(market.bars)
        assert pages_asked(stage) <= 2
        assert meter.told[-1][0] == meter.told[-1][1]
        again, _ = await candles(stage, an_order(tmp_path, BEGIN - 300 * DAY))
        assert again.new == 0


async def test_holes_stay_holes_and_are_not_asked_for_again(tmp_path: Path) -> None:
    market = warm_market(days=1.0)
    del market.bars[300:310]
    async with staged(market) as stage:
        got, _ = await candles(stage, an_order(tmp_path, BEGIN - DAY))
        before = pages_asked(stage)
        await candles(stage, an_order(tmp_path, BEGIN - DAY))
        assert pages_asked(stage) == before
    assert rows_of(got.path) == truth(market, BEGIN - DAY)


async def test_nothing_at_all_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    async with staged() as stage:
        with pytest.raises(DataError, match="velocity has no candles of SOL-PERP in that time"):
            await candles(stage, an_order(tmp_path, BEGIN - 30 * DAY, BEGIN - 20 * DAY))
        with pytest.raises(DataError, match="no candles"):
            await candles(stage, an_order(tmp_path, BEGIN + DAY, BEGIN + 2 * DAY))
    assert not (tmp_path / "candles.parquet").exists()


async def test_a_service_that_fails_keeps_what_was_fetched(tmp_path: Path) -> None:
    market = warm_market(days=2.0)
    async with staged(market) as stage:
        stage.client._manners = QUICK
        with pytest.raises(Killed):
            await candles(stage, an_order(tmp_path, BEGIN - 2 * DAY), kills=2)
        stage.faults.start(FaultKind.HTTP_ERROR)
        with pytest.raises(ServiceUnavailable):
            await candles(stage, an_order(tmp_path, BEGIN - 2 * DAY))
        stage.faults.stop()
        got, _ = await candles(stage, an_order(tmp_path, BEGIN - 2 * DAY))
    assert rows_of(got.path) == truth(market, BEGIN - 2 * DAY)


async def test_another_markets_file_is_refused(tmp_path: Path) -> None:
    async with staged() as stage:
        await candles(stage, an_order(tmp_path, BEGIN - HOUR))
        other = Market("velocity", "SOL-PERP", 5 * MINUTE)
        with pytest.raises(DataError, match="holds SOL-PERP of velocity in frames of 60000 ms"):
            await candles(stage, an_order(tmp_path, BEGIN - HOUR, market=other))


@pytest.mark.parametrize(("idle", "choice", "source"), [
    (0.5, "auto", "oracle"), (0.1, "auto", "fills"), (0.5, "fills", "fills"), (0.1, "oracle", "oracle"),
])  # fmt: skip
async def test_one_choice_of_prices_holds_for_the_whole_file(
    idle: float, choice: str, source: str, tmp_path: Path
) -> None:
    market = warm_market(days=1.0, idle=idle)
    async with staged(market) as stage:
        got, _ = await candles(stage, an_order(tmp_path, BEGIN - DAY, choice=choice))
    assert got.source == source
    closes = [(bar.oracle if source == "oracle" else bar.fill)[3] for bar in market.bars]
    assert [row[4] for row in rows_of(got.path)] == closes


async def test_coarser_candles_are_fetched_as_such(tmp_path: Path) -> None:
    market = warm_market(days=2.0)
    async with staged(market) as stage:
        hourly = Market("velocity", "SOL-PERP", HOUR)
        got, _ = await candles(stage, an_order(tmp_path, BEGIN - 2 * DAY, market=hourly))
    tape = read_candles(got.path)
    assert (tape.frame_ms, len(tape.ts_ms), tape.ts_ms[0]) == (HOUR, 48, BEGIN - 2 * DAY)
    assert sum(tape.volume) == pytest.approx(sum(bar.base_volume for bar in market.bars))


# -- funding -------------------------------------------------------------------------------------------------


async def test_funding_of_the_last_month_comes_in_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = warm_market(funding_hours=24 * 20)
    async with staged(market) as stage:
        asked = stage.client.funding

        async def in_small_pages(symbol: str, *, page: str = "", limit: int = 750) -> Any:
            return await asked(symbol, page=page, limit=min(limit, 50))

        monkeypatch.setattr(stage.client, "funding", in_small_pages)
        got = await funding(stage, an_order(tmp_path, BEGIN - 10 * DAY))
        calls = len(stage.api.asked)
        assert calls == 5
        again = await funding(stage, an_order(tmp_path, BEGIN - 10 * DAY))
        assert (again.rows, again.new) == (got.rows, 0)
    tape = read_funding(got.path)
    expected = [row for row in market.funding if BEGIN - 10 * DAY <= row.ts < NOW]
    assert [*tape.ts_ms] == [row.ts for row in expected]
    assert [*tape.rate_frac_1h] == pytest.approx(
        [row.rate_usd / row.oracle_twap_usd for row in expected], rel=1e-4
    )
    assert tape.premium_frac is not None
    assert got.unserved_ts == 0


async def test_funding_that_is_there_and_differs_is_corrected_and_counted(tmp_path: Path) -> None:
    market = warm_market(funding_hours=48)
    async with staged(market) as stage:
        await funding(stage, an_order(tmp_path, BEGIN - 2 * DAY, BEGIN - DAY))
        at = next(i for i, row in enumerate(market.funding) if row.ts > BEGIN - DAY - HOUR)
        market.funding[at] = replace(market.funding[at], rate_usd=1e-3)
        got = await funding(stage, an_order(tmp_path, BEGIN - 2 * DAY))
    assert got.corrected == 1
    assert len(read_funding(got.path).ts_ms) == got.rows == 48


async def test_funding_that_was_recorded_late_comes_with_the_next_download(tmp_path: Path) -> None:
    market = warm_market(funding_hours=48)
    late = replace(market.funding[-1], ts=NOW - 60_000)
    async with staged(market) as stage:
        assert (await funding(stage, an_order(tmp_path, BEGIN - 2 * DAY, BEGIN + HOUR))).rows == 48
        market.funding.append(late)
        stage.clock.set(NOW + 10 * MINUTE)
        market.now_ts = NOW + 10 * MINUTE
        got = await funding(stage, an_order(tmp_path, BEGIN - 2 * DAY, BEGIN + HOUR))
    assert (got.rows, got.new) == (49, 1)


async def test_no_funding_is_no_file(tmp_path: Path) -> None:
    async with staged(warm_market(funding_hours=2)) as stage:
        got = await funding(stage, an_order(tmp_path, BEGIN - 10 * DAY, BEGIN - 9 * DAY))
    assert got.rows == 0
    assert _files(tmp_path) == []


@asynccontextmanager
async def by_days(first_day_ts: int) -> AsyncGenerator[tuple[DataApi, list[str]]]:
    """A service with hourly funding from one day on, which it gives only day by day when it is old."""

    async def act(request: web.Request) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if parts[-1] == "fundingRates":
            rows = [_rate(ts) for ts in range(NOW - 31 * DAY, NOW, HOUR)]
        else:
            day = datetime.fromisoformat("-".join(parts[-3:])).replace(tzinfo=UTC)
            day_ts = int(day.timestamp()) * 1_000
            if day_ts < first_day_ts:
                return web.Response(status=404, body=b'{"message": "too old"}')
            rows = [_rate(day_ts + hour * HOUR) for hour in range(24)]
        return web.Response(body=records_body(*rows))

    async with scripted_service(act) as (service, session):
        yield DataApi(service.url, session, QUICK), service.asked


def _rate(ts: int) -> dict[str, Any]:
    on_hour = ts // HOUR * HOUR + 60_000
    return {
        "ts": on_hour // 1_000,
        "fundingRateLong": "0.0015",
        "oraclePriceTwap": "150",
        "markPriceTwap": "150.3",
    }


async def test_older_funding_comes_day_by_day_as_far_back_as_it_is_served(tmp_path: Path) -> None:
    first_ts = (BEGIN - 40 * DAY) // MS_PER_DAY * MS_PER_DAY
    async with by_days(first_ts) as (api, asked):
        order = an_order(tmp_path, BEGIN - 60 * DAY)
        meter = Meter(kills=5)
        with pytest.raises(Killed):
            await download_funding(api, order, NOW, meter)
        before = len(asked)
        got = await download_funding(api, order, NOW, Meter())
        days = [path for path in asked if path.count("/") == 6]
        assert len(set(days)) == len(days)
        assert before == 5
    tape = read_funding(got.path)
    assert tape.report.count(Anomaly.GAP) == 0
    assert tape.ts_ms[0] == first_ts + 60_000
    assert got.unserved_ts == first_ts


async def test_a_service_that_is_away_is_not_the_end_of_funding(tmp_path: Path) -> None:
    async with open_session() as session:
        away = DataApi("http://127.0.0.1:1", session, QUICK)
        with pytest.raises(ServiceUnavailable):
            await download_funding(away, an_order(tmp_path, BEGIN - DAY), NOW, Meter())
