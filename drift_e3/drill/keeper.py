"""A keeper: fires trigger orders whose condition holds, fills what the AMM would take, updates funding.

It does so by the program's own instructions, a slot behind what it sees, as real keepers do. It can be put to
sleep by a fault. Its own transactions are spared the chain's faults: those are for the daemon's.
"""

from solders.instruction import Instruction
from solders.keypair import Keypair

from drift_e3.core.terms import MS_PER_HOUR
from drift_e3.drill.emulation.arguments import BELOW, LONG, TRIGGER_LIMIT, TRIGGER_MARKET
from drift_e3.drill.emulation.records import Record
from drift_e3.drill.emulation.scene import OPEN, ORDERS
from drift_e3.drill.faults import FaultKind, Service
from drift_e3.drill.hand import Hand
from drift_e3.drill.stage import Stage

PRICE_UNITS = 1_000_000
FUNDING_LATE_MS = 60_000
"""Real funding updates come about a minute after the hour."""


class Keeper:
    """Keeps the accounts that it watches. `price` says the oracle's price in USD."""

    def __init__(self, stage: Stage, key: Keypair) -> None:
        self._stage = stage
        self._key = key
        self._own = stage.hand(key.pubkey())
        self._watched: list[Hand] = []
        self._funded_hour = stage.chain.now_ts // MS_PER_HOUR
        self.price_usd = 0.0

    def rest(self) -> None:
        """Keep nobody's orders any more."""
        self._watched.clear()

    def watch(self, owner: Hand) -> None:
        """Keep this account's orders from now on."""
        self._watched.append(owner)

    def work(self, slot: int) -> None:
        """One round, after a slot's transactions have landed."""
        if self._stage.chain.faults.hit(FaultKind.KEEPER_ASLEEP, Service.CHAIN):
            return
        for owner in self._watched:
            _, user = self._stage.record("User", owner.user)
            if user["open_orders"]:
                self._keep(owner, user)
        hour = (self._stage.chain.now_ts - FUNDING_LATE_MS) // MS_PER_HOUR
        if hour > self._funded_hour:
            self._funded_hour = hour
            self._send(self._own.update_funding())

    def _keep(self, owner: Hand, user: Record) -> None:
        price = round(self.price_usd * PRICE_UNITS)
        for index in range(ORDERS):
            order = user.part(f"orders.{index}")
            if order["status"] != OPEN:
                continue
            number = order["order_id"]
            if order["order_type"] in {TRIGGER_MARKET, TRIGGER_LIMIT} and order["trigger_condition"] < 2:
                if _touched(order, price):
                    self._send(self._own.trigger(number, owner))
            elif _crosses(order, price):
                self._send(self._own.fill(number, owner))

    def _send(self, instruction: Instruction) -> None:
        self._stage.chain.submit(self._stage.signed([instruction], self._key), spared=True)


def _touched(order: Record, price: int) -> bool:
    trigger: int = order["trigger_price"]
    return price < trigger if order["trigger_condition"] == BELOW else price > trigger


def _crosses(order: Record, price: int) -> bool:
    """Whether the oracle's price is at or beyond an order's limit; fired stops have none."""
    limit: int = order["price"]
    if order["order_type"] == TRIGGER_MARKET or limit == 0:
        return True
    return price <= limit if order["direction"] == LONG else price >= limit
