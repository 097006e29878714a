"""`drift-e3 optimize` as its user meets it: what it says, what it leaves, and what it refuses."""

import json
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from drift_e3.cli.exits import Exit
from tests.cli.searches import COMMAND, SEARCH, make_market
from tests.lab.search.made_search import contents
from tests.live.program import Ran, program
from tests.live.tapes import LIVELY

ALONE = ("--workers", "1")
PROGRAM = (sys.executable, "-c", "from drift_e3.cli import main; main()")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("optimize")
    make_market(folder)
    return folder


@pytest.fixture(scope="module")
def ran(folder: Path) -> Ran:
    return program(folder, *COMMAND, *ALONE, "--out", "found", **LIVELY)


def refused(folder: Path, code: Exit, *arguments: object, **variables: str) -> str:
    """The one line of a refusal, behind the notes."""
    ran = program(folder, *arguments, **variables)
    lines = [line for line in ran.err.splitlines() if not line.startswith("note: ")]
    assert (ran.code, ran.out, len(lines)) == (code, "", 1)
    return lines[0]


def test_it_shows_scores_parameters_verdict_and_where_the_card_is(ran: Ran) -> None:
    assert ran.code == Exit.OK
    assert "of 12 sets tried" in ran.out
    assert "inside (in sample)" in ran.out
    assert "outside (out of sample)" in ran.out
    assert "parameters  m_volumeZ" in ran.out
    assert "verdict     refused" in ran.out
    assert ran.out.splitlines()[-1] == "card        found/card.json"


def test_what_is_not_searched_is_said(ran: Ran) -> None:
    assert "note: the tape has no order book: m_spreadBps stay as they are in force" in ran.err
    assert "note: no recorded advice is given: ai_minConfidence stay as they are in force" in ran.err


def test_the_folder_holds_card_trials_and_report(folder: Path, ran: Ran) -> None:
    assert set(contents(folder / "found")) == {"card.json", "trials.parquet", "report.html"}
    card = json.loads((folder / "found" / "card.json").read_text())
    assert card["parameters"]["ai_minConfidence"] == 0.3
    assert set(card["about"]["search"]["held"]) == {"m_spreadBps", "ai_minConfidence"}
    assert card["licence"]["legs"] == ["premium", "funding"]
    assert card["licence"]["trials"] == card["licence"]["own_trials"] == 12
    assert card["routing"]["chop"] == "e3"


def test_a_backtest_and_the_daemon_take_the_card_and_agree_with_it(folder: Path, ran: Ran) -> None:
    card = json.loads((folder / "found" / "card.json").read_text())
    days = ("--start", "2025-01-29", "--end", "2025-02-08")
    tape = ("--tape", "tape.csv", "--funding", "funding.csv", "--params", "found/card.json")
    again = program(folder, "backtest", *tape, *days)
    shown = dict(line.split(maxsplit=1) for line in again.out.splitlines() if "." not in line.split()[0])
    assert int(shown["trades"]) == card["about"]["periods"][-1]["trades"]


