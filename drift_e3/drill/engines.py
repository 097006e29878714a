"""What carries out transactions: the interface, and the engine that runs real programs in a Solana VM.

An engine knows accounts and a clock. Blockhashes, landing, statuses and faults are the chain's, so that they
are the same whether the program is real or emulated.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from solders.account import Account
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import (
    FailedTransactionMetadata,
    SimulatedTransactionInfo,
    TransactionMetadata,
)

FEE_LAMPORTS = 5_000
"""Per signature."""


class Ran(NamedTuple):
    """What became of a transaction. `error` is Solana's JSON for it, None for success.

    Where `landed` is False the cluster would not take it into a block at all: its payer cannot pay, or it was
    processed before. `accounts` are those after a simulation.
    """

    error: Any
    logs: tuple[str, ...] = ()
    units: int = 0
    landed: bool = True
    accounts: Mapping[Pubkey, Account] = {}


class Engine(Protocol):
    """Carries out transactions on accounts it keeps. Signatures have been checked before."""

    @property
    def real(self) -> bool:
        """Whether a program's own binary decides, and not an emulation of it."""

    def get_account(self, address: Pubkey) -> Account | None: ...
    def set_account(self, address: Pubkey, account: Account) -> None: ...
    def set_clock(self, slot: int, unix_s: int) -> None: ...
    def send(self, transaction: VersionedTransaction) -> Ran: ...
    def simulate(self, transaction: VersionedTransaction) -> Ran: ...


class ProgramEngine:
    """Real programs in LiteSVM; the VM's own checks of signatures and blockhashes are off."""

    real = True

    def __init__(self, programs: Mapping[Pubkey, bytes] | None = None) -> None:
        self.svm = (
            LiteSVM()
            .with_blockhash_check(False)
            .with_sigverify(False)
            .with_log_bytes_limit(None)
            .with_transaction_history(10_000)
        )
        for address, binary in (programs or {}).items():
            self.svm.add_program(address, binary)

    def get_account(self, address: Pubkey) -> Account | None:
        """An account as it stands, or None where there is none."""
        account = self.svm.get_account(address)
        return None if account is None or account.lamports == 0 else account

    def set_account(self, address: Pubkey, account: Account) -> None:
        """Put an account, whatever was there."""
        self.svm.set_account(address, account)

    def set_clock(self, slot: int, unix_s: int) -> None:
        """Set slot and time of the clock that programs read."""
        clock = self.svm.get_clock()
        clock.slot, clock.unix_timestamp = slot, unix_s
        self.svm.set_clock(clock)

    def send(self, transaction: VersionedTransaction) -> Ran:
        """Carry it out."""
        return _ran(self.svm.send_transaction(transaction))

    def simulate(self, transaction: VersionedTransaction) -> Ran:
        """What would become of it now."""
        return _ran(self.svm.simulate_transaction(transaction))


def _ran(result: TransactionMetadata | FailedTransactionMetadata | SimulatedTransactionInfo) -> Ran:
    if isinstance(result, FailedTransactionMetadata):
        error, meta = json.loads(result.to_json())["err"], result.meta()
        # Whoever got as far as an instruction has paid the fee and stands in a block.
        landed = isinstance(error, dict)
        return Ran(error, tuple(meta.logs()), meta.compute_units_consumed(), landed)
    if isinstance(result, SimulatedTransactionInfo):
        meta = result.meta()
        return Ran(
            None, tuple(meta.logs()), meta.compute_units_consumed(), True, dict(result.post_accounts())
        )
    return Ran(None, tuple(result.logs()), result.compute_units_consumed())
