"""The status server of a real daemon over real HTTP: what it tells, what it lets nobody do, how it ends."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from drift_e3.core.events import Fill, HaltRequested
from drift_e3.core.notes import DecisionMade
from drift_e3.journal.records import record
from drift_e3.ops.access import Access
from drift_e3.ops.advisor_score import read_card
from drift_e3.ops.history import SHELVES
from drift_e3.ops.metrics import Metrics
from drift_e3.ops.notifier import Notifier
from drift_e3.ops.openapi import document
from drift_e3.ops.scorer import Scorer
from drift_e3.ops.server import PAGE, StatusServer
from drift_e3.status import AlertStatus, ArrivalStatus, ServerStatus
from tests.live.attended import CHOSEN, STEPPED, attended
from tests.live.daemons import orders, turns
from tests.live.journals import told
from tests.ops.cards import a_card
from tests.ops.served import served


async def test_it_tells_how_the_trader_stands(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        status, told_status = await one.get("/api/status")
        assert status == 200
        assert told_status["mode"] == "trading"
        assert told_status["position"]["size_base"] > 0.0
        _, positions = await one.get("/api/positions")
        assert positions == {"position": told_status["position"], "orders": told_status["orders"]}
        assert await one.get("/healthz") == (200, {"alive": True, "stalled": []})
        assert await one.get("/readyz") == (200, {"ready": True, "missing": []})


async def test_what_is_past_comes_from_the_journal_page_by_page(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        made = [
            {"seq": seq, **record(note, event.seen_ts)}
            for seq, (event, outcome) in enumerate(told(one.daemon.state), 1)
            for note in outcome
            if isinstance(note, DecisionMade)
        ]
        paged: list[object] = []
        before = ""
        while True:
            status, page = await one.get(f"/api/decisions?limit=7{before}")
            assert status == 200
            paged += page["items"]
            if page["before"] is None:
                break
            before = f"&before={page['before']}"
        assert paged == json.loads(json.dumps(made[::-1]))
        _, fills = await one.get("/api/fills")
        assert len(fills["items"]) == sum(isinstance(event, Fill) for event, _ in told(one.daemon.state))
        for shelf in SHELVES:
            assert (await one.get(f"/api/{shelf}"))[0] == 200


async def test_the_chart_has_each_candle_with_its_regime_and_equity(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        _, chart = await one.get("/api/chart?candles=50")
        assert len({len(column) for column in chart.values()}) == 1
        assert chart["ts"] == sorted(chart["ts"])
        _, decisions = await one.get("/api/decisions?limit=50")
        for decision in decisions["items"]:
            place = chart["ts"].index(decision["ts"])
            assert chart["regime"][place] == decision["regime"]
            assert chart["equity_usd"][place] == decision["equity_usd"]
        _, equity = await one.get("/api/equity?points=4")
        assert len(equity["ts"]) == len(equity["equity_usd"]) <= 4
        _, whole = await one.get("/api/equity?points=5000")
        assert {min(whole["equity_usd"]), max(whole["equity_usd"])} <= set(equity["equity_usd"])


async def test_a_halt_over_http_closes_the_position_and_is_journaled(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        asking = asyncio.create_task(one.act("halt"))
        for _ in range(200):
            await turns()
            await asyncio.sleep(0.001)  # the answer comes over a real socket
            if asking.done():
                break
            await one.daemon.step()
        status, answer = await asking
        assert (status, answer["error"], answer["flat"]) == (200, "", True)
        assert answer["status"]["halted"] is True
        (halt,) = [event for event, _ in told(one.daemon.state) if isinstance(event, HaltRequested)]
        assert halt.by.startswith("http:")
        assert (await one.get("/readyz"))[1]["missing"][0] == "halted:halt_asked"
        assert (await one.act("resume"))[1]["lifted"] == "halt"


async def test_without_the_token_nothing_happens(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        assert (await one.act("halt", "wrong"))[0] == 401
        async with one.client.post(
            "/api/control/halt", headers={"Authorization": "Bearer x", "Origin": "http://evil.example"}
        ) as response:
            assert response.status == 403
        async with one.client.get("/api/status", headers={"Host": "evil.example"}) as response:
            assert response.status == 421
        assert not [event for event, _ in told(one.daemon.state) if isinstance(event, HaltRequested)]
    async with served(tmp_path / "none", token="") as one:
        assert (await one.act("halt", ""))[0] == 403


async def test_the_stream_tells_the_status_first_and_then_what_happens(tmp_path: Path) -> None:
    async with served(tmp_path) as one, one.client.get("/api/stream") as stream:
        assert await _next(stream) == ("status", "trading")
        await one.daemon.step(12)
        names = set()
        while "decision" not in names:
            name, _ = await _next(stream)
            names.add(name)
        assert "oracle_tick" not in names


async def _next(stream: aiohttp.ClientResponse) -> tuple[str, object]:
    name = data = ""
    while True:
        line = (await stream.content.readline()).decode().rstrip("\n")
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
        elif not line:
            return name, json.loads(data).get("mode")


async def test_the_stream_ends_with_the_daemon(tmp_path: Path) -> None:
    async with served(tmp_path) as one, one.client.get("/api/stream") as stream:
        await _next(stream)
        one.daemon.task.cancel()
        await asyncio.wait([one.daemon.task])
        assert stream.content.at_eof() or await stream.content.read() is not None


async def test_the_metrics_are_prometheus_and_agree_with_the_status(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        async with one.client.get("/metrics") as response:
            assert response.content_type == "text/plain"
            text = await response.text()
        _, status = await one.get("/api/status")
        families = {family.name: family for family in text_string_to_metric_families(text)}
        values = {
            (sample.name, *sample.labels.values()): sample.value
            for family in families.values()
            for sample in family.samples
        }
        assert values["drift_e3_equity_usd",] == status["equity_usd"]
        assert values["drift_e3_leverage_x",] == status["position"]["leverage_x"]
        assert values["drift_e3_mode", "trading"] == 1.0
        assert values["drift_e3_mode", "halted"] == 0.0
        assert values["drift_e3_fills_total", "entry"] == 1.0
        assert values["drift_e3_journal_bytes",] > 0.0
        assert all(family.documentation for family in families.values())


async def test_the_metrics_tell_of_chain_messengers_and_advisor(tmp_path: Path) -> None:
    """What other parts count, as it stands in the status and in the advisor's score."""
    async with served(tmp_path, watchers=(Notifier(_deaf),)) as one:
        arrivals = ArrivalStatus(waiting=3, waiting_most=5, room=1_024, merged={"order_book": 7})
        status = replace(one.server._daemon.status(), rpc=(A_SERVER,), arrivals=arrivals)
    score = read_card(a_card(40), scored_ts=60_000, took_s=1.0)
    text = Metrics(lambda: status, lambda: score, tmp_path).text().decode()
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["drift_e3_rpc_calls_total", "rpc.example", "getSlot", "answered", "1"] == 5.0
    assert values["drift_e3_rpc_calls_total", "rpc.example", "getSlot", "timeout", "1"] == 2.0
    assert values["drift_e3_rpc_latency_seconds", "rpc.example", "1"] == 0.25
    assert values["drift_e3_rpc_resting", "rpc.example", "1"] == 1.0
    assert ("drift_e3_rpc_slot", "rpc.example", "1") not in values
    assert values["drift_e3_waiting_events",] == 3.0
    assert values["drift_e3_waiting_events_most",] == 5.0
    assert values["drift_e3_waiting_events_room",] == 1_024.0
    assert values["drift_e3_merged_events_total", "order_book"] == 7.0
    assert values["drift_e3_notices_total", "failed"] == 1.0
    assert values["drift_e3_notices_total", "sent"] == 0.0
    assert values["drift_e3_open_orders", "sent"] == len(status.orders)
    assert values["drift_e3_advisor_hit_frac", "1h"] == 0.8
    assert values["drift_e3_advisor_scored_timestamp_seconds",] == 60.0
    assert status.alerts == AlertStatus(failed=1, last_failed=True)


