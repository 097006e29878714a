"""The status server: answers people, their page, Prometheus and health checks, and takes their word to act.

It watches the daemon from its task group and owns nothing of it. What may be asked is `access`'s, what is
past `history`'s, what a request to act leads to the daemon's own.
"""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Any, Final

import msgspec
import structlog
from aiohttp import web

from drift_e3.core.events import BookSeen, Event, Heartbeat, MarketEvent, OracleTick
from drift_e3.core.terms import MS_PER_HOUR
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.journal.records import record
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.operating import Operator, Verb
from drift_e3.ops.access import Access, Asked
from drift_e3.ops.advisor_score import OFF, AdvisorScore
from drift_e3.ops.health import Progress, readiness
from drift_e3.ops.history import END, ITEMS_MAX, POINTS_MAX, SHELVES, History
from drift_e3.ops.metrics import Metrics
from drift_e3.ops.openapi import document
from drift_e3.ops.scorer import Scorer
from drift_e3.ops.stream import Broadcast, TooManyListeners, message
from drift_e3.status import Status

BODY_BYTES_MAX: Final = 1_024
PULSE_S: Final = 1.0
"""How often the loop's lag is measured and the page's numbers are sent."""
STALL_S: Final = 30.0
"""A loop that took nothing for so long is not healthy: a heartbeat comes every second."""
WAIT_S: Final = 20.0
"""How long a request to close is waited for over HTTP; the page sees the rest on its stream."""
QUIET: Final = (BookSeen, OracleTick, Heartbeat)
"""Events that are not streamed one by one: prices come with the pulse."""
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "drift_e3",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer. Styles may be inline because the charts' library writes its own."""
PAGE: Final = {
    "/": ("index.html", "text/html"),
    "/page/page.css": ("page.css", "text/css"),
    **{
        f"/page/{name}.js": (f"{name}.js", "text/javascript")
        for name in ("page", "format", "status", "decisions", "advisor", "charts")
    },
    "/favicon.ico": ("icon.svg", "image/svg+xml"),
}

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_encode = msgspec.json.Encoder().encode


