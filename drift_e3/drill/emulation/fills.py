"""Fills in the emulation: the AMM's quote, how much it takes, and what a fill does to a position."""

from math import isqrt
from typing import NamedTuple

from drift_e3.drill.emulation.arguments import LONG
from drift_e3.drill.emulation.errors import Code, Refused
from drift_e3.drill.emulation.money import cumulative_rate, must_have_margin, settle_funding
from drift_e3.drill.emulation.records import Record
from drift_e3.drill.emulation.scene import BASE_UNITS, Scene

SPREAD_UNITS = 1_000_000
SHY, CALM = 5, 100
"""While the oracle is off its average, the AMM's spread is at least this part of the distance: the first on
the side that would add to what the AMM holds, the second on the other. Measured: a fourth to a tenth."""
EXCHANGE_AMM = 4
MARKET_AMM_FILL = 2
MARKET_FILL = 4
STATS_FILL = 2
STATS_RISKY_FILL = 4


class Taken(NamedTuple):
    """A fill in the chain's units: base 1e-9, quote 1e-6."""

    base: int
    quote: int


def quote_price(scene: Scene, direction: int) -> int:
    """The AMM's first price for a taker of that direction (1e-6 USD)."""
    market = scene.market
    average = max(1, market["oracle_twap"])
    apart = abs(scene.oracle_price - average) * SPREAD_UNITS // average
    traders_hold = market["base_asset_amount_long"] + market["base_asset_amount_short"]
    adds = traders_hold >= 0 if direction == LONG else traders_hold < 0
    least = apart // (SHY if adds else CALM)
    spread = max(market["long_spread"], least) if direction == LONG else -max(market["short_spread"], least)
    spread += market["reference_price_offset"]
    return int(scene.oracle_price * (SPREAD_UNITS + spread) // SPREAD_UNITS)


def take_from_amm(scene: Scene, direction: int, wanted: int, limit: int) -> Taken:
    """What the AMM gives for at most `wanted`, no unit of it beyond `limit` (0: at any price)."""
    market = scene.market
    first, reserve = quote_price(scene, direction), market["base_asset_reserve"]
    if direction == LONG:
        room = (reserve - market["min_base_asset_reserve"]) // 2
        reach = reserve - isqrt(reserve * reserve * first // limit) if limit > first else 0
    else:
        room = ((market["max_base_asset_reserve"] or 2 * reserve) - reserve) // 2
        reach = isqrt(reserve * reserve * first // limit) - reserve if 0 < limit < first else 0
    if limit == 0:
        reach = wanted
    part = reserve // max(1, market["max_fill_reserve_fraction"])
    step = market["order_step_size"]
    base = max(0, min(wanted, room, reach, part)) // step * step
    if base == 0:
        return Taken(0, 0)
    left = reserve - base if direction == LONG else reserve + base
    quote = -(-first * base * reserve // (left * BASE_UNITS))
    market["base_asset_reserve"] = left
    market["quote_asset_reserve"] = market["sqrt_k"] ** 2 // left
    return Taken(base, quote if direction == LONG else first * base * reserve // (left * BASE_UNITS))


def follow_oracle(scene: Scene) -> None:
    """Move the AMM's peg so that its price is the oracle's."""
    market = scene.market
    peg = scene.oracle_price * market["base_asset_reserve"] // market["quote_asset_reserve"]
    market["peg_multiplier"] = max(1, peg)
    market["last_update_slot"] = scene.moment.slot


def amm_is_there(scene: Scene, *, risky: bool) -> bool:
    """Whether the AMM fills now: its layers of pauses, and an oracle of this very slot."""
    if scene.state["exchange_status"] & EXCHANGE_AMM or scene.oracle_delay > 0:
        return False
    if scene.market["paused_operations"] & MARKET_AMM_FILL or scene.stats_bits() & STATS_FILL:
        return False
    return not (risky and scene.stats_bits() & STATS_RISKY_FILL)


def fill_order(scene: Scene, order: Record, limit: int) -> int:
    """Fill what can be filled of an order, and say how much; the order stays. 6110 for one not yet fired."""
    market, position = scene.market, scene.position()
    active = market["status"] in {scene.dialect.active, scene.dialect.reduce_only}
    if not active or market["paused_operations"] & MARKET_FILL:
        raise Refused(Code.FILLING_PAUSED)
    if is_waiting(order):
        raise Refused(Code.MUST_BE_TRIGGERED)
    settle_funding(scene, position)
    base, sign = position["base_asset_amount"], 1 if order["direction"] == LONG else -1
    wanted = order["base_asset_amount"] - order["base_asset_amount_filled"]
    if order["reduce_only"]:
        wanted = min(wanted, abs(base)) if base * sign < 0 else 0
    risky = base * sign >= 0 or wanted > 2 * abs(base)
    if not amm_is_there(scene, risky=risky):
        return 0
    follow_oracle(scene)
    taken = take_from_amm(scene, order["direction"], wanted, limit)
    if taken.base == 0:
        return 0
    _release(position, order, taken.base)
    _change_position(scene, position, sign * taken.base, -sign * taken.quote)
    _charge(scene, position, taken.quote)
    order["base_asset_amount_filled"] += taken.base
    order["quote_asset_amount_filled"] += taken.quote
    follow_oracle(scene)
    if risky:
        must_have_margin(scene, position)
        if scene.breaker_tripped():
            raise Refused(Code.EQUITY_BELOW_FLOOR)
    return taken.base


def is_waiting(order: Record) -> bool:
    """Whether the order waits for its trigger: fired ones have the conditions 2 and 3."""
    return order["order_type"] in {2, 3} and order["trigger_condition"] < 2


def counts_as_open(order: Record) -> bool:
    """Whether the order is among the open bids and asks: reduce-only triggers and waiting ones are not."""
    return order["order_type"] not in {2, 3}


def _release(position: Record, order: Record, base: int) -> None:
    """Take a filled or cancelled amount out of the open bids or asks."""
    if counts_as_open(order):
        side = "open_bids" if order["direction"] == LONG else "open_asks"
        position[side] -= base if order["direction"] == LONG else -base


def _change_position(scene: Scene, position: Record, base_change: int, quote_change: int) -> None:
    """Add a fill to the position: increase, reduce, close or flip."""
    base = position["base_asset_amount"]
    after = base + base_change
    averages = ("quote_entry_amount", "quote_break_even_amount")
    if base * base_change >= 0:
        for name in averages:
            position[name] += quote_change
    elif base * after >= 0:
        for name in averages:
            gone = abs(position[name]) * abs(base_change) // abs(base)
            position[name] -= gone if position[name] > 0 else -gone
    else:
        for name in averages:
            closing = abs(quote_change) * abs(base) // abs(base_change)
            position[name] = quote_change - (closing if quote_change > 0 else -closing)
    position["quote_asset_amount"] += quote_change
    position["base_asset_amount"] = after
    if after == 0:
        position["last_cumulative_funding_rate"] = 0
        position.clear(*averages)
    elif base * after <= 0:
        position["last_cumulative_funding_rate"] = cumulative_rate(scene, after)
    scene.market["base_asset_amount_long"] += max(after, 0) - max(base, 0)
    scene.market["base_asset_amount_short"] += min(after, 0) - min(base, 0)


def _charge(scene: Scene, position: Record, quote: int) -> None:
    """The taker's fee of the first tier, rounded up."""
    market, state = scene.market, scene.state
    fee = -(-quote * state["fee_numerator"] // state["fee_denominator"])
    fee += fee * market["fee_adjustment"] // 100
    if "taker_fee_addon_tenth_bps" in market:
        fee += quote * market["taker_fee_addon_tenth_bps"] // 100_000
    pay(position, fee)
    scene.stats["fees.total_fee_paid"] += fee
    volume = "taker_volume_30d" if "taker_volume_30d" in scene.stats else "taker_volume30d"
    scene.stats[volume] += quote


def pay(position: Record, fee: int) -> None:
    """Take a fee out of the position."""
    position["quote_asset_amount"] -= fee
    if position["base_asset_amount"]:
        position["quote_break_even_amount"] -= fee
