"""The compose file: valid, hardened, published to this machine alone, and its services find one another."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from drift_e3.config import load
from drift_e3.config.load import Loaded
from drift_e3.ops.access import Access, Asked

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
FILE: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
DAEMON = SERVICES["drift-e3"]
PROMETHEUS = SERVICES["prometheus"]
SCRAPE: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())
(JOB,) = SCRAPE["scrape_configs"]
TOKEN = "made-up-for-this-test"

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def compose() -> list[str] | None:
    """Docker's own compose, as its plugin or alone; it needs no engine to judge a file."""
    if shutil.which("docker"):
        plugin = ["docker", "compose"]
        if subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode == 0:
            return plugin
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    alone = shutil.which("docker-compose", path=beside)
    return None if alone is None else [alone]


COMMAND = compose()


@pytest.mark.skipif(COMMAND is None, reason="docker compose is not installed")
@pytest.mark.parametrize("profile", ["ollama", "monitoring"])
def test_compose_takes_the_file(tmp_path: Path, profile: str) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    assert COMMAND is not None
    done = subprocess.run(
        [*COMMAND, "-f", COMPOSE, "--profile", profile, "config", "--quiet"],
        env={**os.environ, "TOKEN_FILE": str(token)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@every_service
def test_no_service_has_rights_that_it_does_not_need(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc"}
    assert not [volume for volume in service["volumes"] if "docker.sock" in volume]


@every_service
def test_no_service_can_take_the_whole_machine(service: dict[str, Any]) -> None:
    assert service.keys() >= {"mem_limit", "pids_limit"}
    assert service.keys() & {"cpus", "cpu_shares"}
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["restart"] == "unless-stopped"


@every_service
def test_a_port_is_published_on_loopback_only(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_what_others_made_is_pinned() -> None:
    foreign = [service["image"] for service in SERVICES.values() if "build" not in service]
    assert foreign
    assert all(re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", image) for image in foreign)


def test_only_the_daemon_runs_unless_more_is_asked_for() -> None:
    assert {name: service.get("profiles") for name, service in SERVICES.items()} == {
        "drift-e3": None,
        "ollama": ["ollama"],
        "prometheus": ["monitoring"],
    }


def test_the_daemon_writes_its_state_and_tmp_alone() -> None:
    folder = re.search(r"^VOLUME (\S+)$", (DEPLOY.parent / "Dockerfile").read_text(), re.MULTILINE)
    assert folder is not None
    assert DAEMON["read_only"] is True
    assert DAEMON["volumes"] == [f"state:{folder[1]}"]
    assert [mount.partition(":")[0] for mount in DAEMON["tmpfs"]] == ["/tmp"]


# -- settings and secrets ------------------------------------------------------------------------------------


def settings(tmp_path: Path, token: str = TOKEN) -> Loaded:
    """What the daemon in its container reads; of the secrets only the token is given."""
    given = {"token": token} | dict.fromkeys(FILE["secrets"].keys() - {"token"}, "")
    for secret in DAEMON["secrets"]:
        (tmp_path / secret["target"]).write_text(given[secret["source"]])
    return load(environment=DAEMON["environment"], env_file=tmp_path / ".env", secrets_dir=tmp_path)


def access(loaded: Loaded) -> Access:
    server = loaded.settings.server
    token = "" if server.token is None else server.token.get_secret_value()
    return Access(host=server.host, token=token, names=server.names)


def test_the_settings_are_the_daemons_and_the_key_is_where_it_looks(tmp_path: Path) -> None:
    loaded = settings(tmp_path)
    assert loaded.settings.rpc.urls is None
    assert loaded.settings.alerts.addresses == ()
    assert loaded.settings.key.credential in {secret["target"] for secret in DAEMON["secrets"]}


def test_every_secret_but_the_token_may_be_missing() -> None:
    defaults = {name: secret["file"].partition(":-")[2] for name, secret in FILE["secrets"].items()}
    assert defaults.pop("token") == "./secrets/token}"
    assert set(defaults.values()) == {"/dev/null}"}


def test_without_a_token_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a token is needed"):
        access(settings(tmp_path, token=""))
    with pytest.raises(ValueError, match="needs at least"):
        access(settings(tmp_path, token="short"))


def test_a_stop_is_given_the_time_that_it_may_take(tmp_path: Path) -> None:
    assert int(DAEMON["stop_grace_period"].removesuffix("s")) > settings(tmp_path).settings.stop_timeout_s


def test_the_model_server_is_found_under_its_services_name(tmp_path: Path) -> None:
    assert settings(tmp_path).settings.ollama.url == "http://ollama:11434"
    assert "ollama" in SERVICES


# -- monitoring ----------------------------------------------------------------------------------------------


def test_prometheus_is_let_in_with_its_token_and_nobody_without(tmp_path: Path) -> None:
    rules = access(settings(tmp_path))
    ((target,),) = (config["targets"] for config in JOB["static_configs"])
    port = settings(tmp_path).settings.server.port
    assert target == f"drift-e3:{port}"
    asked = Asked("GET", "/metrics", host=target, authorization=f"Bearer {TOKEN}")
    assert rules.refuse(asked, 0.0) is None
    without = rules.refuse(asked._replace(authorization=""), 0.0)
    stranger = rules.refuse(asked._replace(host="stranger:8787"), 0.0)
    assert without is not None
    assert stranger is not None
    assert (without.status, stranger.status) == (401, 421)


def test_a_browser_on_this_machine_is_let_in_as_well(tmp_path: Path) -> None:
    (port,) = DAEMON["ports"]
    page = Asked("GET", "/", host=port.rpartition(":")[0], fetch_site="none")
    assert access(settings(tmp_path)).refuse(page, 0.0) is None


def test_prometheus_has_the_daemons_token_where_it_looks_for_it() -> None:
    (secret,) = PROMETHEUS["secrets"]
    assert JOB["authorization"] == {"credentials_file": f"/run/secrets/{secret['target']}"}
    assert secret["source"] in {
        own["source"] for own in DAEMON["secrets"] if own["target"] == "DRIFT_E3_SERVER__TOKEN"
    }


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_takes_the_configuration(tmp_path: Path) -> None:
    """At the places where the container has its files."""
    mount, _, rest = PROMETHEUS["volumes"][0].partition(":")
    there = rest.removesuffix(":ro")
    assert f"--config.file={there}/prometheus.yaml" in PROMETHEUS["command"]
    (tmp_path / "token").write_text(TOKEN)
    text = (DEPLOY / "prometheus" / "prometheus.yaml").read_text()
    text = text.replace(there, str(DEPLOY / mount)).replace(
        JOB["authorization"]["credentials_file"], str(tmp_path / "token")
    )
    config = tmp_path / "prometheus.yaml"
    config.write_text(text)
    done = subprocess.run(
        ["promtool", "check", "config", config], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 rule files found" in done.stdout
