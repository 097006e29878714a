"""The drill's chain: slots and their clock, blockhashes that expire, transactions that land, and what was.

It is moved slot by slot by whoever owns it, so a test is as fast and as repeatable as it wants. Everything
that a cluster does around the programs is here, with its faults; what programs do is the engine's.
Blocks and slots are counted apart, as on the real chain, so that nobody confuses them.
"""

from collections import deque
from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple

from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.sysvar import CLOCK
from solders.transaction import VersionedTransaction

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.drill.engines import FEE_LAMPORTS, Engine, Ran
from drift_e3.drill.faults import FaultKind, Faults, Service

SLOT_MS = 400
BLOCKHASH_BLOCKS = 150
"""For so many blocks after its own a blockhash is good."""
CONFIRMED_SLOTS = 1
FINALIZED_SLOTS = 32
BEHIND = {"processed": 0, "confirmed": CONFIRMED_SLOTS, "finalized": FINALIZED_SLOTS}
"""How many slots each commitment is behind the newest."""
HEIGHT_BEHIND = 21_600_000
"""Slots without a block so far: what the block height is behind the slot."""
HISTORY_SLOTS = 200
KEPT_MAX = 20_000
"""Landed transactions that are remembered."""
FIRST_SLOT = 438_000_000

Hook = Callable[[int], None]


class Landed(NamedTuple):
    """A transaction in a block. `error` is Solana's JSON, None for success; `ts` UTC, ms."""

    signature: Signature
    slot: int
    ts: int
    error: Any
    logs: tuple[str, ...]
    units: int
    transaction: VersionedTransaction


class _Pending(NamedTuple):
    transaction: VersionedTransaction
    land_slot: int
    spared: bool


class SignatureWrong(ValueError):
    """A transaction that is not signed as it must be."""


