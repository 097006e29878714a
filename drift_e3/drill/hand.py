"""Instructions of owners and keepers in both programs' dialects, for the drill's own people.

The daemon builds its orders by the venues' own builders; what is here sets the scene and keeps the market
going: accounts, deposits, triggers, fills, funding, and orders of strangers.
"""

from dataclasses import dataclass

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.sysvar import RENT
from solders.token import ID as TOKEN_PROGRAM

from drift_e3.core.terms import Side
from drift_e3.drill.emulation.dialects import Dialect
from drift_e3.venues.solana.anchor import instruction_discriminator

LIMIT, PERP = 1, 1
NONE = b"\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Somebody with an account, and where their instructions go. `oracles` come before the markets."""

    dialect: Dialect
    oracles: tuple[Pubkey, ...]
    authority: Pubkey
    signer: Pubkey
    sub_account: int = 0

    @property
    def user(self) -> Pubkey:
        return self.dialect.user(self.authority, self.sub_account)

    @property
    def stats(self) -> Pubkey:
        return self.dialect.user_stats(self.authority)

    def open(self) -> tuple[Instruction, Instruction]:
        """Make the statistics and the sub-account; the signer pays."""
        makers = (_signs(self.authority), _signs(self.signer, writable=True), _reads(RENT), _reads(SYSTEM))
        state = _writes(self.dialect.state)
        named = self.sub_account.to_bytes(2, "little") + b"drill".ljust(32)
        return (
            self._build("initialize_user_stats", b"", _writes(self.stats), state, *makers),
            self._build("initialize_user", named, _writes(self.user), _writes(self.stats), state, *makers),
        )

    def delegate(self, delegate: Pubkey) -> Instruction:
        """Let somebody else trade, and not withdraw."""
        data = self.sub_account.to_bytes(2, "little") + bytes(delegate)
        return self._build("update_user_delegate", data, _writes(self.user), _signs(self.authority))

    def deposit(self, amount: int, purse: Pubkey) -> Instruction:
        """Move quote tokens (1e-6) from a token account of the owner's."""
        oracles = [_reads(oracle) for oracle in self.oracles[1:]]
        return self._build(
            "deposit",
            bytes(2) + amount.to_bytes(8, "little") + NONE,
            _reads(self.dialect.state),
            _writes(self.user),
            _writes(self.stats),
            _signs(self.authority),
            _writes(self.dialect.spot_vault),
            _writes(purse),
            _reads(TOKEN_PROGRAM),
            *oracles,
            _writes(self.dialect.spot_market),
        )

    def limit(self, side: Side, size: int, price: int, user_order_id: int) -> Instruction:
        """A limit order that rests (base 1e-9, price 1e-6 USD)."""
        direction = 0 if side == Side.BUY else 1
        data = bytes((LIMIT, PERP, direction, user_order_id)) + size.to_bytes(8, "little")
        data += price.to_bytes(8, "little") + bytes(2) + bytes(3) + NONE * 2 + bytes(1) + NONE * 4
        data += NONE * 2 if self.dialect.builder else b""
        return self._build("place_perp_order", data, *self._own(), *self._markets())

    def cancel_by_user_id(self, user_order_id: int) -> Instruction:
        """Take an order back by our own number."""
        data = bytes((user_order_id,))
        return self._build("cancel_order_by_user_id", data, *self._own(), *self._markets())

    def trigger(self, order_id: int, owner: "Hand") -> Instruction:
        """Fire somebody's trigger order."""
        stats = [_writes(owner.stats)] if self.dialect.trigger_takes_stats else []
        keeping = (_reads(self.dialect.state), _signs(self.signer), _writes(self.user), _writes(owner.user))
        data = order_id.to_bytes(4, "little")
        return self._build("trigger_order", data, *keeping, *stats, *self._markets())

    def fill(self, order_id: int, owner: "Hand") -> Instruction:
        """Fill somebody's order against the AMM."""
        keeping = (_reads(self.dialect.state), _signs(self.signer), _writes(self.user), _writes(self.stats))
        theirs = (_writes(owner.user), _writes(owner.stats))
        data = b"\1" + order_id.to_bytes(4, "little") + NONE
        return self._build("fill_perp_order", data, *keeping, *theirs, *self._markets())

    def update_funding(self) -> Instruction:
        """Bring the market's funding up to the hour."""
        named = (_reads(self.dialect.state), _writes(self.dialect.perp_market), _reads(self.oracles[0]))
        return self._build("update_funding_rate", bytes(2), *named)

    def _own(self) -> tuple[AccountMeta, ...]:
        return _reads(self.dialect.state), _writes(self.user), _signs(self.signer)

    def _markets(self) -> tuple[AccountMeta, ...]:
        """What follows the named accounts: oracles, the quote market, the perpetual market."""
        markets = (_writes(self.dialect.spot_market), _writes(self.dialect.perp_market))
        return (*(_reads(oracle) for oracle in self.oracles), *markets)

    def _build(self, name: str, data: bytes, *accounts: AccountMeta) -> Instruction:
        return Instruction(self.dialect.program_id, instruction_discriminator(name) + data, list(accounts))


def _reads(address: Pubkey) -> AccountMeta:
    return AccountMeta(address, is_signer=False, is_writable=False)


def _writes(address: Pubkey) -> AccountMeta:
    return AccountMeta(address, is_signer=False, is_writable=True)


def _signs(address: Pubkey, *, writable: bool = False) -> AccountMeta:
    return AccountMeta(address, is_signer=True, is_writable=writable)
