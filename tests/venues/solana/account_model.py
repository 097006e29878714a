"""A made account on a made chain, in whole units, with our orders on it: what looks are taken at in tests."""

from dataclasses import dataclass, field

from drift_e3.core.terms import Instrument, Intent, OrderKind, Reason, Side, Strategy
from drift_e3.venues.solana.views import (
    BASE_UNITS,
    ChainView,
    MarketStatus,
    OracleSeen,
    OrderSeen,
    Pauses,
    PerpSeen,
    Totals,
    UserSeen,
)

INSTRUMENT = Instrument(taker_fee_bps=4.0)
STEP = 10_000_000
"""0.01 of the base asset."""


def an_intent(
    side: Side = Side.BUY,
    size_base: float = 1.0,
    *,
    kind: OrderKind = OrderKind.IOC,
    price_usd: float = 150.0,
    reduce_only: bool = False,
    reason: Reason = Reason.ENTRY,
    triggers_above: bool = False,
) -> Intent:
    """An intent as the core would send it."""
    return Intent(
        side=side,
        kind=kind,
        size_base=size_base,
        price_usd=price_usd,
        reference_usd=price_usd,
        reason=reason,
        strategy=Strategy.E3,
        reduce_only=reduce_only,
        triggers_above=triggers_above,
    )


@dataclass(slots=True)
class Held:
    """An order in the account, sizes in units."""

    intent: Intent
    size: int
    order_id: int
    filled: int = 0


@dataclass(slots=True, kw_only=True)
class AccountModel:
    """Running totals and open orders; every change takes a slot."""

    slot: int = 100
    base: int = 0
    ledger: int = 0
    funding: int = 0
    fees: int = 0
    deposits: int = 1_000_000_000
    settled: int = 0
    interest: int = 0
    being_liquidated: bool = False
    next_order_id: int = 1_000
    held: dict[int, Held] = field(default_factory=dict)

    def trade(self, side: Side, size: int, price_usd: float, fee: int = 0) -> None:
        """A trade of `size` units, ours or not."""
        self.slot += 1
        self.base += side * size
        self.ledger += -side * round(size * price_usd / 1_000) - fee
        self.fees += fee

    def hold(self, user_order_id: int, intent: Intent) -> None:
        """Take up an order, or give the one with that number other terms."""
        self.slot += 1
        self.held[user_order_id] = Held(intent, round(intent.size_base * BASE_UNITS), self.next_order_id)
        self.next_order_id += 1

    def fire(self, user_order_id: int, size: int, price_usd: float, fee: int = 0) -> None:
        """Fill a held order, in part or whole."""
        order = self.held[user_order_id]
        size = min(size, order.size - order.filled)
        order.filled += size
        self.trade(order.intent.side, size, price_usd, fee)
        if order.filled == order.size:
            del self.held[user_order_id]

    def pay_funding(self, amount: int) -> None:
        """Settle funding, positive when received."""
        self.slot += 1
        self.ledger += amount
        self.funding += amount

    def settle(self) -> None:
        """Move the ledger into tokens."""
        self.slot += 1
        self.settled = self.ledger

    @property
    def totals(self) -> Totals:
        """What the program would show."""
        return Totals(
            base=self.base,
            ledger=self.ledger,
            funding=self.funding,
            fees=self.fees,
            deposits=self.deposits,
            collateral=self.deposits + self.interest + self.settled,
            settled=self.settled,
        )

    def view(self) -> ChainView:
        """A look at the account now."""
        orders = tuple(
            OrderSeen(
                order_id=order.order_id,
                user_order_id=user_order_id,
                market_index=0,
                side=order.intent.side,
                kind=order.intent.kind,
                size_base=order.size / BASE_UNITS,
                filled_base=order.filled / BASE_UNITS,
                price_usd=order.intent.price_usd,
                trigger_usd=order.intent.price_usd,
                triggers_above=order.intent.triggers_above,
                fired=order.filled > 0,
                reduce_only=order.intent.reduce_only,
                max_ts=0,
            )
            for user_order_id, order in self.held.items()
        )
        return ChainView(
            slot=self.slot,
            chain_ts=self.slot * 400,
            perp=PerpSeen(
                instrument=INSTRUMENT,
                market_index=0,
                oracle="oracle",
                status=MarketStatus.ACTIVE,
                mark_usd=150.0,
                funding_frac_1h=1e-5,
                funding_ts=0,
                premium_frac=0.0,
                open_interest_base=100.0,
                open_interest_base_max=1_000.0,
                amm_updated_slot=self.slot,
            ),
            oracle=OracleSeen(
                price_usd=150.0, confidence_usd=0.01, publish_ts=self.slot * 400, posted_slot=1
            ),
            pauses=Pauses(),
            user=UserSeen(
                address="user",
                authority="owner",
                delegate="delegate",
                sub_account=0,
                totals=self.totals,
                entry_usd=150.0,
                orders=orders,
                next_order_id=self.next_order_id,
                being_liquidated=self.being_liquidated,
                bankrupt=False,
                reduce_only=False,
                foreign=(),
            ),
        )
