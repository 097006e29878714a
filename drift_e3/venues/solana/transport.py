"""HTTP to one RPC server through solana-py's provider, with limits, and with its address in nobody's hands.

The address of an RPC server often holds an access key, in the path or the query. httpx and solana-py are told
the host alone, so that nothing they log, raise or show can hold the key; it is put in below them. Here ends
whatever HTTP can do wrong: bodies have a limit, and arrive as UTF-8. What a body means is `calls`' business.
"""

import asyncio
import ssl
from copy import copy
from functools import cache
from typing import Final, NamedTuple, NoReturn, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
from solana.rpc.providers.async_http import AsyncHTTPProvider
from solana.rpc.types import URI
from solders.rpc.requests import Body

from drift_e3.venues.solana.failures import Fault, RpcUnavailable
from drift_e3.venues.solana.jsonrpc import Request

BODY_BYTES_MAX: Final = 4 * 1_024 * 1_024
"""A hundred accounts of a perpetuals program are not a quarter of it."""
REST_S_MAX: Final = 120.0
"""A server that asks for a longer pause is asked again after this one."""
KEPT_ALIVE_S: Final = 30.0
SECRET_CHARS_MIN: Final = 6
"""Shorter parts of an address, such as ``v2``, are no keys."""


class ServerUrl:
    """The address of an RPC server, shown as its host alone. Raises ValueError for one that is none."""

    __slots__ = ("_secrets", "_url", "host", "origin")

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
            httpx.URL(url)  # more particular
        except (ValueError, httpx.InvalidURL):
            raise ValueError("not the address of an RPC server") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
            raise ValueError("the address of an RPC server must be like https://host/path")
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.host = name if port is None else f"{name}:{port}"
        self.origin = f"{parts.scheme}://{self.host}"
        self._url = url
        kept = [parts.username, parts.password, parts.query, *parts.path.split("/")]
        kept += [value for _, value in parse_qsl(parts.query)]
        kept += [unquote(part) for part in kept if part]
        # The longest first, so that no part of a secret is left over from hiding a shorter one.
        self._secrets = sorted({part for part in kept if part and len(part) >= SECRET_CHARS_MIN}, key=len)[
            ::-1
        ]

    def __repr__(self) -> str:
        return f"ServerUrl({self.host})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("the address of an RPC server is not written down")

    @property
    def login(self) -> tuple[str, str] | None:
        """User and password for the server, if the address has any; secret."""
        parts = urlsplit(self._url)
        return (unquote(parts.username), unquote(parts.password or "")) if parts.username else None

    def reveal(self) -> str:
        """The whole address, keys included: for a connection and nothing else."""
        return self._url

    def reveal_websocket(self) -> str:
        """The whole address of the server's websocket: the port after the one that is named, if one is."""
        parts = urlsplit(self._url)
        at = parts.netloc.rpartition(":")[0] + f":{parts.port + 1}" if parts.port else parts.netloc
        return parts._replace(scheme="wss" if parts.scheme == "https" else "ws", netloc=at).geturl()

    def scrub(self, text: str) -> str:
        """`text` without the parts of this address that could be keys: servers quote what they were sent."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


class Received(NamedTuple):
    """What a server answered; `rest_s` is the pause that it asks for, 0 for none."""

    status: int
    text: str
    rest_s: float


class Transport:
    """One HTTP client for one server. Making a connection may take `connect_s` (s)."""

    def __init__(self, url: ServerUrl, connect_s: float) -> None:
        self._session = httpx.AsyncClient(
            transport=_Guarded(url),
            auth=url.login,
            timeout=httpx.Timeout(None, connect=connect_s),
            headers={"Accept-Encoding": "identity"},
            trust_env=False,
        )
        self._provider = copy(_provider())
        self._provider.endpoint_uri = URI(url.origin)
        self._provider.session = self._session

    async def post(self, request: Request, ends: float) -> Received:
        """One exchange until `ends` (the loop's time). Raises `RpcUnavailable`."""
        try:
            async with asyncio.timeout_at(ends):
                # solana-py types its requests as solders' own and asks of them `to_json` only.
                text = await self._provider.make_request_unparsed(cast("Body", request))
                return Received(200, text, 0.0)
        except TimeoutError:
            failure = RpcUnavailable(Fault.TIMEOUT)
        except httpx.HTTPStatusError as error:
            response = error.response
            return Received(
                response.status_code, response.text, _rest_s(response.headers.get("retry-after", ""))
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            failure = RpcUnavailable(Fault.UNREACHABLE, type(error).__name__, unsent=True)
        except (httpx.HTTPError, OSError) as error:
            failure = RpcUnavailable(Fault.DISCONNECTED, type(error).__name__)
        # Outside of the handlers, so that no foreign error, which might know the address, hangs on to it.
        raise failure

    async def close(self) -> None:
        """Hang up."""
        await self._session.aclose()


class _Guarded(httpx.AsyncBaseTransport):
    """The way down to the network; httpx wants its own class for it."""

    def __init__(self, url: ServerUrl) -> None:
        self._url = url
        self._inner = httpx.AsyncHTTPTransport(
            verify=_certificates(), trust_env=False, limits=httpx.Limits(keepalive_expiry=KEPT_ALIVE_S)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(
            httpx.Request(
                request.method,
                self._url.reveal(),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )
        try:
            body = await _bounded(response)
        finally:
            await response.aclose()
        headers = {"content-type": "application/json; charset=utf-8"}
        if "retry-after" in response.headers:
            headers["retry-after"] = response.headers["retry-after"]
        return httpx.Response(response.status_code, headers=headers, content=body)

    async def aclose(self) -> None:
        await self._inner.aclose()


@cache
def _provider() -> AsyncHTTPProvider:
    """What providers are copied from: making one reads all certificates, for a client that is not used."""
    return AsyncHTTPProvider("http://localhost")


@cache
def _certificates() -> ssl.SSLContext:
    """What servers are checked against; reading it takes longer than anything else here."""
    return httpx.create_ssl_context(trust_env=False)


async def _bounded(response: httpx.Response) -> bytes:
    """The body as it came: what is compressed although we asked for nothing of the sort is garbage."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise RpcUnavailable(Fault.BAD_BODY, "more bytes than any answer needs")
    return bytes(body)


def _rest_s(retry_after: str) -> float:
    """A pause in seconds; 0 for none, and for the other form, a date."""
    return min(float(retry_after), REST_S_MAX) if retry_after.isascii() and retry_after.isdigit() else 0.0
