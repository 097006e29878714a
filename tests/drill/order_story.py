"""A story of orders with the answer of each step, told to Velocity's program and to the emulation alike."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from solders.instruction import Instruction
from solders.keypair import Keypair

from drift_e3.drill.local_chain import EngineName, LocalChain
from drift_e3.drill.velocity_world import error_code
from drift_e3.venues.velocity.codes import Direction, OrderType, PostOnly, TriggerCondition
from drift_e3.venues.velocity.instructions import Desk, OrderChange, OrderParams

PRICE_USD = 150.0
BELOW = TriggerCondition.BELOW


@dataclass
class Floor:
    """A trader on a chain."""

    local: LocalChain
    desk: Desk

    @property
    def price(self) -> float:
        return self.local.price_usd

    def order(self, side: int, size: float, price: float = 0.0, number: int = 1, **more: Any) -> OrderParams:
        """An immediate limit order, unless told otherwise; `price` is a share of the oracle's."""
        given = {"order_type": OrderType.LIMIT, "bit_flags": 1} | more
        return OrderParams(
            direction=Direction.LONG if side > 0 else Direction.SHORT,
            user_order_id=number,
            base_asset_amount=round(size * 1e9),
            price=round(self.price * price * 1e6),
            **given,
        )

    def take(self, *args: Any, **more: Any) -> Instruction:
        return self.desk.place_and_take(self.order(*args, **more))

    def rest(self, *args: Any, **more: Any) -> Instruction:
        return self.desk.place(self.order(*args, bit_flags=0, **more))

    def stop(self, size: float, trigger: float, number: int, **more: Any) -> Instruction:
        """A reduce-only stop that sells below a share of the price."""
        units = round(self.price * trigger * 1e3) * 1000
        given = {"reduce_only": True, "trigger_price": units, "trigger_condition": BELOW} | more
        return self.rest(-1, size, 0.0, number, order_type=OrderType.TRIGGER_MARKET, **given)

    def seconds(self, change: int) -> int:
        """The second of the next slot, and so many after it."""
        return (self.local.chain.now_ts + 400) // 1000 + change

    @property
    def newest(self) -> int:
        return max(int(order["order_id"]) for order in self.account()["orders"].values())

    def account(self) -> dict[str, Any]:
        """The account in numbers, as far as both engines must agree on it."""
        _, user = self.local.stage.record("User", self.local.account.user)
        _, stats = self.local.stage.record("UserStats", self.local.account.stats)
        position = user.part("perp_positions.0")
        orders = {}
        for index in range(32):
            order = user.part(f"orders.{index}")
            if order["status"] == 1:
                orders[index] = {name: order[name] for name in ORDER_FIELDS}
        return {
            "base": position["base_asset_amount"],
            "quote": position["quote_asset_amount"],
            "entry": position["quote_entry_amount"],
            "bids": position["open_bids"],
            "asks": position["open_asks"],
            "fee": stats["fees.total_fee_paid"],
            "next_order_id": user["next_order_id"],
            "open_orders": user["open_orders"],
            "has_open_order": user["has_open_order"],
            "settled": user["settled_perp_pnl"],
            "tokens": user["spot_positions.0.scaled_balance"],
            "orders": orders,
        }


ORDER_FIELDS = (
    "order_id",
    "user_order_id",
    "order_type",
    "direction",
    "price",
    "base_asset_amount",
    "base_asset_amount_filled",
    "trigger_price",
    "trigger_condition",
    "reduce_only",
    "max_ts",
    "slot",
)
Build = Callable[[Floor], Instruction]


@dataclass(frozen=True)
class Step:
    """An instruction, the code it is answered with, and who signs (``delegate``, ``owner``, ``keeper``)."""

    name: str
    build: Build | None
    code: int | None = None
    by: str = "delegate"
    jump: float = 0.0
    """What the price does before, as a fraction."""
    slots: int = 0
    """How many slots pass before."""


def stranger(floor: Floor) -> Instruction:
    """The keeper tries to place an order in the trader's account."""
    desk = floor.desk
    theirs = Desk(
        program_id=desk.program_id,
        oracles=desk.oracles,
        authority=desk.authority,
        sub_account=0,
        signer=floor.local.keeper_hand.authority,
    )
    return theirs.place(floor.order(1, 1.0, 0.9, 40, bit_flags=0))


def owners(floor: Floor) -> Desk:
    desk = floor.desk
    return Desk(
        program_id=desk.program_id,
        oracles=desk.oracles,
        authority=desk.authority,
        sub_account=0,
        signer=desk.authority,
    )


