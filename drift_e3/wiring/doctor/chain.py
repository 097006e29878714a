"""Asks the chain for what the checks of servers, market and account need, in as few calls as that takes.

What an answer means is said by those checks; here are the questions, their order and their deadlines. What
could not be looked at because of an earlier failure is said to be so.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, NamedTuple, TypeVar

from drift_e3.config import ConfigError, Settings
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.ports import Clock, DataError, VenueRefused, VenueUnavailable
from drift_e3.venues.solana.calls import Look
from drift_e3.venues.solana.deployment import PIN_NAME, DeploymentPin
from drift_e3.venues.solana.keys import Signer
from drift_e3.venues.solana.program import AccountRefused, Program, Trading
from drift_e3.venues.solana.rehearsal import rehearse
from drift_e3.venues.solana.rpc import Rpc
from drift_e3.venues.solana.sysvars import (
    CLOCK_ADDRESS,
    PROGRAMDATA_HEADER_BYTES,
    programdata_address,
    read_clock,
    read_deployment,
)
from drift_e3.venues.solana.views import ChainView, UserSeen
from drift_e3.wiring import chain
from drift_e3.wiring.doctor import account, market, servers
from drift_e3.wiring.doctor.report import Check, Purpose, failed, passed, unchecked

T = TypeVar("T")

DEADLINE_S: Final = 20.0
"""One question to the chain, all tries included; the settings may allow less."""
LIVENESS: Final = "liveness"
SECOND_LOOK_S: Final = 1.2
"""After this, servers that all failed are asked once more: one bad moment is no reason not to start."""
SERVERS: Final = ("rpc", "rpc_lag", "cluster")
MARKET: Final = ("program", "deployment", "clock", "accounts", "quote_mint", "market", "oracle", "pauses")
ACCOUNT: Final = (
    "rpc_history", "key", "account", "delegate", "fee_payer", "collateral", "foreign", "order", "priority_fee"
)  # fmt: skip


class Looked(NamedTuple):
    """The checks in the order of the names above, and whether the account has something to guard."""

    checks: list[Check]
    guards: bool


async def look(settings: Settings, purpose: Purpose, clock: Clock) -> Looked:
    """Everything that the chain tells. Never raises for what is outside."""
    examination = Examination(settings, purpose, clock)
    try:
        door = chain.rpc(settings)
    except ValueError as error:
        examination.add(failed("rpc", str(error), f"correct {servers.URLS}"))
        return examination.told("rpc failed")
    async with door:
        return await examination.run(door)


class _Stopped(Exception):
    """The check of this name failed, and what would follow it makes no sense."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Examination:
    """One look at a venue on its chain. With `Purpose.PAPER` the account and its key are left alone."""

    def __init__(self, settings: Settings, purpose: Purpose, clock: Clock) -> None:
        self._settings = settings
        self._purpose = purpose
        self._clock = clock
        self._program: Program = chain.program(settings)
        self._found: dict[str, Check] = {}
        self._guards = False
        named = settings.account.authority is not None
        self._with_account = purpose is Purpose.LIVE or (purpose is Purpose.ANY and named)
        self._known = (settings.state_dir / JOURNAL_NAME).exists()
        self._adopts = settings.account.foreign == "adopt"
        self._age_max_s: float = settings.risk.model_dump()["oracle_age_max_s"]

    def add(self, check: Check) -> Check:
        """Take a check up."""
        self._found[check.name] = check
        return check

    def told(self, stopped_by: str) -> Looked:
        """All checks in order; those that were not made, because of what stopped them."""
        names = (
            *((LIVENESS,) if self._settings.venue == "drift" else ()),
            *SERVERS,
            *MARKET,
            *(ACCOUNT if self._with_account else ("account",) if "account" in self._found else ()),
        )
        found = [
            check
            for name in names
            for check in ([self._found[name]] if name in self._found else unchecked([name], stopped_by))
        ]
        return Looked(found, self._guards)

    async def run(self, door: Rpc) -> Looked:
        """Look at everything."""
        stopped_by = ""
        signer, trading = self._whose()
        try:
            await self._servers(door)
            await self._market_accounts(door)
            await self._venue(door, signer, trading)
        except _Stopped as stopped:
            stopped_by = f"{stopped.name} failed"
        return self.told(stopped_by)

    def _whose(self) -> tuple[Signer | None, Trading | None]:
        """The key and the account, as far as the settings name them."""
        signer = trading = None
        authority = self._settings.account.authority
        if self._with_account:
            try:
                signer = chain.signer(self._settings)
                self.add(passed("key", f"the key of {signer.address} can be read, by its owner alone"))
            except ConfigError as error:
                remedy = "put the delegate's key into a file of your own with mode 0400, DRIFT_E3_KEY__FILE"
                self.add(failed("key", str(error).removeprefix("key: "), remedy))
        if authority is None:
            if self._purpose is not Purpose.PAPER:
                self.add(account.unnamed(live=self._purpose is Purpose.LIVE))
        elif self._with_account:
            try:
                trading = Trading.of(
                    authority, self._settings.account.sub_account, signer.address if signer else None
                )
            except ValueError:
                self.add(failed("account", f"{authority} is not an address", account.NAME_ONE))
        return signer, trading

    async def _servers(self, door: Rpc) -> None:
        health = await self._asked("rpc", door.health())
        if all(server.problem for server in health):
            await asyncio.sleep(SECOND_LOOK_S)
            again = await self._asked("rpc", door.health())
            health = health if all(server.problem for server in again) else again
        self.add(servers.rpc(health))
        if all(server.slot < 0 for server in health):
            raise _Stopped("rpc")
        self.add(servers.lag(health))
        self.add(servers.cluster(health))
        if self._with_account:
            self.add(servers.history(health))

    async def _market_accounts(self, door: Rpc) -> None:
        """Program, its code, the chain's clock, and the accounts that say what the market is."""
        program, live = self._program, self._settings.live
        code = programdata_address(program.program_id)
        wanted = (*program.market_addresses(), program.program_id, CLOCK_ADDRESS)
        look = await self._asked("program", door.accounts(wanted))
        asked_ts = self._clock.now_ms()
        self.add(market.program(program.program_id, look.accounts[program.program_id]))
        _, header = await self._asked("deployment", door.account_slice(code, 0, PROGRAMDATA_HEADER_BYTES))
        try:
            approved = DeploymentPin(self._settings.state_dir, live.deployment_slot).approved()
            deployed = None if header is None else read_deployment({code: header}, code)
            self.add(market.deployment(deployed, approved, look.slot))
        except (DataError, OSError) as error:
            remedy = f"see what is in {PIN_NAME} in the state directory"
            self.add(failed("deployment", str(error), remedy))
        except AccountRefused as refusal:
            self.add(failed("deployment", str(refusal), market.NEWS))
        try:
            skew_ms = asked_ts - read_clock(look.accounts).ts
            self.add(market.clock([skew_ms], "the chain's clock", self._age_max_s))
            program.learn(look.accounts)
        except AccountRefused as refusal:
            raise _Stopped(self.add(market.refused(refusal)).name) from refusal

    async def _venue(self, door: Rpc, signer: Signer | None, trading: Trading | None) -> None:
        """The market, and the account with everything that depends on it."""
        program = self._program
        payers = () if signer is None else (signer.address,)
        look = await self._asked("accounts", door.accounts((*program.addresses(trading), *payers)))
        asked_ts = self._clock.now_ms()
        try:
            view = program.read(look.slot, look.accounts, None)
        except AccountRefused as refusal:
            raise _Stopped(self.add(market.refused(refusal)).name) from refusal
        for check in market.sound():
            self.add(check)
        self.add(market.market(view.perp, self._settings.instrument().taker_fee_bps))
        skews_ms = [asked_ts - view.chain_ts, asked_ts - view.oracle.publish_ts]
        self.add(market.clock(skews_ms, "the chain", self._age_max_s))
        self.add(market.oracle(view, self._age_max_s))
        self.add(market.pauses(view))
        failure: int | str | None = None
        try:
            if trading is not None:
                failure = await self._account(door, signer, trading, look, view)
            elif self._with_account:
                raise _Stopped("account")
        finally:
            if self._settings.venue == "drift":
                self.add(_liveness(view, failure))

    async def _account(
        self, door: Rpc, signer: Signer | None, trading: Trading, look: Look, of_market: ChainView
    ) -> int | str | None:
        """The checks of the account; how the rehearsal of an order failed, None where it did not."""
        settings, program = self._settings, self._program
        policy = chain.fee_policy(settings)
        if signer is not None:
            payer = look.accounts[signer.address]
            lamports = 0 if payer is None else payer.lamports
            self.add(account.fee_payer(str(signer.address), lamports, policy.cap_lamports))
        view, user = await self._user(door, trading, look)
        self.add(account.account(view, user, of_market.pauses))
        self.add(account.collateral(view, user))
        self.add(account.foreign(view, user, known=self._known, adopts=self._adopts))
        self._guards = account.guards(user, known=self._known, adopts=self._adopts)
        if signer is None:
            raise _Stopped("key")
        self.add(account.delegate(user, str(signer.address), allow_owner=settings.key.allow_owner))
        for name in ("delegate", "fee_payer"):
            # Then an order fails for that reason alone, whatever the venue would say.
            if self._found[name].failed:
                raise _Stopped(name)
        rehearsing = rehearse(door, program, trading, view, settings.live.order_valid_s)
        tried, writable = await self._asked("order", rehearsing)
        self.add(account.order(tried, program.error_name))
        fees = await self._asked("priority_fee", door.recent_fees(writable))
        self.add(account.priority_fee(fees, tried.units, policy))
        if tried.err is None:
            return None
        return tried.err.text if tried.err.code is None else tried.err.code

    async def _user(self, door: Rpc, trading: Trading, look: Look) -> tuple[ChainView, UserSeen]:
        program = self._program
        try:
            if missing := program.companions(look.accounts, trading):
                others = await self._asked("account", door.accounts(missing, look.slot))
                program.learn_companions({**look.accounts, **others.accounts}, trading)
            view = program.read(look.slot, look.accounts, trading)
        except AccountRefused as refusal:
            remedy = f"open the account on the venue's page and deposit, or correct {account.ACCOUNT}"
            self.add(failed("account", str(refusal), remedy))
            raise _Stopped("account") from refusal
        assert view.user is not None, "it was asked for"
        return view, view.user

    async def _asked(self, name: str, answer: Awaitable[T]) -> T:
        """The answer; without one the check of that name has failed."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await answer
        except TimeoutError:
            why = f"timeout: no answer within {DEADLINE_S:g} s"
        except (VenueUnavailable, VenueRefused) as failure:
            why = str(failure)
        self.add(failed(name, why, servers.rpc_remedy(why)))
        raise _Stopped(name)


def _liveness(view: ChainView, failure: int | str | None) -> Check:
    """Whether Drift's program trades at all."""
    from drift_e3.venues.drift.liveness import Dead, liveness

    found = liveness(view, view.chain_ts, failure)
    if isinstance(found, Dead):
        remedy = "nothing can be done from here: wait for word of the venue, or set DRIFT_E3_VENUE=velocity"
        return failed(LIVENESS, found.text, remedy)
    return passed(LIVENESS, "Drift v2 trades: funding, AMM and oracle are fresh, and nothing is closed")
