"""`drift-e3 advice list`, `show`, `export` and `score` on a journal with good answers, bad ones and none."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from drift_e3.cli.exits import Exit
from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import AdvisorEvent, Attempt
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from drift_e3.lab.ledger_rows import COLUMNS
from tests.core.builders import an_answer
from tests.lab.advised_journals import GOOD, WARM_UP, failed, planted_answers, said, walk, write_advised
from tests.live.program import program

CANDLES = walk(WARM_UP + 500)
ESCAPE = "\x1b[31mred\x1b]0;title\x07"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a journal of some 500 questions in `state`."""
    folder = tmp_path_factory.mktemp("advice")
    good, dice = planted_answers(GOOD, CANDLES), random.Random(1)

    def advise(command: AskAdvisor) -> AdvisorEvent:
        chance = dice.random()
        if chance < 0.1:
            return failed(command, "timeout")
        if chance < 0.2:
            return said(command, f"I think {ESCAPE} it will rain", outcome="no_answer")
        return said(command, an_answer("FLAT", 0.6)) if chance < 0.3 else good(command)

    write_advised(folder / "state", CANDLES, advise)
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[dict[str, object]]:
    """What `export` prints."""
    ran = program(folder, "advice", "export", "--state", "state")
    assert (ran.code, ran.err) == (Exit.OK, "")
    return ran.lines


def test_export_prints_every_question_on_a_line(rows: list[dict[str, object]]) -> None:
    assert len(rows) > 480
    assert all(list(row) == [column.name for column in COLUMNS] for row in rows)
    assert {row["outcome"] for row in rows} >= {"advice", "timeout", "no_answer"}


def test_export_as_parquet_has_the_same_rows(folder: Path, rows: list[dict[str, object]]) -> None:
    ran = program(folder, "advice", "export", "--state", "state", "--parquet", "advice.parquet")
    assert (ran.code, ran.out) == (Exit.OK, f"advice.parquet: {len(rows)} questions\n")
    assert pq.read_table(folder / "advice.parquet").to_pylist() == rows


def test_list_shows_the_newest_questions_last(folder: Path, rows: list[dict[str, object]]) -> None:
    ran = program(folder, "advice", "list", "--state", "state", "--limit", "5")
    head, *lines = ran.out.splitlines()
    assert head.split()[:3] == ["asked", "(UTC)", "id"]
    assert [line.split()[2] for line in lines] == [row["question_id"] for row in rows[-5:]]
    assert "pending" in lines[-1]


def test_list_as_json_has_whole_rows(folder: Path, rows: list[dict[str, object]]) -> None:
    ran = program(folder, "advice", "list", "--state", "state", "--limit", "3", "--json")
    assert json.loads(ran.out) == {"questions": rows[-3:]}


def test_show_tells_all_of_a_question(folder: Path, rows: list[dict[str, object]]) -> None:
    row = next(row for row in rows if row["order_id"] and row["closed_reason"])
    ran = program(folder, "advice", "show", str(row["question_id"]), "--state", "state")
    assert ran.code == Exit.OK
    for told in (
        "--- prompt ---",
        "--- answer ---",
        str(row["order_id"]),
        "return_24h",
        "f_rv_1h",
        "what now?",
    ):
        assert told in ran.out
    as_json = program(folder, "advice", "show", str(row["question_id"]), "--state", "state", "--json")
    assert json.loads(as_json.out) == row


def test_show_tells_of_every_model_that_was_tried(tmp_path: Path) -> None:
    def climb(command: AskAdvisor) -> AdvisorEvent:
        reply = said(command, an_answer(), model="small")
        first = Attempt(
            model="large", digest="d", options="{}", outcome="no_answer", text="hm", latency_ms=900
        )
        return replace(reply, attempts=(first, *reply.attempts))

    write_advised(tmp_path / "state", CANDLES[: WARM_UP + 25], climb)
    (row,) = json.loads(
        program(tmp_path, "advice", "list", "--state", "state", "--limit", "1", "--json").out
    )["questions"]
    assert [attempt["model"] for attempt in json.loads(row["tried"])] == ["large", "small"]
    shown = program(tmp_path, "advice", "show", row["question_id"], "--state", "state").out
    assert "--- large: no_answer, 0.90 s ---\nhm\n" in shown
    assert shown.endswith(f"--- answer ---\n{an_answer()}\n")


def test_show_tells_of_a_question_that_failed(folder: Path, rows: list[dict[str, object]]) -> None:
    row = next(row for row in rows if row["outcome"] == "timeout")
    shown = program(folder, "advice", "show", str(row["question_id"]), "--state", "state").out
    assert shown.endswith("--- planted: timeout, 8.00 s ---\n(not a word)\n")


def test_an_answer_cannot_speak_to_the_terminal(folder: Path, rows: list[dict[str, object]]) -> None:
    row = next(row for row in rows if row["outcome"] == "no_answer")
    assert ESCAPE in str(row["text"])
    shown = program(folder, "advice", "show", str(row["question_id"]), "--state", "state").out
    assert "it will rain" in shown
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_an_unknown_question_is_refused(folder: Path) -> None:
    ran = program(folder, "advice", "show", "nobody", "--state", "state")
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert "has no question 'nobody'" in ran.err


