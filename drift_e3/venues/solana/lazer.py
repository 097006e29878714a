"""The oracle account that Pyth Lazer prices are posted to. Drift and Velocity use the same one.

Read at fixed offsets; which price is good enough to trade on is decided elsewhere.
"""

from struct import Struct
from typing import Final

from drift_e3.venues.solana.anchor import account_discriminator
from drift_e3.venues.solana.program import AccountRefused
from drift_e3.venues.solana.views import OracleSeen

LAZER_SIZE: Final = 48
LAZER_DISCRIMINATOR: Final = account_discriminator("PythLazerOracle")
EXPONENT_LIMIT: Final = 18
"""Real ones are about -8; a price beyond this is no price."""

_US_PER_MS = 1_000
_LAYOUT = Struct("<8xqQQi4xQ")


def read_lazer(what: str, data: bytes, multiple: int = 1) -> OracleSeen:
    """The price in an account that has been checked to be such an oracle.

    `multiple` is the number of units that the price is for (1000 or a million of a cheap token). Raises
    `AccountRefused` for a price that cannot be one.
    """
    price, publish_us, posted_slot, exponent, confidence = _LAYOUT.unpack(data)
    return oracle_seen(what, price, confidence, exponent, publish_us // _US_PER_MS, posted_slot, multiple)


def oracle_seen(
    what: str,
    price: int,
    confidence: int,
    exponent: int,
    publish_ts: int,
    posted_slot: int,
    multiple: int = 1,
) -> OracleSeen:
    """Pyth's numbers in USD: an integer with a decimal exponent. Raises `AccountRefused` as `read_lazer`."""
    if price <= 0:
        raise AccountRefused(f"{what} says a price of {price}")
    if abs(exponent) > EXPONENT_LIMIT:
        raise AccountRefused(f"{what} says an exponent of {exponent}")
    # Dividing by a whole power of ten is exact to the last digit; multiplying by 1e-8 is not.
    up, down = (10**exponent, 1) if exponent > 0 else (1, 10**-exponent)
    return OracleSeen(
        price_usd=price * multiple * up / down,
        confidence_usd=confidence * multiple * up / down,
        publish_ts=publish_ts,
        posted_slot=posted_slot,
    )
