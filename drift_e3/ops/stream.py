"""What happens, as it happens, to whoever listens: server-sent events, bounded for each listener.

A listener who falls behind is let go rather than fed a hole: he comes again, and the journal has it all.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, Final

import msgspec

LISTENERS_MAX: Final = 16
WAITING_MAX: Final = 1_000
"""Messages that may wait for one listener."""

_encode = msgspec.json.Encoder().encode


class TooManyListeners(Exception):
    """Nobody else can be listened to now."""


def message(name: str, data: Any, seq: int = 0) -> bytes:
    """One server-sent event; `seq`, where it is an event of the journal, is its id."""
    head = f"id: {seq}\n" if seq else ""
    return f"{head}event: {name}\ndata: ".encode() + _encode(data) + b"\n\n"


class Broadcast:
    """Everybody who listens. `dropped` counts listeners who were let go because they fell behind."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes | None]] = set()
        self.dropped = 0

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._queues)

    def send(self, name: str, data: Any, seq: int = 0) -> None:
        """Tell everybody, at once and without waiting."""
        if not self._queues:
            return
        told = message(name, data, seq)
        for queue in list(self._queues):
            if queue.qsize() < WAITING_MAX:
                queue.put_nowait(told)
            else:
                self._queues.discard(queue)
                self.dropped += 1
                _end(queue)

    def listen(self) -> AsyncGenerator[bytes]:
        """Messages from now on, until the broadcast ends or the listener falls behind; to be closed.

        Raises `TooManyListeners`.
        """
        if len(self._queues) >= LISTENERS_MAX:
            raise TooManyListeners
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING_MAX + 1)
        self._queues.add(queue)
        return self._heard(queue)

    async def _heard(self, queue: asyncio.Queue[bytes | None]) -> AsyncGenerator[bytes]:
        try:
            while (told := await queue.get()) is not None:
                yield told
        finally:
            self._queues.discard(queue)

    def end(self) -> None:
        """Let everybody go."""
        for queue in list(self._queues):
            self._queues.discard(queue)
            _end(queue)


def _end(queue: asyncio.Queue[bytes | None]) -> None:
    """What waits is not worth hearing any more: the last word is that there is no more."""
    with suppress(asyncio.QueueEmpty):
        while True:
            queue.get_nowait()
    queue.put_nowait(None)
