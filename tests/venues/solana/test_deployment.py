"""The pin: the first deployment met is the approved one, until the settings name another."""

from pathlib import Path

import pytest

from drift_e3.ports import DataError
from drift_e3.venues.solana.deployment import PIN_NAME, DeploymentPin


def test_the_first_deployment_is_remembered(tmp_path: Path) -> None:
    assert DeploymentPin(tmp_path, 0).pin(100) == 100
    assert DeploymentPin(tmp_path, 0).pin(200) == 100


def test_the_settings_approve_another(tmp_path: Path) -> None:
    DeploymentPin(tmp_path, 0).pin(100)
    assert DeploymentPin(tmp_path, 200).pin(200) == 200
    assert DeploymentPin(tmp_path, 200).pin(300) == 200


@pytest.mark.parametrize("text", ["", "soon", "-5", "1 2"])
def test_a_pin_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / PIN_NAME).write_text(text, encoding="ascii")
    with pytest.raises(DataError, match="holds no slot"):
        DeploymentPin(tmp_path, 0).pin(100)


def test_what_is_approved_can_be_asked_without_approving(tmp_path: Path) -> None:
    assert DeploymentPin(tmp_path, 0).approved() is None
    assert list(tmp_path.iterdir()) == []
    DeploymentPin(tmp_path, 0).pin(100)
    assert DeploymentPin(tmp_path, 0).approved() == 100
    assert DeploymentPin(tmp_path, 200).approved() == 200
