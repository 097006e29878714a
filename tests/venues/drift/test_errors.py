"""Names for error codes."""

import pytest

from drift_e3.venues.drift.errors import NAMES, error_name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (101, "InstructionFallbackNotFound"),
        (2001, "ConstraintHasOne"),
        (6003, "InsufficientCollateral"),
        (6024, "ExchangePaused"),
        (6043, "InvalidOrderMaxTs"),
        (6054, "InvalidOrderAuction"),
        (6056, "InvalidOrderMinOrderSize"),
        (6057, "PlacePostOnlyLimitFailure"),
        (6059, "OrderAmountTooSmall"),
        (6060, "MaxNumberOfOrders"),
        (6061, "OrderDoesNotExist"),
        (6071, "UserOrderIdAlreadyInUse"),
        (6109, "OrderBreachesOraclePriceLimits"),
        (6147, "MarketPlaceOrderPaused"),
        (6254, "UserReduceOnly"),
    ],
)
def test_errors_that_orders_meet_have_their_names(code: int, name: str) -> None:
    assert error_name(code) == name


def test_an_unknown_code_is_told_as_a_number() -> None:
    assert error_name(9_999) == "custom_9999"


def test_the_program_has_its_325_errors() -> None:
    assert sum(code >= 6_000 for code in NAMES) == 325
