"""Velocity on a chain of the drill: its accounts, oracles that publish, traders with money.

The market's accounts are recorded ones or those of `velocity_accounts`; they are moved to the chain's own
time. With the real program as its engine the chain trades as Velocity does. Faults and serving are the
chain's.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from solders.account import Account
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.token import ID as TOKEN_PROGRAM
from solders.transaction import VersionedTransaction

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.drill.chain import Chain, Landed
from drift_e3.venues.solana.lazer import read_lazer
from drift_e3.venues.solana.program import RawAccount
from drift_e3.venues.solana.sysvars import UPGRADEABLE_LOADER, programdata_address
from drift_e3.venues.velocity.addresses import (
    PROGRAM_ID,
    perp_market_address,
    signer_address,
    spot_market_address,
    spot_vault_address,
)
from drift_e3.venues.velocity.instructions import Desk
from drift_e3.venues.velocity.layouts import ACCOUNTS, PERP_MARKET, PYTH_LAZER_ORACLE, SPOT_MARKET
from drift_e3.venues.velocity.wire import AccountLayout

LAMPORTS: Final = 10_000_000_000
"""What every account of the world is given: far above any rent."""
COMPUTE_UNITS: Final = 400_000
"""Far more than any of the daemon's transactions takes."""
QUOTE_UNITS: Final = 1_000_000
QUOTE_DECIMALS: Final = 6
US_PER_MS: Final = 1_000
US_PER_SECOND: Final = 1_000_000
US_PER_SLOT: Final = 400_000
MINT_BYTES: Final = 82
TOKEN_ACCOUNT_BYTES: Final = 165
VAULT_TOKENS: Final = 100_000_000 * QUOTE_UNITS
"""What the quote market's vault holds: more than all accounts claim, so that the program is solvent."""


