"""The Dockerfile as it is written: what runs in the image, as whom, from which locks.

Building and running it takes minutes and is test_container.py's.
"""

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from aiohttp import web

from tests.ops.served import served

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
BESIDE = str(Path(sys.executable).parent)
HADOLINT = shutil.which("hadolint", path=os.pathsep.join([BESIDE, os.environ["PATH"]]))


class Step(NamedTuple):
    """An instruction, what it is given, and the stage it stands in (0: before the first)."""

    name: str
    given: str
    stage: int


def steps() -> list[Step]:
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    found: list[Step] = []
    stage = 0
    for line in "\n".join(lines).replace("\\\n", "").splitlines():
        if line:
            name, _, given = line.partition(" ")
            stage += name == "FROM"
            found.append(Step(name, given.strip(), stage))
    return found


LAST = max(step.stage for step in steps())


def last_stage(name: str) -> list[str]:
    return [step.given for step in steps() if step.stage == LAST and step.name == name]


def health_command() -> list[str]:
    (given,) = last_stage("HEALTHCHECK")
    command = json.loads(given.partition(" CMD ")[2])
    assert command[0] == "python3"
    return [sys.executable, *command[1:]]


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed")
def test_hadolint_finds_nothing() -> None:
    assert HADOLINT is not None
    done = subprocess.run([HADOLINT, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_another_base_can_stand_in() -> None:
    assert [step.name for step in steps()][:2] == ["ARG", "FROM"]
    assert steps()[0].given.startswith("BASE=")
    assert {step.given.split()[0] for step in steps() if step.name == "FROM"} == {"${BASE}"}


def test_the_image_takes_over_what_was_built_and_builds_nothing() -> None:
    assert LAST == 2
    assert last_stage("COPY") == ["--from=build /opt/drift-e3 /opt/drift-e3"]
    assert not [given for given in last_stage("RUN") if re.search(r"\b(apt|apt-get|pip install)\b", given)]


def test_what_is_installed_is_locked_by_hashes() -> None:
    runs = " && ".join(step.given for step in steps() if step.name == "RUN")
    installs = [part for part in runs.split("&&") if " install --no-deps" in part or "pip install" in part]
    assert len(installs) == 3
    for words in map(shlex.split, installs):
        assert {"--no-deps"} <= set(words)
        assert {"--require-hashes", "--only-binary"} <= set(words) or "--no-index" in words
    named = {word for words in map(shlex.split, installs) for word in words if word.endswith(".lock")}
    assert named == {"deploy/requirements.lock", "deploy/requirements-build.lock"}


def test_the_build_sees_no_more_than_it_copies() -> None:
    copied = {
        source
        for step in steps()
        if step.name == "COPY" and "--from=" not in step.given
        for source in step.given.split()[:-1]
    }
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied


def test_the_daemon_is_the_first_process_and_nobody_of_importance() -> None:
    assert json.loads(last_stage("ENTRYPOINT")[0]) == ["drift-e3"]
    assert json.loads(last_stage("CMD")[0]) == ["run"]
    assert last_stage("STOPSIGNAL") == ["SIGTERM"]
    (user,) = last_stage("USER")
    assert re.fullmatch(r"([1-9]\d{3,}):\1", user)


def test_nothing_is_written_but_state_and_tmp() -> None:
    variables = dict(word.split("=", 1) for given in last_stage("ENV") for word in shlex.split(given))
    assert last_stage("VOLUME") == last_stage("WORKDIR")
    assert variables["STATE_DIRECTORY"] == f"{last_stage('VOLUME')[0]}/state"
    assert variables["HOME"] == "/tmp"
    assert variables["PYTHONDONTWRITEBYTECODE"] == "1"


async def checked(port: int) -> tuple[int | None, str]:
    """What the health check of a container says whose daemon listens there."""
    environment = {**os.environ, "DRIFT_E3_SERVER__PORT": str(port)}
    asking = await asyncio.create_subprocess_exec(
        *health_command(), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    said, complaint = await asking.communicate()
    return asking.returncode, (said + complaint).decode()


async def test_a_daemon_that_works_is_healthy(tmp_path: Path) -> None:
    async with served(tmp_path) as one:
        assert await checked(one.server.port) == (0, '{"alive":true,"stalled":[]}\n')


async def test_one_that_stands_still_or_is_gone_is_not(tmp_path: Path) -> None:
    async def stalled(_: web.Request) -> web.Response:
        return web.json_response({"alive": False, "stalled": ["loop"]}, status=503)

    app = web.Application()
    app.add_routes([web.get("/healthz", stalled)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port: int = runner.addresses[0][1]
    assert await checked(port) == (1, '{"alive": false, "stalled": ["loop"]}\n')
    await runner.cleanup()
    code, said = await checked(port)
    assert code == 1
    assert "ConnectionRefusedError" in said
