"""Both venues on both engines, for tests that hold everywhere, and the daemon's own program objects."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from drift_e3.core.terms import OrderKind, Side
from drift_e3.drill.chain import Landed
from drift_e3.drill.local_chain import PROGRAMS_VARIABLE, EngineName, LocalChain, VenueName
from drift_e3.drill.stage import PROGRAM_FILES
from drift_e3.venues.drift.program import DriftProgram
from drift_e3.venues.solana.program import Program, RawAccount, Ticket, Trading
from drift_e3.venues.solana.views import ChainView
from drift_e3.venues.velocity.program import VelocityProgram


def _case(venue: VenueName, engine: EngineName) -> Any:
    binary = Path(os.environ.get(PROGRAMS_VARIABLE, "")) / PROGRAM_FILES[venue]
    absent = engine == "program" and not binary.is_file()
    reason = f"no {PROGRAM_FILES[venue]} in {PROGRAMS_VARIABLE}"
    return pytest.param(
        venue, engine, marks=pytest.mark.skipif(absent, reason=reason), id=f"{venue}-{engine}"
    )


STAGES = [
    _case("velocity", "emulation"),
    _case("velocity", "program"),
    _case("drift", "emulation"),
    _case("drift", "program"),
]
EMULATED = [_case("velocity", "emulation"), _case("drift", "emulation")]


class Trader:
    """Trades on a local chain by the daemon's own program object and the delegate's key."""

    def __init__(self, local: LocalChain) -> None:
        self.local = local
        self.program: Program = VelocityProgram() if local.venue == "velocity" else DriftProgram()
        self.trading = Trading(local.authority, 0, local.delegate.pubkey())
        self.program.learn(self.raw(self.program.market_addresses()))

    def raw(self, addresses: Sequence[Pubkey]) -> dict[Pubkey, RawAccount | None]:
        """What a look at these addresses finds."""
        found: dict[Pubkey, RawAccount | None] = {}
        for address in addresses:
            seen = self.local.chain.get_account(address)
            raw = RawAccount(seen.owner, bytes(seen.data), seen.lamports) if seen else None
            found[address] = raw
        return found

    def look(self) -> ChainView:
        """The chain as the daemon sees it."""
        wanted = self.program.addresses(self.trading)
        return self.program.read(self.local.chain.slot, self.raw(wanted), self.trading)

    def send(self, instructions: Sequence[Instruction]) -> Landed | None:
        """Send them as one transaction and let two slots pass; None for what did not land."""
        transaction = self.local.stage.signed(instructions, self.local.delegate)
        signature = self.local.chain.submit(transaction)
        self.local.step(2)
        return self.local.chain.landed(signature)

    def place(self, side: Side, size: float, price: float, number: int = 1, **more: Any) -> Landed | None:
        """An immediate order at a price in USD, unless told otherwise."""
        given = {
            "kind": OrderKind.IOC,
            "triggers_above": False,
            "reduce_only": False,
            "max_ts": 0,
        } | more
        ticket = Ticket(user_order_id=number, side=side, size_base=size, price_usd=price, **given)
        return self.send(self.program.place(ticket, self.trading))

    def stop(self, size: float, trigger: float, number: int = 20) -> Landed | None:
        """A reduce-only stop that sells below a price in USD."""
        return self.place(Side.SELL, size, trigger, number, kind=OrderKind.TRIGGER_MARKET, reduce_only=True)


def a_trader(venue: VenueName, engine: EngineName, **options: Any) -> Trader:
    """A trader with 1000 USD on a flat market, no network."""
    local = LocalChain(venue, engine, **options)
    local.open()
    return Trader(local)
