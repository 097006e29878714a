"""`drift-e3 download` against the drill's data API."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE
from drift_e3.venues.tape import read_candles, read_funding
from tests.cli.served_market import Served, served_market, wait_until
from tests.live.program import Ran, program


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with served_market(minutes=3_000) as found:
        yield found


def hours_ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).replace(second=0, microsecond=0).isoformat()


def downloaded(folder: Path, served: Served, *more: object, start: str | None = None) -> Ran:
    start = hours_ago(5) if start is None else start
    arguments = ("--venue", "velocity", "--out", "tape", "--start", start, *more)
    return program(folder, "download", *arguments, **served.variables)


def went_well(ran: Ran) -> bool:
    """Nothing is said but that funding comes a minute after its hour, as it does on these venues."""
    (note,) = ran.err.splitlines()
    return ran.code == Exit.OK and note.startswith("note: tape/funding.parquet: late_stamp x")


def test_a_download_writes_both_files_and_says_what_they_are(served: Served, tmp_path: Path) -> None:
    ran = downloaded(tmp_path, served, start=hours_ago(5))
    assert went_well(ran)
    candles = read_candles(tmp_path / "tape" / "candles.parquet")
    funding = read_funding(tmp_path / "tape" / "funding.parquet")
    truth = {bar.ts: bar for bar in served.market.bars}
    assert 298 <= len(candles.ts_ms) <= 301
    assert [*candles.close] == [truth[ts].fill[3] for ts in candles.ts_ms]
    rates = {row.ts: row.rate_usd / row.oracle_twap_usd for row in served.market.funding}
    assert [*funding.rate_frac_1h] == pytest.approx([rates[ts] for ts in funding.ts_ms], abs=1e-9)
    rows = len(candles.ts_ms)
    assert ran.out == (
        f"tape/candles.parquet: {rows} candles of the venue's fills, {rows} of them new\n"
        f"tape/funding.parquet: {len(funding.ts_ms)} rates, {len(funding.ts_ms)} of them new\n"
    )
    assert sorted(path.name for path in (tmp_path / "tape").iterdir()) == [
        "candles.parquet",
        "funding.parquet",
        "lock",
    ]


def test_a_downloaded_tape_can_be_backtested(served: Served, tmp_path: Path) -> None:
    assert downloaded(tmp_path, served, start=hours_ago(50)).code == Exit.OK
    ran = program(tmp_path, "backtest", "--tape", "tape/candles.parquet", "--funding", "tape/funding.parquet")
    assert went_well(ran)
    assert ran.out.startswith("candles")


def test_a_second_download_fetches_only_what_is_new(served: Served, tmp_path: Path) -> None:
    start = hours_ago(5)
    downloaded(tmp_path, served, start=start)
    before = len(served.asked)
    ran = downloaded(tmp_path, served, start=start)
    assert ran.code == Exit.OK
    assert len(served.asked) - before <= 2
    assert " 0 of them new" in ran.out or " 1 of them new" in ran.out


def test_the_frame_is_a_setting(served: Served, tmp_path: Path) -> None:
    served = served._replace(variables=served.variables | {"DATA_API__FRAME": "15m"})
    ran = downloaded(tmp_path, served, "--end", hours_ago(1), start=hours_ago(9))
    assert went_well(ran)
    assert read_candles(tmp_path / "tape" / "candles.parquet").frame_ms == 15 * MS_PER_MINUTE


def test_another_frame_in_the_same_folder_is_one_line(served: Served, tmp_path: Path) -> None:
    downloaded(tmp_path, served)
    served = served._replace(variables=served.variables | {"DATA_API__FRAME": "1h"})
    ran = downloaded(tmp_path, served)
    assert ran.code == Exit.DATA
    assert ran.err == (
        "drift-e3: tape/candles.parquet: holds SOL-PERP of velocity in frames of 60000 ms, "
        f"not SOL-PERP of velocity in frames of {MS_PER_HOUR} ms: give another --out\n"
    )


def test_oddities_of_the_files_are_said(served: Served, tmp_path: Path) -> None:
    hole = served.market.bars.pop(-100)
    try:
        ran = downloaded(tmp_path, served)
    finally:
        served.market.bars.append(hole)
        served.market.bars.sort(key=lambda bar: bar.ts)
    assert ran.code == Exit.OK
    assert ran.err.startswith("note: tape/candles.parquet: gap x 1: 1 candles missing before row")


def test_what_the_service_does_not_have_or_has_changed_is_said(served: Served, tmp_path: Path) -> None:
    start, end = hours_ago(24 * 40), hours_ago(2)
    first = downloaded(tmp_path, served, "--end", end, start=start)
    assert "note: the service gives no funding before " in first.err
    changed = served.market.bars[-122]
    changed.base_volume += 1.0
    ran = downloaded(tmp_path, served, start=start)
    assert ran.code == Exit.OK
    assert (
        "note: tape/candles.parquet: 1 candles differ from what was fetched before; now as served" in ran.err
    )


def test_no_funding_is_said_and_is_no_file(served: Served, tmp_path: Path) -> None:
    ran = downloaded(tmp_path, served, "--end", hours_ago(40), start=hours_ago(45))
    assert (ran.code, ran.err) == (Exit.OK, "note: no funding in that time\n")
    assert not (tmp_path / "tape" / "funding.parquet").exists()
    assert len(ran.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--start", "yesterday"), Exit.USAGE, "'yesterday' is no date such as 2025-05-31"),
        (("--start", "2025-01-02", "--end", "2025-01-01"), Exit.USAGE, "is not after --start"),
        ((), Exit.USAGE, "Missing option '--start'"),
        (("--start", "2020-01-01", "--end", "2020-01-02"), Exit.DATA, "velocity has no candles of SOL-PERP"),
        (("--start", "2020-01-01", "--symbol", "DOGE-PERP"), Exit.UNAVAILABLE, "refused 404 Not found"),
    ],
)
def test_what_cannot_be_is_one_line_and_a_code(
    served: Served, arguments: tuple[str, ...], code: Exit, message: str, tmp_path: Path
) -> None:
    ran = program(
        tmp_path, "download", "--venue", "velocity", "--out", "tape", *arguments, **served.variables
    )
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_venue_without_services_leaves_no_trace(tmp_path: Path) -> None:
    ran = program(tmp_path, "download", "--out", "tape", "--start", "2025-01-01")
    assert ran.code == Exit.CONFIGURATION
    assert "synthetic has no services to ask; give --venue drift or velocity" in ran.err
    assert not (tmp_path / "tape").exists()


def test_a_service_that_is_away_is_one_line(tmp_path: Path) -> None:
    ran = program(
        tmp_path, "download", "--venue", "drift", "--out", "tape", "--start", hours_ago(1),
        DATA_API__URL="http://127.0.0.1:1",
    )  # fmt: skip
    assert ran.code == Exit.UNAVAILABLE
    assert ran.err.startswith("drift-e3: 127.0.0.1: unreachable")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.slow
def test_a_killed_download_is_taken_up_again(served: Served, tmp_path: Path) -> None:
    """A real kill -9, as soon as the first page is on the disk."""
    start, end = hours_ago(49), hours_ago(1)
    pages = tmp_path / "tape" / "candles.pages"
    arguments = ("--venue", "velocity", "--out", "tape", "--start", start, "--end", end)
    with served.program(tmp_path, "download", *arguments) as process:
        wait_until(lambda: process.poll() is not None or (pages.exists() and pages.stat().st_size > 1_000))
    ran = downloaded(tmp_path, served, "--end", end, start=start)
    assert went_well(ran)
    candles = read_candles(tmp_path / "tape" / "candles.parquet")
    assert len(candles.ts_ms) == 48 * 60
    truth = {bar.ts: bar.fill[3] for bar in served.market.bars}
    assert [*candles.close] == [truth[ts] for ts in candles.ts_ms]
