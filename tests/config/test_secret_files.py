"""Settings as files: a container's secrets, systemd's credentials."""

from pathlib import Path

import pytest

from drift_e3.config import ConfigError, load
from drift_e3.config.load import Loaded

TOKEN = "DRIFT_E3_SERVER__TOKEN"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


def read(secrets: Path, file: str = "", **environment: str) -> Loaded:
    env_file = secrets.parent / ".env"
    env_file.write_text(file)
    return load(environment=environment, env_file=env_file, secrets_dir=secrets)


def token(loaded: Loaded) -> str:
    given = loaded.settings.server.token
    return "" if given is None else given.get_secret_value()


def test_a_file_named_as_the_variable_sets_it_and_is_never_shown(secrets: Path) -> None:
    (secrets / TOKEN).write_text("planted-planted-planted\n")
    loaded = read(secrets)
    assert token(loaded) == "planted-planted-planted"
    assert loaded.origins == {"server.token": str(secrets / TOKEN)}
    assert "planted" not in repr(loaded)


def test_the_credentials_of_systemd_are_read_as_well(secrets: Path, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / TOKEN.lower()).write_text("planted-planted-planted")
    assert token(read(secrets, CREDENTIALS_DIRECTORY=str(credentials))) == "planted-planted-planted"
    (secrets / TOKEN).write_text("another-of-16-characters")
    with pytest.raises(ConfigError, match="is given twice"):
        read(secrets, CREDENTIALS_DIRECTORY=str(credentials))


def test_a_secret_file_wins_over_the_env_file_and_loses_to_the_environment(secrets: Path) -> None:
    (secrets / "DRIFT_E3_SPEED").write_text("3\n")
    assert read(secrets, file="DRIFT_E3_SPEED=2\n").settings.speed == 3.0
    assert read(secrets, file="DRIFT_E3_SPEED=2\n", DRIFT_E3_SPEED="4").settings.speed == 4.0


def test_other_secrets_are_left_alone(secrets: Path) -> None:
    (secrets / "drift-e3-key").write_bytes(b"\xff")
    (secrets / "other").mkdir()
    assert read(secrets).origins == {}
    assert read(secrets / "none").origins == {}
    assert read(secrets / "drift-e3-key").origins == {}


def test_a_mistake_is_one_line_with_the_files_name_and_without_its_text(secrets: Path) -> None:
    (secrets / TOKEN).write_bytes(b"\xff")
    (secrets / "DRIFT_E3_ALERTS__URLS").mkdir()
    (secrets / "DRIFT_E3_RPC__URL").write_text("planted")
    (secrets / "DRIFT_E3_RPC__URLS").write_text("ftp://planted")
    with pytest.raises(ConfigError) as refused:
        read(secrets)
    lines = {Path(line.partition(": ")[0]).name: line.partition(": ")[2] for line in refused.value.problems}
    assert lines.keys() == {path.name for path in secrets.iterdir()}
    assert lines[TOKEN] == "is not UTF-8 text"
    assert lines["DRIFT_E3_ALERTS__URLS"] == "cannot be read: Is a directory"
    assert lines["DRIFT_E3_RPC__URL"] == "unknown key; did you mean DRIFT_E3_RPC__URLS?"
    assert "planted" not in str(refused.value)