A_SERVER = ServerStatus(
    host="rpc.example",
    calls=7,
    errors=2,
    outcomes={"getSlot": {"answered": 5, "timeout": 2}},
    latency_ms=250.0,
    slot=None,
    resting=True,
)


async def _deaf(title: str, body: str) -> bool:
    del title, body
    return False


async def test_the_advisors_score_is_told_in_words_until_there_are_figures(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        _, score = await one.get("/api/advisor")
        assert (score["state"], score["words"]) == ("off", "The advisor is off: the rules decide alone.")
    (tmp_path / "on").mkdir()
    asking = orders(tmp_path / "on" / "state", replace(CHOSEN.trading(), ai_enabled=True), speed=STEPPED)
    async with served(tmp_path / "on", how=asking) as one:
        _, score = await one.get("/api/advisor")
        assert (score["state"], score["horizons"], score["scoring"]) == ("not_yet", [], False)


@pytest.mark.parametrize("path", [*PAGE, "/page/plotly.js"])
async def test_the_page_and_all_it_needs_come_from_here(tmp_path: Path, path: str) -> None:
    async with served(tmp_path) as one, one.client.get(path) as response:
        assert response.status == 200
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert await response.read()


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("/api/decisions?limit=0", "limit must be a whole number from 1 to 500"),
        ("/api/decisions?limit=501", "limit must be a whole number from 1 to 500"),
        ("/api/decisions?limit=-1", "limit must be"),
        ("/api/decisions?limit=1e3", "limit must be"),
        ("/api/decisions?limit=", "limit must be"),
        ("/api/decisions?before=x", "before must be"),
        ("/api/chart?candles=%C2%B2", "candles must be"),
        ("/api/equity?hours=99999999999999999999999", "hours must be"),
        ("/api/nothing", "there is no such thing"),
        ("/nothing", "Not Found"),
    ],
)
async def test_a_request_that_makes_no_sense_gets_one_line(tmp_path: Path, path: str, complaint: str) -> None:
    async with served(tmp_path) as one:
        status, body = await one.get(path)
        assert status in {400, 404}
        assert complaint in body["error"]
        assert (await one.act("explode"))[0] == 404


async def test_a_busy_port_stops_no_trading(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        taken = one.server.port
        two = await _second(tmp_path / "other", taken)
        assert two.port == 0


async def _second(tmp_path: Path, port: int) -> StatusServer:
    state = tmp_path / "state"
    state.mkdir(parents=True)
    server = StatusServer(Access(host="127.0.0.1"), port, state, Scorer((), {}))
    async with attended(tmp_path, watchers=(server,)) as daemon:
        await daemon.step(3)
        assert not daemon.task.done()
    return server


async def test_the_document_names_every_route(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        _, served_document = await one.get("/api/openapi.json")
    assert served_document == json.loads(json.dumps(document()))
    assert {f"/api/{shelf}" for shelf in SHELVES} < set(served_document["paths"])
