"""A market of the real Drift v2 program, made by the program's own instructions, and whoever trades there.

The program is a binary that the caller names, of 2024 or later; its exchange, its two markets and its traders
are set up as their admin and owners would, so nothing but tokens, oracle and clock is put there by hand. Told
apart from mainnet by one thing: the AMM takes part at once (no auction first), unless asked otherwise.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final

from driftpy.types import AssetTier, ContractTier, OracleSource
from solders.account import Account
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM
from solders.sysvar import RENT
from solders.token import ID as TOKEN_PROGRAM
from solders.transaction import VersionedTransaction

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.drill.drift_accounts import (
    RESERVE_BASE,
    edited,
    mint,
    name_bytes,
    pull_oracle,
    token_account,
)
from drift_e3.drill.engines import ProgramEngine, Ran
from drift_e3.venues.drift.decoding import QUOTE_INDEX, MarketId
from drift_e3.venues.drift.library import Context, DriftClient, addresses
from drift_e3.venues.solana.program import RawAccount, Trading
from drift_e3.venues.solana.sysvars import CLOCK_ADDRESS, ChainClock, read_clock
from drift_e3.venues.solana.views import BASE_UNITS, QUOTE_UNITS

LAMPORTS: Final = 1_000_000_000_000
"""What everybody has for rent and fees."""
COMPUTE_UNITS: Final = 1_400_000
SUB_ACCOUNTS_MAX: Final = 100
SUPPLY_USD: Final = 1_000_000_000

ADMIN: Final = Keypair.from_seed(b"drill: who runs the exchange....")
ORACLE: Final = Pubkey(b"drill: where prices are posted..")

SYSTEM_ACCOUNTS: Final = {"rent": RENT, "system_program": SYSTEM}


class DriftWorld:
    """One exchange with a SOL market, at `slot` and `unix_s` (UTC) of its chain.

    `engine` runs the program at `market.program_id`. `auction_slots` is how long the AMM leaves every order
    to others first; on mainnet it was 10. Raises RuntimeError where the program refuses to be set up.
    """

    def __init__(
        self,
        engine: ProgramEngine,
        *,
        slot: int,
        unix_s: int,
        price_usd: float = 85.0,
        market: MarketId | None = None,
        auction_slots: int = 0,
    ) -> None:
        self.engine = engine
        self.market = market or MarketId()
        self._sent = 0
        self.engine.set_clock(slot, unix_s)
        self.endow(ADMIN.pubkey())
        self.put(self.market.quote_mint, mint(ADMIN.pubkey(), SUPPLY_USD * QUOTE_UNITS))
        self.post_oracle(price_usd)
        self._open_exchange(auction_slots)
        self._open_quote_market()
        self.open_market(self.market, price_usd)

    # -- accounts

    def account(self, address: Pubkey) -> RawAccount | None:
        """An account as it stands, or None."""
        found = self.engine.get_account(address)
        return None if found is None else RawAccount(found.owner, bytes(found.data), found.lamports)

    def accounts(self, wanted: Sequence[Pubkey]) -> dict[Pubkey, RawAccount | None]:
        """What a look at these addresses finds."""
        return {address: self.account(address) for address in wanted}

    def put(self, address: Pubkey, account: RawAccount) -> None:
        """Set an account, whatever was there."""
        self.engine.set_account(address, Account(account.lamports or LAMPORTS, account.data, account.owner))

    def edit(self, address: Pubkey, kind: str, change: Callable[[Any], None]) -> None:
        """Change one of the program's accounts, as no transaction could. KeyError where there is none."""
        found = self.account(address)
        if found is None:
            raise KeyError(str(address))
        self.put(address, found._replace(data=edited(kind, found.data, change)))

    def endow(self, somebody: Pubkey) -> None:
        """Give somebody enough for rent and fees."""
        self.put(somebody, RawAccount(SYSTEM, b""))

    # -- time and prices

    @property
    def clock(self) -> ChainClock:
        """The chain's clock."""
        return read_clock(self.accounts([CLOCK_ADDRESS]))

    def pass_time(self, slots: int, seconds: int) -> None:
        """Move the clock on. The oracle stays where it was."""
        now = self.clock
        self.engine.set_clock(now.slot + slots, now.ts // MS_PER_SECOND + seconds)

    def post_oracle(self, price_usd: float, *, confidence_usd: float = 0.01, late_slots: int = 0) -> None:
        """Publish a price, now or as of so many slots ago."""
        now = self.clock
        posted = pull_oracle(price_usd, now.slot - late_slots, now.ts // MS_PER_SECOND, confidence_usd)
        self.put(ORACLE, posted)

    # -- traders

    def open_account(
        self, owner: Keypair, deposit_usd: float, signer: Keypair | None = None, sub_account: int = 0
    ) -> Trading:
        """An account with a deposit; `signer`, if given, becomes its delegate and signs its orders."""
        trading = Trading(owner.pubkey(), sub_account, (signer or owner).pubkey())
        self.endow(owner.pubkey())
        stats = {
            "user_stats": self.market.stats_address(trading),
            "state": self.market.state_address,
            "authority": owner.pubkey(),
            "payer": owner.pubkey(),
            **SYSTEM_ACCOUNTS,
        }
        user = {**stats, "user": self.market.user_address(trading)}
        name = name_bytes("Main Account")
        steps = [self._instruction("initialize_user", sub_account, name, accounts=user)]
        if self.account(self.market.stats_address(trading)) is None:
            steps.insert(0, self._instruction("initialize_user_stats", accounts=stats))
        if signer is not None:
            self.endow(signer.pubkey())
            steps.append(
                self._instruction("update_user_delegate", sub_account, signer.pubkey(), accounts=user)
            )
        self.must(steps, owner)
        self.deposit(owner, deposit_usd, sub_account)
        return trading

    def deposit(self, owner: Keypair, usd: float, sub_account: int = 0) -> None:
        """Give the owner so many quote tokens and deposit them."""
        units = round(usd * QUOTE_UNITS)
        trading = Trading(owner.pubkey(), sub_account, owner.pubkey())
        tokens = Keypair.from_seed(bytes(owner.pubkey())).pubkey()
        self.put(tokens, token_account(owner.pubkey(), units, self.market.quote_mint))
        named = {
            "state": self.market.state_address,
            "user": self.market.user_address(trading),
            "user_stats": self.market.stats_address(trading),
            "authority": owner.pubkey(),
            "spot_market_vault": self._vault,
            "user_token_account": tokens,
            "token_program": TOKEN_PROGRAM,
        }
        rest = [AccountMeta(self.market.spot_address, is_signer=False, is_writable=True)]
        deposit = self._instruction("deposit", QUOTE_INDEX, units, False, accounts=named, rest=rest)
        self.must([deposit], owner)

    # -- the admin

    def administer(self, name: str, *arguments: Any) -> None:
        """One of the admin's instructions on the exchange, such as ``update_exchange_status``."""
        named = {"admin": ADMIN.pubkey(), "state": self.market.state_address}
        self.must([self._instruction(name, *arguments, accounts=named)], ADMIN)

    def administer_market(self, name: str, *arguments: Any) -> None:
        """One of the admin's instructions on the market, such as ``update_perp_market_paused_operations``."""
        named = {
            "admin": ADMIN.pubkey(),
            "state": self.market.state_address,
            "perp_market": self.market.perp_address,
        }
        self.must([self._instruction(name, *arguments, accounts=named)], ADMIN)

    # -- keepers

    def fire(self, trading: Trading, order_id: int, keeper: Keypair) -> Ran:
        """What a keeper (an owner with an account here) does when a stop's price is touched."""
        named = {
            "state": self.market.state_address,
            "authority": keeper.pubkey(),
            "filler": self.market.user_address(_owner(keeper)),
            "user": self.market.user_address(trading),
        }
        rest = self._market_metas()
        return self.send([self._instruction("trigger_order", order_id, accounts=named, rest=rest)], keeper)

    def fill(self, trading: Trading, order_id: int, keeper: Keypair) -> Ran:
        """What a keeper does with an order that the AMM may take."""
        named = {
            "state": self.market.state_address,
            "authority": keeper.pubkey(),
            "filler": self.market.user_address(_owner(keeper)),
            "filler_stats": self.market.stats_address(_owner(keeper)),
            "user": self.market.user_address(trading),
            "user_stats": self.market.stats_address(trading),
        }
        rest = self._market_metas()
        filling = self._instruction("fill_perp_order", order_id, None, accounts=named, rest=rest)
        return self.send([filling], keeper)

    # -- transactions

    def send(self, instructions: Sequence[Instruction], *signers: Keypair) -> Ran:
        """Carry out one transaction; the first signer pays. None is taken for a repetition of another."""
        self._sent += 1
        whole = [set_compute_unit_limit(COMPUTE_UNITS), *instructions]
        blockhash = Hash(self._sent.to_bytes(Hash.LENGTH, "little"))
        message = MessageV0.try_compile(signers[0].pubkey(), whole, [], blockhash)
        return self.engine.send(VersionedTransaction(message, list(signers)))

    def must(self, instructions: Sequence[Instruction], *signers: Keypair) -> Ran:
        """As `send`. Raises RuntimeError with the program's words if it fails."""
        ran = self.send(instructions, *signers)
        if ran.error is not None:
            raise RuntimeError(f"{ran.error}: " + " | ".join(ran.logs[-8:]))
        return ran

    # -- setting up

    def _open_exchange(self, auction_slots: int) -> None:
        mint = self.market.quote_mint
        named = {**self._admin_accounts(), **self._token_accounts(), "quote_asset_mint": mint}
        self.must([self._instruction("initialize", accounts=named)], ADMIN)
        self.administer("update_state_max_number_of_sub_accounts", SUB_ACCOUNTS_MAX)
        self.administer("update_perp_auction_duration", auction_slots)

    def _open_quote_market(self) -> None:
        named = {
            **self._admin_accounts(),
            **self._token_accounts(),
            "spot_market": self.market.spot_address,
            "spot_market_mint": self.market.quote_mint,
            "spot_market_vault": self._vault,
            "insurance_fund_vault": addresses.get_insurance_fund_vault_public_key(
                self.market.program_id, QUOTE_INDEX
            ),
            "oracle": Pubkey.default(),
        }
        # Rates at half, all and all; weights of one; no fees, no limits.
        rates, weights = (500_000, 1_000_000, 1_000_000), (10_000, 10_000, 10_000, 10_000)
        kind = (True, AssetTier.COLLATERAL())
        terms = (*rates, OracleSource.QuoteAsset(), *weights, 0, 0, 0, *kind, 0, 0, 1, 1, 0)
        name = name_bytes("USDC")
        self.must([self._instruction("initialize_spot_market", *terms, name, accounts=named)], ADMIN)

    def open_market(self, market: MarketId, price_usd: float) -> None:
        """Open one more perpetual market, of the next index, on the same oracle."""
        named = {**self._admin_accounts(), "perp_market": market.perp_address, "oracle": ORACLE}
        reserve, step = RESERVE_BASE * BASE_UNITS, BASE_UNITS // 100
        amm = (reserve, reserve, 3_600, round(price_usd * QUOTE_UNITS), OracleSource.PythPull())
        # Tier, margins, liquidation fees, size premium; open; spreads, no limits; step, tick, minimum; curve.
        margin = (ContractTier.B(), 500, 300, 1_000, 1_000, 50)
        trade = (True, 200, 20_000, 0, 0, 0, step, 100, step, 1, 100, 100)
        terms = (market.market_index, *amm, *margin, *trade, name_bytes(market.name))
        self.must([self._instruction("initialize_perp_market", *terms, accounts=named)], ADMIN)

    def _admin_accounts(self) -> dict[str, Pubkey]:
        return {"admin": ADMIN.pubkey(), "state": self.market.state_address, **SYSTEM_ACCOUNTS}

    def _token_accounts(self) -> dict[str, Pubkey]:
        signer = addresses.get_drift_client_signer_public_key(self.market.program_id)
        return {"drift_signer": signer, "token_program": TOKEN_PROGRAM}

    @property
    def _vault(self) -> Pubkey:
        vault: Pubkey = addresses.get_spot_market_vault_public_key(self.market.program_id, QUOTE_INDEX)
        return vault

    def _market_metas(self) -> list[AccountMeta]:
        return [
            AccountMeta(ORACLE, is_signer=False, is_writable=False),
            AccountMeta(self.market.spot_address, is_signer=False, is_writable=True),
            AccountMeta(self.market.perp_address, is_signer=False, is_writable=True),
        ]

    def _instruction(
        self,
        name: str,
        *arguments: Any,
        accounts: Mapping[str, Pubkey],
        rest: Sequence[AccountMeta] = (),
    ) -> Instruction:
        context = Context(accounts=dict(accounts), remaining_accounts=list(rest))
        built: Instruction = _instructions()[name](*arguments, ctx=context)
        return built


@lru_cache(maxsize=1)
def _instructions() -> Any:
    """Every instruction of the program, by name, from driftpy's description of it."""
    admin = SimpleNamespace(public_key=ADMIN.pubkey())
    return DriftClient(None, admin, account_subscription=_NoSubscription()).program.instruction


def _owner(keeper: Keypair) -> Trading:
    return Trading(keeper.pubkey(), 0, keeper.pubkey())


class _NoSubscription:
    """The client insists on one; whatever it would be asked is not needed here."""

    def get_drift_client_subscriber(self, *_: object) -> "_NoSubscription":
        return self
