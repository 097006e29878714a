"""What a perpetuals program on Solana must offer to be traded on. Drift and Velocity implement it.

A program object reads and writes bytes only: it decodes accounts and builds instructions. It sends nothing,
waits for nothing and keeps no state beyond the addresses it was made with.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from drift_e3.core.terms import OrderKind, Side
from drift_e3.venues.solana.views import ChainView


class AccountRefused(Exception):
    """An account is not what it must be (owner, discriminator, size, mint, market): one line naming it."""


class RawAccount(NamedTuple):
    """An account as the chain has it."""

    owner: Pubkey
    data: bytes
    lamports: int = 0
    executable: bool = False


class Trading(NamedTuple):
    """Whose account is traded: the owner's address, the sub-account, and who signs (delegate or owner)."""

    authority: Pubkey
    sub_account: int
    signer: Pubkey

    @classmethod
    def of(cls, authority: str, sub_account: int, signer: Pubkey | None = None) -> "Trading":
        """The same with the owner's address as people write it; without a signer the owner is one. Raises
        ValueError for an address that is none."""
        owner = Pubkey.from_string(authority)
        return cls(owner, sub_account, signer or owner)


class Ticket(NamedTuple):
    """An order as the program is to place it. `price_usd` as in `core.terms.Intent`; after `max_ts` (UTC,
    s) the program must not place it any more (0: no limit, for orders that rest)."""

    user_order_id: int
    side: Side
    kind: OrderKind
    size_base: float
    price_usd: float
    triggers_above: bool
    reduce_only: bool
    max_ts: int


class Program(Protocol):
    """One deployed program and one market of it.

    A new object knows the addresses that follow from seeds. `learn` takes the market accounts once and adds
    what only they say (oracles); from then on a change of them is refused.
    """

    @property
    def name(self) -> str:
        """``drift`` or ``velocity``."""

    @property
    def program_id(self) -> Pubkey: ...

    @property
    def capabilities(self) -> frozenset[str]:
        """What the program offers: ``resting_orders``, ``trigger_orders``, ``modify``."""

    def market_addresses(self) -> tuple[Pubkey, ...]:
        """The accounts that `learn` needs (state and markets)."""

    def learn(self, accounts: Mapping[Pubkey, RawAccount | None]) -> None:
        """Take addresses that only the markets know. Raises `AccountRefused`."""

    def addresses(self, trading: Trading | None) -> tuple[Pubkey, ...]:
        """All accounts of one look, user and user stats included where `trading` is given; after `learn`."""

    def companions(
        self, accounts: Mapping[Pubkey, RawAccount | None], trading: Trading
    ) -> tuple[Pubkey, ...]:
        """Further markets that the account holds something of, which every instruction must name: read them
        and give them to `learn_companions`."""

    def learn_companions(self, accounts: Mapping[Pubkey, RawAccount | None], trading: Trading) -> None:
        """Name these markets in every instruction from now on. Raises `AccountRefused`."""

    def read(
        self, slot: int, accounts: Mapping[Pubkey, RawAccount | None], trading: Trading | None
    ) -> ChainView:
        """Decode one look. Every account is checked (owner, discriminator, exact size, mint, market name);
        raises `AccountRefused` for one that is not what it must be, or is missing."""

    def place(self, ticket: Ticket, trading: Trading) -> Sequence[Instruction]:
        """The instructions for one order: take-and-cancel for an IOC, a resting order otherwise. Sizes are
        rounded down to the step, limit prices toward the safer side."""

    def modify(self, ticket: Ticket, trading: Trading) -> Sequence[Instruction]:
        """The instructions that give the open order with the ticket's number its size and price, in one step,
        where that is among the `capabilities`: there is no moment without it. They fail where it is gone."""

    def cancel(self, user_order_id: int, trading: Trading) -> Sequence[Instruction]:
        """The instructions that take back an order by our own number."""

    def settle(self, trading: Trading) -> Sequence[Instruction]:
        """The instructions that settle the position's profit or loss into the quote balance."""

    def error_name(self, code: int) -> str:
        """The program's name for a custom error code, or ``custom_CODE``."""
