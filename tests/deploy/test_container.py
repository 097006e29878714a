"""The image, really built and run: hardened as in the compose file, stopped, killed, moved, restored."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from drift_e3.cli.exits import Exit
from tests.cli.runs import prepared
from tests.deploy.containers import BASE, IMAGE, ROOT, VOLUME, Container, NoBase, Store, missing, until

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(missing() != "", reason=f"{missing()} not installed"),
]
OWN_MB_MAX = 370
"""Of the image, above its base: the locked dependencies, and what makes them start fast."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """With the image in it."""
    one = Store(tmp_path_factory.mktemp("store"))
    try:
        one.make_base()
    except NoBase as why:
        pytest.skip(f"no base can be made here: {why}")
    try:
        one.build()
        yield one
    finally:
        one.clear()


@pytest.fixture
def daemon(store: Store, request: pytest.FixtureRequest) -> Iterator[Container]:
    """Trading on paper, in a volume of its own."""
    one = Container(store, request.node.name)
    try:
        until(lambda: one.says("decision.made"))
        yield one
    finally:
        one.do("rm", "--force", "--time", "0")


def test_it_trades_on_paper_as_nobody_with_a_root_that_is_read_only(daemon: Container) -> None:
    assert all(json.loads(line)["event"] for line in daemon.log())
    assert daemon.healthy()
    assert daemon.inside("id", "-u").out == "10001\n"
    status = daemon.inside("cat", "/proc/1/status").out
    assert "NoNewPrivs:\t1" in status
    assert "CapBnd:\t0000000000000000" in status
    assert daemon.inside("cat", "/proc/1/cmdline").out.split("\0")[1] == "/opt/drift-e3/bin/drift-e3"
    for path in ("/mine", "/opt/drift-e3/mine", "/etc/mine"):
        assert "Read-only file system" in daemon.inside("touch", path).err
    for path in ("/tmp/mine", f"{VOLUME}/mine"):
        assert daemon.inside("touch", path).code == 0
    assert "runs as process 1" in daemon.inside("drift-e3", "status").out


def test_with_the_compose_files_settings_prometheus_is_let_in(store: Store, tmp_path: Path) -> None:
    settings = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["drift-e3"]
    token = tmp_path / "token"
    token.write_text("made-up-for-this-test\n")
    variables = [f"--env={name}={value}" for name, value in settings["environment"].items()]
    files = {"DRIFT_E3_SERVER__TOKEN": token}
    secrets = [
        f"--volume={files.get(secret['target'], '/dev/null')}:/run/secrets/{secret['target']}:ro"
        for secret in settings["secrets"]
    ]
    daemon = Container(store, "composed", ("--init", *variables, *secrets))
    asking = (
        "import sys, urllib.request as http; url, *values = sys.argv[1:]; "
        "headers = dict(zip(('Host', 'Authorization'), values)); "
        "print(http.urlopen(http.Request(url, headers=headers)).status)"
    )
    try:
        until(daemon.healthy)
        metrics = ("python3", "-c", asking, "http://127.0.0.1:8787/metrics", "drift-e3:8787")
        assert daemon.inside(*metrics, "Bearer made-up-for-this-test").out == "200\n"
        assert "HTTP Error 401" in daemon.inside(*metrics).err
        assert daemon.do("stop", "--time", "60").code == 0
        assert daemon.code() == Exit.OK
    finally:
        daemon.do("rm", "--force", "--time", "0")


def test_nothing_can_be_built_or_installed_in_it(store: Store) -> None:
    tools = ("pip", "pip3", "gcc", "cc", "c++", "make", "curl", "wget", "git")
    found = store.once("-c", f"command -v {' '.join(tools)}", options=("--entrypoint", "sh"))
    assert found.out == ""
    for module in ("pip", "ensurepip", "setuptools", "hatchling"):
        for python in ("/usr/bin/python3", "/opt/drift-e3/bin/python"):
            looked = store.once("-c", f"import {module}", options=("--entrypoint", python))
            assert "ModuleNotFoundError" in looked.err, (module, python)


def test_it_is_no_larger_than_it_was_measured(store: Store) -> None:
    assert store.megabytes(IMAGE) - store.megabytes(BASE) < OWN_MB_MAX


def test_a_stop_is_heard_and_the_next_start_goes_on(daemon: Container) -> None:
    assert daemon.do("stop", "--time", "60").code == 0
    assert daemon.code() == Exit.OK
    assert daemon.says("daemon.stopped")
    assert daemon.do("start").code == 0
    until(lambda: daemon.says("journal.recovered"))
    (recovered,) = [line for line in map(json.loads, daemon.log()) if line["event"] == "journal.recovered"]
    assert recovered["clean_stop"] is True
    until(daemon.healthy)


def test_one_that_is_killed_recovers_and_its_journal_proves_itself(
    store: Store, daemon: Container, request: pytest.FixtureRequest
) -> None:
    assert daemon.do("kill", "--signal", "KILL").code == 0
    assert daemon.do("start").code == 0
    until(lambda: daemon.says("journal.recovered"))
    assert daemon.do("stop", "--time", "60").code == 0
    mount = ("--volume", f"{request.node.name}:{VOLUME}")
    replayed = store.once("replay", options=mount)
    assert replayed.code == 0, replayed.err


def test_one_that_stands_still_is_not_healthy(daemon: Container) -> None:
    assert daemon.do("kill", "--signal", "STOP").code == 0
    assert not daemon.healthy()
    assert daemon.do("kill", "--signal", "CONT").code == 0
    until(daemon.healthy)


def test_after_a_halt_a_start_ends_at_once_without_trading(daemon: Container) -> None:
    assert daemon.inside("drift-e3", "halt").code == 0
    assert daemon.do("stop", "--time", "60").code == 0
    assert daemon.do("start").code == 0
    assert daemon.do("wait").code == 0
    assert daemon.code() == Exit.HALTED


def test_a_backup_can_be_put_back_beside_the_state_that_is_set_aside(
    store: Store, daemon: Container, request: pytest.FixtureRequest
) -> None:
    assert daemon.inside("drift-e3", "backup", "--out", "kept.tar.gz").code == 0
    assert daemon.do("stop", "--time", "60").code == 0
    mount = ("--volume", f"{request.node.name}:{VOLUME}")
    assert store.once("state", "set-aside", options=("--entrypoint", "mv", *mount)).code == 0
    restored = store.once("restore", "kept.tar.gz", options=mount)
    assert restored.code == 0, restored.err
    before = len(daemon.log())
    assert daemon.do("start").code == 0
    until(lambda: daemon.says("journal.recovered"))
    assert '"clean_stop":false' in "".join(daemon.log()[before:])


def test_the_verbs_have_all_that_they_load(store: Store, tmp_path: Path) -> None:
    """Parquet both ways, a page with plots, and the libraries of the chains: nothing left out is missed."""
    tmp_path.chmod(0o777)
    prepared(tmp_path)
    mount = ("--volume", f"{tmp_path}:/files", "--workdir", "/files")
    for words in (
        ("data", "convert", "tape.csv", "--out", "tape.parquet"),
        ("features", "--tape", "tape.parquet", "--out", "features.parquet"),
        ("backtest", "--tape", "tape.parquet", "--funding", "funding.csv", "--report", "report.html"),
    ):
        ended = store.once(*words, options=mount)
        assert ended.code == 0, (words, ended.err)
    assert "plotly" in (tmp_path / "report.html").read_text()
    for venue in ("drift", "velocity"):
        looked = store.once("doctor", "--venue", venue, options=mount)
        assert looked.code == Exit.CHECK_FAILED
        assert "Traceback" not in looked.err


def test_what_pip_needed_is_in_no_layer(store: Store) -> None:
    assert "secrets/ca.crt" not in store.podman("history", "--no-trunc", IMAGE).out
    looked = store.once("-c", "ls /etc/pip.conf /run/secrets", options=("--entrypoint", "sh"))
    assert looked.out == ""
