"""Features for tests of the rules: everything unknown, save what a test names."""

from drift_e3.core.features import Features
from drift_e3.core.terms import UNKNOWN

SIGNED = (
    "body_over_atr",
    "imbalance",
    "premium_frac",
    "funding_frac_1h",
    "funding_z",
    "r5",
    "r15",
    "r4h",
    "slope",
)
"""What changes its sign when the market is turned upside down (the venue's funding floor set aside)."""


def some_features(**known: float) -> Features:
    """Features of which only the named ones are known."""
    return Features(*[UNKNOWN] * len(Features._fields))._replace(**known)


def upside_down(f: Features) -> Features:
    """The same candle in the mirrored market."""
    return f._replace(**{name: -getattr(f, name) for name in SIGNED})
