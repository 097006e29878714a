"""Names the adapters of the chain venues: services, chain, key, account, and the market made of them."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from drift_e3.config import ConfigError, Settings
from drift_e3.core.terms import MS_PER_MINUTE, Instrument
from drift_e3.ports import Clock, LiveMarket

if TYPE_CHECKING:
    from drift_e3.venues.dataapi.feed import LiveFeed
    from drift_e3.venues.solana.fees import FeePolicy
    from drift_e3.venues.solana.keys import Signer
    from drift_e3.venues.solana.program import Program, Trading
    from drift_e3.venues.solana.rpc import Rpc

FRAMES_MS = {
    "1m": MS_PER_MINUTE,
    "5m": 5 * MS_PER_MINUTE,
    "15m": 15 * MS_PER_MINUTE,
    "1h": 60 * MS_PER_MINUTE,
}
OUTBOX_NAME = "outbox.db"


def program(settings: Settings) -> "Program":
    """The program of the venue. Imports the venue's libraries."""
    if settings.venue == "drift":
        from drift_e3.venues.drift.program import DriftProgram

        return DriftProgram(settings.symbol)
    from drift_e3.venues.velocity.program import VelocityProgram

    return VelocityProgram(settings.symbol)


def rpc(settings: Settings) -> "Rpc":
    """The door to the chain; the caller closes it."""
    from drift_e3.venues.solana.rpc import Rpc, RpcOptions

    options = RpcOptions(calls_per_s=settings.rpc.calls_per_s, timeout_s=settings.rpc.timeout_s)
    return Rpc(settings.rpc.endpoints, options)


def signer(settings: Settings) -> "Signer":
    """The key that signs. Raises `ConfigError` where there is none that will do."""
    from drift_e3.venues.solana.keys import KeyRefused, key_sources, load_signer

    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    key = settings.key
    try:
        return load_signer(*key_sources(key.file, key.credential, Path(folder) if folder else None))
    except KeyRefused as refusal:
        raise ConfigError([f"key: {refusal}"]) from refusal


def trading(settings: Settings, signer: "Signer") -> "Trading":
    """Whose account is traded and who signs. Raises `ConfigError` where no account is named."""
    from drift_e3.venues.solana.program import Trading

    if settings.account.authority is None:
        raise ConfigError(["account.authority: is needed to trade live"])
    try:
        return Trading.of(settings.account.authority, settings.account.sub_account, signer.address)
    except ValueError as error:
        raise ConfigError(["account.authority: is not an address"]) from error


def fee_policy(settings: Settings) -> "FeePolicy":
    """What a transaction offers for its place in a block."""
    from drift_e3.venues.solana.fees import FeePolicy

    live = settings.live
    return FeePolicy(
        percentile_frac=live.priority_fee_percentile / 100.0, cap_lamports=live.priority_fee_lamports_max
    )


@asynccontextmanager
async def feed(settings: Settings, clock: Clock, *, oracle_ticks: bool) -> "AsyncIterator[LiveFeed]":
    """The venue's candles, funding, book; with `oracle_ticks` the oracle's price comes from there as well."""
    from drift_e3.venues.dataapi.client import HOSTS, DataApi, DlobApi, open_session
    from drift_e3.venues.dataapi.feed import FeedOptions, LiveFeed

    hosts = HOSTS[settings.venue]
    async with open_session() as session:
        yield LiveFeed(
            DataApi(settings.data_api.url or hosts.data_api, session),
            DlobApi(settings.dlob.url or hosts.dlob, session),
            session,
            clock,
            FeedOptions(
                symbol=settings.symbol,
                frame_ms=FRAMES_MS[settings.data_api.frame],
                candles=settings.data_api.candles,
                oracle_ticks=oracle_ticks,
            ),
        )


@asynccontextmanager
async def paper_market(
    settings: Settings, clock: Clock, begun: Instrument | None
) -> AsyncIterator[LiveMarket]:
    """Paper on the venue's live market. With RPC servers of one's own the oracle and the market's terms are
    read from the chain; `begun` are the terms that the journal began with."""
    from drift_e3.venues.live_paper import LivePaper

    async with AsyncExitStack() as stack:
        oracle, instrument = None, begun or settings.instrument()
        if settings.rpc.urls is not None:
            from drift_e3.venues.solana.lookout import Lookout
            from drift_e3.venues.solana.oracle_source import OracleSource

            lookout = Lookout(await stack.enter_async_context(rpc(settings)), program(settings), None)
            view = await lookout.open()
            instrument = begun or view.perp.instrument
            oracle = OracleSource(lookout, clock)
        source = await stack.enter_async_context(feed(settings, clock, oracle_ticks=oracle is None))
        yield LivePaper(source, oracle, instrument, settings.simulation(), settings.paper.equity_usd)


@asynccontextmanager
async def live_market(settings: Settings, clock: Clock) -> AsyncIterator[LiveMarket]:
    """The account of the settings, live. Raises `ConfigError` for a key or account that will not do."""
    from drift_e3.venues.solana.deployment import DeploymentPin
    from drift_e3.venues.solana.lookout import Lookout
    from drift_e3.venues.solana.outbox import Outbox
    from drift_e3.venues.solana.preparing import Preparer
    from drift_e3.venues.solana.sender import Sender
    from drift_e3.venues.solana.venue import ChainMarket, LiveOptions

    key, venue_program = signer(settings), program(settings)
    account = trading(settings, key)
    live = settings.live
    async with AsyncExitStack() as stack:
        door = await stack.enter_async_context(rpc(settings))
        outbox = Outbox(settings.state_dir / OUTBOX_NAME)
        stack.callback(outbox.close)
        preparer = Preparer(door, key, clock, venue_program.error_name, fee_policy(settings))
        sender = Sender(door, preparer, outbox, clock)
        source = await stack.enter_async_context(feed(settings, clock, oracle_ticks=False))
        yield ChainMarket(
            Lookout(door, venue_program, account),
            sender,
            outbox,
            source,
            clock,
            LiveOptions(
                pin=DeploymentPin(settings.state_dir, live.deployment_slot),
                order_valid_s=live.order_valid_s,
                adopts=settings.account.foreign == "adopt",
                allow_owner=settings.key.allow_owner,
            ),
        )
