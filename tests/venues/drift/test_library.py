"""driftpy behind its door: silent, and only there when it is used."""

import logging
import subprocess
import sys

import pytest

from drift_e3.drill import drift_accounts
from drift_e3.venues.drift.library import decode_user, variant
from tests.venues.drift.looks import TRADING


def ran(code: str) -> str:
    """What a fresh interpreter writes to standard output."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_to_import_the_venue_writes_nothing() -> None:
    assert ran("import drift_e3.venues.drift.program, drift_e3.venues.drift.events") == ""


def test_the_package_alone_does_not_import_driftpy() -> None:
    assert ran("import sys, drift_e3.venues.drift; print('driftpy' in sys.modules)") == "False\n"


def test_what_driftpy_prints_becomes_a_log_line(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Its user decoder prints about a margin mode that it does not know."""
    data = bytearray(drift_accounts.on_chain("User", drift_accounts.user(TRADING)))
    margin_mode = 4_355
    data[margin_mode] = 9
    with caplog.at_level(logging.WARNING, logger="driftpy"):
        user = decode_user(bytes(data))
    assert variant(user.margin_mode) == "Default"
    assert capsys.readouterr().out == ""
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("driftpy", "WARNING")
    assert record.getMessage().startswith("Warning: unknown margin mode: 9")


def test_every_module_of_driftpy_that_is_imported_has_lost_its_print() -> None:
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "driftpy"]
    assert len(modules) > 30
    assert {vars(module).get("print", print).__module__ for module in modules} == {
        "drift_e3.venues.drift.library"
    }