def test_dates_of_the_command_line_replace_the_periods(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = program(
        folder, *COMMAND, *ALONE, "--start", "2025-01-10", "--end", "2025-01-25", "--out", out, **LIVELY
    )
    assert ran.code == Exit.OK
    (inside, outside) = json.loads((out / "card.json").read_text())["about"]["periods"]
    assert (inside["start"], inside["end"]) == ("2025-01-10T00:00Z", "2025-01-26T00:00Z")
    assert outside["name"] == "outside"


def test_without_a_folder_the_results_are_in_the_state_folder(folder: Path, tmp_path: Path) -> None:
    ran = program(folder, *COMMAND, *ALONE, STATE_DIR=str(tmp_path), **LIVELY)
    (found,) = (tmp_path / "searches").iterdir()
    assert contents(found) == contents(folder / "found")
    assert ran.out.splitlines()[-1] == f"card        {found / 'card.json'}"


def test_a_finished_search_is_shown_again_by_resume_and_done_again_without(folder: Path, ran: Ran) -> None:
    shown = program(folder, *COMMAND, *ALONE, "--out", "found", "--resume", **LIVELY)
    assert "this search is finished already" in shown.err
    assert shown.out == ran.out
    before = contents(folder / "found")
    assert program(folder, *COMMAND, *ALONE, "--out", "found", **LIVELY).out == ran.out
    assert contents(folder / "found") == before


def test_a_finished_search_under_another_judge_is_judged_anew_by_resume(folder: Path, ran: Ran) -> None:
    before = contents(folder / "found")
    card = json.loads(before["card.json"])
    card["about"]["verdict"] |= {"judge": "another", "reasons": ["he said so"]}
    (folder / "found" / "card.json").write_text(json.dumps(card))
    anew = program(folder, *COMMAND, *ALONE, "--out", "found", "--resume", **LIVELY)
    assert "judged by other code than this; it is searched again and judged anew" in anew.err
    assert anew.out == ran.out
    assert contents(folder / "found") == before


def test_without_ten_trades_it_ends_with_a_failed_check(folder: Path, tmp_path: Path) -> None:
    make_market(tmp_path, SEARCH | {"backtestPeriods": [{"start": "2025-01-20", "end": "2025-01-20"}]})
    ran = program(tmp_path, *COMMAND, *ALONE, "--out", "found", **LIVELY)
    assert ran.code == Exit.CHECK_FAILED
    assert "there is no winner" in ran.out


# -- what is refused ---------------------------------------------------------------------------------------


def test_a_tape_without_funding_is_refused_where_fades_are_searched(tmp_path: Path) -> None:
    make_market(tmp_path, SEARCH | {"parameters": {"f_volumeZ": [1, 2], "m_volumeZ": [1, 2]}})
    line = refused(tmp_path, Exit.CONFIGURATION, *COMMAND[:5])
    assert line.startswith("drift-e3: --funding: is needed to search f_volumeZ")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (COMMAND[:3], Exit.CONFIGURATION, "TAPE__PATH: is needed"),
        ((*COMMAND[:4], "none.csv"), Exit.CONFIGURATION, "tape.path: there is no file 'none.csv'"),
        ((*COMMAND, "--start", "2025-01-10"), Exit.USAGE, "--start and --end belong together"),
        ((*COMMAND, "--start", "2025-01-10", "--end", "2025-01-09"), Exit.USAGE, "an empty period"),
        ((*COMMAND, "--start", "soon", "--end", "2025-01-09"), Exit.USAGE, "'soon' is no date such as"),
        ((*COMMAND, "--start", "2025-01-20", "--end", "2025-01-30"), Exit.CONFIGURATION, "overlaps training"),
        (
            (*COMMAND, "--start", "2023-01-20", "--end", "2023-01-30"),
            Exit.DATA,
            "tape.csv: no candle in trai",
        ),
        ((*COMMAND, "--workers", "0"), Exit.USAGE, "--workers"),
        ((*COMMAND, "--symbol", "../x"), Exit.CONFIGURATION, "symbol: '../x' is not"),
        (
            ("optimize", "--config", "none.json", *COMMAND[3:]),
            Exit.CONFIGURATION,
            "none.json: cannot be read",
        ),
        (("optimize", "--tape", "tape.csv"), Exit.USAGE, "Missing option '--config'"),
        ((*COMMAND, "--out", "tape.csv"), Exit.CONFIGURATION, "--out: tape.csv is no folder"),
    ],
)
def test_a_command_that_makes_no_sense_is_one_line(
    arguments: tuple[str, ...], code: Exit, says: str, folder: Path
) -> None:
    assert says in refused(folder, code, *arguments)


def test_funding_that_ends_too_early_is_one_line(tmp_path: Path) -> None:
    make_market(tmp_path)
    rows = (tmp_path / "funding.csv").read_text().splitlines()
    (tmp_path / "funding.csv").write_text("\n".join(rows[:190]) + "\n")
    line = refused(tmp_path, Exit.DATA, *COMMAND)
    assert "funding.csv: no funding in inside (2025-01-09 00:00:00 to 2025-01-29 00:00:00 UTC)" in line