class StatusServer:
    """Implements `operating.Watcher`."""

    def __init__(self, access: Access, port: int, directory: Path, scorer: Scorer) -> None:
        """Nothing is served before `run`; with `port` 0 a free one is taken."""
        self._access = access
        self._scorer = scorer
        self._wanted_port = port
        self._history = History(directory / JOURNAL_NAME)
        self._broadcast = Broadcast()
        self._progress = Progress(began_s=monotonic())
        self._metrics = Metrics(self._standing, self._score, directory)
        self._operator: Operator | None = None
        self._seq = 0
        self.port = 0
        """The port that is listened on; 0 while there is none."""

    # -- watching --------------------------------------------------------------------------------------------

    def told(self, seq: int, event: Event, outcome: Outcome, trader: Trader) -> None:
        """Take an event with its outcome."""
        self._seq = seq
        market = isinstance(event, MarketEvent)
        self._progress.took(monotonic(), market=market, live=trader.state.feed.live)
        self._metrics.told(event, outcome)
        if not self._broadcast.listeners:
            return
        for told in (*(() if isinstance(event, QUIET) else (event,)), *outcome.commands, *outcome.notes):
            one = record(told, event.seen_ts)
            self._broadcast.send(str(one["kind"]), {"seq": seq, **one}, seq)

    async def run(self, operator: Operator) -> None:
        """Serve until cancelled; where the address cannot be had that is said: trading does not need it."""
        self._operator = operator
        runner = web.AppRunner(self._app(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._access.host, self._wanted_port).start()
        except OSError as error:
            refused = url(self._access.host, self._wanted_port)
            log.warning("server.refused", url=refused, reason=error.strerror or str(error))
        else:
            self.port = runner.addresses[0][1]
            log.info("server.started", url=url(self._access.host, self.port))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._scorer.run(), name="scorer")
                await self._pulse()
        finally:
            self._broadcast.end()
            await runner.cleanup()
            self._history.close()

    async def _pulse(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + PULSE_S
            await asyncio.sleep(PULSE_S)
            self._metrics.loop_lag.observe(max(loop.time() - due_s, 0.0))
            self._progress.compare(self._seq, self._daemon.committed_seq, monotonic())
            if self._broadcast.listeners:
                self._broadcast.send("status", asdict(self._daemon.status()))

    def _standing(self) -> Status:
        return self._daemon.status()

    def _score(self) -> AdvisorScore:
        if not self._daemon.status().advisor.enabled:
            return AdvisorScore(state="off", words=OFF)
        return self._scorer.look()

    @property
    def _daemon(self) -> Operator:
        assert self._operator is not None, "nobody can ask before the server runs"
        return self._operator

    # -- serving ---------------------------------------------------------------------------------------------

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guarded], client_max_size=BODY_BYTES_MAX)
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics_text),
                web.get("/api/openapi.json", self._openapi),
                web.get("/api/status", self._status),
                web.get("/api/positions", self._positions),
                web.get("/api/equity", self._equity),
                web.get("/api/chart", self._chart),
                web.get("/api/advisor", self._advisor),
                web.get("/api/stream", self._stream),
                web.get("/api/{shelf}", self._shelf),
                web.post("/api/control/{verb}", self._control),
                web.get("/page/plotly.js", self._plotly),
                *(web.get(path, _file(*named)) for path, named in PAGE.items()),
            ]
        )
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = Asked(
            request.method,
            request.path,
            request.headers.get("Host", ""),
            request.headers.get("Origin", ""),
            request.headers.get("Sec-Fetch-Site", ""),
            request.headers.get("Authorization", ""),
        )
        refusal = self._access.refuse(asked, monotonic())
        if refusal is not None:
            return _json({"error": refusal.reason}, refusal.status)
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _json({"error": error.reason}, error.status)

    async def _healthz(self, _: web.Request) -> web.StreamResponse:
        stalled = self._progress.stalled(monotonic(), STALL_S)
        alive = "loop" not in stalled and "journal" not in stalled
        return _json({"alive": alive, "stalled": stalled}, 200 if alive else 503)

    async def _readyz(self, _: web.Request) -> web.StreamResponse:
        found = readiness(self._daemon.status(), self._progress, monotonic())
        return _json(found, 200 if found.ready else 503)

    async def _metrics_text(self, _: web.Request) -> web.StreamResponse:
        return web.Response(
            body=self._metrics.text(),
            headers=HEADERS | {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def _openapi(self, _: web.Request) -> web.StreamResponse:
        return _json(document())

    async def _status(self, _: web.Request) -> web.StreamResponse:
        return _json(self._daemon.status())

    async def _positions(self, _: web.Request) -> web.StreamResponse:
        status = self._daemon.status()
        return _json({"position": status.position, "orders": status.orders})

    async def _shelf(self, request: web.Request) -> web.StreamResponse:
        shelf = SHELVES.get(request.match_info["shelf"])
        if shelf is None:
            raise web.HTTPNotFound(reason="there is no such thing")
        before = _whole(request, "before", END, 1, END)
        page = await self._history.page(shelf, before, _whole(request, "limit", 50, 1, ITEMS_MAX))
        return _json(page._asdict())

    async def _equity(self, request: web.Request) -> web.StreamResponse:
        now_ts = self._daemon.status().event_ts
        hours = _whole(request, "hours", 24 * 7, 1, 24 * 3_660)
        points = _whole(request, "points", 1_000, 2, POINTS_MAX)
        ts, equity_usd = await self._history.equity(now_ts - hours * MS_PER_HOUR, points)
        return _json({"ts": ts, "equity_usd": equity_usd})

    async def _chart(self, request: web.Request) -> web.StreamResponse:
        candles = _whole(request, "candles", 360, 1, POINTS_MAX)
        return _json((await self._history.chart(candles))._asdict())

    async def _advisor(self, _: web.Request) -> web.StreamResponse:
        return _json(self._score())

    async def _control(self, request: web.Request) -> web.StreamResponse:
        try:
            verb = Verb(request.match_info["verb"])
        except ValueError:
            raise web.HTTPNotFound(reason="there is no such request") from None
        if verb is Verb.STATUS:
            raise web.HTTPNotFound(reason="look at /api/status")
        answer = await self._daemon.ask(verb, f"http:{getpass.getuser()}", WAIT_S)
        return _json(answer, 503 if answer.error else 200)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        try:
            listening = self._broadcast.listen()
        except TooManyListeners:
            return _json({"error": "too many listen already"}, 503)
        response = web.StreamResponse(headers=HEADERS | {"Content-Type": "text/event-stream"})
        async with aclosing(listening) as heard:
            with suppress(ConnectionError, TimeoutError):
                await response.prepare(request)
                await response.write(message("status", asdict(self._daemon.status())))
                async for told in heard:
                    await response.write(told)
        return response

    async def _plotly(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(
            Path(str(files("plotly") / "package_data" / "plotly.min.js")),
            headers=HEADERS | {"Content-Type": "text/javascript", "Cache-Control": "private, max-age=86400"},
        )


def url(host: str, port: int) -> str:
    """Where a browser finds it."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _file(name: str, kind: str) -> Handler:
    async def serve(_: web.Request) -> web.StreamResponse:
        body = (files("drift_e3.ops") / "page" / name).read_bytes()
        return web.Response(body=body, headers=HEADERS | {"Content-Type": f"{kind}; charset=utf-8"})

    return serve


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=_encode(value), status=status, headers=HEADERS | {"Content-Type": "application/json"}
    )


def _whole(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    """A whole number of the query, within its bounds; 400 for anything else."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise web.HTTPBadRequest(reason=f"{name} must be a whole number from {low} to {high}")
    return int(text)
