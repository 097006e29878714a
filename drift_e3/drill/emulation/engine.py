"""An engine without a VM: carries out transactions by the emulated program, all or nothing.

Besides the program it knows what transactions carry anyway: compute budgets, which it ignores, and transfers.
"""

from collections import deque
from typing import Any

from solders.account import Account
from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM
from solders.sysvar import CLOCK
from solders.transaction import VersionedTransaction

from drift_e3.drill.emulation.dialects import Dialect
from drift_e3.drill.emulation.errors import Refused
from drift_e3.drill.emulation.program import Call, carry_out
from drift_e3.drill.emulation.records import Workspace
from drift_e3.drill.emulation.scene import Moment, Ref
from drift_e3.drill.engines import FEE_LAMPORTS, Ran

SYSVARS = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")
TRANSFER = (2).to_bytes(4, "little")
UNITS = 100_000
"""What an emulated instruction is said to cost."""
REMEMBERED = 10_000


class EmulatedEngine:
    """Implements `drill.engines.Engine` for one program's dialect."""

    real = False

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._accounts: dict[Pubkey, Account] = {}
        self._moment = Moment(0, 0)
        self._done: set[Signature] = set()
        self._done_in_order: deque[Signature] = deque()

    def get_account(self, address: Pubkey) -> Account | None:
        """An account as it stands, or None where there is none."""
        return self._accounts.get(address)

    def set_account(self, address: Pubkey, account: Account) -> None:
        """Put an account, whatever was there."""
        self._accounts[address] = account

    def set_clock(self, slot: int, unix_s: int) -> None:
        """Set slot and time, in the clock's account too."""
        self._moment = Moment(slot, unix_s)
        data = slot.to_bytes(8, "little") + bytes(24) + unix_s.to_bytes(8, "little", signed=True)
        self._accounts[CLOCK] = Account(1, data, SYSVARS)

    def send(self, transaction: VersionedTransaction) -> Ran:
        """Carry it out; what it changes stays only if all of it succeeds, but the fee is paid."""
        signature = transaction.signatures[0]
        if signature in self._done:
            return Ran("AlreadyProcessed", landed=False)
        payer = transaction.message.account_keys[0]
        fee = FEE_LAMPORTS * len(transaction.signatures)
        account = self._accounts.get(payer)
        if account is None or account.lamports < fee:
            return Ran("InsufficientFundsForFee", landed=False)
        self._accounts[payer] = Account(account.lamports - fee, account.data, account.owner)
        self._remember(signature)
        ran = self.simulate(transaction)
        if ran.error is None:
            writable = {ref.address for ref in _refs(transaction) if ref.writable}
            changed = {key: value for key, value in ran.accounts.items() if key in writable}
            self._accounts.update(changed)
        return ran

    def simulate(self, transaction: VersionedTransaction) -> Ran:
        """What would become of it now."""
        if transaction.message.account_keys[0] not in self._accounts:
            return Ran("AccountNotFound", landed=False)
        workspace, logs = Workspace(self._accounts), list[str]()
        keys = transaction.message.account_keys
        refs = _refs(transaction)
        for index, instruction in enumerate(transaction.message.instructions):
            program = keys[instruction.program_id_index]
            named = [refs[place] for place in instruction.accounts]
            logs.append(f"Program {program} invoke [1]")
            error = self._run(program, named, bytes(instruction.data), workspace, logs)
            if error is not None:
                return Ran({"InstructionError": [index, error]}, tuple(logs), UNITS)
            logs.append(f"Program {program} success")
        return Ran(None, tuple(logs), UNITS, accounts=workspace.accounts())

    def _run(
        self, program: Pubkey, refs: list[Ref], data: bytes, workspace: Workspace, logs: list[str]
    ) -> Any:
        """One instruction: None, or Solana's JSON for what is wrong with it."""
        if program == COMPUTE_BUDGET:
            return None
        if program == SYSTEM and data[:4] == TRANSFER:
            lamports = int.from_bytes(data[4:12], "little")
            if workspace.lamports(refs[0].address) < lamports:
                return {"Custom": 1}
            workspace.pay(refs[0].address, -lamports)
            workspace.pay(refs[1].address, lamports)
            return None
        if program != self.dialect.program_id:
            return "UnsupportedProgramId"
        try:
            name = carry_out(Call(self.dialect, workspace, refs, data, self._moment), data)
        except Refused as refused:
            logs.append(f"Program log: AnchorError occurred. Emulated: {refused}.")
            logs.append(f"Program {program} failed: custom program error: {refused.code:#x}")
            return {"Custom": int(refused.code)}
        logs.append(f"Program log: Emulated instruction: {name}")
        return None

    def _remember(self, signature: Signature) -> None:
        self._done.add(signature)
        self._done_in_order.append(signature)
        if len(self._done_in_order) > REMEMBERED:
            self._done.discard(self._done_in_order.popleft())


def _refs(transaction: VersionedTransaction) -> list[Ref]:
    """The transaction's accounts with their roles, which follow from the header."""
    message = transaction.message
    header, keys = message.header, message.account_keys
    signed = header.num_required_signatures
    refs = []
    for index, address in enumerate(keys):
        if index < signed:
            writable = index < signed - header.num_readonly_signed_accounts
        else:
            writable = index < len(keys) - header.num_readonly_unsigned_accounts
        refs.append(Ref(address, index < signed, writable))
    return refs
