"""Names of the errors that a transaction to Drift v2 may fail with: the program's from its IDL, and Anchor's.

What to do about one is decided where orders are sent.
"""

from typing import Final

from drift_e3.venues.drift.library import DRIFT_IDL
from drift_e3.venues.solana.anchor import ERRORS as ANCHOR_ERRORS

NAMES: Final[dict[int, str]] = ANCHOR_ERRORS | {error.code: error.name for error in DRIFT_IDL.errors}


def error_name(code: int) -> str:
    """The name of a custom error code, or ``custom_CODE`` for one that neither table has."""
    return NAMES.get(code, f"custom_{code}")
