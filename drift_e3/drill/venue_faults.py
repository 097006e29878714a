"""Carries out the faults that live in accounts: pauses, deployments, a wrong mint, strangers, liquidation.

Each changes the real accounts of the venue when it begins and puts back what it changed when it ends.
"""

from collections.abc import Callable

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from drift_e3.core.terms import Side
from drift_e3.drill.emulation.scene import BASE_UNITS, OPEN, ORDERS
from drift_e3.drill.faults import Fault, FaultKind
from drift_e3.drill.hand import Hand
from drift_e3.drill.stage import Stage

OTHER_MINT = bytes([9]) * 32
FOREIGN_ID = 200
PARTS_MAX = 65_535
FOREIGN_PRICE_PARTS = (8, 10)
"""A stranger bids at eight tenths of the price: it rests."""
LIQUIDATION_FEE_PARTS = 40
"""The liquidator takes a fortieth of the position."""
BEING_LIQUIDATED = 1
REDUCE_ONLY = 4

Undo = Callable[[], None]


class VenueFaults:
    """Watches the fault board for one account of the venue. `price` says the oracle's price (1e-6 USD)."""

    def __init__(self, stage: Stage, owner: Keypair, price: Callable[[], int]) -> None:
        self._stage = stage
        self._owner = owner
        self._hand: Hand = stage.hand(owner.pubkey())
        self._price = price
        self._undo: dict[int, Undo] = {}
        self._carry: dict[FaultKind, Callable[[Fault], Undo]] = {
            FaultKind.PAUSE_EXCHANGE: lambda fault: self._set(
                "State", self._stage.dialect.state, exchange_status=int(fault.amount)
            ),
            FaultKind.PAUSE_MARKET: lambda fault: self._market(paused_operations=int(fault.amount)),
            FaultKind.MARKET_STATUS: lambda fault: self._market(status=int(fault.amount)),
            FaultKind.PAUSE_USER: self._pause_user,
            FaultKind.WRONG_MINT: lambda _: self._set(
                "SpotMarket", self._stage.dialect.spot_market, mint=OTHER_MINT
            ),
            FaultKind.REDEPLOYED: self._redeploy,
            FaultKind.FOREIGN_ORDER: self._place_foreign_order,
            FaultKind.PARTIAL_FILL: self._dry_up,
            FaultKind.LIQUIDATION: self._liquidate,
        }
        stage.chain.faults.watch(self._changed)

    def _changed(self, fault: Fault, began: bool) -> None:
        if began and fault.kind in self._carry:
            self._undo[id(fault)] = self._carry[fault.kind](fault)
        elif not began and id(fault) in self._undo:
            self._undo.pop(id(fault))()

    def _set(self, kind: str, address: Pubkey, **changes: int | bytes) -> Undo:
        """Change fields; undoing puts back what they were."""
        before = self._stage.edit(kind, address, changes)

        def undo() -> None:
            self._stage.edit(kind, address, before)

        return undo

    def _market(self, **changes: int | bytes) -> Undo:
        return self._set("PerpMarket", self._stage.dialect.perp_market, **changes)

    def _pause_user(self, fault: Fault) -> Undo:
        """Drift has no pauses of an account: there it may only reduce."""
        if self._stage.dialect.stats_paused:
            return self._set("UserStats", self._hand.stats, paused_operations=int(fault.amount))
        return self._set("User", self._hand.user, status=REDUCE_ONLY)

    def _redeploy(self, _: Fault) -> Undo:
        """A deployment is not taken back: the program stays the new one."""
        self._stage.deployed(self._stage.chain.slot)
        return _nothing

    def _place_foreign_order(self, fault: Fault) -> Undo:
        up, down = FOREIGN_PRICE_PARTS
        size, price = round(fault.amount * BASE_UNITS), self._price() * up // down
        self._send(self._hand.limit(Side.BUY, size, price, FOREIGN_ID))
        return lambda: self._send(self._hand.cancel_by_user_id(FOREIGN_ID))

    def _dry_up(self, fault: Fault) -> Undo:
        """Let the AMM give only a small part of its reserve at a time: a 65535th at the least."""
        _, market = self._stage.record("PerpMarket", self._stage.dialect.perp_market)
        parts = -(-market["base_asset_reserve"] // round(fault.amount * BASE_UNITS))
        return self._market(max_fill_reserve_fraction=min(parts, PARTS_MAX))

    def _liquidate(self, _: Fault) -> Undo:
        """Take the position over at the oracle's price less the fee, and the orders off; mark the account."""
        user = self._stage.record("User", self._hand.user)[1]
        changes: dict[str, int | bytes] = {"status": user["status"] | BEING_LIQUIDATED}
        position = user.part("perp_positions.0")
        value = position["base_asset_amount"] * self._price() // BASE_UNITS
        changes |= {
            "perp_positions.0.quote_asset_amount": position["quote_asset_amount"]
            + value
            - abs(value) // LIQUIDATION_FEE_PARTS,
            "open_orders": 0,
            "has_open_order": 0,
            "open_auctions": 0,
            "has_open_auction": 0,
        }
        emptied = ("base_asset_amount", "quote_entry_amount", "quote_break_even_amount", "open_bids")
        for name in (*emptied, "open_asks", "open_orders", "last_cumulative_funding_rate"):
            changes[f"perp_positions.0.{name}"] = 0
        for index in range(ORDERS):
            if user.part(f"orders.{index}")["status"] == OPEN:
                changes[f"orders.{index}.status"] = 0
        self._stage.edit("User", self._hand.user, changes)

        def undo() -> None:
            _, now = self._stage.record("User", self._hand.user)
            self._stage.edit("User", self._hand.user, {"status": now["status"] & ~BEING_LIQUIDATED})

        return undo

    def _send(self, instruction: Instruction) -> None:
        transaction = self._stage.signed([instruction], self._owner)
        self._stage.chain.submit(transaction, spared=True)


def _nothing() -> None:
    """What there is to undo of what cannot be undone."""
