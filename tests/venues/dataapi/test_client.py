"""Asking the services: what is asked, how often, and that every way of failing has its name."""

import asyncio
import gzip
import json
import socket
from collections.abc import Awaitable, Callable
from datetime import date

import pytest
import tenacity

from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE
from drift_e3.ports import VenueRefused, VenueUnavailable
from drift_e3.venues.dataapi.client import BODY_BYTES_MAX, HOSTS, DataApi, DlobApi, Manners, open_session
from drift_e3.venues.dataapi.failures import Failure, ServiceRefused, ServiceUnavailable
from tests.venues.dataapi.builders import MINUTE, T0, a_candle, book_json, candle_json, records_body
from tests.venues.dataapi.scripted_service import (
    Act,
    breaks_off,
    floods,
    hangs,
    hangs_up,
    says,
    scripted_service,
)
from tests.venues.dataapi.scripted_socket import raw_server

QUICK = Manners(deadline_s=0.2, tries=1, pause_s=0.001, pause_max_s=0.002, per_second=1_000)
PATIENT = Manners(deadline_s=0.2, tries=4, pause_s=0.001, pause_max_s=0.002, per_second=1_000)
CANDLES = says(records_body(candle_json(a_candle(0)), candle_json(a_candle(1))))


async def asked(*acts: Act, manners: Manners = QUICK) -> tuple[list[str], tuple[object, ...]]:
    """What a service was asked for candles, and the candles."""
    async with scripted_service(*acts) as (service, session):
        page = await DataApi(service.url, session, manners).candles("SOL-PERP", MINUTE, newer_ts=T0 + MINUTE)
    return service.asked, page.records


# -- what is asked -------------------------------------------------------------------------------------------


async def test_candles_are_asked_for_from_the_newer_end_and_one_more_in_case_it_is_left_out() -> None:
    async with scripted_service(CANDLES) as (service, session):
        api = DataApi(service.url + "/", session, QUICK)
        page = await api.candles("SOL-PERP", MINUTE, newer_ts=T0 + MINUTE, limit=2)
    assert service.asked == [f"/market/SOL-PERP/candles/1?limit=3&startTs={T0 // 1_000 + 120}"]
    assert page.records == (a_candle(0), a_candle(1))


async def test_no_more_than_a_thousand_candles_are_asked_for() -> None:
    asked_for, _ = await asked(CANDLES)
    assert "limit=1000&" in asked_for[0]


async def test_candles_newer_than_asked_for_are_left_out() -> None:
    async with scripted_service(CANDLES) as (service, session):
        page = await DataApi(service.url, session, QUICK).candles("SOL-PERP", MINUTE, newer_ts=T0)
    assert page.records == (a_candle(0),)


async def test_a_server_that_does_not_page_is_a_bad_body_and_not_the_end_of_history() -> None:
    async with scripted_service(CANDLES) as (service, session):
        with pytest.raises(ServiceUnavailable, match="only candles newer than asked for"):
            await DataApi(service.url, session, QUICK).candles("SOL-PERP", MINUTE, newer_ts=T0 - 2 * MINUTE)
        page = await DataApi(service.url, session, QUICK).candles("SOL-PERP", MINUTE, newer_ts=T0 - MINUTE)
    assert page.records == ()


async def test_every_other_question_has_its_documented_address() -> None:
    stats = json.dumps({"markets": [{"symbol": "SOL-PERP"}]}).encode()
    acts = (says(records_body()), says(records_body()), says(records_body()), says(stats))
    async with scripted_service(*acts, says(json.dumps(book_json()).encode()), says(b"OK")) as (
        service,
        session,
    ):
        api, dlob = DataApi(service.url, session, QUICK), DlobApi(service.url, session, QUICK)
        await api.funding("SOL-PERP")
        await api.funding("SOL-PERP", page="a b", limit=12)
        await api.funding_of("SOL-PERP", date(2026, 3, 4))
        await api.stats("SOL-PERP")
        await dlob.book("SOL-PERP", 10)
        await dlob.health()
    assert service.asked == [
        "/market/SOL-PERP/fundingRates?limit=750",
        "/market/SOL-PERP/fundingRates?limit=12&page=a+b",
        "/market/SOL-PERP/fundingRates/2026/03/04",
        "/stats/markets",
        "/l2?marketName=SOL-PERP&depth=10&includeIndicative=true",
        "/health",
    ]


