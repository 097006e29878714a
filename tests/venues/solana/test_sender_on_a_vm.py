"""The sender against the network's own virtual machine: real signatures, fees, blockhashes and refusals."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from solders.instruction import Instruction
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata
from solders.transaction_status import InstructionErrorCustom, TransactionErrorInstructionError

from drift_e3.ports import OutcomeUnknown
from drift_e3.venues.solana.calls import (
    Blockhash,
    ChainError,
    Confirmation,
    Height,
    Simulated,
    Status,
    Statuses,
)
from drift_e3.venues.solana.fees import FeePolicy
from drift_e3.venues.solana.outbox import Outbox
from drift_e3.venues.solana.preparing import Preparer
from drift_e3.venues.solana.sender import Sender
from drift_e3.venues.solana.submission import Expired, FailedOnChain, Landed, Refused
from tests.venues.solana.scripted_chain import FIRST_SLOT, SLOT_MS, TRADER, VALID_BLOCKS, VirtualClock
from tests.venues.solana.sending_builders import stop

FRIEND = Pubkey(b"\x11" * 32)
PURSE = 1_000_000_000


class VmChain:
    """Implements `sender.Network` and `preparing.Bench` on a virtual machine whose slots follow a clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        # Who simulates does not look at signatures; who lands does.
        self._trial = LiteSVM().with_sigverify(False).with_blockhash_check(False)
        self._vm = LiteSVM()
        for vm in (self._trial, self._vm):
            vm.airdrop(TRADER.address, PURSE)
            vm.airdrop(FRIEND, PURSE)
        self._born_ms = clock.now_ms()
        self._expires = 0
        self._landed: dict[str, Status] = {}
        self.sent: list[bytes] = []
        self.loses = 0
        """Attempts to come that are lost."""

    @property
    def slot(self) -> int:
        return FIRST_SLOT + (self._clock.now_ms() - self._born_ms) // SLOT_MS

    def lamports(self, address: Pubkey) -> int:
        account = self._vm.get_account(address)
        return account.lamports if account is not None else 0

    def _catch_up(self) -> None:
        if self._expires and self.slot > self._expires:
            self._vm.expire_blockhash()
            self._expires = 0

    async def latest_blockhash(self) -> Blockhash:
        self._catch_up()
        self._expires = self._expires or self.slot + VALID_BLOCKS
        return Blockhash(self._vm.latest_blockhash(), self._expires, self.slot)

    async def height(self) -> Height:
        return Height(self.slot, self.slot)

    async def simulate(self, tx: VersionedTransaction, min_slot: int = 0) -> Simulated:
        tried = self._trial.simulate_transaction(tx)
        if isinstance(tried, FailedTransactionMetadata):
            return Simulated(error_of(tried), (), 0)
        return Simulated(None, tuple(tried.meta().logs()), tried.meta().compute_units_consumed())

    async def recent_fees(self, addresses: Sequence[Pubkey]) -> list[int]:
        return [0] * 150

    async def statuses(
        self, signatures: Sequence[Signature], *, history: bool = False, min_slot: int = 0
    ) -> Statuses:
        return Statuses(self.slot, tuple(self._landed.get(str(signature)) for signature in signatures))

    async def send(self, raw: bytes) -> None:
        self.sent.append(raw)
        if self.loses:
            self.loses -= 1
            raise OutcomeUnknown("timeout")
        self._catch_up()
        tx = VersionedTransaction.from_bytes(raw)
        result = self._vm.send_transaction(tx)
        signature = str(tx.signatures[0])
        if isinstance(result, TransactionMetadata):
            self._landed[signature] = Status(self.slot, None, Confirmation.CONFIRMED)
        elif isinstance(result.err(), TransactionErrorInstructionError):
            self._landed[signature] = Status(self.slot, error_of(result), Confirmation.CONFIRMED)


