"""Tickets to instructions, through driftpy's own client without anything behind it.

The client asks its subscriptions which accounts an instruction must name. It is given a seat with the markets
that were learnt and a user who holds something in each, so every instruction names them all; it has no
connection, no wallet that could sign and no sender, so it cannot send.
"""

from collections.abc import Mapping
from copy import copy
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from drift_e3.core.terms import OrderKind, Side
from drift_e3.venues.drift.decoding import MarketKey
from drift_e3.venues.drift.library import (
    DataAndSlot,
    DriftClient,
    MarketType,
    ModifyOrderParams,
    OrderParams,
    OrderParamsBitFlag,
    OrderTriggerCondition,
    OrderType,
    PositionDirection,
    PostOnlyParams,
)
from drift_e3.venues.solana.convert import limit_units, size_units, trigger_units
from drift_e3.venues.solana.program import Ticket, Trading

USER_ORDER_ID_MAX: Final = 255
MUST_EXIST: Final = 1
"""Policy of a change: it fails for an order that is gone."""

Markets = Mapping[MarketKey, Any]
"""Decoded market accounts; only their addresses and oracles are used."""


class Steps(NamedTuple):
    """The market's step (base, 1e-9) and tick (quote, 1e-6)."""

    step_units: int
    tick_units: int


class Builder:
    """Instructions of one trading account in one market."""

    def __init__(self, markets: Markets, market_index: int, trading: Trading) -> None:
        self._index = market_index
        self._sub_account = trading.sub_account
        seat = _Seat(markets)
        self._client = copy(_blueprint())
        self._client.wallet = _Signer(trading.signer)
        self._client.authority = trading.authority
        self._client.active_sub_account_id = trading.sub_account
        self._client.sub_account_ids = [trading.sub_account]
        self._client.account_subscriber = seat
        self._client.users = {trading.sub_account: seat}

    def place(self, ticket: Ticket, steps: Steps) -> Instruction:
        """Take at once and drop the rest for an IOC, rest otherwise.

        Raises `VenueRefused` for a size or price that rounds to nothing, ValueError for an impossible id.
        """
        if not 0 < ticket.user_order_id <= USER_ORDER_ID_MAX:
            raise ValueError(f"user order id {ticket.user_order_id}: 1 to {USER_ORDER_ID_MAX}")
        params = self._params(ticket, steps)
        place = self._client.get_place_perp_order_ix
        take = self._client.get_place_and_take_perp_order_ix
        built: Instruction = (take if ticket.kind is OrderKind.IOC else place)(params)
        return built

    def modify(self, ticket: Ticket, steps: Steps) -> Instruction:
        """Give the open order of that user order id the ticket's size and price, in one step."""
        trigger = ticket.kind is OrderKind.TRIGGER_MARKET
        change = ModifyOrderParams(
            base_asset_amount=size_units(ticket.size_base, steps.step_units),
            price=None if trigger else limit_units(ticket.side, ticket.price_usd, steps.tick_units),
            trigger_price=trigger_units(ticket.triggers_above, ticket.price_usd, steps.tick_units)
            if trigger
            else None,
            policy=MUST_EXIST,
        )
        built: Instruction = self._client.get_modify_order_by_user_id_ix(ticket.user_order_id, change)
        return built

    def cancel(self, user_order_id: int) -> Instruction:
        """Take back the open order with our own number."""
        built: Instruction = self._client.get_cancel_order_by_user_id_ix(user_order_id)
        return built

    def settle(self) -> Instruction:
        """Settle the position's profit or loss into the quote balance."""
        address = self._client.get_user_account_public_key(self._sub_account)
        built: Instruction = self._client.get_settle_pnl_ix(
            address, self._client.get_user_account(), self._index
        )
        return built

    def _params(self, ticket: Ticket, steps: Steps) -> Any:
        trigger, immediate = ticket.kind is OrderKind.TRIGGER_MARKET, ticket.kind is OrderKind.IOC
        above = ticket.triggers_above
        return OrderParams(
            order_type=OrderType.TriggerMarket() if trigger else OrderType.Limit(),
            base_asset_amount=size_units(ticket.size_base, steps.step_units),
            market_index=self._index,
            direction=PositionDirection.Long() if ticket.side is Side.BUY else PositionDirection.Short(),
            market_type=MarketType.Perp(),
            user_order_id=ticket.user_order_id,
            price=0 if trigger else limit_units(ticket.side, ticket.price_usd, steps.tick_units),
            reduce_only=ticket.reduce_only,
            post_only=PostOnlyParams.NONE() if trigger or immediate else PostOnlyParams.MustPostOnly(),
            bit_flags=OrderParamsBitFlag.IMMEDIATE_OR_CANCEL if immediate else 0,
            max_ts=ticket.max_ts or None,
            trigger_price=trigger_units(above, ticket.price_usd, steps.tick_units) if trigger else None,
            trigger_condition=OrderTriggerCondition.Above() if above else OrderTriggerCondition.Below(),
        )


@lru_cache(maxsize=1)
def _blueprint() -> Any:
    """A client of nobody; to make one takes a fifth of a second, for it reads the program's description."""
    return DriftClient(None, _Signer(Pubkey.default()), account_subscription=_Seat({}))


class _Signer(NamedTuple):
    """Whoever signs, as far as an instruction needs to know."""

    public_key: Pubkey


class _Seat:
    """Stands where the client expects its subscriptions and its user."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets
        # Not one of these positions is `available` to driftpy, so each one's market is named.
        self._user = SimpleNamespace(
            perp_positions=[
                SimpleNamespace(
                    market_index=market.number,
                    base_asset_amount=0,
                    quote_asset_amount=0,
                    lp_shares=0,
                    open_orders=1,
                )
                for market in sorted(markets)
                if market.kind == "PerpMarket"
            ],
            spot_positions=[
                SimpleNamespace(
                    market_index=market.number, scaled_balance=1, open_orders=0, open_bids=0, open_asks=0
                )
                for market in sorted(markets)
                if market.kind == "SpotMarket"
            ],
        )

    def get_drift_client_subscriber(self, *_: object) -> "_Seat":
        return self

    def get_perp_market_and_slot(self, index: int) -> Any:
        return DataAndSlot(0, self._markets[MarketKey("PerpMarket", index)])

    def get_spot_market_and_slot(self, index: int) -> Any:
        return DataAndSlot(0, self._markets[MarketKey("SpotMarket", index)])

    def get_user_account(self) -> Any:
        return self._user

    def get_user_account_and_slot(self) -> Any:
        return DataAndSlot(0, self._user)
