"""Sets a venue up on a chain: its accounts, its money, its oracles, and people who trade there.

One stage for both venues and both engines. Velocity's accounts are made up or recorded; Drift's are made up
for the emulation and set up by the real program's own instructions where that is the engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from solders.account import Account
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.transaction import VersionedTransaction

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.drill import drift_accounts, drift_world
from drift_e3.drill.chain import Chain
from drift_e3.drill.emulation.dialects import Dialect, drift_dialect, velocity_dialect
from drift_e3.drill.emulation.records import Record
from drift_e3.drill.engines import Engine, ProgramEngine
from drift_e3.drill.hand import Hand
from drift_e3.drill.oracle import Post
from drift_e3.drill.velocity_accounts import made_accounts
from drift_e3.drill.velocity_world import VelocityWorld
from drift_e3.venues.drift.decoding import USDC_MINT
from drift_e3.venues.solana.program import RawAccount
from drift_e3.venues.solana.sysvars import UPGRADEABLE_LOADER, programdata_address
from drift_e3.venues.velocity.addresses import USDT_MINT

LAMPORTS = 10_000_000_000
COMPUTE_UNITS = 1_400_000
QUOTE_UNITS = 1_000_000
VAULT_UNITS = 100_000_000 * QUOTE_UNITS
DEPTH = 100_000_000_000_000
SHALLOW: dict[str, int | bytes] = {
    "base_asset_reserve": DEPTH,
    "quote_asset_reserve": DEPTH,
    "sqrt_k": DEPTH,
    "amm.ask_base_asset_reserve": DEPTH,
    "amm.ask_quote_asset_reserve": DEPTH,
    "amm.bid_base_asset_reserve": DEPTH,
    "amm.bid_quote_asset_reserve": DEPTH,
    "amm.terminal_quote_asset_reserve": DEPTH,
    "min_base_asset_reserve": DEPTH * 996 // 1000,
    "max_base_asset_reserve": DEPTH * 1004 // 1000,
    "max_fill_reserve_fraction": 100,
    "long_spread": 100,
    "short_spread": 100,
}
"""A young market's AMM, as deep as Velocity's made-up one: 100,000 SOL."""
PROGRAM_FILES = {"velocity": "velocity.so", "drift": "drift.so"}


@dataclass(slots=True, kw_only=True)
class Stage:
    """A venue on a chain. `post` writes a price to its oracles; `oracles` are what instructions name."""

    chain: Chain
    dialect: Dialect
    quote_mint: Pubkey
    oracles: tuple[Pubkey, ...]
    post: Post
    _sent: int = 0

    def record(self, kind: str, address: Pubkey) -> tuple[bytearray, Record]:
        """An account's bytes and its fields in them. KeyError where there is none."""
        account = self.chain.get_account(address)
        if account is None:
            raise KeyError(f"{kind} {address}")
        data = bytearray(account.data)
        return data, Record(self.dialect.layouts[kind], data, self.dialect.names.get(kind))

    def edit(self, kind: str, address: Pubkey, changes: Mapping[str, int | bytes]) -> dict[str, int | bytes]:
        """Change fields as no transaction could, and say what they were."""
        data, record = self.record(kind, address)
        before = {name: record[name] for name in changes}
        for name, value in changes.items():
            record[name] = value
        self.chain.set_account(address, Account(LAMPORTS, bytes(data), self.dialect.program_id))
        return before

    def deployed(self, slot: int) -> None:
        """Say that the program was deployed in that slot; only readers see it."""
        show_program(self.chain, self.dialect.program_id, slot)

    def hand(self, authority: Pubkey, signer: Pubkey | None = None) -> Hand:
        """Where somebody's instructions are made; the owner signs unless `signer` does."""
        return Hand(
            dialect=self.dialect, oracles=self.oracles, authority=authority, signer=signer or authority
        )

    def open_account(self, owner: Keypair, deposit_usd: float, delegate: Pubkey | None = None) -> Hand:
        """Make an account with a deposit and a delegate, by the program's own instructions."""
        hand = self.hand(owner.pubkey())
        for address in (owner.pubkey(), *(() if delegate is None else (delegate,))):
            self.chain.set_account(address, Account(LAMPORTS, b"", SYSTEM))
        steps = [*hand.open(), *(() if delegate is None else (hand.delegate(delegate),))]
        amount = round(deposit_usd * QUOTE_UNITS)
        if amount:
            purse = self.purse(owner.pubkey())
            self._put(purse, drift_accounts.token_account(owner.pubkey(), amount, self.quote_mint))
            steps.append(hand.deposit(amount, purse))
        for step in steps:
            self.chain.run(self.signed([step], owner))
        return hand

    def purse(self, owner: Pubkey) -> Pubkey:
        """The token account from which an owner's deposit came."""
        return self.dialect.derive(b"purse", bytes(owner))

    def signed(self, instructions: Sequence[Instruction], *signers: Keypair) -> VersionedTransaction:
        """A transaction of the drill's own people; the first signer pays. No two are alike."""
        self._sent += 1
        whole = [set_compute_unit_limit(COMPUTE_UNITS - self._sent % 100_000), *instructions]
        blockhash, _ = self.chain.blockhash(self.chain.slot)
        message = MessageV0.try_compile(signers[0].pubkey(), whole, [], blockhash)
        return VersionedTransaction(message, list(signers))

    def _put(self, address: Pubkey, account: RawAccount) -> None:
        self.chain.set_account(address, Account(account.lamports or LAMPORTS, account.data, account.owner))


