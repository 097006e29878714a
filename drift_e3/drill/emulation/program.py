"""The emulated program: which instruction is which, who must sign, what pauses it, and then the rules.

Accounts come in the order of the program's interface; the numbers below are places in that order.
"""

from collections.abc import Callable, Sequence
from struct import error as struct_error

from solders.pubkey import Pubkey

from drift_e3.drill.emulation import money, orders
from drift_e3.drill.emulation.arguments import Cursor, read_change, read_order
from drift_e3.drill.emulation.dialects import Dialect
from drift_e3.drill.emulation.errors import Code, Refused
from drift_e3.drill.emulation.fills import MARKET_FILL
from drift_e3.drill.emulation.records import Record, Workspace
from drift_e3.drill.emulation.scene import Moment, Ref, Scene
from drift_e3.venues.solana.anchor import DISCRIMINATOR_BYTES, instruction_discriminator

DEPOSIT, WITHDRAW, FILL, FUNDING, SETTLE, ALL = 1, 2, 8, 32, 64, 255
"""Bits of the exchange's status."""
MARKET_FUNDING = 1
MARKET_SETTLE = 8
RENT_LAMPORTS = 10_000_000
TOKEN_AMOUNT = slice(64, 72)


class Call:
    """One instruction being carried out."""

    def __init__(
        self, dialect: Dialect, workspace: Workspace, refs: Sequence[Ref], data: bytes, moment: Moment
    ) -> None:
        self.dialect = dialect
        self.workspace = workspace
        self.refs = refs
        self.arguments = Cursor(data[DISCRIMINATOR_BYTES:])
        self.moment = moment

    def ref(self, place: int) -> Ref:
        if place >= len(self.refs):
            raise Refused(Code.NOT_ENOUGH_KEYS)
        return self.refs[place]

    def scene(self, user: int, *, signer: int | None = None, pauses: int = 0, writes: bool = False) -> Scene:
        """The scene around the user account at that place; the signer's is checked where one is given."""
        address = self.ref(user).address
        scene = Scene(self.dialect, self.workspace, self.refs, self.moment, address, writes=writes)
        status = scene.state["exchange_status"]
        if status == ALL or status & pauses:
            raise Refused(Code.EXCHANGE_PAUSED)
        if signer is not None:
            scene.must_sign(self.ref(signer))
        money.touch(scene.market, scene.oracle_price, self.moment.unix_s)
        return scene


def _place(call: Call) -> None:
    scene = call.scene(1, signer=2)
    wanted = read_order(call.arguments, call.dialect.offset_bytes, builder=call.dialect.builder)
    orders.place(scene, wanted, taking=False)


def _take(call: Call) -> None:
    scene = call.scene(1, signer=3, pauses=FILL, writes=True)
    wanted = read_order(call.arguments, call.dialect.offset_bytes, builder=call.dialect.builder)
    orders.take(scene, wanted)


def _cancel(call: Call) -> None:
    scene = call.scene(1, signer=2)
    order_id = call.arguments.option(4)
    wanted = scene.user["next_order_id"] - 1 if order_id is None else order_id
    orders.cancel(scene, scene.order(wanted))


def _cancel_by_user_id(call: Call) -> None:
    scene = call.scene(1, signer=2)
    orders.cancel(scene, scene.order_of(call.arguments.number(1)))


def _modify(call: Call) -> None:
    scene, order_id = call.scene(1, signer=2), call.arguments.option(4)
    wanted = scene.user["next_order_id"] - 1 if order_id is None else order_id
    orders.change(scene, scene.order(wanted), read_change(call.arguments, call.dialect.offset_bytes))


def _modify_by_user_id(call: Call) -> None:
    scene, wanted = call.scene(1, signer=2), call.arguments.number(1)
    found = next((order for order in scene.orders() if order["user_order_id"] == wanted), None)
    orders.change(scene, found, read_change(call.arguments, call.dialect.offset_bytes))


def _trigger(call: Call) -> None:
    scene, order_id = call.scene(3, pauses=FILL), call.arguments.number(4)
    if scene.market["paused_operations"] & MARKET_FILL:
        raise Refused(Code.FILLING_PAUSED)
    orders.fire(scene, scene.order(order_id))


def _fill(call: Call) -> None:
    scene, order_id = call.scene(4, pauses=FILL, writes=True), call.arguments.option(4)
    orders.fill(scene, scene.order(order_id or 0))


def _settle(call: Call) -> None:
    scene = call.scene(1, pauses=SETTLE)
    active = scene.market["status"] in {scene.dialect.active, scene.dialect.reduce_only}
    if not active or scene.market["paused_operations"] & MARKET_SETTLE:
        raise Refused(Code.SETTLING_PAUSED)
    money.settle_pnl(scene)


def _update_funding(call: Call) -> None:
    data = call.workspace.data(call.dialect.perp_market)
    state = call.workspace.data(call.dialect.state)
    if data is None or state is None:
        raise Refused(Code.PERP_MARKET_NOT_FOUND)
    layouts, names = call.dialect.layouts, call.dialect.names
    market = Record(layouts["PerpMarket"], data, names["PerpMarket"])
    if Record(layouts["State"], state)["exchange_status"] & FUNDING:
        raise Refused(Code.EXCHANGE_PAUSED)
    if market["paused_operations"] & MARKET_FUNDING:
        raise Refused(Code.FUNDING_NOT_UPDATED)
    money.update_funding(market, market["oracle_price"], call.moment.unix_s)


