"""Keeps one websocket alive: connects, subscribes, notices silence, and begins again for as long as it runs.

A socket is judged by content, channel for channel: heartbeats, answers and open connections prove nothing.
What a frame means is decided by whoever owns the socket. A socket carries nothing out and remembers no data.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn

import aiohttp
import structlog

from drift_e3.core.terms import MS_PER_SECOND

log = structlog.get_logger()

FRAME_BYTES_MAX: Final = 4 * 1_024 * 1_024
"""A book of 100 levels a side has 30 kB."""
CLOSE_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a connection may take, and the pauses before a new one: growing, jittered, bounded."""

    connect_s: float = 10.0
    pause_s: float = 0.5
    pause_max_s: float = 30.0


@dataclass(slots=True, kw_only=True)
class Channel:
    """One stream of content. After `silence_ms` without any the socket begins again; None: silence is normal.

    The counts and times are for health reports; `heard_s` is the loop's time, NaN before any content.
    """

    name: str
    silence_ms: int | None = None
    heard_s: float = field(default=float("nan"))
    contents: int = 0

    def hear(self) -> None:
        """Count a piece of content."""
        self.heard_s = asyncio.get_running_loop().time()
        self.contents += 1


class Socket:
    """One connection to `url` with its subscriptions, kept alive by `run`.

    `take` is given each frame's text and returns what is wrong with it, empty if nothing; it marks the
    channels that it found content for.
    """

    def __init__(
        self,
        url: str,
        session: aiohttp.ClientSession,
        subscriptions: Sequence[str],
        channels: Sequence[Channel],
        take: Callable[[str | bytes], str],
        patience: Patience | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.connected = False
        self.reconnects = 0
        self.errors = 0
        """Frames that made no sense, and connections that broke."""
        self.last_error = ""
        self._url = url
        self._session = session
        self._subscriptions = tuple(subscriptions)
        self.channels = tuple(channels)
        self._take = take
        self._patience = patience or Patience()
        self._jitter = jitter
        self._lost_s: float | None = None

    @property
    def names(self) -> str:
        """What the socket carries, for people."""
        return "+".join(channel.name for channel in self.channels)

    async def run(self) -> NoReturn:
        """Connect and listen, again and again; ends by cancellation only."""
        tries = 0
        while True:
            heard = self._contents()
            reason = await self._live()
            self.connected = False
            self._count(reason)
            if self._contents() > heard:
                tries = 0
            if self._lost_s is None:
                self._lost_s = asyncio.get_running_loop().time()
                log.warning("feed.lost", channel=self.names, reason=reason)
            await asyncio.sleep(self._pause(tries))
            tries += 1
            self.reconnects += 1

    def _pause(self, tries: int) -> float:
        """Seconds before the next connection: half certain, half by chance."""
        patience = self._patience
        longest = min(patience.pause_s * 2.0 ** min(tries, 16), patience.pause_max_s)
        return longest * (0.5 + 0.5 * self._jitter())

    async def _live(self) -> str:
        """One connection from beginning to end; returns why it ended."""
        timeout = aiohttp.ClientWSTimeout(ws_close=CLOSE_S)
        try:
            async with asyncio.timeout(self._patience.connect_s):
                socket = await self._session.ws_connect(
                    self._url, timeout=timeout, max_msg_size=FRAME_BYTES_MAX, autoping=True
                )
        except TimeoutError:
            return "no connection in time"
        except (aiohttp.ClientError, OSError) as error:
            return _told(error)
        try:
            return await self._listen(socket)
        except (aiohttp.ClientError, OSError) as error:
            return _told(error)
        finally:
            # aiohttp waits for the other side's goodbye as long as anything else still comes from there.
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await socket.close()

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        loop = asyncio.get_running_loop()
        for subscription in self._subscriptions:
            await socket.send_str(subscription)
        self.connected = True
        began_s = loop.time()
        while True:
            silent_s, silent = self._silent(began_s)
            try:
                async with asyncio.timeout_at(silent_s):
                    message = await socket.receive()
            except TimeoutError:
                return f"{silent} is silent"
            match message.type:
                case aiohttp.WSMsgType.TEXT | aiohttp.WSMsgType.BINARY:
                    self._hear(message.data)
                case aiohttp.WSMsgType.CLOSE | aiohttp.WSMsgType.CLOSING | aiohttp.WSMsgType.CLOSED:
                    return f"closed by the server ({socket.close_code})"
                case _:
                    return f"broken frame ({message.data})"

    def _hear(self, text: str | bytes) -> None:
        before = self._contents()
        wrong = self._take(text)
        if wrong:
            self._count(wrong)
        if self._lost_s is not None and self._contents() > before:
            away_s = asyncio.get_running_loop().time() - self._lost_s
            self._lost_s = None
            log.info("feed.restored", channel=self.names, away_s=round(away_s, 3))

    def _silent(self, began_s: float) -> tuple[float, str]:
        """When the first channel will have been silent for too long, and which."""
        found = float("inf"), ""
        for channel in self.channels:
            if channel.silence_ms is not None:
                heard_s = max(began_s, channel.heard_s) if channel.heard_s == channel.heard_s else began_s
                found = min(found, (heard_s + channel.silence_ms / MS_PER_SECOND, channel.name))
        return found

    def _contents(self) -> int:
        return sum(channel.contents for channel in self.channels)

    def _count(self, wrong: str) -> None:
        self.errors += 1
        self.last_error = wrong


def _told(error: Exception) -> str:
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"no websocket: status {error.status}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"unreachable: {error.strerror or type(error).__name__}"
    return type(error).__name__
