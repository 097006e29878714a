"""Money in the emulation: funding, margin, tokens, settling. All in the chain's integers.

Divisions round toward zero, as the programs' do, unless said otherwise.
"""

from drift_e3.drill.emulation.errors import Code, Refused
from drift_e3.drill.emulation.records import Record
from drift_e3.drill.emulation.scene import BASE_UNITS, Scene

FUNDING_UNITS = 1_000_000_000_000
MARGIN_UNITS = 10_000
SPOT_UNITS = 10**13
"""Scaled balance times the cumulative interest per token of six decimals."""
DIVERGENCE_PARTS = 100
"""Settling an open position wants the AMM's price within 1 % of the oracle's."""
STALE_SLOTS = 10


def toward_zero(numerator: int, denominator: int) -> int:
    """A division that rounds toward zero; the denominator is positive."""
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)


def cumulative_rate(scene: Scene, base: int) -> int:
    """The market's cumulative funding rate for a position of that sign."""
    side = "long" if base > 0 else "short"
    return int(scene.market[f"cumulative_funding_rate_{side}"])


def settle_funding(scene: Scene, position: Record) -> None:
    """Pay or take what funding has come to since the position was last looked at."""
    base = position["base_asset_amount"]
    if base == 0:
        return
    rate = cumulative_rate(scene, base)
    payment = toward_zero(-(rate - position["last_cumulative_funding_rate"]) * base, FUNDING_UNITS)
    position["last_cumulative_funding_rate"] = rate
    position["quote_asset_amount"] += payment
    position["quote_break_even_amount"] += payment
    scene.user["cumulative_perp_funding"] += payment


def tokens(scene: Scene) -> int:
    """The quote tokens that the account holds, negative when it owes."""
    spot = scene.user.part("spot_positions.0")
    interest = "cumulative_borrow_interest" if spot["balance_type"] else "cumulative_deposit_interest"
    amount = int(spot["scaled_balance"] * scene.spot[interest] // SPOT_UNITS)
    return -amount if spot["balance_type"] else amount


def move_tokens(scene: Scene, amount: int, *, leaving: bool = False) -> None:
    """Add quote tokens (negative: take) to the account; what leaves the exchange rounds up. 6003 for debt."""
    spot = scene.user.part("spot_positions.0")
    scaled, rest = divmod(abs(amount) * SPOT_UNITS, scene.spot["cumulative_deposit_interest"])
    if amount >= 0:
        spot["scaled_balance"] += scaled
        return
    scaled += 1 if leaving and rest else 0
    if scaled > spot["scaled_balance"]:
        raise Refused(Code.INSUFFICIENT_COLLATERAL)
    spot["scaled_balance"] -= scaled


def unsettled_pnl(scene: Scene, position: Record) -> int:
    """What the position would bring at the oracle's price, with what it has realized."""
    base: int = position["base_asset_amount"]
    value = toward_zero(base * scene.oracle_price, BASE_UNITS)
    return int(position["quote_asset_amount"]) + value


def requirement(scene: Scene, position: Record) -> int:
    """The initial margin for the worst that the open orders can make of the position."""
    base = position["base_asset_amount"]
    worst = max(abs(base + position["open_bids"]), abs(base + position["open_asks"]))
    ratio = max(scene.market["margin_ratio_initial"], scene.user["max_margin_ratio"])
    return int(worst * scene.oracle_price // BASE_UNITS * ratio // MARGIN_UNITS)


def must_have_margin(scene: Scene, position: Record) -> None:
    """6003 where the account's worst case is not covered."""
    collateral = tokens(scene) + min(0, unsettled_pnl(scene, position))
    if requirement(scene, position) > collateral:
        raise Refused(Code.INSUFFICIENT_COLLATERAL)


def settle_pnl(scene: Scene) -> None:
    """Turn the position's profit or loss into tokens."""
    market, position = scene.market, scene.position()
    if not any(position[name] for name in ("base_asset_amount", "quote_asset_amount", "open_orders")):
        raise Refused(Code.NO_POSITION)
    settle_funding(scene, position)
    if position["base_asset_amount"]:
        price = market["quote_asset_reserve"] * market["peg_multiplier"] // market["base_asset_reserve"]
        if abs(scene.oracle_price - price) * DIVERGENCE_PARTS > price:
            stale = scene.oracle_delay > STALE_SLOTS
            raise Refused(Code.ORACLE_STALE_FOR_AMM if stale else Code.AMM_NOT_UPDATED)
    pnl = unsettled_pnl(scene, position)
    if pnl == 0:
        raise Refused(Code.NO_UNSETTLED_PNL)
    move_tokens(scene, pnl)
    position["quote_asset_amount"] -= pnl
    position["settled_pnl"] += pnl
    scene.user["settled_perp_pnl"] += pnl


def update_funding(market: Record, oracle_price: int, unix_s: int) -> None:
    """The hour's funding rate: a 24th of the premium with a 5000th of the price as the interest part."""
    if unix_s // 3600 <= market["last_funding_rate_ts"] // 3600:
        raise Refused(Code.FUNDING_NOT_UPDATED)
    twap = market["oracle_twap"]
    premium = market["mark_twap"] - twap + abs(twap) // 5000
    bound = twap // 33
    rate = toward_zero(max(-bound, min(bound, premium)) * 1_000, 24)
    for name in ("last_funding_rate", "last_funding_rate_long", "last_funding_rate_short"):
        market[name] = rate
    market["cumulative_funding_rate_long"] += rate
    market["cumulative_funding_rate_short"] += rate
    market["last_funding_rate_ts"] = unix_s
    market["funding_oracle_twap"] = twap
    touch(market, oracle_price, unix_s)


def touch(market: Record, oracle_price: int, unix_s: int) -> None:
    """Let the averages follow the oracle's price; the mark's keep their distance to the oracle's."""
    passed = max(0, unix_s - market["oracle_twap_ts"])
    for oracle, mark, window in (
        ("oracle_twap", "mark_twap", 3600),
        ("oracle_twap_5min", "mark_twap_5min", 300),
    ):
        weight = min(passed, window)
        before = market[oracle]
        market[oracle] = (before * (window - weight) + oracle_price * weight) // window
        market[mark] = max(1, market[mark] + market[oracle] - before)
    market["oracle_price"] = oracle_price
    market["oracle_twap_ts"] = market["mark_twap_ts"] = unix_s
