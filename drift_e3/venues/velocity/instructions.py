"""The program's instructions: arguments in borsh, accounts in the order it wants them.

Integers in, instructions out: rounding is `convert`'s, and which order is wanted is decided elsewhere. Some
are for keepers and owners (set-up, triggers, fills); the daemon signs none of those, the local chain does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.sysvar import RENT
from solders.token import ID as TOKEN_PROGRAM

from drift_e3.venues.solana.anchor import instruction_discriminator
from drift_e3.venues.velocity.addresses import (
    PERP,
    SPOT,
    MarketKey,
    market_address,
    perp_market_address,
    signer_address,
    spot_market_address,
    spot_vault_address,
    state_address,
    user_address,
    user_stats_address,
)
from drift_e3.venues.velocity.codes import Direction, MarketType, OrderType, PostOnly, TriggerCondition

NAME_BYTES: Final = 32


def unsigned(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def signed(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little", signed=True)


def option(encoded: bytes | None) -> bytes:
    """Borsh's Option: a byte that says whether there is a value, and the value."""
    return b"\0" if encoded is None else b"\1" + encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderParams:
    """An order in the program's units: base 1e-9, prices 1e-6 USD, `max_ts` in seconds.

    No auction prices are given: the program makes its own. The builder options at the end stay empty.
    """

    order_type: OrderType
    direction: Direction
    user_order_id: int
    base_asset_amount: int
    price: int = 0
    market_index: int = 0
    reduce_only: bool = False
    post_only: PostOnly = PostOnly.NONE
    bit_flags: int = 0
    max_ts: int | None = None
    trigger_price: int | None = None
    trigger_condition: TriggerCondition = TriggerCondition.ABOVE

    def encoded(self) -> bytes:
        return b"".join(
            (
                bytes((self.order_type, MarketType.PERP, self.direction, self.user_order_id)),
                unsigned(self.base_asset_amount, 8),
                unsigned(self.price, 8),
                unsigned(self.market_index, 2),
                bytes((self.reduce_only, self.post_only, self.bit_flags)),
                option(None if self.max_ts is None else signed(self.max_ts, 8)),
                option(None if self.trigger_price is None else unsigned(self.trigger_price, 8)),
                bytes((self.trigger_condition,)),
                option(None) * 6,  # oracle offset, auction duration, start and end, builder and its fee
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """What `modify_order` changes; None leaves a field as it is. Units as in `OrderParams`.

    `policy` 1 demands that the order still exists, 2 leaves out what it has filled.
    """

    base_asset_amount: int | None = None
    price: int | None = None
    trigger_price: int | None = None
    trigger_condition: TriggerCondition | None = None
    max_ts: int | None = None
    policy: int | None = None

    def encoded(self) -> bytes:
        size, price, trigger, max_ts = self.base_asset_amount, self.price, self.trigger_price, self.max_ts
        condition, policy = self.trigger_condition, self.policy
        return b"".join(
            (
                option(None),  # direction
                option(None if size is None else unsigned(size, 8)),
                option(None if price is None else unsigned(price, 8)),
                option(None) * 3,  # reduce only, post only, bit flags
                option(None if max_ts is None else signed(max_ts, 8)),
                option(None if trigger is None else unsigned(trigger, 8)),
                option(None if condition is None else bytes((condition,))),
                option(None) * 4,  # oracle offset, auction duration, start and end
                option(None if policy is None else bytes((policy,))),
            )
        )


class Companion(NamedTuple):
    """A further market that the account holds something of, and its oracle."""

    market: MarketKey
    oracle: Pubkey


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where instructions go: the program, its market and oracles, whose account, and who signs.

    `oracles` are those of the perpetual market and of the quote market, in this order. The program weighs
    every position at every order, so all `companions` of the account must be named.
    """

    program_id: Pubkey
    oracles: tuple[Pubkey, ...]
    authority: Pubkey
    sub_account: int
    signer: Pubkey
    market_index: int = 0
    quote_index: int = 0
    companions: tuple[Companion, ...] = ()

    @property
    def user(self) -> Pubkey:
        return user_address(self.program_id, self.authority, self.sub_account)

    @property
    def user_stats(self) -> Pubkey:
        return user_stats_address(self.program_id, self.authority)

    def place_and_take(self, params: OrderParams) -> Instruction:
        """Place an order, take what can be taken in the same transaction, and cancel the rest of an IOC."""
        accounts = (*self._signed_user(stats=True), *self.markets())
        return self._build("place_and_take_perp_order", params.encoded() + option(None), *accounts)

    def place(self, params: OrderParams) -> Instruction:
        """Place an order that rests or waits for its trigger."""
        return self._build("place_perp_order", params.encoded(), *self._signed_user(), *self.markets())

    def cancel(self, order_id: int | None) -> Instruction:
        """Take back an order by the program's number, the latest one for None."""
        encoded = option(None if order_id is None else unsigned(order_id, 4))
        return self._build("cancel_order", encoded, *self._signed_user(), *self.markets())

    def cancel_by_user_id(self, user_order_id: int) -> Instruction:
        encoded = unsigned(user_order_id, 1)
        return self._build("cancel_order_by_user_id", encoded, *self._signed_user(), *self.markets())

    def modify(self, order_id: int, change: OrderChange) -> Instruction:
        """Replace an order by its changed self: a new program's number, the same user order id."""
        encoded = option(unsigned(order_id, 4)) + change.encoded()
        return self._build("modify_order", encoded, *self._signed_user(), *self.markets())

    def modify_by_user_id(self, user_order_id: int, change: OrderChange) -> Instruction:
        """As `modify`, by our own number."""
        encoded = unsigned(user_order_id, 1) + change.encoded()
        return self._build("modify_order_by_user_id", encoded, *self._signed_user(), *self.markets())

    def settle_pnl(self) -> Instruction:
        vault = _reads(spot_vault_address(self.program_id, self.quote_index))
        encoded = unsigned(self.market_index, 2)
        return self._build("settle_pnl", encoded, *self._signed_user(), vault, *self.markets())

    def initialize_user_stats(self) -> Instruction:
        """Make the authority's statistics account; the signer pays."""
        return self._build(
            "initialize_user_stats",
            b"",
            _writes(self.user_stats),
            _writes(state_address(self.program_id)),
            _signs(self.authority),
            _signs(self.signer, writable=True),
            _reads(RENT),
            _reads(SYSTEM_PROGRAM),
        )

    def initialize_user(self, name: str) -> Instruction:
        """Make the sub-account; the signer pays."""
        encoded = unsigned(self.sub_account, 2) + name.encode()[:NAME_BYTES].ljust(NAME_BYTES)
        return self._build(
            "initialize_user",
            encoded,
            _writes(self.user),
            _writes(self.user_stats),
            _writes(state_address(self.program_id)),
            _signs(self.authority),
            _signs(self.signer, writable=True),
            _reads(RENT),
            _reads(SYSTEM_PROGRAM),
        )

    def update_user_delegate(self, delegate: Pubkey) -> Instruction:
        """Let `delegate` trade (and not withdraw) for the account; the owner signs."""
        encoded = unsigned(self.sub_account, 2) + bytes(delegate)
        return self._build("update_user_delegate", encoded, _writes(self.user), _signs(self.authority))

    def deposit(self, amount: int, token_account: Pubkey) -> Instruction:
        """Move quote tokens (1e-6) into the account; the owner signs."""
        return self._build(
            "deposit",
            unsigned(self.quote_index, 2) + unsigned(amount, 8) + b"\0",
            *self._signed_user(stats=True),
            *self._vault_and(token_account),
            *self._quote_market(),
        )

    def withdraw(self, amount: int, token_account: Pubkey) -> Instruction:
        """Move quote tokens (1e-6) out; the program refuses a delegate."""
        vault, tokens, token_program = self._vault_and(token_account)
        return self._build(
            "withdraw",
            unsigned(self.quote_index, 2) + unsigned(amount, 8) + b"\0",
            *self._signed_user(stats=True),
            vault,
            _reads(signer_address(self.program_id)),
            tokens,
            token_program,
            *self.markets(),
        )

    def trigger(self, order_id: int, owner: "Desk") -> Instruction:
        """Fire a trigger order of `owner`'s, as keepers do; this desk's account is paid for it."""
        return self._build("trigger_order", unsigned(order_id, 4), *self._keeping(owner), *self.markets())

    def fill(self, order_id: int, owner: "Desk") -> Instruction:
        """Fill an order of `owner`'s against the AMM, as keepers do."""
        accounts = (*self._keeping(owner, stats=True), *self.markets())
        return self._build("fill_perp_order", option(unsigned(order_id, 4)) + option(None), *accounts)

    def update_funding_rate(self) -> Instruction:
        """Bring the market's funding up to the hour, as keepers do."""
        return self._build(
            "update_funding_rate",
            unsigned(self.market_index, 2),
            _reads(state_address(self.program_id)),
            _writes(perp_market_address(self.program_id, self.market_index)),
            _reads(self.oracles[0]),
        )

    def markets(self) -> tuple[AccountMeta, ...]:
        """The accounts that follow those of an instruction: oracles, spot markets, perpetual markets."""
        market = _writes(perp_market_address(self.program_id, self.market_index))
        oracles = dict.fromkeys((*self.oracles, *(companion.oracle for companion in self.companions)))
        return (
            *(_reads(oracle) for oracle in oracles),
            self._quote_writable(),
            *self._further(SPOT),
            market,
            *self._further(PERP),
        )

    def _further(self, kind: str) -> Iterator[AccountMeta]:
        for companion in self.companions:
            if companion.market.kind == kind:
                yield _reads(market_address(self.program_id, companion.market))

    def _quote_market(self) -> tuple[AccountMeta, ...]:
        return (_reads(self.oracles[-1]), self._quote_writable())

    def _quote_writable(self) -> AccountMeta:
        return _writes(spot_market_address(self.program_id, self.quote_index))

    def _signed_user(self, *, stats: bool = False) -> tuple[AccountMeta, ...]:
        own = (_reads(state_address(self.program_id)), _writes(self.user))
        return (*own, *((_writes(self.user_stats),) if stats else ()), _signs(self.signer))

    def _vault_and(self, token_account: Pubkey) -> tuple[AccountMeta, AccountMeta, AccountMeta]:
        vault = spot_vault_address(self.program_id, self.quote_index)
        return (_writes(vault), _writes(token_account), _reads(TOKEN_PROGRAM))

    def _keeping(self, owner: "Desk", *, stats: bool = False) -> tuple[AccountMeta, ...]:
        own = (_reads(state_address(self.program_id)), _signs(self.signer), _writes(self.user))
        filler = (*own, *((_writes(self.user_stats),) if stats else ()))
        return (*filler, _writes(owner.user), _writes(owner.user_stats))

    def _build(self, name: str, encoded: bytes, *accounts: AccountMeta) -> Instruction:
        return Instruction(self.program_id, instruction_discriminator(name) + encoded, list(accounts))


def _reads(address: Pubkey) -> AccountMeta:
    return AccountMeta(address, is_signer=False, is_writable=False)


def _writes(address: Pubkey) -> AccountMeta:
    return AccountMeta(address, is_signer=False, is_writable=True)


def _signs(address: Pubkey, *, writable: bool = False) -> AccountMeta:
    return AccountMeta(address, is_signer=True, is_writable=writable)