def error_of(failed: FailedTransactionMetadata) -> ChainError:
    error = failed.err()
    if isinstance(error, TransactionErrorInstructionError) and isinstance(error.err, InstructionErrorCustom):
        return ChainError("", error.index, error.err.code)
    return ChainError(str(error))


@asynccontextmanager
async def sender_on(chain: VmChain, clock: VirtualClock, path: Path) -> AsyncIterator[Sender]:
    outbox = Outbox(path)
    preparer = Preparer(chain, TRADER, clock, lambda code: f"custom_{code}", FeePolicy(floor_price=0))
    sender = Sender(chain, preparer, outbox, clock)
    running = asyncio.create_task(sender.run())
    try:
        async with asyncio.timeout(20.0):
            yield sender
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        outbox.close()


def gift(lamports: int) -> list[Instruction]:
    return [transfer(TransferParams(from_pubkey=TRADER.address, to_pubkey=FRIEND, lamports=lamports))]


async def test_a_transfer_is_made_once_though_it_is_sent_again_and_again(tmp_path: Path) -> None:
    clock = VirtualClock()
    chain = VmChain(clock)
    chain.loses = 3
    async with sender_on(chain, clock, tmp_path / "outbox.db") as sender:
        came = await sender.submit(stop(), gift(1_000))
        assert isinstance(came, Landed)
        for raw in tuple(chain.sent):
            await chain.send(raw)
    assert len(chain.sent) == 8
    assert len(set(chain.sent)) == 1
    assert chain.lamports(FRIEND) == PURSE + 1_000
    assert chain.lamports(TRADER.address) == PURSE - 1_000 - 5_000


async def test_a_transfer_that_cannot_be_is_refused_before_it_is_signed(tmp_path: Path) -> None:
    clock = VirtualClock()
    chain = VmChain(clock)
    async with sender_on(chain, clock, tmp_path / "outbox.db") as sender:
        assert await sender.submit(stop(), gift(2 * PURSE)) == Refused(code=1, name="custom_1")
    assert chain.sent == []


async def test_a_transfer_that_fails_when_it_lands_is_a_failure(tmp_path: Path) -> None:
    clock = VirtualClock()
    chain = VmChain(clock)
    async with sender_on(chain, clock, tmp_path / "outbox.db") as sender:
        came = await sender.submit(stop(), gift(2 * PURSE), simulate=False)
    assert isinstance(came, FailedOnChain)
    assert (came.code, came.name) == (1, "custom_1")
    assert chain.lamports(FRIEND) == PURSE


async def test_a_transfer_that_is_reported_dead_stays_dead(tmp_path: Path) -> None:
    clock = VirtualClock()
    chain = VmChain(clock)
    chain.loses = 10_000
    async with sender_on(chain, clock, tmp_path / "outbox.db") as sender:
        assert isinstance(await sender.submit(stop(), gift(1_000)), Expired)
        chain.loses = 0
        # Somebody held it back until now.
        await chain.send(chain.sent[0])
        assert isinstance(await sender.submit(stop("s2", 10), gift(2_000)), Landed)
    assert chain.lamports(FRIEND) == PURSE + 2_000


async def test_a_second_life_finds_what_the_first_has_sent(tmp_path: Path) -> None:
    clock = VirtualClock()
    chain = VmChain(clock)
    async with sender_on(chain, clock, tmp_path / "outbox.db") as sender:
        chain.loses = 1
        waiting = asyncio.create_task(sender.submit(stop(), gift(1_000)))
        async with asyncio.timeout(5.0):
            while not chain.sent:  # noqa: ASYNC110 (nobody can say when)
                await asyncio.sleep(0)
        waiting.cancel()
    await chain.send(chain.sent[0])
    async with sender_on(chain, clock, tmp_path / "outbox.db") as sender:
        assert isinstance(await sender.submit(stop(), gift(1_000)), Landed)
    assert chain.lamports(FRIEND) == PURSE + 1_000
    assert len(set(chain.sent)) == 1
