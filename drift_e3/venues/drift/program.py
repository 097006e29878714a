"""Drift v2 as a `Program`: its accounts checked and told as views, tickets told as its instructions.

The composition of this package: which accounts, in which order, and what must stay as it was. Decoding,
meanings and encodings are the other modules'.
"""

from collections.abc import Sequence
from typing import Any, Final

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from drift_e3.venues.drift.account import other_markets, user_seen
from drift_e3.venues.drift.builder import Builder, Steps
from drift_e3.venues.drift.decoding import (
    PROGRAM_ID,
    QUOTE_MARKET,
    USDC_MINT,
    MarketId,
    MarketKey,
    market_address,
    read_any_market,
    read_perp_market,
    read_spot_market,
    read_state,
    read_user,
    read_user_stats,
)
from drift_e3.venues.drift.errors import error_name
from drift_e3.venues.drift.library import variant
from drift_e3.venues.drift.markets import perp_seen
from drift_e3.venues.drift.oracles import SOURCES, read_oracle
from drift_e3.venues.drift.pauses import pauses_of
from drift_e3.venues.solana.account_checks import Accounts
from drift_e3.venues.solana.program import AccountRefused, Ticket, Trading
from drift_e3.venues.solana.sysvars import CLOCK_ADDRESS, read_clock
from drift_e3.venues.solana.views import ChainView

CAPABILITIES: Final = frozenset({"resting_orders", "trigger_orders", "modify"})


class DriftProgram:
    """Implements `solana.program.Program` for one perpetual market, quoted in `quote_mint`.

    The market is known by its index and must have the name `symbol`. Of the accounts learnt only addresses,
    step and tick are used again.
    """

    name = "drift"

    def __init__(
        self,
        symbol: str = "SOL-PERP",
        market_index: int = 0,
        program_id: Pubkey = PROGRAM_ID,
        quote_mint: Pubkey = USDC_MINT,
    ) -> None:
        self._market = MarketId(program_id, market_index, symbol, quote_mint)
        self._learnt: dict[MarketKey, Any] = {}
        self._builders: dict[Trading, Builder] = {}
        self._steps = Steps(0, 0)

    @property
    def program_id(self) -> Pubkey:
        return self._market.program_id

    @property
    def capabilities(self) -> frozenset[str]:
        return CAPABILITIES

    def market_addresses(self) -> tuple[Pubkey, ...]:
        return (self._market.state_address, self._market.perp_address, self._market.spot_address)

    def learn(self, accounts: Accounts) -> None:
        """Take the oracles' addresses, step and tick. Raises `AccountRefused`."""
        read_state(accounts, self._market)
        perp = read_perp_market(accounts, self._market)
        source = variant(perp.amm.oracle_source)
        if source not in SOURCES:
            raise AccountRefused(f"{self._market.name} has an oracle of the kind {source}, not read here")
        self._learnt = {self._market.perp: perp, QUOTE_MARKET: read_spot_market(accounts, self._market)}
        self._steps = _steps_of(perp)
        self._builders.clear()

    def companions(self, accounts: Accounts, trading: Trading) -> tuple[Pubkey, ...]:
        """Further markets that the trading account holds something of and that are not known yet.

        The program weighs every position at every order, so an instruction that leaves one out fails, an exit
        too. Read these accounts and give them to `learn_companions`.
        """
        user = read_user(accounts, self._market, trading)
        missing = other_markets(user, self._market.market_index) - self._learnt.keys()
        return tuple(market_address(self.program_id, market) for market in sorted(missing))

    def learn_companions(self, accounts: Accounts, trading: Trading) -> None:
        """Name these markets in every instruction from now on. Raises `AccountRefused`."""
        user = read_user(accounts, self._market, trading)
        for market in other_markets(user, self._market.market_index) - self._learnt.keys():
            self._learnt[market] = read_any_market(accounts, self.program_id, market)
        self._builders.clear()

    def addresses(self, trading: Trading | None) -> tuple[Pubkey, ...]:
        market = (*self.market_addresses(), self._perp().amm.oracle, CLOCK_ADDRESS)
        if trading is None:
            return market
        # Made at the start and not at the first order: it takes a fifth of a second.
        self._builder(trading)
        return (*market, self._market.user_address(trading), self._market.stats_address(trading))

    def read(self, slot: int, accounts: Accounts, trading: Trading | None) -> ChainView:
        """As `Program.read`. Step and tick are learnt anew at every look."""
        known, quote_known = self._perp(), self._learnt[QUOTE_MARKET]
        clock = read_clock(accounts)
        state = read_state(accounts, self._market)
        perp = read_perp_market(accounts, self._market)
        quote = read_spot_market(accounts, self._market)
        self._unchanged("oracle", perp.amm.oracle, known.amm.oracle)
        self._unchanged("kind of oracle", perp.amm.oracle_source, known.amm.oracle_source)
        self._unchanged("quote market's oracle", quote.oracle, quote_known.oracle)
        user, stats, seen = None, None, None
        if trading is not None:
            user = read_user(accounts, self._market, trading)
            stats = read_user_stats(accounts, self._market, trading)
            address = self._market.user_address(trading)
            seen = user_seen(address, user, stats, self._market.market_index, quote)
        source = variant(perp.amm.oracle_source)
        view = ChainView(
            slot=slot,
            chain_ts=clock.ts,
            perp=perp_seen(state, perp, user, stats),
            oracle=read_oracle("the oracle", accounts, known.amm.oracle, source, self.program_id),
            pauses=pauses_of(state, perp, user, clock.ts),
            user=seen,
        )
        self._steps = _steps_of(perp)
        return view

    def place(self, ticket: Ticket, trading: Trading) -> Sequence[Instruction]:
        """As `Program.place`. Raises `VenueRefused` for a size or price that rounds to nothing."""
        return [self._builder(trading).place(ticket, self._steps)]

    def modify(self, ticket: Ticket, trading: Trading) -> Sequence[Instruction]:
        """Give the open order with this user order id the ticket's size and price, in one step: there is no
        moment without it. It gets a new number of the program's. Fails with 6061 if the order is gone."""
        return [self._builder(trading).modify(ticket, self._steps)]

    def cancel(self, user_order_id: int, trading: Trading) -> Sequence[Instruction]:
        return [self._builder(trading).cancel(user_order_id)]

    def settle(self, trading: Trading) -> Sequence[Instruction]:
        return [self._builder(trading).settle()]

    def error_name(self, code: int) -> str:
        return error_name(code)

    def _perp(self) -> Any:
        if not self._learnt:
            raise RuntimeError("the program's market has not been learnt")
        return self._learnt[self._market.perp]

    def _builder(self, trading: Trading) -> Builder:
        self._perp()
        if trading not in self._builders:
            self._builders[trading] = Builder(self._learnt, self._market.market_index, trading)
        return self._builders[trading]

    def _unchanged(self, what: str, found: object, known: object) -> None:
        if found != known:
            raise AccountRefused(f"{self._market.name}: its {what} is {found}, not {known} as before")


def _steps_of(perp: Any) -> Steps:
    return Steps(perp.amm.order_step_size, perp.amm.order_tick_size)