def velocity_stage(chain: Chain, accounts: Mapping[Pubkey, RawAccount] | None, price_usd: float) -> Stage:
    """Velocity's market on these accounts (State, both markets, both oracles), or on made-up ones."""
    world = VelocityWorld(chain, made_accounts(price_usd) if accounts is None else accounts)
    chain.before_landing.remove(world.publish)

    def post(usd: float, slot: int, _: int) -> None:
        world.price_usd = usd
        world.publish(slot)

    return Stage(
        chain=chain,
        dialect=velocity_dialect(),
        quote_mint=USDT_MINT,
        oracles=(world.oracle, world.quote_oracle),
        post=post,
    )


def drift_stage(engine: Engine, chain: Chain, price_usd: float) -> Stage:
    """Drift's market. The real program (of 2024) sets itself up and reads an oracle of its time."""
    dialect, slot, unix_s = drift_dialect(), chain.slot, chain.now_ts // MS_PER_SECOND
    if isinstance(engine, ProgramEngine):
        drift_world.DriftWorld(engine, slot=slot, unix_s=unix_s, price_usd=price_usd)
        oracle = drift_world.ORACLE
    else:
        oracle = drift_accounts.oracle_address()
        vault = drift_accounts.token_account(dialect.signer, VAULT_UNITS)
        made = drift_accounts.a_market(price_usd, slot, unix_s)
        for address, account in {**made, dialect.spot_vault: vault}.items():
            assert account is not None
            chain.set_account(address, Account(LAMPORTS, account.data, account.owner))

    def post(usd: float, slot: int, now_ts: int) -> None:
        if engine.real:
            account = drift_accounts.pull_oracle(usd, slot, now_ts // MS_PER_SECOND)
        else:
            account = drift_accounts.lazer_oracle(usd, slot, now_ts)
        chain.set_account(oracle, Account(LAMPORTS, account.data, account.owner))

    show_program(chain, dialect.program_id, chain.first_slot)
    stage = Stage(chain=chain, dialect=dialect, quote_mint=USDC_MINT, oracles=(oracle,), post=post)
    stage.edit("PerpMarket", dialect.perp_market, SHALLOW)
    return stage


def show_program(chain: Chain, program_id: Pubkey, slot: int) -> None:
    """Show readers an upgradeable program that was deployed in `slot`. The VM's own stays as it is."""
    code = programdata_address(program_id)
    program = (2).to_bytes(4, "little") + bytes(code)
    header = (3).to_bytes(4, "little") + slot.to_bytes(8, "little") + bytes(33)
    chain.shown[program_id] = Account(LAMPORTS, program, UPGRADEABLE_LOADER, executable=True)
    chain.shown[code] = Account(LAMPORTS, header, UPGRADEABLE_LOADER)
