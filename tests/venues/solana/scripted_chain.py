"""A chain as the sender meets it, whose every answer a test decides, in a time of its own.

A slot takes 400 ms and is a block; what is delivered lands in the next one. Nothing here waits.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from enum import Enum, auto

from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from drift_e3.ports import OutcomeUnknown, VenueRefused, VenueUnavailable
from drift_e3.venues.solana.calls import (
    Blockhash,
    ChainError,
    Confirmation,
    Height,
    Simulated,
    Status,
    Statuses,
)
from drift_e3.venues.solana.keys import Signer
from drift_e3.venues.solana.sending import AccountSeen
from drift_e3.venues.solana.views import OrderSeen

SLOT_MS = 400
FIRST_MS = 1_000_000
FIRST_SLOT = 1_000
SKIPPED = 30
"""Slots without a block so far: heights are lower than slots."""
VALID_BLOCKS = 150
PROGRAM = Pubkey.from_string("vELoC1audYbSYVRXn1vPaV8Axoa9oU6BYmNGZZBDZ1P")
MARKET = Pubkey(b"\x07" * 32)
TRADER = Signer(Keypair.from_seed(bytes(range(32))))


def order(data: bytes = b"buy") -> list[Instruction]:
    accounts = [
        AccountMeta(TRADER.address, is_signer=True, is_writable=True),
        AccountMeta(MARKET, False, True),
    ]
    return [Instruction(PROGRAM, data, accounts)]


class VirtualClock:
    """Implements `ports.Clock`: whoever sleeps makes time pass."""

    def __init__(self) -> None:
        self.ms = FIRST_MS
        self.naps: list[int] = []

    def now_ms(self) -> int:
        return self.ms

    async def sleep_until(self, ts_ms: int) -> None:
        self.naps.append(ts_ms - self.ms)
        self.ms = max(self.ms, ts_ms)
        await asyncio.sleep(0)


class Attempt(Enum):
    """What becomes of an attempt to send."""

    DELIVERED = auto()
    UNHEARD = auto()
    """Delivered; the answer is lost."""
    LOST = auto()
    """Not delivered, and nobody can say so."""
    UNSENT = auto()
    REJECTED = auto()
    HANGING = auto()
    """Delivered; the answer does not come."""


class ScriptedChain:
    """Implements `sender.Network` and `preparing.Bench`."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.attempts: list[Attempt] = []
        """One for each attempt to come; then all are delivered."""
        self.failure: ChainError | None = None
        self.simulated = Simulated(None, (), 100_000)
        self.fees: list[int] = []
        self.down = False
        self.fees_down = False
        self.lag_slots = 0
        """How far the server is behind that tells of statuses."""
        self.ahead_ms = 0
        """How far the sender's clock was set back."""
        self.landing = True
        """Whether what is delivered lands."""
        self.sent: list[tuple[int, bytes]] = []
        """When attempts were made, and their bytes, delivered or not."""
        self.landed: dict[str, int] = {}
        self.expiry: dict[str, int] = {}
        self.trials: list[VersionedTransaction] = []
        self.asked: list[tuple[str, int, bool, int]] = []
        """What was asked for, when, whether of the history, and of which slot at least."""
        self.on_send: Callable[[bytes], None] = lambda _: None
        self.trial_hangs = False
        self.hang = asyncio.Event()
        """Until when those wait that hang."""

    @property
    def slot(self) -> int:
        return FIRST_SLOT + (self.clock.ms + self.ahead_ms - FIRST_MS) // SLOT_MS

    @property
    def bytes_sent(self) -> set[bytes]:
        return {raw for _, raw in self.sent}

    def account(self, next_order_id: int = 7, orders: tuple[OrderSeen, ...] = ()) -> AccountSeen:
        return AccountSeen(self.slot, self.clock.ms // 1_000 * 1_000, next_order_id, orders)

    def _answer(self, what: str, history: bool = False, min_slot: int = 0) -> int:
        """The slot of the node that answers."""
        self.asked.append((what, self.clock.ms, history, min_slot))
        if self.down:
            raise VenueUnavailable("timeout")
        return self.slot

    async def latest_blockhash(self) -> Blockhash:
        slot = self._answer("blockhash")
        blockhash = Hash(hashlib.sha256(str(slot).encode()).digest())
        self.expiry[str(blockhash)] = slot - SKIPPED + VALID_BLOCKS
        return Blockhash(blockhash, slot - SKIPPED + VALID_BLOCKS, slot)

    async def height(self) -> Height:
        slot = self._answer("height")
        return Height(slot, slot - SKIPPED)

    async def simulate(self, tx: VersionedTransaction, min_slot: int = 0) -> Simulated:
        self._answer("simulate", min_slot=min_slot)
        self.trials.append(tx)
        if self.trial_hangs:
            await self.hang.wait()
        return self.simulated

    async def recent_fees(self, addresses: Sequence[Pubkey]) -> list[int]:
        self._answer("fees")
        if self.fees_down:
            raise VenueUnavailable("timeout")
        return self.fees

    async def statuses(
        self, signatures: Sequence[Signature], *, history: bool = False, min_slot: int = 0
    ) -> Statuses:
        slot = self._answer("statuses", history, min_slot) - self.lag_slots
        if slot < min_slot:
            raise VenueUnavailable("behind")
        found: list[Status | None] = []
        for signature in signatures:
            landed = self.landed.get(str(signature))
            if landed is None or landed > slot:
                found.append(None)
                continue
            level = Confirmation.PROCESSED if landed == slot else Confirmation.CONFIRMED
            found.append(Status(landed, self.failure, level))
        return Statuses(slot, tuple(found))

    async def send(self, raw: bytes) -> None:
        self.on_send(raw)
        self.sent.append((self.clock.ms, raw))
        attempt = self.attempts.pop(0) if self.attempts else Attempt.DELIVERED
        if self.down:
            attempt = Attempt.LOST
        match attempt:
            case Attempt.DELIVERED:
                self._deliver(raw)
            case Attempt.UNHEARD:
                self._deliver(raw)
                raise OutcomeUnknown("disconnected")
            case Attempt.LOST:
                raise OutcomeUnknown("timeout")
            case Attempt.UNSENT:
                raise VenueUnavailable("unreachable")
            case Attempt.REJECTED:
                raise VenueRefused("-32602 invalid params")
            case Attempt.HANGING:
                self._deliver(raw)
                await self.hang.wait()

    def _deliver(self, raw: bytes) -> None:
        """Land once, in the next slot, if the blockhash is still good."""
        tx = VersionedTransaction.from_bytes(raw)
        tx.sanitize()
        assert all(tx.verify_with_results())
        signature, block = str(tx.signatures[0]), self.slot + 1
        valid = block - SKIPPED <= self.expiry[str(tx.message.recent_blockhash)]
        if self.landing and valid:
            self.landed.setdefault(signature, block)
