"""Orders in the emulation: placing, taking, cancelling, changing, firing."""

from drift_e3.drill.emulation.arguments import (
    BELOW,
    LIMIT,
    LONG,
    MARKET,
    ORACLE,
    TRIGGER_LIMIT,
    TRIGGER_MARKET,
    ChangeArguments,
    OrderArguments,
)
from drift_e3.drill.emulation.errors import Code, Refused
from drift_e3.drill.emulation.fills import (
    amm_is_there,
    counts_as_open,
    fill_order,
    follow_oracle,
    is_waiting,
    pay,
    quote_price,
)
from drift_e3.drill.emulation.money import must_have_margin, settle_funding
from drift_e3.drill.emulation.records import Record
from drift_e3.drill.emulation.scene import Scene

INITIALIZED = 0
SAFE_TRIGGER_BIT = 8
FIRED_BIT = 2
AUCTION_SLOTS, AUCTION_START_BPS, AUCTION_END_BPS = 33, 25, 58
"""Of a fired order: how far from the oracle it may fill at first and at the end; then at any price. Measured
on the Velocity program in a calm market."""
USER_LIQUIDATED = 1
USER_REDUCE_ONLY = 4


def place(scene: Scene, wanted: OrderArguments, *, taking: bool) -> Record | None:
    """Put an order into the account; None where its time is past, which is no error."""
    market, user, position = scene.market, scene.user, scene.position()
    if user["status"] & USER_LIQUIDATED:
        must_have_margin(scene, position)
        user["status"] &= ~USER_LIQUIDATED
    for order in tuple(scene.orders()):
        if order["max_ts"] and order["max_ts"] < scene.moment.unix_s:
            remove(scene, order)
    if wanted.user_order_id and any(o["user_order_id"] == wanted.user_order_id for o in scene.orders()):
        raise Refused(Code.ID_IN_USE)
    if wanted.max_ts is not None and 0 < wanted.max_ts < scene.moment.unix_s:
        return None
    if user["status"] & USER_REDUCE_ONLY and not wanted.reduce_only:
        raise Refused(Code.USER_REDUCE_ONLY)
    if market["status"] == INITIALIZED:
        raise Refused(Code.MARKET_BEING_INITIALIZED)
    if market["status"] not in {scene.dialect.active, scene.dialect.reduce_only}:
        raise Refused(Code.PLACING_PAUSED)
    size = wanted.size // market["order_step_size"] * market["order_step_size"]
    if size == 0:
        raise Refused(Code.AMOUNT_TOO_SMALL)
    _validate(scene, wanted, size, taking=taking)
    if market["status"] == scene.dialect.reduce_only and not wanted.reduce_only:
        sign = 1 if wanted.direction == LONG else -1
        base = position["base_asset_amount"]
        if base * sign >= 0 or size > abs(base):
            raise Refused(Code.NOT_RISK_REDUCING)
    order = scene.free_order()
    _write(scene, order, wanted, size)
    _count(scene, position, order, 1)
    if not wanted.reduce_only:
        must_have_margin(scene, position)
    return order


def take(scene: Scene, wanted: OrderArguments) -> None:
    """Place an order and fill it at once; an immediate one leaves nothing.

    As the program, it goes on with the newest order there is where the wanted one was past its time.
    """
    if wanted.post_only:
        raise Refused(Code.INVALID_POST_ONLY)
    order = place(scene, wanted, taking=True) or scene.order(scene.user["next_order_id"] - 1)
    if order is None:
        raise Refused(Code.ORDER_DOES_NOT_EXIST)
    fill_order(scene, order, order["price"])
    if wanted.ioc or _is_done(order):
        remove(scene, order)


def cancel(scene: Scene, order: Record | None) -> None:
    """Take an order back; one that is not there is no error."""
    if order is not None:
        remove(scene, order)


def change(scene: Scene, order: Record | None, wanted: ChangeArguments) -> None:
    """Replace an order by its changed self: a new number, the same number of ours."""
    if order is None:
        if wanted.must_exist:
            raise Refused(Code.ORDER_DOES_NOT_EXIST)
        return
    left = order["base_asset_amount"] - order["base_asset_amount_filled"]

    def old(name: str, new: int | bool | None) -> int:
        return int(order[name] if new is None else new)

    again = OrderArguments(
        order_type=order["order_type"],
        direction=order["direction"],
        user_order_id=order["user_order_id"],
        size=left if wanted.size is None else wanted.size,
        price=old("price", wanted.price),
        reduce_only=bool(old("reduce_only", wanted.reduce_only)),
        post_only=int(order["post_only"]),
        ioc=False,
        max_ts=old("max_ts", wanted.max_ts) or None,
        trigger_price=old("trigger_price", wanted.trigger_price),
        trigger_condition=old("trigger_condition", wanted.trigger_condition) % 2,
    )
    remove(scene, order)
    place(scene, again, taking=False)