def _initialize_stats(call: Call) -> None:
    _create(call, "UserStats", call.ref(0).address, call.ref(2).address)


def _initialize_user(call: Call) -> None:
    sub_account, name = call.arguments.number(2), call.arguments.take(32)
    user = _create(call, "User", call.ref(0).address, call.ref(3).address)
    user["sub_account_id"] = sub_account
    user["name"] = name
    user["next_order_id"] = 1
    user["next_liquidation_id"] = 1
    stats = call.workspace.data(call.ref(1).address)
    if stats is None:
        raise Refused(Code.NOT_INITIALIZED)
    Record(call.dialect.layouts["UserStats"], stats)["number_of_sub_accounts"] = sub_account + 1


def _create(call: Call, kind: str, address: Pubkey, authority: Pubkey) -> Record:
    layout = call.dialect.layouts[kind]
    call.workspace.create(address, call.dialect.program_id, layout.blank(), RENT_LAMPORTS)
    data = call.workspace.data(address)
    assert data is not None
    record = Record(layout, data)
    record["authority"] = bytes(authority)
    return record


def _delegate(call: Call) -> None:
    sub_account, delegate = call.arguments.number(2), call.arguments.take(32)
    user, authority = call.ref(0), call.ref(1)
    data = call.workspace.data(user.address)
    if data is None or user.address != call.dialect.user(authority.address, sub_account):
        raise Refused(Code.HAS_ONE)
    Record(call.dialect.layouts["User"], data)["delegate"] = delegate


def _deposit(call: Call) -> None:
    call.arguments.number(2)
    amount = call.arguments.number(8)
    data, user = call.workspace.data(call.ref(1).address), call.dialect.layouts["User"]
    spot = call.workspace.data(call.dialect.spot_market)
    state = call.workspace.data(call.dialect.state)
    if data is None or spot is None or state is None:
        raise Refused(Code.NOT_INITIALIZED)
    if Record(call.dialect.layouts["State"], state)["exchange_status"] & DEPOSIT:
        raise Refused(Code.EXCHANGE_PAUSED)
    _move(call, call.ref(5).address, call.ref(4).address, amount)
    record = Record(user, data)
    interest = Record(call.dialect.layouts["SpotMarket"], spot)["cumulative_deposit_interest"]
    record["spot_positions.0.scaled_balance"] += amount * money.SPOT_UNITS // interest
    record["spot_positions.0.cumulative_deposits"] += amount
    record["total_deposits"] += amount


def _withdraw(call: Call) -> None:
    call.arguments.number(2)
    amount = call.arguments.number(8)
    scene = call.scene(1, pauses=WITHDRAW)
    if call.ref(3).address != scene.authority:
        raise Refused(Code.HAS_ONE)
    money.move_tokens(scene, -amount, leaving=True)
    _move(call, call.ref(4).address, call.ref(6).address, amount)
    scene.user["spot_positions.0.cumulative_deposits"] -= amount
    scene.user["total_withdraws"] += amount
    money.must_have_margin(scene, scene.position())


def _move(call: Call, source: Pubkey, target: Pubkey, amount: int) -> None:
    """Move tokens from one token account to another."""
    for address, change in ((source, -amount), (target, amount)):
        data = call.workspace.data(address)
        if data is None:
            raise Refused(Code.NOT_INITIALIZED)
        held = int.from_bytes(data[TOKEN_AMOUNT], "little") + change
        if held < 0:
            raise Refused(Code.INSUFFICIENT_COLLATERAL)
        data[TOKEN_AMOUNT] = held.to_bytes(8, "little")


_INSTRUCTIONS: dict[str, Callable[[Call], None]] = {
    "place_perp_order": _place,
    "place_and_take_perp_order": _take,
    "cancel_order": _cancel,
    "cancel_order_by_user_id": _cancel_by_user_id,
    "modify_order": _modify,
    "modify_order_by_user_id": _modify_by_user_id,
    "trigger_order": _trigger,
    "fill_perp_order": _fill,
    "settle_pnl": _settle,
    "update_funding_rate": _update_funding,
    "initialize_user_stats": _initialize_stats,
    "initialize_user": _initialize_user,
    "update_user_delegate": _delegate,
    "deposit": _deposit,
    "withdraw": _withdraw,
}
_BY_DISCRIMINATOR = {instruction_discriminator(name): (name, rule) for name, rule in _INSTRUCTIONS.items()}


def carry_out(call: Call, data: bytes) -> str:
    """Carry out the instruction and say its name. Raises `Refused`."""
    name, rule = _BY_DISCRIMINATOR.get(data[:DISCRIMINATOR_BYTES], ("", None))
    if rule is None:
        raise Refused(Code.INSTRUCTION_GONE)
    try:
        rule(call)
    except (struct_error, OverflowError) as error:  # a number that does not fit its field
        raise Refused(Code.MATH) from error
    return name
