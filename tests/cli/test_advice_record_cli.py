"""`drift-e3 advice record`: an archive asked of a scripted server, and gone on with after a kill."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from drift_e3.cli.exits import Exit
from drift_e3.drill.ollama_acts import Act, hangs, refuses, says
from drift_e3.lab.archive import read_archive
from drift_e3.lab.leakage import Mode
from tests.cli.runs import command, environment, one_line
from tests.live.ollama_thread import ollama_thread
from tests.live.program import Ran, program
from tests.live.tapes import LIVELY, START, random_walk, write_candles, write_funding

CANDLES = 90
ARGUMENTS = ("--tape", "tape.csv", "--funding", "funding.csv", "--model", "good", "--out", "answers.jsonl")
HOUR = 3_600_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_candles(tmp_path / "tape.csv", random_walk(4, CANDLES, minutes=60))
    write_funding(tmp_path / "funding.csv", 1, CANDLES + 1)
    return tmp_path


def recorded(folder: Path, url: str, *more: object) -> Ran:
    return program(folder, "advice", "record", *ARGUMENTS, *more, OLLAMA__URL=url, **LIVELY)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()[1:]]


def test_a_masked_archive_knows_no_date_no_symbol_and_no_price(folder: Path) -> None:
    with ollama_thread() as url:
        ran = recorded(folder, url, "--masked")
    assert ran.code == Exit.OK
    archive = read_archive(folder / "answers.jsonl")
    count = len(archive.answers)
    assert count > 10
    assert ran.out == (
        f"answers.jsonl: {count} answers, {count} of them new, 0 of these failures; "
        "a result over them is masked\n"
    )
    assert (archive.header.mode, archive.header.model, archive.header.digest) == (
        Mode.MASKED,
        "good",
        "digest",
    )
    assert archive.header.template == "default-v1"
    for event in archive.answers.values():
        assert "ASSET perpetual" in event.prompt
        assert "price: 100.000 USD" in event.prompt
        assert "SOL" not in event.prompt
        assert "202" not in event.prompt.replace("20.2", "").partition("RECENT")[0]
    assert {(close_ts - START) % HOUR for close_ts in archive.answers} == {0}


def test_it_asks_as_often_as_it_is_told(folder: Path) -> None:
    with ollama_thread() as url:
        recorded(folder, url, "--every", "60")
        often = len(rows(folder))
        (folder / "answers.jsonl").unlink()
        recorded(folder, url, "--every", "1440")
        seldom = len(rows(folder))
    assert seldom < often


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)], ids=["killed", "stopped"]
)
def test_whoever_was_killed_or_stopped_goes_on_with_the_same_command(
    folder: Path, number: signal.Signals, code: int
) -> None:
    """The sixth question ends the asker while it waits."""
    asker: list[subprocess.Popen[bytes]] = []
    asked = 0

    async def kills(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked == 6:
            os.kill(asker[0].pid, number)
            return await hangs()(request)
        return await says()(request)

    with ollama_thread({"good": kills}) as url:
        arguments = command("advice", "record", *ARGUMENTS, "--masked")
        asker.append(
            subprocess.Popen(
                arguments,
                cwd=folder,
                env=environment(OLLAMA__URL=url, **LIVELY),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        assert asker[0].wait(60) == code
        before = rows(folder)
        assert len(before) == 5
        with (folder / "answers.jsonl").open("ab") as file:
            file.write(b'{"ts":1735')
        ran = recorded(folder, url, "--masked")
        assert ran.code == Exit.OK
        assert rows(folder)[:5] == before
        assert f"{len(rows(folder)) - 5} of them new" in ran.out
        assert asked == len(rows(folder)) + 1, "nothing is asked twice, save what was not answered"
        again = recorded(folder, url, "--masked")
        assert " 0 of them new" in again.out


def test_failures_of_the_model_are_kept_and_those_of_the_server_are_not(folder: Path) -> None:
    count = 0

    def after(act: Act) -> Act:
        async def play(request: web.Request) -> web.StreamResponse:
            nonlocal count
            count += 1
            return await (says("no idea")(request) if count < 3 else act(request))

        return play

    with ollama_thread({"good": after(refuses(404, "model not found"))}) as url:
        ran = recorded(folder, url)
    assert "the model cannot be asked" in one_line(ran, Exit.UNAVAILABLE)
    assert len(rows(folder)) == 2


def test_without_a_server_or_the_model_nothing_is_begun(folder: Path) -> None:
    with ollama_thread({"another": says()}) as url:
        assert one_line(recorded(folder, url), Exit.UNAVAILABLE) == "the Ollama server does not have good"
    assert one_line(recorded(folder, url), Exit.UNAVAILABLE).startswith("no Ollama server: unreachable")
    assert not (folder / "answers.jsonl").exists()


def test_what_is_unmasked_is_contaminated_or_clean_by_the_models_cutoff(folder: Path) -> None:
    with ollama_thread() as url:
        assert "is contaminated\n" in recorded(folder, url).out
        assert "give another --out" in one_line(recorded(folder, url, "--masked"), Exit.DATA)
        (folder / "answers.jsonl").unlink()
        assert "is clean\n" in recorded(folder, url, "--cutoff", "2024-06-01").out
        refused = one_line(recorded(folder, url, "--cutoff", "2025-01-02"), Exit.DATA)
    assert "lies on both sides of the model's training cutoff 2025-01-02" in refused


def test_an_archive_is_of_one_model_and_no_input_of_its_own(folder: Path) -> None:
    ran = program(folder, "advice", "record", "--tape", "tape.csv", "--out", "answers.jsonl")
    assert "an archive is of one model: give --model" in one_line(ran, Exit.CONFIGURATION)
    ran = program(folder, "advice", "record", "--tape", "tape.csv", "--model", "m", "--out", "tape.csv")
    assert "is an input of this very command" in one_line(ran, Exit.USAGE)
