"""Velocity as a `Program`: its accounts checked and told as views, tickets told as its instructions.

The composition of this package: which accounts, in which order, and what must stay as it was. Decoding,
meanings and encodings are the other modules'.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from drift_e3.core.terms import MS_PER_SECOND, OrderKind, Side
from drift_e3.ports import VenueRefused
from drift_e3.venues.solana.account_checks import Accounts
from drift_e3.venues.solana.convert import limit_units, size_units, trigger_units
from drift_e3.venues.solana.program import AccountRefused, Ticket, Trading
from drift_e3.venues.solana.sysvars import CLOCK_ADDRESS, read_clock
from drift_e3.venues.solana.views import ChainView
from drift_e3.venues.velocity import errors
from drift_e3.venues.velocity.account import other_markets, user_seen
from drift_e3.venues.velocity.addresses import PROGRAM_ID, USDT_MINT, MarketKey, market_address
from drift_e3.venues.velocity.codes import (
    IMMEDIATE_OR_CANCEL,
    Direction,
    OrderType,
    PostOnly,
    TriggerCondition,
)
from drift_e3.venues.velocity.decoding import (
    QUOTE_INDEX,
    MarketId,
    exchange_state,
    oracle,
    oracle_of,
    perp_market,
    quote_market,
    trader_statistics,
    trading_account,
)
from drift_e3.venues.velocity.instructions import Companion, Desk, OrderChange, OrderParams
from drift_e3.venues.velocity.market import instrument, may_have_book, perp_seen
from drift_e3.venues.velocity.pauses import pauses

USER_ORDER_ID_MAX: Final = 255
MUST_EXIST: Final = 1
"""Policy of a change: it fails for an order that is gone."""


class _Learnt(NamedTuple):
    """What only the market accounts say; `book` latches once an order book may be there."""

    oracle: Pubkey
    quote_oracle: Pubkey
    step_units: int
    tick_units: int
    book: bool


class VelocityProgram:
    """Implements `solana.program.Program` for one perpetual market, quoted in `quote_mint`.

    The market is known by its index and must have the name `symbol`. What it keeps are addresses, the step
    and the tick, and whether an order book has been seen.
    """

    name = "velocity"

    def __init__(
        self,
        symbol: str = "SOL-PERP",
        market_index: int = 0,
        program_id: Pubkey = PROGRAM_ID,
        quote_mint: Pubkey = USDT_MINT,
    ) -> None:
        self._market = MarketId(program_id, market_index, symbol, quote_mint)
        self._learnt: _Learnt | None = None
        self._companions: dict[MarketKey, Pubkey] = {}

    @property
    def program_id(self) -> Pubkey:
        return self._market.program_id

    @property
    def capabilities(self) -> frozenset[str]:
        """Resting orders live in the user's account, unless a book program may have taken them over."""
        resting = set() if self._learnt and self._learnt.book else {"resting_orders"}
        return frozenset({"trigger_orders", "modify", *resting})

    def market_addresses(self) -> tuple[Pubkey, ...]:
        return (self._market.state_address, self._market.perp_address, self._market.spot_address)

    def learn(self, accounts: Accounts) -> None:
        """Take the oracles' addresses, step and tick. Raises `AccountRefused`."""
        state, _ = exchange_state(accounts, self._market)
        perp, quote = perp_market(accounts, self._market), quote_market(accounts, self._market)
        self._learnt = _Learnt(
            oracle=Pubkey.from_bytes(perp.oracle),
            quote_oracle=Pubkey.from_bytes(quote.oracle),
            step_units=perp.order_step_size,
            tick_units=perp.order_tick_size,
            book=may_have_book(state, perp),
        )

    def companions(self, accounts: Accounts, trading: Trading) -> tuple[Pubkey, ...]:
        """Further markets that the trading account holds something of and that are not known yet.

        The program weighs every position at every order, so an instruction that leaves one out fails, an exit
        too. Read these accounts and give them to `learn_companions`.
        """
        missing = self._others(accounts, trading) - self._companions.keys()
        return tuple(market_address(self.program_id, market) for market in sorted(missing))

    def learn_companions(self, accounts: Accounts, trading: Trading) -> None:
        """Name these markets in every instruction from now on. Raises `AccountRefused`."""
        for market in sorted(self._others(accounts, trading) - self._companions.keys()):
            self._companions[market] = oracle_of(accounts, self.program_id, market)

    def addresses(self, trading: Trading | None) -> tuple[Pubkey, ...]:
        learnt = self._known()
        market = (*self.market_addresses(), learnt.oracle, learnt.quote_oracle, CLOCK_ADDRESS)
        if trading is None:
            return market
        return (*market, self._market.user_address(trading), self._market.stats_address(trading))

    def read(self, slot: int, accounts: Accounts, trading: Trading | None) -> ChainView:
        """As `Program.read`. Step, tick and signs of an order book are learnt anew at every look."""
        learnt = self._known()
        clock = read_clock(accounts)
        state, tiers = exchange_state(accounts, self._market)
        perp, quote = perp_market(accounts, self._market), quote_market(accounts, self._market)
        self._same_oracle("oracle", perp.oracle, learnt.oracle)
        self._same_oracle("quote market's oracle", quote.oracle, learnt.quote_oracle)
        oracle("the quote oracle", accounts, learnt.quote_oracle, self.program_id)
        user, stats, seen = None, None, None
        if trading is not None:
            user = trading_account(accounts, self._market, trading)
            stats = trader_statistics(accounts, self._market, trading)
            seen = user_seen(user.address, user.data, user.row, stats, quote, self._market.market_index)
        own_margin, status = (user.row.max_margin_ratio, user.row.status) if user else (0, 0)
        view = ChainView(
            slot=slot,
            chain_ts=clock.ts,
            perp=perp_seen(perp, instrument(state, tiers, perp, own_margin), str(learnt.oracle)),
            oracle=oracle("the oracle", accounts, learnt.oracle, self.program_id),
            pauses=pauses(state, perp, quote, clock.ts // MS_PER_SECOND, stats, status),
            user=seen,
        )
        self._learnt = learnt._replace(
            step_units=perp.order_step_size,
            tick_units=perp.order_tick_size,
            book=learnt.book or may_have_book(state, perp),
        )
        return view

    def place(self, ticket: Ticket, trading: Trading) -> Sequence[Instruction]:
        """As `Program.place`.

        Raises `VenueRefused` for a size or price that rounds to nothing, and for a resting order where there
        may be an order book.
        """
        learnt, desk = self._known(), self._desk(trading)
        immediate, trigger = ticket.kind is OrderKind.IOC, ticket.kind is OrderKind.TRIGGER_MARKET
        if learnt.book and not (immediate or trigger):
            raise VenueRefused("the market may have an order book of its own: no resting orders")
        if not 0 < ticket.user_order_id <= USER_ORDER_ID_MAX:
            raise ValueError(f"user order id {ticket.user_order_id}: 1 to {USER_ORDER_ID_MAX}")
        above = trigger and ticket.triggers_above
        params = OrderParams(
            order_type=OrderType.TRIGGER_MARKET if trigger else OrderType.LIMIT,
            direction=Direction.LONG if ticket.side is Side.BUY else Direction.SHORT,
            user_order_id=ticket.user_order_id,
            base_asset_amount=size_units(ticket.size_base, learnt.step_units),
            price=0 if trigger else limit_units(ticket.side, ticket.price_usd, learnt.tick_units),
            market_index=self._market.market_index,
            reduce_only=ticket.reduce_only,
            post_only=PostOnly.MUST if ticket.kind is OrderKind.POST_ONLY else PostOnly.NONE,
            bit_flags=IMMEDIATE_OR_CANCEL if immediate else 0,
            max_ts=ticket.max_ts or None,
            trigger_price=_trigger_units(ticket, learnt) if trigger else None,
            trigger_condition=TriggerCondition.ABOVE if above or not trigger else TriggerCondition.BELOW,
        )
        return [desk.place_and_take(params) if immediate else desk.place(params)]

    def cancel(self, user_order_id: int, trading: Trading) -> Sequence[Instruction]:
        """As `Program.cancel`. For an order that is gone the program does nothing, or answers 6062 while the
        place of the order in the account is not used again."""
        return [self._desk(trading).cancel_by_user_id(user_order_id)]

    def modify(self, ticket: Ticket, trading: Trading) -> Sequence[Instruction]:
        """Give the open order with this user order id the ticket's size and price.

        In one step: there is no moment without it. It gets a new number of the program's. Fails with 6061 if
        the order is gone.
        """
        learnt = self._known()
        trigger = ticket.kind is OrderKind.TRIGGER_MARKET
        change = OrderChange(
            base_asset_amount=size_units(ticket.size_base, learnt.step_units),
            price=None if trigger else limit_units(ticket.side, ticket.price_usd, learnt.tick_units),
            trigger_price=_trigger_units(ticket, learnt) if trigger else None,
            policy=MUST_EXIST,
        )
        return [self._desk(trading).modify_by_user_id(ticket.user_order_id, change)]

    def settle(self, trading: Trading) -> Sequence[Instruction]:
        return [self._desk(trading).settle_pnl()]

    def error_name(self, code: int) -> str:
        return errors.error_name(code)

    def _known(self) -> _Learnt:
        if self._learnt is None:
            raise RuntimeError("the program's market has not been learnt")
        return self._learnt

    def _others(self, accounts: Accounts, trading: Trading) -> frozenset[MarketKey]:
        user = trading_account(accounts, self._market, trading)
        return other_markets(user.data, self._market.market_index, QUOTE_INDEX)

    def _desk(self, trading: Trading) -> Desk:
        learnt = self._known()
        return Desk(
            program_id=self.program_id,
            oracles=(learnt.oracle, learnt.quote_oracle),
            authority=trading.authority,
            sub_account=trading.sub_account,
            signer=trading.signer,
            market_index=self._market.market_index,
            quote_index=QUOTE_INDEX,
            companions=tuple(Companion(market, oracle) for market, oracle in self._companions.items()),
        )

    def _same_oracle(self, what: str, found: bytes, known: Pubkey) -> None:
        if found != bytes(known):
            told = Pubkey.from_bytes(found)
            raise AccountRefused(f"{self._market.symbol}: its {what} is {told}, not {known} as before")


def _trigger_units(ticket: Ticket, learnt: _Learnt) -> int:
    return trigger_units(ticket.triggers_above, ticket.price_usd, learnt.tick_units)