class Chain:
    """One cluster. `seed` decides blockhashes and the genesis hash."""

    def __init__(
        self,
        engine: Engine,
        faults: Faults | None = None,
        *,
        now_ts: int,
        first_slot: int = FIRST_SLOT,
        seed: int = 0,
    ) -> None:
        self.engine = engine
        self.faults = faults or Faults()
        self.slot = first_slot
        self.now_ts = now_ts
        self.first_slot = first_slot
        self.before_landing: list[Hook] = []
        """Called in each new slot before its transactions: oracles publish here."""
        self.after_landing: list[Hook] = []
        """Called after them: keepers and whoever is told of changes."""
        self.shown: dict[Pubkey, Account] = {}
        """Accounts that readers see and programs do not, such as a program's own."""
        self.priority_fee = 1_000
        """Micro-lamports per compute unit that others pay lately."""
        self.pinned_slot: int | None = None
        """An earlier slot that must stay readable, however long ago it was."""
        self._seed = seed
        self._pending: dict[Signature, _Pending] = {}
        self._landed: dict[Signature, Landed] = {}
        self._by_address: dict[Pubkey, deque[Signature]] = {}
        self._replaced: dict[Pubkey, deque[tuple[int, Account | None]]] = {}
        self._heights: dict[Hash, int] = {}
        for height in range(self.block_height - FINALIZED_SLOTS - BLOCKHASH_BLOCKS, self.block_height + 1):
            self._heights[self.blockhash_of(height)] = height
        engine.set_clock(self.slot, now_ts // MS_PER_SECOND)

    # -- time ----------------------------------------------------------------------------------------------

    def step(self, slots: int = 1) -> None:
        """Let so many slots pass, at 400 ms each."""
        for _ in range(slots):
            self.slot += 1
            self.now_ts += SLOT_MS
            self._heights[self.blockhash_of(self.block_height)] = self.block_height
            self._note(CLOCK)
            self.engine.set_clock(self.slot, self.now_ts // MS_PER_SECOND)
            for hook in self.before_landing:
                hook(self.slot)
            self._land()
            for hook in self.after_landing:
                hook(self.slot)
        oldest = self.block_height - 2 * BLOCKHASH_BLOCKS
        for known in [known for known, height in self._heights.items() if height < oldest]:
            del self._heights[known]

    def slot_at(self, commitment: str) -> int:
        """The newest slot of that commitment. KeyError for an unknown one."""
        return self.slot - BEHIND[commitment]

    @property
    def block_height(self) -> int:
        return height_of(self.slot)

    # -- blockhashes ---------------------------------------------------------------------------------------

    @property
    def genesis_hash(self) -> Hash:
        return self.blockhash_of(0)

    def blockhash_of(self, height: int) -> Hash:
        """The blockhash of a block, which follows from the seed."""
        return Hash(sha256(f"drill/{self._seed}/{height}".encode()).digest())

    def blockhash(self, slot: int) -> tuple[Hash, int]:
        """The blockhash as of that slot and the last block height at which it is valid."""
        height = height_of(slot)
        return self.blockhash_of(height), height + BLOCKHASH_BLOCKS

    def knows(self, blockhash: Hash, slot: int) -> bool:
        """Whether a transaction with this blockhash could land in that slot."""
        height = self._heights.get(blockhash)
        return height is not None and height <= height_of(slot) <= height + BLOCKHASH_BLOCKS

    # -- accounts ------------------------------------------------------------------------------------------

    def get_account(self, address: Pubkey, slot: int | None = None) -> Account | None:
        """An account as readers see it, now or as it was at the end of an earlier slot (some 200 back)."""
        if address in self.shown:
            return self.shown[address]
        if slot is not None and slot < self.slot:
            for replaced_slot, account in self._replaced.get(address, ()):
                if replaced_slot > slot:
                    return account
        return self.engine.get_account(address)

    def set_account(self, address: Pubkey, account: Account) -> None:
        """Change an account as no transaction could; readers of earlier slots still see what was."""
        self._note(address)
        self.engine.set_account(address, account)

    def _note(self, address: Pubkey) -> None:
        """Remember what an account is before it changes in the present slot."""
        past = self._replaced.setdefault(address, deque())
        if not past or past[-1][0] != self.slot:
            past.append((self.slot, self.engine.get_account(address)))
        oldest = self.slot - HISTORY_SLOTS
        if self.pinned_slot is not None:
            oldest = min(oldest, self.pinned_slot)
        while past[0][0] < oldest:
            past.popleft()

    # -- transactions --------------------------------------------------------------------------------------

    def submit(self, transaction: VersionedTransaction, *, spared: bool = False) -> Signature:
        """Take a transaction for the next slot. Raises `SignatureWrong` unless it is signed as it must be.

        Sending the same bytes again changes nothing while they are on their way or have landed. `spared` by
        faults are those of the drill's own people.
        """
        if not all(transaction.verify_with_results()):
            raise SignatureWrong("signature verification failed")
        signature = transaction.signatures[0]
        if signature in self._pending or signature in self._landed:
            return signature
        late = 0
        if not spared:
            if self.faults.hit(FaultKind.LOST_TRANSACTION, Service.CHAIN):
                return signature
            fault = self.faults.hit(FaultKind.LATE_LANDING, Service.CHAIN)
            late = int(fault.amount) if fault else 0
        self._pending[signature] = _Pending(transaction, self.slot + 1 + late, spared)
        return signature

    def simulate(self, transaction: VersionedTransaction) -> Ran:
        """What would become of it in the present slot."""
        return self.engine.simulate(transaction)

    def landed(self, signature: Signature) -> Landed | None:
        """The transaction, if it is in a block."""
        return self._landed.get(signature)

    def signatures_of(self, address: Pubkey) -> list[Landed]:
        """What landed and names this account, newest first."""
        return [
            self._landed[one] for one in reversed(self._by_address.get(address, ())) if one in self._landed
        ]

    def run(self, transaction: VersionedTransaction) -> Landed:
        """Submit and let slots pass until it lands, for making a world. RuntimeError unless it succeeds."""
        signature = self.submit(transaction, spared=True)
        for _ in range(BLOCKHASH_BLOCKS):
            self.step()
            if (landed := self.landed(signature)) is not None:
                if landed.error is not None:
                    raise RuntimeError(f"{landed.error}: " + " | ".join(landed.logs[-8:]))
                return landed
        raise RuntimeError("the transaction did not land")

    def _land(self) -> None:
        due = [key for key, pending in self._pending.items() if pending.land_slot <= self.slot]
        for signature in due:
            pending = self._pending.pop(signature)
            if self.knows(pending.transaction.message.recent_blockhash, self.slot):
                self._execute(signature, pending.transaction, spared=pending.spared)

    def _execute(self, signature: Signature, transaction: VersionedTransaction, *, spared: bool) -> None:
        keys = transaction.message.account_keys
        for address in writable_keys(transaction):
            self._note(address)
        fault = None if spared else self.faults.hit(FaultKind.ON_CHAIN_FAILURE, Service.CHAIN)
        ran = self._fail(transaction, int(fault.amount)) if fault else self.engine.send(transaction)
        if not ran.landed:
            return
        self._landed[signature] = Landed(
            signature, self.slot, self.now_ts, ran.error, ran.logs, ran.units, transaction
        )
        for address in keys:
            self._by_address.setdefault(address, deque(maxlen=1000)).append(signature)
        if len(self._landed) > KEPT_MAX:
            del self._landed[next(iter(self._landed))]

    def _fail(self, transaction: VersionedTransaction, code: int) -> Ran:
        """The last instruction fails with a custom code: the payer pays, nothing else happens."""
        payer = transaction.message.account_keys[0]
        account = self.engine.get_account(payer)
        if account is None or account.lamports < FEE_LAMPORTS:
            return Ran("InsufficientFundsForFee", landed=False)
        paid = Account(account.lamports - FEE_LAMPORTS, account.data, account.owner)
        self.engine.set_account(payer, paid)
        last = len(transaction.message.instructions) - 1
        called = transaction.message.account_keys[transaction.message.instructions[last].program_id_index]
        logs = (f"Program {called} invoke [1]", f"Program {called} failed: custom program error: {code:#x}")
        return Ran({"InstructionError": [last, {"Custom": code}]}, logs, 1_000)


def height_of(slot: int) -> int:
    """The block height at a slot: every slot of the drill has a block."""
    return slot - HEIGHT_BEHIND


def writable_keys(transaction: VersionedTransaction) -> list[Pubkey]:
    """The accounts that a transaction may change. Lookup tables are not known to the drill."""
    message = transaction.message
    header, keys = message.header, message.account_keys
    signed, reading = header.num_required_signatures, header.num_readonly_signed_accounts
    unsigned_writable = len(keys) - header.num_readonly_unsigned_accounts
    return [*keys[: signed - reading], *keys[signed:unsigned_writable]]
