"""What the chain itself says of the account: position, stops, totals, and what the delegate has placed.

It reads accounts past every server and every fault, with the venue's own decoder, and knows nothing of the
daemon.
"""

from typing import Final

from solders.pubkey import Pubkey

from drift_e3.core.terms import OrderKind
from drift_e3.drill.chain import Landed
from drift_e3.drill.local_chain import LocalChain
from drift_e3.venues.solana.anchor import instruction_discriminator
from drift_e3.venues.solana.program import Program, RawAccount, Trading
from drift_e3.venues.solana.views import BASE_UNITS, ChainView, UserSeen

PLACES: Final = {instruction_discriminator(f"place_{kind}perp_order") for kind in ("", "and_take_")}
CHANGES: Final = {instruction_discriminator("modify_order_by_user_id")}


class Witness:
    """One account on one chain. `program` is a decoder of its own, not a daemon's."""

    def __init__(self, local: LocalChain, program: Program) -> None:
        self._local = local
        self._program = program
        self._seen: tuple[dict[Pubkey, RawAccount | None], UserSeen] | None = None
        program.learn(self._raw(program.market_addresses()))

    @property
    def program(self) -> Program:
        """What it reads accounts with."""
        return self._program

    @property
    def trading(self) -> Trading:
        """Whose account it is and who signs."""
        return Trading(self._local.authority, 0, self._local.delegate.pubkey())

    def look(self) -> ChainView:
        """The chain as it is now, in the daemon's words. Raises `AccountRefused` as the daemon would."""
        addresses = self._program.addresses(self.trading)
        return self._program.read(self._local.chain.slot, self._raw(addresses), self.trading)

    def user(self) -> UserSeen:
        """The account as it is now."""
        raw = self._raw((self._local.account.user, self._local.account.stats))
        if self._seen is None or self._seen[0] != raw:
            user = self.look().user
            assert user is not None, "there is an account"
            self._seen = raw, user
        return self._seen[1]

    def base(self) -> int:
        """The account's position now, in the chain's units, whatever else is wrong with the chain."""
        _, record = self._local.stage.record("User", self._local.account.user)
        return int(record["perp_positions.0.base_asset_amount"])

    def stopped_base(self) -> int:
        """For how much the account has a reduce-only stop on the losing side, in the chain's units."""
        user = self.user()
        side = -1 if user.totals.base > 0 else 1
        stops = [
            round(order.size_base * BASE_UNITS) - round(order.filled_base * BASE_UNITS)
            for order in user.orders
            if order.kind is OrderKind.TRIGGER_MARKET
            and order.reduce_only
            and order.side == side
            and (order.triggers_above == (side > 0) or order.fired)
        ]
        return max(stops, default=0)

    def stop_usd(self) -> float:
        """The trigger price of the position's stop; ValueError unless there is exactly one."""
        below = self.base() > 0
        (usd,) = (order.trigger_usd for order in self.user().orders if order.triggers_above is not below)
        return usd

    def stop_usd_max(self) -> float:
        """The highest trigger price of a long position's stops: for a moment there may be two."""
        return max(order.trigger_usd for order in self.user().orders if not order.triggers_above)

    def placed(self) -> list[Landed]:
        """The delegate's transactions that the program carried out and that place orders, oldest first."""
        return self._landed(PLACES)

    def changed(self) -> list[Landed]:
        """Those that give an order other terms."""
        return self._landed(CHANGES)

    def _landed(self, kinds: set[bytes]) -> list[Landed]:
        landed = self._local.chain.signatures_of(self._local.delegate.pubkey())
        return [
            one
            for one in reversed(landed)
            if one.error is None
            and any(bytes(part.data[:8]) in kinds for part in one.transaction.message.instructions)
        ]

    def _raw(self, addresses: tuple[Pubkey, ...]) -> dict[Pubkey, RawAccount | None]:
        found = {address: self._local.chain.get_account(address) for address in addresses}
        return {
            address: None if account is None else RawAccount(account.owner, bytes(account.data))
            for address, account in found.items()
        }
