"""The bearer token of a proxy before the model server."""

import aiohttp
from aiohttp import web

from drift_e3.advisors.ollama_wire import open_session


async def test_a_token_is_sent_as_bearer_and_its_absence_sends_no_such_header() -> None:
    seen: list[str | None] = []

    async def note(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response()

    app = web.Application()
    app.router.add_get("/", note)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    for token in ("planted", ""):
        session: aiohttp.ClientSession = open_session(token)
        async with session, session.get(url):
            pass
    await runner.cleanup()
    assert seen == ["Bearer planted", None]