@pytest.mark.parametrize(
    ("frame_ms", "name"), [(MS_PER_MINUTE, "1"), (5 * MS_PER_MINUTE, "5"), (MS_PER_HOUR, "60")]
)
async def test_frames_have_the_services_names(frame_ms: int, name: str) -> None:
    async with scripted_service(says(records_body())) as (service, session):
        await DataApi(service.url, session, QUICK).candles("SOL-PERP", frame_ms, newer_ts=T0)
    assert f"/candles/{name}?" in service.asked[0]


async def test_a_symbol_cannot_leave_its_place_in_the_path() -> None:
    async with scripted_service(says(records_body())) as (service, session):
        await DataApi(service.url, session, QUICK).funding("../x?y")
    assert service.asked[0].startswith("/market/..%2Fx%3Fy/fundingRates")


def test_both_venues_have_hosts_of_their_own() -> None:
    assert set(HOSTS) == {"drift", "velocity"}
    assert len({url for hosts in HOSTS.values() for url in hosts}) == 4


@pytest.mark.parametrize("url", ["", "data.example", "ftp://data.example", "http://"])
async def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    async with open_session() as session:
        with pytest.raises(ValueError, match="no http or https address"):
            DataApi(url, session)


# -- how it fails --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "failure"),
    [
        (hangs, Failure.TIMEOUT),
        (hangs_up, Failure.DISCONNECTED),
        (breaks_off, Failure.DISCONNECTED),
        (floods, Failure.TOO_LARGE),
        (says(b" " * (BODY_BYTES_MAX + 1)), Failure.TOO_LARGE),
        (says(gzip.compress(b" " * (BODY_BYTES_MAX + 1)), Content_Encoding="gzip"), Failure.TOO_LARGE),
        (says(b"no gzip", Content_Encoding="gzip"), Failure.DISCONNECTED),
        (says(b"<html>"), Failure.BAD_BODY),
        (says(b"\xff\xfe"), Failure.BAD_BODY),
        (says(b"", 429), Failure.BUSY),
        (says(b"oops", 500), Failure.SERVER_ERROR),
        (says(b"", 503), Failure.SERVER_ERROR),
        (says(b"", 408), Failure.SERVER_ERROR),
        (says(b"", 302, Location="http://127.0.0.1:1/"), Failure.SERVER_ERROR),
        (says(b"", 204), Failure.SERVER_ERROR),
    ],
)
async def test_each_way_of_not_answering_has_its_name(act: Act, failure: Failure) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        await asked(act, manners=Manners(deadline_s=2.0 if failure is Failure.TOO_LARGE else 0.2, tries=1))
    assert caught.value.failure is failure
    assert isinstance(caught.value, VenueUnavailable)
    assert str(caught.value).startswith(f"127.0.0.1: {failure.value}")
    assert len(str(caught.value).splitlines()) == 1


async def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with open_session() as session:
            with pytest.raises(ServiceUnavailable) as caught:
                await DataApi(f"http://127.0.0.1:{port}", session, QUICK).stats("SOL-PERP")
    assert caught.value.failure is Failure.UNREACHABLE


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_refusal_is_final_and_in_the_servers_words(status: int) -> None:
    refusal = says(json.dumps({"message": "Invalid\nsymbol" + "!" * 500}).encode(), status)
    async with scripted_service(refusal) as (service, session):
        with pytest.raises(ServiceRefused) as caught:
            await DataApi(service.url, session, PATIENT).stats("SOL-PERP")
    assert len(service.asked) == 1
    assert isinstance(caught.value, VenueRefused)
    assert str(caught.value).startswith(f"127.0.0.1: refused {status} Invalid symbol!!!")
    assert len(str(caught.value)) < 160


