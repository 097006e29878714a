"""The scripted Ollama on a thread of its own, for programs that bring their own event loop or process."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from drift_e3.drill.ollama_acts import Act, says
from drift_e3.drill.scripted_ollama import scripted_ollama


@contextmanager
def ollama_thread(scripts: Mapping[str, Act] | None = None) -> Iterator[str]:
    """The address of a server that knows these models, one called ``good`` unless others are given."""
    ready, done = threading.Event(), threading.Event()
    urls: list[str] = []

    async def serve() -> None:
        acts = scripts or {"good": says()}
        async with scripted_ollama(acts, dict.fromkeys(acts, "digest")) as server:
            urls.append(server.url)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="scripted-ollama")
    thread.start()
    assert ready.wait(10.0)
    try:
        yield urls[0]
    finally:
        done.set()
        thread.join()
