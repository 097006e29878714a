"""The constants of the fill model, each with unit, range and where it comes from.

They are settings, not truths: none but the recorded ones was measured on the venue that will be traded.
"""

from typing import NamedTuple

from drift_e3.core.params import InvalidParameter, Span


class SimSettings(NamedTuple):
    """How the simulated venue delays, prices and liquidates. Fees, steps and margins are the instrument's."""

    order_latency_ms: int = 400
    """From command to effect, for orders and cancels: one Solana slot."""
    trigger_latency_ms: int = 1_500
    """From a touched trigger to its fill, tick mode: a keeper has to see it and land a transaction (about
    four slots). Candles are too coarse for it: there the slippage stands for the delay."""
    book_age_max_ms: int = 5_000
    """A book published longer ago is not walked any more: the order book server's own heartbeat is 5 s."""
    half_spread_bps: float = 1.0
    """Half of the quiet market's spread: the recorded SOL-PERP book quotes 81.11421 / 81.13045, 2.0 bps."""
    half_spread_per_volatility: float = 0.02
    """Half spread added per hourly volatility, as makers widen with it. Unmeasured: 1.3 bps at the median of
    the recorded 5-minute tape (0.65 % an hour), 6 bps at the threshold of high_vol (3 %)."""
    impact_per_volatility: float = 1.0
    """The factor of the square-root law, volatility * sqrt(notional / volume): of order one in the literature
    (Almgren et al. 2005; Toth et al. 2011)."""
    volume_share: float = 0.005
    """The traded venue's part of the recorded volume: Drift's SOL-PERP account says 21.7 million USD in 24 h,
    the Binance tape has 4.2 billion a day. 1 where the volume is the venue's own."""
    liquidity_candles: float = 60.0
    """Span of the moving averages of volatility and volume: weight 2/(n+1), as an EMA of n candles."""
    slippage_unknown_bps: float = 20.0
    """Slippage before two candles are known: the risk limits' own allowance."""
    slippage_max_bps: float = 1_000.0
    """Bounds the model where there is next to no volume; far beyond any limit price of ours."""
    liquidation_fee_bps: float = 150.0
    """On top of the taker fee: liquidator 0.75 % and insurance fund 0.75 %, from Drift's SOL-PERP account."""


SIM_SPANS: dict[str, Span] = {
    "order_latency_ms": Span(0, 60_000, "ms", "from command to effect"),
    "trigger_latency_ms": Span(0, 600_000, "ms", "from a touched trigger to its fill, with ticks"),
    "book_age_max_ms": Span(0, 600_000, "ms", "oldest book whose levels are filled against"),
    "half_spread_bps": Span(0, 1_000, "bps", "half spread of a quiet market"),
    "half_spread_per_volatility": Span(0, 10, "x", "half spread added per hourly volatility"),
    "impact_per_volatility": Span(0, 100, "x", "factor of the square-root impact law"),
    "volume_share": Span(1e-6, 1, "fraction", "the venue's part of the recorded volume"),
    "liquidity_candles": Span(1, 100_000, "candles", "span of average volatility and volume"),
    "slippage_unknown_bps": Span(0, 1_000, "bps", "slippage before two candles are known"),
    "slippage_max_bps": Span(0, 5_000, "bps", "largest modelled slippage"),
    "liquidation_fee_bps": Span(0, 1_000, "bps", "of a liquidated notional, on top of the taker fee"),
}


def check_sim_settings(settings: SimSettings) -> SimSettings:
    """Return `settings` if every value is in range; raise `InvalidParameter` naming the first that is not."""
    for key, span in SIM_SPANS.items():
        value = getattr(settings, key)
        if isinstance(value, bool) or not isinstance(value, int if span.unit == "ms" else int | float):
            raise InvalidParameter(f"{key}: {value!r} is not a {'whole ' if span.unit == 'ms' else ''}number")
        if not span.low <= value <= span.high:
            raise InvalidParameter(f"{key}: {value!r} is outside {span.low:g}..{span.high:g} {span.unit}")
    return settings