# -- how it is tried again -----------------------------------------------------------------------------------


async def test_what_fails_is_asked_again_until_it_answers() -> None:
    asked_for, records = await asked(says(b"", 500), hangs_up, says(b"<html>"), CANDLES, manners=PATIENT)
    assert len(asked_for) == 4
    assert records == (a_candle(0), a_candle(1))


async def test_after_the_last_try_the_last_failure_is_told() -> None:
    async with scripted_service(says(b"", 500), says(b"", 500), says(b"", 500), says(b"", 429)) as (
        service,
        session,
    ):
        with pytest.raises(ServiceUnavailable) as caught:
            await DataApi(service.url, session, PATIENT).stats("SOL-PERP")
    assert len(service.asked) == 4
    assert caught.value.failure is Failure.BUSY


async def test_who_is_in_a_hurry_asks_once() -> None:
    async with scripted_service(says(b"", 500)) as (service, session):
        with pytest.raises(ServiceUnavailable):
            await DataApi(service.url, session, PATIENT).candles("SOL-PERP", MINUTE, newer_ts=T0, hurry_s=0.2)
    assert len(service.asked) == 1


Pause = Callable[[tenacity.RetryCallState], float]


async def pauses(error: ServiceUnavailable, tries: int, manners: Manners) -> list[float]:
    """The pauses after each of so many tries that ended in `error`."""
    async with open_session() as session:
        pause: Pause = DataApi("http://127.0.0.1", session, manners)._pause
        state = tenacity.RetryCallState(tenacity.AsyncRetrying(), None, (), {})
        found: list[float] = []
        for attempt in range(1, tries + 1):
            state.attempt_number = attempt
            state.set_exception((type(error), error, None))
            found.append(pause(state))
        return found


async def test_pauses_grow_jitter_and_are_bounded() -> None:
    busy = ServiceUnavailable("host", Failure.BUSY)
    manners = Manners(pause_s=0.5, pause_max_s=8.0)
    many = [await pauses(busy, 12, manners) for _ in range(40)]
    for attempt, column in enumerate(zip(*many, strict=True)):
        assert max(column) <= min(0.5 * 2**attempt, 8.0)
        assert len(set(column)) > 30
    assert sum(many[at][0] for at in range(40)) < sum(many[at][8] for at in range(40))


async def test_a_server_that_says_how_long_to_wait_is_heeded_within_reason() -> None:
    manners = Manners(pause_s=0.001, pause_max_s=0.002)
    assert (await pauses(ServiceUnavailable("host", Failure.BUSY, "", 3.0), 1, manners))[0] == 3.0
    assert (await pauses(ServiceUnavailable("host", Failure.BUSY, "", 9_000.0), 1, manners))[0] == 30.0


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7.0), ("soon", 0.0), ("-1", 0.0), ("", 0.0), ("\u00b2", 0.0)]
)
async def test_only_seconds_count_as_a_wish(said: str, seconds: float) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        await asked(says(b"", 429, Retry_After=said))
    assert caught.value.retry_after_s == seconds


async def test_a_host_is_asked_no_more_often_than_its_budget() -> None:
    manners = Manners(deadline_s=1.0, tries=1, per_second=3)
    figures = says(json.dumps({"markets": [{"symbol": "SOL-PERP"}]}).encode())
    async with scripted_service(figures) as (service, session):
        api = DataApi(service.url, session, manners)
        for _ in range(3):
            await api.stats("SOL-PERP")
        with pytest.raises(TimeoutError):
            await in_time(api.stats("SOL-PERP"), 0.2)
    assert len(service.asked) == 3


async def in_time(asking: Awaitable[object], limit_s: float) -> None:
    async with asyncio.timeout(limit_s):
        await asking


async def test_what_is_not_http_at_all_is_a_bad_body() -> None:
    async with raw_server(b"\x00\x01 hello \r\n\r\n") as url, open_session() as session:
        with pytest.raises(ServiceUnavailable) as caught:
            await DataApi(url, session, QUICK).stats("SOL-PERP")
    assert caught.value.failure is Failure.BAD_BODY