class VelocityWorld:
    """The program's accounts on `chain`, for one perpetual market and its quote market.

    `accounts` are State, the two markets and their oracles. From now on both oracles publish at every slot:
    `price_usd` and `quote_usd`, `late_slots` behind, or not at all while `silent`.
    """

    def __init__(
        self,
        chain: Chain,
        accounts: Mapping[Pubkey, RawAccount],
        market_index: int = 0,
        program_id: Pubkey = PROGRAM_ID,
    ) -> None:
        self.chain = chain
        self.program_id = program_id
        self.market_index = market_index
        self.perp_market = perp_market_address(program_id, market_index)
        self.spot_market = spot_market_address(program_id, 0)
        self.oracle = Pubkey.from_bytes(PERP_MARKET.read(accounts[self.perp_market].data, "oracle"))
        self.quote_oracle = Pubkey.from_bytes(SPOT_MARKET.read(accounts[self.spot_market].data, "oracle"))
        self.mint = Pubkey.from_bytes(SPOT_MARKET.read(accounts[self.spot_market].data, "mint"))
        published = read_lazer("the oracle", accounts[self.oracle].data)
        self.price_usd = published.price_usd
        self.quote_usd = read_lazer("the quote oracle", accounts[self.quote_oracle].data).price_usd
        self.late_slots = 0
        self.silent = False
        slots = chain.slot - published.posted_slot
        seconds = (chain.now_ts - published.publish_ts) // MS_PER_SECOND
        for address, account in accounts.items():
            self.put(address, account._replace(data=moved(account.data, slots, seconds)))
        self._make_money()
        self.deployed(chain.first_slot)
        self.publish(chain.slot)
        chain.before_landing.append(self.publish)

    # -- accounts ------------------------------------------------------------------------------------------

    def account(self, address: Pubkey) -> RawAccount | None:
        """An account as it stands, or None."""
        found = self.chain.get_account(address)
        return None if found is None else RawAccount(found.owner, bytes(found.data), found.lamports)

    def data(self, address: Pubkey) -> bytes:
        """An account's bytes. Raises KeyError where there is none."""
        found = self.account(address)
        if found is None:
            raise KeyError(str(address))
        return found.data

    def put(self, address: Pubkey, account: RawAccount) -> None:
        """Set an account, whatever was there."""
        self.chain.set_account(address, Account(account.lamports or LAMPORTS, account.data, account.owner))

    def edit(self, address: Pubkey, layout: AccountLayout, changes: Mapping[str, int | bytes]) -> None:
        """Change fields of one of the program's accounts, as no transaction could."""
        data = bytearray(self.data(address))
        for path, value in changes.items():
            layout.write(data, path, value)
        self.put(address, RawAccount(self.program_id, bytes(data)))

    def deployed(self, slot: int) -> None:
        """Say that the program was deployed in `slot`. Only readers see it; the program stays the same."""
        code = programdata_address(self.program_id)
        program = (2).to_bytes(4, "little") + bytes(code)
        header = (3).to_bytes(4, "little") + slot.to_bytes(8, "little") + bytes(33)
        self.chain.shown[self.program_id] = Account(LAMPORTS, program, UPGRADEABLE_LOADER, executable=True)
        self.chain.shown[code] = Account(LAMPORTS, header, UPGRADEABLE_LOADER)

    # -- oracles -------------------------------------------------------------------------------------------

    def publish(self, slot: int) -> None:
        """Post both prices in `slot`, as of `late_slots` before."""
        if self.silent:
            return
        for address, usd in ((self.oracle, self.price_usd), (self.quote_oracle, self.quote_usd)):
            exponent = PYTH_LAZER_ORACLE.read(self.data(address), "exponent")
            units = round(usd * 10**-exponent)
            changes: dict[str, int | bytes] = {
                "price": units,
                "conf": units // 5_000,
                "publish_time": self.chain.now_ts * US_PER_MS - self.late_slots * US_PER_SLOT,
                "posted_slot": slot - self.late_slots,
            }
            self.edit(address, PYTH_LAZER_ORACLE, changes)

    # -- traders -------------------------------------------------------------------------------------------

    def desk(self, authority: Pubkey, signer: Pubkey | None = None, sub_account: int = 0) -> Desk:
        """Where that trader's instructions are made; the owner signs unless `signer` does."""
        return Desk(
            program_id=self.program_id,
            oracles=(self.oracle, self.quote_oracle),
            authority=authority,
            sub_account=sub_account,
            signer=signer or authority,
            market_index=self.market_index,
        )

    def open_account(
        self, owner: Keypair, deposit_usd: float, delegate: Pubkey | None = None, sub_account: int = 0
    ) -> Desk:
        """Make an account by the program's own instructions, name a delegate, and deposit.

        Returns the desk at which the delegate, if there is one, signs. Whoever signs is given lamports.
        """
        desk = self.desk(owner.pubkey(), sub_account=sub_account)
        self.pay(owner.pubkey())
        steps = [] if self.account(desk.user_stats) else [desk.initialize_user_stats()]
        steps.append(desk.initialize_user("drill"))
        if delegate is not None:
            self.pay(delegate)
            steps.append(desk.update_user_delegate(delegate))
        self.chain.run(self.signed(steps, owner))
        if deposit_usd > 0:
            self.deposit(owner, deposit_usd, sub_account)
        return self.desk(owner.pubkey(), delegate, sub_account)

    def pay(self, address: Pubkey) -> None:
        """Give an address lamports for fees and rent."""
        self.chain.set_account(address, Account(LAMPORTS, b"", SYSTEM_PROGRAM))

    def deposit(self, owner: Keypair, usd: float, sub_account: int = 0) -> None:
        """Mint quote tokens to the owner and deposit them by the program's own instruction."""
        amount = round(usd * QUOTE_UNITS)
        tokens = self.purse(owner.pubkey())
        self.put(tokens, RawAccount(TOKEN_PROGRAM, _token_account(self.mint, owner.pubkey(), amount)))
        desk = self.desk(owner.pubkey(), sub_account=sub_account)
        self.chain.run(self.signed([desk.deposit(amount, tokens)], owner))

    def purse(self, owner: Pubkey) -> Pubkey:
        """Where the owner's quote tokens are."""
        return Pubkey.find_program_address([b"purse", bytes(owner)], self.program_id)[0]

    # -- transactions --------------------------------------------------------------------------------------

    def signed(self, instructions: Sequence[Instruction], *signers: Keypair) -> VersionedTransaction:
        """A transaction of these instructions; the first signer pays."""
        whole = [set_compute_unit_limit(COMPUTE_UNITS), *instructions]
        blockhash, _ = self.chain.blockhash(self.chain.slot)
        message = MessageV0.try_compile(signers[0].pubkey(), whole, [], blockhash)
        return VersionedTransaction(message, list(signers))

    def land(self, instructions: Sequence[Instruction], *signers: Keypair) -> Landed:
        """Carry out one transaction in the next slot. RuntimeError if it does not get into a block."""
        signature = self.chain.submit(self.signed(instructions, *signers))
        self.chain.step()
        landed = self.chain.landed(signature)
        if landed is None:
            raise RuntimeError("the transaction did not land")
        return landed

    def _make_money(self) -> None:
        """The quote token and the market's vault, which no recording holds."""
        mint = bytearray(MINT_BYTES)
        mint[36:44] = VAULT_TOKENS.to_bytes(8, "little")
        mint[44], mint[45] = QUOTE_DECIMALS, 1  # initialized
        self.put(self.mint, RawAccount(TOKEN_PROGRAM, bytes(mint)))
        vault = _token_account(self.mint, signer_address(self.program_id), VAULT_TOKENS)
        self.put(spot_vault_address(self.program_id, 0), RawAccount(TOKEN_PROGRAM, vault))


def recorded_accounts(folder: Path) -> dict[Pubkey, RawAccount]:
    """The recorded accounts of Velocity in `folder` (files ``velocity_*.json``)."""
    found: dict[Pubkey, RawAccount] = {}
    for path in sorted(folder.glob("velocity_*.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            owner, data = Pubkey.from_string(row["owner"]), base64.b64decode(row["data_base64"])
            found[Pubkey.from_string(row["pubkey"])] = RawAccount(owner, data)
    return found


def moved(data: bytes, slots: int, seconds: int) -> bytes:
    """An account of the program as it would be so much later: all its slots and times, where it has any."""
    shifts = {"_slot": slots, "_ts": seconds, "publish_time": seconds * US_PER_SECOND}
    later = bytearray(data)
    for layout in ACCOUNTS:
        if not data.startswith(layout.discriminator):
            continue
        for path in layout.slots:
            by = next((shift for ending, shift in shifts.items() if path.endswith(ending)), 0)
            if by and (value := layout.read(data, path)):
                layout.write(later, path, value + by)
    return bytes(later)


def error_code(error: Any) -> int | None:
    """The program's code in a transaction's error as the chain tells it; None for no or another error."""
    match error:
        case {"InstructionError": [_, {"Custom": int(code)}]}:
            return code
    return None


def _token_account(mint: Pubkey, owner: Pubkey, amount: int) -> bytes:
    data = bytearray(TOKEN_ACCOUNT_BYTES)
    data[0:32], data[32:64] = bytes(mint), bytes(owner)
    data[64:72] = amount.to_bytes(8, "little")
    data[108] = 1  # initialized
    return bytes(data)