def story() -> list[Step]:
    """What a bot does and meets in a day."""
    return [
        Step("an IOC that does not reach leaves nothing", lambda f: f.take(1, 1.0, 0.98)),
        Step(
            "a reduce-only IOC without a position leaves nothing",
            lambda f: f.take(-1, 1.0, 0.98, reduce_only=True),
        ),
        Step("less than a step", lambda f: f.take(1, 0.005, 1.01), 6059),
        Step("a step and a half is rounded down", lambda f: f.take(1, 0.015, 1.01)),
        Step("no price", lambda f: f.take(1, 1.0, 0.0), 6191),
        Step(
            "a market order that is immediate",
            lambda f: f.take(1, 1.0, 0.0, order_type=OrderType.MARKET),
            6050,
        ),
        Step("an immediate order that only rests", lambda f: f.desk.place(f.order(1, 1.0, 1.01)), 6050),
        Step("a limit that rests", lambda f: f.rest(1, 1.0, 0.95123456, 9)),
        Step("its number is taken", lambda f: f.rest(1, 1.0, 0.95, 9), 6071),
        Step("its number is taken for taking too", lambda f: f.take(1, 1.0, 1.01, 9), 6071),
        Step("a time that is past is no error", lambda f: f.rest(1, 1.0, 0.95, 10, max_ts=f.seconds(-3))),
        Step("this very second still counts", lambda f: f.rest(1, 1.0, 0.94, 10, max_ts=f.seconds(0))),
        Step("the next order clears what is past", lambda f: f.rest(1, 1.0, 0.93, 11), slots=10),
        Step(
            "a taker past its time takes the newest order with it",
            lambda f: f.take(1, 1.0, 1.01, 12, max_ts=5),
        ),
        Step("cancel by number", lambda f: f.desk.cancel_by_user_id(9)),
        Step("cancel what is just gone", lambda f: f.desk.cancel_by_user_id(9), 6062),
        Step("cancel what never was", lambda f: f.desk.cancel_by_user_id(99)),
        Step("change what is gone", lambda f: f.desk.modify(1, OrderChange(price=10**8, policy=1)), 6061),
        Step("buy two", lambda f: f.take(1, 2.0, 1.01)),
        Step("buy one more", lambda f: f.take(1, 1.0, 1.01)),
        Step("sell one", lambda f: f.take(-1, 1.0, 0.98, reduce_only=True)),
        Step("a stop", lambda f: f.stop(2.0, 0.95, 20)),
        Step("a taker past its time fails at a stop", lambda f: f.take(1, 1.0, 1.01, 12, max_ts=5), 6110),
        Step("a stop without a trigger", lambda f: f.stop(2.0, 0.95, 21, trigger_price=None), 6053),
        Step("a stop that is touched already", lambda f: f.stop(2.0, 1.05, 21)),
        Step("cancel it", lambda f: f.desk.cancel_by_user_id(21)),
        Step(
            "a stop is changed in place",
            lambda f: f.desk.modify_by_user_id(20, OrderChange(base_asset_amount=10**9, policy=1)),
        ),
        Step(
            "firing too early",
            lambda f: f.local.keeper_hand.trigger(f.newest, f.local.account),
            6112,
            "keeper",
        ),
        Step(
            "filling before firing",
            lambda f: f.local.keeper_hand.fill(f.newest, f.local.account),
            6110,
            "keeper",
        ),
        Step(
            "firing when it is time",
            lambda f: f.local.keeper_hand.trigger(f.newest, f.local.account),
            None,
            "keeper",
            jump=-0.052,
        ),
        Step(
            "filling after its auction",
            lambda f: f.local.keeper_hand.fill(f.newest, f.local.account),
            None,
            "keeper",
            slots=40,
        ),
        Step("the price comes back", None, jump=1 / 0.948 - 1),
        Step("time passes", None, slots=2500),
        Step("flip", lambda f: f.take(-1, 3.0, 0.98)),
        Step("close more than there is", lambda f: f.take(1, 50.0, 1.02, reduce_only=True)),
        Step("settle", lambda f: f.desk.settle_pnl()),
        Step("nothing to settle", lambda f: f.desk.settle_pnl(), 6010),
        Step("too big to take", lambda f: f.take(1, 200.0, 1.01), 6003),
        Step("too big to rest", lambda f: f.rest(1, 200.0, 0.9, 30), 6003),
        Step("post only crosses", lambda f: f.rest(1, 1.0, 1.01, 30, post_only=PostOnly.MUST), 6057),
        Step("post only rests", lambda f: f.rest(1, 1.0, 0.99, 30, post_only=PostOnly.MUST)),
        Step("post only does not take", lambda f: f.take(1, 1.0, 1.01, 31, post_only=PostOnly.MUST), 6051),
        Step("reduce only rests without a position", lambda f: f.rest(-1, 1.0, 1.1, 31, reduce_only=True)),
        Step("a stranger signs", stranger, 2003, "keeper"),
        Step(
            "the delegate withdraws",
            lambda f: f.desk.withdraw(10**6, f.local.stage.purse(f.local.authority)),
            2001,
        ),
        Step(
            "the owner withdraws",
            lambda f: owners(f).withdraw(10**6, f.local.stage.purse(f.local.authority)),
            None,
            "owner",
        ),
        Step("trade after all", lambda f: f.take(1, 0.5, 1.01, 32)),
    ]


def a_floor(engine: EngineName) -> Floor:
    """A trader with 1000 USD on a flat market, the keeper asleep unless a step wakes it."""
    local = LocalChain("velocity", engine)
    local.open()
    local.keeper.rest()
    desk = Desk(
        program_id=local.stage.dialect.program_id,
        oracles=local.stage.oracles,
        authority=local.authority,
        sub_account=0,
        signer=local.delegate.pubkey(),
    )
    return Floor(local, desk)


def play(floor: Floor, step: Step) -> int | None:
    """Carry a step out, and say the code it was answered with."""
    local = floor.local
    if step.jump:
        local.oracle.jump(step.jump)
        local.step(2)
    local.step(step.slots)
    if step.build is None:
        return None
    keys: dict[str, Keypair] = {"delegate": local.delegate, "owner": local.owner, "keeper": local.keeper_key}
    transaction = local.stage.signed([step.build(floor)], keys[step.by])
    signature = local.chain.submit(transaction)
    local.step()
    landed = local.chain.landed(signature)
    assert landed is not None, "it did not land"
    assert landed.error is None or error_code(landed.error) is not None, landed.error
    return error_code(landed.error)
