"""Alarms: right by Prometheus' own tools, and about metrics that there are."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ops.served import served

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
README = FOLDER.parents[1] / "README.md"
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def promtool(*words: str, given: bytes = b"") -> tuple[int, str]:
    done = subprocess.run(["promtool", *words], cwd=FOLDER, input=given, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


@needs_promtool
def test_each_alarm_fires_when_it_should_and_only_then() -> None:
    code, said = promtool("check", "rules", "alerts.yaml")
    assert code == 0, said
    code, said = promtool("test", "rules", "alerts.test.yaml")
    assert code == 0, said


@needs_promtool
async def test_the_metrics_are_as_prometheus_wants_them(tmp_path: Path) -> None:
    async with served(tmp_path) as one, one.client.get("/metrics") as response:
        code, said = promtool("check", "metrics", given=await response.read())
    assert (code, said) == (0, "")


async def test_alarms_are_about_metrics_that_there_are(tmp_path: Path) -> None:
    async with served(tmp_path) as one, one.client.get("/metrics") as response:
        names = set(re.findall(r"^# TYPE (\S+)", await response.text(), re.MULTILINE))
    expressions = re.sub(r"(summary|runbook): .*", "", (FOLDER / "alerts.yaml").read_text())
    used = {name.removesuffix("_bucket") for name in re.findall(r"\bdrift_e3_\w+", expressions)}
    assert used
    assert used <= names


def test_every_alarm_is_tested_and_explained() -> None:
    alarms = set(re.findall(r"- alert: (\w+)", (FOLDER / "alerts.yaml").read_text()))
    assert alarms == set(re.findall(r"alertname: (\w+)", (FOLDER / "alerts.test.yaml").read_text()))
    assert alarms == set(re.findall(r"^\| `(DriftE3\w+)` \| \S", README.read_text(), re.MULTILINE))
