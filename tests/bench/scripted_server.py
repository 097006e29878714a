"""The scripted model server in a process of its own, so that it does not share the loop that is measured.

``python -m tests.bench.scripted_server hangs|says`` prints its address and serves until its input ends.
"""

import asyncio
import sys

from tests.advisors.scripted_ollama import hangs, says, scripted_ollama

MODEL = "scripted"
ACTS = {"hangs": hangs(), "says": says(delay_s=0.05)}


async def serve(act: str) -> None:
    """Serve one act on a free port of the loopback."""
    async with scripted_ollama({MODEL: ACTS[act]}, {MODEL: "0"}) as server:
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
