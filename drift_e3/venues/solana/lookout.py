"""One program and, live, one account on it, watched: a look a second, decoded, or why there is none.

Also watched is whether the program is still the one that was approved. Nothing here concludes or sends.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import NoReturn

import structlog
from solders.pubkey import Pubkey

from drift_e3.status import ServerStatus
from drift_e3.venues.solana.calls import Look
from drift_e3.venues.solana.failures import RpcRejected, RpcUnavailable
from drift_e3.venues.solana.poller import Poller
from drift_e3.venues.solana.program import AccountRefused, Program, Trading
from drift_e3.venues.solana.rpc import Rpc
from drift_e3.venues.solana.sysvars import PROGRAMDATA_HEADER_BYTES, programdata_address, read_deployment
from drift_e3.venues.solana.views import ChainView
from drift_e3.venues.solana.wakeups import Wakeups

DEPLOYMENT_S = 10.0
"""How often the program's code is looked at."""

log = structlog.get_logger()

Unseen = RpcUnavailable | RpcRejected | AccountRefused


class Lookout:
    """Watches `program`; with `trading` also that account. `deployment_slot` is that of the program's code,
    0 where nobody can replace it or the chain does not keep it the usual way."""

    def __init__(self, rpc: Rpc, program: Program, trading: Trading | None) -> None:
        self.program = program
        self.trading = trading
        self.deployment_slot = 0
        self._rpc = rpc
        self._poller: Poller | None = None
        self._code_refused: AccountRefused | None = None

    async def open(self) -> ChainView:
        """Learn the program's addresses and take the first look. Raises `RpcUnavailable`, `RpcRejected`, and
        `AccountRefused` for a program, market or account that is not what it must be."""
        addresses = self.program.market_addresses()
        self.program.learn((await self._rpc.accounts(addresses)).accounts)
        self._poller = Poller(self._rpc, self.program.addresses(self.trading))
        await self._look_at_code()
        return await self.look()

    async def look(self) -> ChainView:
        """One look now. Raises like `open`."""
        return await self._decode(await self._opened().look())

    def servers(self) -> tuple[ServerStatus, ...]:
        """The RPC servers that are looked through."""
        return self._rpc.servers()

    def hurry(self) -> None:
        """Let the next look come as soon as it may."""
        self._opened().hurry()

    def notices(self, address: str) -> Wakeups:
        """What makes looks come earlier: the servers' websockets telling of changes of this account."""
        return Wakeups(self._rpc.urls, [Pubkey.from_string(address)], self.hurry)

    async def views(self) -> AsyncGenerator[ChainView | Unseen]:
        """Looks for ever, a second apart or earlier when hurried; or why there is none."""
        said = ""
        async for seen in self._opened().looks():
            view: ChainView | Unseen
            try:
                view = await self._decode(seen) if isinstance(seen, Look) else seen
            except (RpcUnavailable, RpcRejected, AccountRefused) as failure:
                view = failure
            reason = "" if isinstance(view, ChainView) else str(view)
            if reason and reason != said:
                log.warning("chain.unseen", reason=reason)
            elif said and not reason:
                log.info("chain.seen", slot=seen.slot if isinstance(seen, Look) else -1)
            said = reason
            yield view

    async def watch_code(self) -> NoReturn:
        """Keep `deployment_slot` up to date until cancelled; no look at the accounts waits for it."""
        while True:
            await asyncio.sleep(DEPLOYMENT_S)
            try:
                with suppress(RpcUnavailable, RpcRejected):
                    await self._look_at_code()
                    self._code_refused = None
            except AccountRefused as refusal:
                self._code_refused = refusal

    async def _decode(self, seen: Look) -> ChainView:
        if self._code_refused is not None:
            raise self._code_refused
        if self.trading is not None:
            missing = self.program.companions(seen.accounts, self.trading)
            if missing:
                markets = (await self._rpc.accounts(missing, seen.slot)).accounts
                self.program.learn_companions({**seen.accounts, **markets}, self.trading)
        return self.program.read(seen.slot, seen.accounts, self.trading)

    async def _look_at_code(self) -> None:
        address = programdata_address(self.program.program_id)
        _, account = await self._rpc.account_slice(address, 0, PROGRAMDATA_HEADER_BYTES)
        if account is not None:
            self.deployment_slot = read_deployment({address: account}, address).slot

    def _opened(self) -> Poller:
        assert self._poller is not None, "opened first"
        return self._poller
