"""From instructions to signed bytes: blockhash, simulation, fees, signature. Nothing is sent or remembered.

Whoever gets the bytes answers for them: they are an order, and making them again would be another.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from drift_e3.ports import Clock, VenueRefused, VenueUnavailable
from drift_e3.venues.solana.calls import Blockhash, ChainError, Simulated
from drift_e3.venues.solana.fees import FeePolicy, unit_limit, unit_price
from drift_e3.venues.solana.sending import Failure, Saved, TurnedDown
from drift_e3.venues.solana.transactions import (
    TRANSACTION_BYTES_MAX,
    Draft,
    bytes_to_sign,
    draft,
    signed_bytes,
)

FEES_MS: Final = 10_000
"""How long the fees that others pay are good for."""


class Bench(Protocol):
    """What is asked of the chain to prepare a transaction, as `rpc.Rpc` answers it. Raises `VenueUnavailable`
    or `VenueRefused`."""

    async def latest_blockhash(self) -> Blockhash: ...
    async def simulate(self, tx: VersionedTransaction, min_slot: int = 0) -> Simulated: ...
    async def recent_fees(self, addresses: Sequence[Pubkey]) -> list[int]: ...


class Signs(Protocol):
    """A key that signs and is not seen."""

    @property
    def address(self) -> Pubkey: ...
    def sign(self, message: bytes) -> Signature: ...


class Preparer:
    """Makes transactions of one key for one program."""

    def __init__(
        self,
        bench: Bench,
        signer: Signs,
        clock: Clock,
        error_name: Callable[[int], str],
        fees: FeePolicy | None = None,
    ) -> None:
        """`error_name` is the program's name for a custom error code."""
        self._bench = bench
        self._signer = signer
        self._clock = clock
        self._error_name = error_name
        self._fees = fees or FeePolicy()
        self._fees_seen: tuple[int, list[int]] | None = None

    async def prepare(self, instructions: Sequence[Instruction], *, simulate: bool) -> Saved | TurnedDown:
        """The signed transaction, or why there is none: an operating error is a reason like a refusal by the
        program. Raises ValueError for what our key cannot sign for alone."""
        work = draft(self._signer.address, instructions)
        units = 0
        try:
            blockhash, last_valid_height, slot = await self._bench.latest_blockhash()
            if simulate:
                tried = await self._bench.simulate(work.trial(blockhash), slot)
                if tried.err is not None:
                    return TurnedDown(*self.failure(tried.err))
                units = tried.units
        except VenueUnavailable:
            return TurnedDown(None, "unavailable")
        except VenueRefused:
            return TurnedDown(None, "rejected")
        limit = unit_limit(units, self._fees)
        price = unit_price(await self._recent_prices(work), limit, self._fees)
        message = work.message(blockhash, limit, price)
        signature = self._signer.sign(bytes_to_sign(message))
        raw = signed_bytes(message, signature)
        if len(raw) > TRANSACTION_BYTES_MAX:
            return TurnedDown(None, "too_large")
        return Saved(str(signature), raw, last_valid_height, slot)

    async def _recent_prices(self, work: Draft) -> list[int]:
        """What others lately paid for these accounts; what was known before, or nothing, if nobody says."""
        now_ms = self._clock.now_ms()
        seen = self._fees_seen
        if seen is None or not 0 <= now_ms - seen[0] < FEES_MS:
            with suppress(VenueUnavailable, VenueRefused):
                seen = self._fees_seen = now_ms, await self._bench.recent_fees(work.writable())
        return seen[1] if seen is not None else []

    def failure(self, error: ChainError) -> Failure:
        """Why a transaction failed, in the program's words."""
        if error.code is None:
            return Failure(None, error.text)
        return Failure(error.code, self._error_name(error.code))
