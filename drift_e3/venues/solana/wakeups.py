"""A websocket that says when an account may have changed, so that the next look comes earlier.

It never delivers data: what a notice says is not read, and its absence means nothing. Whatever happens to the
connection, the poll goes on at its own pace; here it is only made anew, with growing pauses.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import Enum
from itertools import cycle
from typing import Any, Final, NamedTuple

import aiohttp
import msgspec
from msgspec import Struct
from solders.pubkey import Pubkey

from drift_e3.venues.solana.jsonrpc import Request
from drift_e3.venues.solana.methods import COMMITMENT, UInt
from drift_e3.venues.solana.transport import ServerUrl

FRAME_BYTES_MAX: Final = 1_024 * 1_024
CONNECT_S: Final = 5.0
HEARTBEAT_S: Final = 20.0
"""A ping as often; a server that does not answer it is gone."""
SILENCE_S: Final = 300.0
"""A subscription that says nothing for so long may be one only in name and is made anew."""
PAUSE_S: Final = 1.0
PAUSE_S_MAX: Final = 60.0
CLOSE_S: Final = 1.0


class Heard(Enum):
    """What a frame was."""

    NEWS = 0
    ODD = 1
    REFUSAL = 2


class WakeupStats(NamedTuple):
    """`subscribed` accounts of the present connection; connections made since the start, notices that woke
    somebody, and frames that were none (garbage, errors, strangers' subscriptions)."""

    subscribed: int
    connections: int
    notices: int
    odd_frames: int


class _Params(Struct, frozen=True):
    subscription: UInt


class _Frame(Struct, frozen=True):
    """What a server may send: the number of a new subscription, a notice, or an error."""

    id: int | None = None
    result: UInt | None = None
    error: Any = None
    method: str | None = None
    params: _Params | None = None


_FRAME = msgspec.json.Decoder(_Frame)


class Wakeups:
    """Subscriptions to accounts at the servers of `urls`, one server at a time, the next one after a failure.

    `wake` is called for each notice, and after each (re)subscription, because what happened before it was not
    told. It must not wait.
    """

    def __init__(
        self,
        urls: Sequence[ServerUrl],
        addresses: Sequence[Pubkey],
        wake: Callable[[], None],
        *,
        silence_s: float = SILENCE_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._urls = tuple(urls)
        self._addresses = tuple(addresses)
        self._wake = wake
        self._silence_s = silence_s
        self._sleep = sleep
        self._subscriptions: set[int] = set()
        self._connections = self._notices = self._odd_frames = 0

    def stats(self) -> WakeupStats:
        return WakeupStats(len(self._subscriptions), self._connections, self._notices, self._odd_frames)

    async def run(self) -> None:
        """Go on until cancelled; no party outside can end it."""
        pause_s = PAUSE_S
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=None), trust_env=False
        ) as session:
            for url in cycle(self._urls):
                heard = self._notices
                # Time that runs out is an OSError too. However it ends, there is always a next connection.
                with suppress(aiohttp.ClientError, OSError):
                    await self._listen(session, url)
                self._subscriptions.clear()
                pause_s = PAUSE_S if self._notices > heard else min(2.0 * pause_s, PAUSE_S_MAX)
                await self._sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  # spreads load, hides nothing

    async def _listen(self, session: aiohttp.ClientSession, url: ServerUrl) -> None:
        """One connection, until the server ends it, errs, refuses a subscription, or has nothing to say."""
        async with asyncio.timeout(CONNECT_S):
            socket = await session.ws_connect(
                url.reveal_websocket(),
                heartbeat=HEARTBEAT_S,
                max_msg_size=FRAME_BYTES_MAX,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
            )
        async with socket:
            self._connections += 1
            wanted = {number: str(address) for number, address in enumerate(self._addresses)}
            for number, address in wanted.items():
                await socket.send_str(_subscribe(number, address))
            now = asyncio.get_running_loop().time
            quiet_until = now() + self._silence_s
            while True:
                async with asyncio.timeout_at(quiet_until):
                    message = await socket.receive()
                match message.type:
                    case aiohttp.WSMsgType.TEXT:
                        heard = self._hear(message.data, wanted)
                    case aiohttp.WSMsgType.BINARY:
                        heard = Heard.ODD
                    case _:
                        return
                match heard:
                    case Heard.ODD:
                        self._odd_frames += 1
                    case Heard.REFUSAL:
                        return
                    case Heard.NEWS:
                        quiet_until = now() + self._silence_s
                        self._wake()

    def _hear(self, text: str, wanted: dict[int, str]) -> Heard:
        """What a frame means; `wanted` are the subscriptions that are not confirmed yet, by request."""
        try:
            frame = _FRAME.decode(text)
        except (ValueError, RecursionError):
            return Heard.ODD
        if frame.error is not None:
            return Heard.REFUSAL
        if frame.id is not None and frame.result is not None and wanted.pop(frame.id, None) is not None:
            self._subscriptions.add(frame.result)
            return Heard.NEWS
        notice = frame.params if frame.method == "accountNotification" else None
        if notice is None or notice.subscription not in self._subscriptions:
            return Heard.ODD
        self._notices += 1
        return Heard.NEWS


def _subscribe(number: int, address: str) -> str:
    params = (address, {"encoding": "base64", "commitment": COMMITMENT})
    return Request("accountSubscribe", params, number).to_json()