def test_score_tells_findings_figures_and_service(folder: Path) -> None:
    ran = program(folder, "advice", "score", "--state", "state")
    assert ran.code == Exit.OK
    assert "15m: right more often than chance" in ran.out
    for told in ("edge, points", "skill over base rate", "planted", "kappa", "latency: p50", "24h"):
        assert told in ran.out


def test_score_at_one_horizon_as_json_has_every_figure(folder: Path) -> None:
    ran = program(folder, "advice", "score", "--state", "state", "--horizon", "1h", "--json", "-")
    card = json.loads(ran.out)
    assert (ran.code, ran.err) == (Exit.OK, "")
    (horizon,) = card["horizons"]
    direction = horizon["direction"]
    assert (horizon["horizon"], horizon["horizon_ms"]) == ("1h", 3_600_000)
    assert set(direction["parts"]) == {"score", "reliability", "resolution", "uncertainty", "within"}
    assert direction["edge"]["interval"] is None or len(direction["edge"]["interval"]) == 2
    assert {"log_loss", "calibration_error", "bins", "base_skill", "overconfidence"} <= set(direction)
    assert {one["by"] for one in horizon["slices"]} == {
        "model",
        "template",
        "advice regime",
        "rule regime",
        "direction",
    }
    assert horizon["flat"]["answers"] > 20
    assert card["outcomes"]["timeout"] > 20
    assert list(card["models"][0]["rates"]) == ["understood", "timed_out", "misunderstood", "failed"]


def test_score_writes_a_page_that_needs_nothing_else(folder: Path) -> None:
    ran = program(folder, "advice", "score", "--state", "state", "--html", "page.html", "--json", "card.json")
    assert ran.code == Exit.OK
    page = (folder / "page.html").read_text()
    assert json.loads((folder / "card.json").read_text())["questions"] > 480
    own = page[: page.index("<script")] + page[page.index('id="plots"') :][:200_000]
    assert "src=" not in own.replace("src=\\", "")
    assert 'href="http' not in own
    plots = json.loads(page.split('id="plots">')[1].split("</script>")[0].replace("<\\/", "</"))
    assert [plot["name"] for plot in plots] == [
        "reliability-15m",
        "reliability-1h",
        "reliability-4h",
        "reliability-24h",
        "hits",
        "skill",
        "agreement",
        "service",
        "latency",
    ]
    assert all(f'id="plot-{plot["name"]}"' in page for plot in plots)


def test_the_same_journal_gives_the_same_page(folder: Path) -> None:
    pages = []
    for name in ("one.html", "two.html"):
        program(folder, "advice", "score", "--state", "state", "--horizon", "15m", "--html", name)
        pages.append((folder / name).read_bytes())
    assert pages[0] == pages[1]


def test_a_journal_without_questions_has_nothing_to_score(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with JournalWriter(tmp_path / "state" / JOURNAL_NAME, "c0de"):
        pass
    ran = program(tmp_path, "advice", "score", "--state", "state", "--html", "page.html")
    assert ran.code == Exit.OK
    assert ran.out == "0 questions, - to - UTC: -\n"
    assert "15m: no directional answer to judge (nothing known yet)." in (tmp_path / "page.html").read_text()
    assert program(tmp_path, "advice", "export", "--state", "state").out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("score", "--horizon", "2h"), Exit.USAGE, "2h"),
        (("score", "--html", "nowhere/page.html"), Exit.DATA, "nowhere/page.html: cannot be written"),
        (("score", "--html", f"state/{JOURNAL_NAME}"), Exit.USAGE, "is the journal itself"),
        (("score", "--json", f"state/{JOURNAL_NAME}"), Exit.USAGE, "is the journal itself"),
        (("export", "--parquet", f"state/{JOURNAL_NAME}"), Exit.USAGE, "is the journal itself"),
        (("export", "--jsonl", "--parquet", "x.parquet"), Exit.USAGE, "choose one"),
        (("export", "--parquet", "nowhere/x.parquet"), Exit.DATA, "nowhere/x.parquet: cannot be written"),
        (("list", "--limit", "0"), Exit.USAGE, "limit"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    folder: Path, arguments: tuple[str, ...], code: Exit, told: str
) -> None:
    ran = program(folder, "advice", *arguments, "--state", "state")
    assert (ran.code, ran.out) == (code, "")
    (line,) = ran.err.splitlines()
    assert told in line


@pytest.mark.parametrize("verb", [("list",), ("show", "x"), ("export",), ("score",)])
def test_a_folder_without_a_journal_is_named(tmp_path: Path, verb: tuple[str, ...]) -> None:
    ran = program(tmp_path, "advice", *verb, "--state", "nowhere")
    assert ran.code == Exit.DATA
    assert "no journal there" in ran.err
