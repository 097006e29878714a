"""Error codes by name."""

import json
from pathlib import Path

from drift_e3.venues.velocity.errors import ERRORS, error_name


def test_codes_have_the_programs_and_the_frameworks_names() -> None:
    assert error_name(6071) == "UserOrderIdAlreadyInUse"
    assert error_name(6358) == "EquityBelowFloor"
    assert error_name(102) == "InstructionDidNotDeserialize"
    assert error_name(7999) == "custom_7999"


def test_names_are_those_of_the_published_list(shared_data: Path) -> None:
    idl = json.loads((shared_data.parent / "facts" / "velocity_idl.json").read_text())
    published = {error["code"]: error["name"] for error in idl["errors"]}
    assert {code: published[code] for code in ERRORS} == ERRORS