def fire(scene: Scene, order: Record | None) -> None:
    """Fire a trigger order whose condition holds, for a keeper's fee; one gone or fired is no error."""
    if order is None or not is_waiting(order):
        return
    market = scene.market
    if market["status"] not in {INITIALIZED, scene.dialect.active, scene.dialect.reduce_only}:
        raise Refused(Code.PLACING_PAUSED)
    below = order["trigger_condition"] == BELOW
    price, trigger = scene.oracle_price, order["trigger_price"]
    if not (price < trigger if below else price > trigger):
        raise Refused(Code.TRIGGER_NOT_SATISFIED)
    order["trigger_condition"] += 2
    order["slot"] = scene.moment.slot
    order["auction_duration"] = AUCTION_SLOTS
    sign = 1 if order["direction"] == LONG else -1
    order["auction_start_price"] = sign * price * AUCTION_START_BPS // 10_000
    order["auction_end_price"] = sign * price * AUCTION_END_BPS // 10_000
    order["bit_flags"] |= FIRED_BIT
    scene.user["open_auctions"] += 1
    scene.user["has_open_auction"] = True
    position = scene.position()
    settle_funding(scene, position)
    pay(position, scene.state["flat_filler_fee"])
    if amm_is_there(scene, risky=False):
        follow_oracle(scene)


def fill(scene: Scene, order: Record | None) -> None:
    """Fill a resting or fired order as far as the AMM's price allows."""
    if order is None:
        return
    if order["max_ts"] and order["max_ts"] < scene.moment.unix_s:
        remove(scene, order)
        return
    fill_order(scene, order, _limit_now(scene, order))
    position = scene.position()
    against = position["base_asset_amount"] * (1 if order["direction"] == LONG else -1) < 0
    if _is_done(order) or (order["reduce_only"] and not against):
        remove(scene, order)


def _limit_now(scene: Scene, order: Record) -> int:
    """The worst price at which a resting or fired order may fill now; 0 for any."""
    if order["order_type"] != TRIGGER_MARKET:
        return int(order["price"])
    passed = scene.moment.slot - order["slot"]
    if passed >= order["auction_duration"]:
        return 0
    start, end = order["auction_start_price"], order["auction_end_price"]
    return int(scene.oracle_price + start + (end - start) * passed // order["auction_duration"])


def remove(scene: Scene, order: Record) -> None:
    """Free an order's place."""
    position = scene.position()
    if order["auction_duration"] and order["order_type"] in {TRIGGER_MARKET, TRIGGER_LIMIT}:
        scene.user["open_auctions"] -= 1
        scene.user["has_open_auction"] = scene.user["open_auctions"] > 0
    _count(scene, position, order, -1)
    order["status"] = 0


def _is_done(order: Record) -> bool:
    return bool(order["base_asset_amount_filled"] >= order["base_asset_amount"])


def _count(scene: Scene, position: Record, order: Record, change: int) -> None:
    """Count an order in (1) or out (-1) of the position and the account."""
    if counts_as_open(order):
        left = (order["base_asset_amount"] - order["base_asset_amount_filled"]) * change
        if order["direction"] == LONG:
            position["open_bids"] += left
        else:
            position["open_asks"] -= left
    position["open_orders"] += change
    scene.user["open_orders"] += change
    scene.user["has_open_order"] = scene.user["open_orders"] > 0


def _validate(scene: Scene, wanted: OrderArguments, size: int, *, taking: bool) -> None:
    """What the program asks of each sort of order."""
    if wanted.ioc and (not taking or wanted.order_type in {MARKET, ORACLE}):
        raise Refused(Code.INVALID_IOC)
    if wanted.order_type in {TRIGGER_MARKET, TRIGGER_LIMIT} and not wanted.trigger_price:
        raise Refused(Code.INVALID_TRIGGER)
    if wanted.order_type in {LIMIT, TRIGGER_LIMIT} and wanted.price == 0:
        raise Refused(Code.INVALID_LIMIT_PRICE)
    if size < scene.market["min_order_size"] and not wanted.reduce_only:
        raise Refused(Code.MIN_ORDER_SIZE)
    if wanted.post_only and wanted.order_type == LIMIT:
        first = quote_price(scene, wanted.direction)
        if wanted.price >= first if wanted.direction == LONG else wanted.price <= first:
            raise Refused(Code.POST_ONLY_CROSSES)


def _write(scene: Scene, order: Record, wanted: OrderArguments, size: int) -> None:
    user, tick = scene.user, scene.market["order_tick_size"]
    up = wanted.direction != LONG
    waiting = wanted.order_type in {TRIGGER_MARKET, TRIGGER_LIMIT}
    order.clear(
        "base_asset_amount_filled",
        "quote_asset_amount_filled",
        "auction_start_price",
        "auction_end_price",
        "oracle_price_offset",
        "auction_duration",
        "market_index",
    )
    values = {
        "slot": scene.moment.slot,
        "price": on_tick(wanted.price, tick, up=up),
        "base_asset_amount": size,
        "trigger_price": on_tick(wanted.trigger_price or 0, tick, up=up) if waiting else 0,
        "max_ts": wanted.max_ts or 0,
        "order_id": user["next_order_id"],
        "status": 1,
        "order_type": wanted.order_type,
        "market_type": 1,
        "user_order_id": wanted.user_order_id,
        "direction": wanted.direction,
        "reduce_only": wanted.reduce_only,
        "post_only": bool(wanted.post_only),
        "immediate_or_cancel": wanted.ioc,
        "trigger_condition": wanted.trigger_condition if waiting else 0,
        "posted_slot_tail": scene.moment.slot % 256,
        "bit_flags": SAFE_TRIGGER_BIT if waiting else 0,
    }
    for name, value in values.items():
        order[name] = value
    user["next_order_id"] += 1
    user["last_active_slot"] = scene.moment.slot


def on_tick(price: int, tick: int, *, up: bool) -> int:
    """A price on the market's grid: buyers' are rounded down, sellers' up."""
    return (price + tick - 1) // tick * tick if up else price // tick * tick