def test_a_tape_that_ends_within_a_period_is_said(folder: Path, tmp_path: Path) -> None:
    make_market(tmp_path, SEARCH | {"validationPeriod": {"start": "2025-01-30", "end": "2025-02-28"}})
    ran = program(tmp_path, *COMMAND, *ALONE, "--out", "found", **LIVELY)
    assert "note: validation (2025-01-30 00:00:00 to 2025-03-01 00:00:00 UTC): the tape has only" in ran.err


# -- crashes -----------------------------------------------------------------------------------------------


def environment() -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DRIFT_E3_")}
    return clean | {f"DRIFT_E3_{name}": value for name, value in LIVELY.items()}


def killed(folder: Path, out: Path, more: int, *arguments: str) -> bool:
    """Begin the search and kill it when its log has grown by so many bytes; whether it was still running."""
    log = out / "search.log"

    def size() -> int:
        return log.stat().st_size if log.exists() else 0

    wanted = size() + more
    with subprocess.Popen(
        [*PROGRAM, *COMMAND, "--out", str(out), *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:
        while size() < wanted:
            try:
                child.wait(timeout=0.002)
            except subprocess.TimeoutExpired:
                continue
            return False
        child.kill()
    return True


def killed_and_resumed(folder: Path, out: Path, workers: int, kills: int, seed: int) -> int:
    """Kill the search so often, each time after some further progress, then let it end; gives how many kills
    met it running."""
    dice = random.Random(seed)
    arguments = ("--workers", str(workers), "--resume")
    met = 0
    for _ in range(kills):
        met += killed(folder, out, dice.choice((1, 200, 700)), *arguments)
    subprocess.run(
        [*PROGRAM, *COMMAND, "--out", str(out), *arguments],
        cwd=folder,
        env=environment(),
        check=True,
        capture_output=True,
    )
    return met


def test_a_search_killed_twice_leaves_the_same_files(folder: Path, ran: Ran, tmp_path: Path) -> None:
    assert killed_and_resumed(folder, tmp_path / "out", 1, kills=2, seed=1) > 0
    assert contents(tmp_path / "out") == contents(folder / "found")


@pytest.mark.torture
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_search_killed_twenty_times_leaves_the_same_files(
    workers: int, folder: Path, ran: Ran, tmp_path: Path
) -> None:
    assert killed_and_resumed(folder, tmp_path / "out", workers, kills=20, seed=workers) > 0
    assert contents(tmp_path / "out") == contents(folder / "found")


def test_ctrl_c_ends_a_search_that_can_be_gone_on_with(folder: Path, ran: Ran, tmp_path: Path) -> None:
    """The terminal sends it to the workers as well."""
    log = tmp_path / "out" / "search.log"
    command = [*PROGRAM, *COMMAND, "--out", str(tmp_path / "out"), "--workers", "2"]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        while child.poll() is None and not (log.exists() and log.stat().st_size > 0):
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout=0.002)
        os.killpg(child.pid, signal.SIGINT)
        _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert said.splitlines()[-1].endswith("keeps what is done: go on with --resume")
    assert program(folder, *COMMAND, *ALONE, "--out", tmp_path / "out", "--resume", **LIVELY).code == Exit.OK
    assert contents(tmp_path / "out") == contents(folder / "found")


def test_an_unfinished_search_is_not_begun_anew_by_mistake(folder: Path, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "out"))
    assert killed(folder, tmp_path / "out", 400, *ALONE)
    line = refused(folder, Exit.CONFIGURATION, *COMMAND, *ALONE, *out, **LIVELY)
    assert "holds an unfinished search; go on with --resume" in line
    other = LIVELY | {"STRATEGY__M_BODYOVERATR": "0.7"}
    line = refused(folder, Exit.CONFIGURATION, *COMMAND, *ALONE, *out, "--resume", **other)
    assert "holds another search, or this one over other data or code" in line
