"""The one door to driftpy: what this venue takes from it, and its prints turned into log lines.

Taken are the IDL's coder, the fast decoders, the AMM's price, the types and the client as a builder of
instructions. Not taken, because they are wrong or let orders double: subscribers, senders, `open_position`,
`close_position`, the auction prices, `exchange_paused`, and `get_token_amount` (a division of floats).
"""

import logging
import sys
from typing import Any, Final

from anchorpy.program.context import Context
from construct import ConstructError
from driftpy import addresses
from driftpy.accounts import DataAndSlot
from driftpy.accounts.oracle import DRIFT_CODER, DRIFT_IDL
from driftpy.decode.user import decode_user
from driftpy.decode.user_stat import decode_user_stat
from driftpy.drift_client import DriftClient
from driftpy.math.amm import calculate_price
from driftpy.types import (
    MarketType,
    ModifyOrderParams,
    OrderParams,
    OrderParamsBitFlag,
    OrderTriggerCondition,
    OrderType,
    PositionDirection,
    PostOnlyParams,
)

__all__ = [
    "DRIFT_CODER",
    "DRIFT_IDL",
    "MALFORMED",
    "Context",
    "DataAndSlot",
    "DriftClient",
    "MarketType",
    "ModifyOrderParams",
    "OrderParams",
    "OrderParamsBitFlag",
    "OrderTriggerCondition",
    "OrderType",
    "PositionDirection",
    "PostOnlyParams",
    "addresses",
    "calculate_price",
    "decode_user",
    "decode_user_stat",
    "variant",
]


MALFORMED: Final = (ConstructError, ValueError, KeyError, IndexError, UnboundLocalError, OverflowError)
"""What the decoders raise for bytes that are not what they are taken for, such as an unknown variant."""


def variant(value: Any) -> str:
    """The name of an enum's variant, for example ``PythLazer``."""
    return type(value).__name__


def _log(*words: object, **_: object) -> None:
    logging.getLogger("driftpy").warning(" ".join(str(word) for word in words))


def _divert_prints() -> None:
    """Give each of its modules a `print` of its own: standard output is the log, one JSON object a line."""
    for name, module in list(sys.modules.items()):
        if name == "driftpy" or name.startswith("driftpy."):
            setattr(module, "print", _log)  # noqa: B010  # mypy knows no such attribute


_divert_prints()
