"""What an instruction is about: the market, its oracle, the trader, and when.

Loading checks what the program's framework would: that accounts exist and that the signer may sign.
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import NamedTuple

from solders.pubkey import Pubkey

from drift_e3.drill.emulation.dialects import Dialect
from drift_e3.drill.emulation.errors import Code, Refused
from drift_e3.drill.emulation.records import Record, Workspace

ORDERS = 32
POSITIONS = 8
OPEN = 1
PRICE_UNITS = 1_000_000
BASE_UNITS = 1_000_000_000
_ORACLE = Struct("<8xqQQi4xQ")


class Ref(NamedTuple):
    """An account that an instruction names."""

    address: Pubkey
    signer: bool
    writable: bool


class Moment(NamedTuple):
    """The chain's clock."""

    slot: int
    unix_s: int


class Scene:
    """The accounts of one instruction that trades; `writes` are those that need the market writable."""

    def __init__(
        self,
        dialect: Dialect,
        workspace: Workspace,
        refs: Sequence[Ref],
        moment: Moment,
        user: Pubkey,
        *,
        writes: bool,
    ) -> None:
        self.dialect = dialect
        self.workspace = workspace
        self.refs = refs
        self.moment = moment
        self.state = self.record("State", dialect.state)
        self.market = self.record("PerpMarket", dialect.perp_market)
        self.spot = self.record("SpotMarket", dialect.spot_market)
        self.user = self.record("User", user)
        self.stats = self.record("UserStats", dialect.user_stats(self.authority))
        named = {ref.address: ref for ref in refs}
        if dialect.perp_market not in named:
            raise Refused(Code.PERP_MARKET_NOT_FOUND)
        if writes and not named[dialect.perp_market].writable:
            raise Refused(Code.MARKET_NOT_WRITABLE)
        oracle = Pubkey.from_bytes(self.market["oracle"])
        data = workspace.data(oracle) if oracle in named else None
        if data is None:
            raise Refused(Code.ORACLE_NOT_FOUND)
        price, _, posted_slot, exponent, _ = _ORACLE.unpack(bytes(data))
        self.oracle_price: int = price * PRICE_UNITS * 10 ** max(exponent, 0) // 10 ** max(-exponent, 0)
        self.oracle_delay = moment.slot - posted_slot

    def record(self, kind: str, address: Pubkey) -> Record:
        """An account of the program. 3012 where there is none."""
        data = self.workspace.data(address)
        layout = self.dialect.layouts[kind]
        if data is None or len(data) != layout.size:
            raise Refused(Code.NOT_INITIALIZED)
        return Record(layout, data, self.dialect.names.get(kind))

    @property
    def authority(self) -> Pubkey:
        return Pubkey.from_bytes(self.user["authority"])

    def must_sign(self, signer: Ref) -> None:
        """The owner or the delegate has to sign."""
        if not signer.signer or bytes(signer.address) not in {self.user["authority"], self.user["delegate"]}:
            raise Refused(Code.RAW_CONSTRAINT)

    def position(self) -> Record:
        """The position in the market, or a free place for one."""
        free = None
        for index in range(POSITIONS):
            part = self.user.part(f"perp_positions.{index}")
            used = any(part[name] for name in ("base_asset_amount", "quote_asset_amount", "open_orders"))
            if used and part["market_index"] == 0:
                return part
            if not used and free is None:
                free = part
        if free is None:
            raise Refused(Code.TOO_MANY_ORDERS)
        free["market_index"] = 0
        return free

    def orders(self) -> Iterator[Record]:
        """The open orders, by their place."""
        for index in range(ORDERS):
            order = self.user.part(f"orders.{index}")
            if order["status"] == OPEN:
                yield order

    def order(self, order_id: int) -> Record | None:
        return next((order for order in self.orders() if order["order_id"] == order_id), None)

    def order_of(self, user_order_id: int) -> Record | None:
        """The order with our own number. 6062 where only the trace of one that is gone has it."""
        for index in range(ORDERS):
            order = self.user.part(f"orders.{index}")
            if user_order_id and order["user_order_id"] == user_order_id:
                if order["status"] != OPEN:
                    raise Refused(Code.ORDER_NOT_OPEN)
                return order
        return None

    def free_order(self) -> Record:
        """A place for a new order."""
        for index in range(ORDERS):
            order = self.user.part(f"orders.{index}")
            if order["status"] != OPEN:
                return order
        raise Refused(Code.TOO_MANY_ORDERS)

    def stats_bits(self) -> int:
        """The account's own pauses, which only Velocity has."""
        return int(self.stats["paused_operations"]) if self.dialect.stats_paused else 0

    def breaker_tripped(self) -> bool:
        return self.dialect.stats_paused and bool(self.stats["equity_breaker_tripped"])
