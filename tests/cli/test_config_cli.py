"""`drift-e3 config`, exit codes, one line an error, and what a start of the program costs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drift_e3 import config, ports
from drift_e3.cli import app, main
from drift_e3.cli.exits import Exit, exit_for
from drift_e3.config.keys import table
from drift_e3.config.overview import env_example
from drift_e3.core.params import InvalidParameter
from drift_e3.journal.errors import JournalError, JournalUnreadable
from drift_e3.journal.state_lock import StateLocked

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program in an empty folder; variables as keywords. Gives exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    for name in [name for name in os.environ if name.upper().startswith("DRIFT_E3_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def _run(*arguments: str, **variables: str) -> tuple[int, str, str]:
        for name, value in variables.items():
            monkeypatch.setenv(f"DRIFT_E3_{name}", value)
        monkeypatch.setattr(sys, "argv", ["drift-e3", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return _run


def test_check_says_that_all_is_well(run: Run) -> None:
    code, out, err = run("config", "check", SPEED="2")
    assert (code, out, err) == (Exit.OK, "the settings are in order: 1 given, the others are defaults\n", "")


def test_check_names_each_problem_in_a_line_and_exits_78(run: Run) -> None:
    code, out, err = run("config", "check", SPEED="x", VENU="tape")
    assert (code, out) == (78, "")
    assert err.splitlines() == [
        "drift-e3: DRIFT_E3_VENU: unknown key; did you mean DRIFT_E3_VENUE?",
        "drift-e3: DRIFT_E3_SPEED: 'x' is not max, or a number above 0 up to 1000000",
    ]


@pytest.mark.parametrize("card", ['{"limits": {"risk_frac": 1}}', "[]", '{"parameters": {"m_volumz": 1}}'])
def test_a_broken_card_exits_78_with_one_line(run: Run, tmp_path: Path, card: str) -> None:
    (tmp_path / "card.json").write_text(card)
    code, _, err = run("config", "check", "--params", "card.json")
    assert code == 78
    assert len(err.splitlines()) == 1
    assert err.startswith("drift-e3: card.json: ")


def test_check_reads_the_file_of_the_working_directory_and_tells_of_conversions(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("DRIFT_E3_STRATEGY__M_REALIZEDVOL=3.0\n")
    code, out, _ = run("config", "check")
    assert code == 0
    assert out.startswith("note: m_realizedVol 3 is on the guide's scale: taken as m_rv1hMin 0.003")


def test_show_prints_every_setting_with_its_origin_and_masks_secrets(run: Run) -> None:
    code, out, _ = run(
        "config",
        "show",
        OLLAMA__TOKEN="hunter2",
        OLLAMA__URL="http://me:hunter3@box:11434",
        STRATEGY__F_FUNDINGZ="0.001",
    )
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("# f_fundingZ 0.001 is on the guide's scale")
    assert [line.split(" = ")[0] for line in lines[1:]] == list(table())
    assert "hunter" not in out
    shown = {line.split(" = ")[0]: line.split(" = ")[1].split() for line in lines[1:]}
    assert shown["ollama.token"][-1] == "environment"
    assert shown["ollama.url"][0] == "http://[redacted]@box:11434"
    assert shown["tape.path"] == ["none", "#", "default"]


def test_show_writes_json(run: Run) -> None:
    code, out, _ = run("config", "show", "--format", "json", OLLAMA__TOKEN="hunter2", SPEED="3")
    assert code == 0
    shown = json.loads(out)
    assert shown["settings"]["speed"] == {"value": 3.0, "origin": "environment"}
    assert shown["settings"]["ollama.models"]["value"] == ["qwq", "qwen2.5", "mistral"]
    assert "hunter2" not in out


def test_a_secret_in_a_bad_value_is_not_shown(run: Run) -> None:
    code, _, err = run("config", "check", OLLAMA__URL="ftp://me:hunter2@box")
    assert code == 78
    assert "hunter2" not in err


def test_schema_writes_json_and_the_example_file(run: Run) -> None:
    code, out, _ = run("config", "schema")
    assert code == 0
    assert "strategy" in json.loads(out)["properties"]
    assert run("config", "schema", "--format", "env") == (0, env_example(), "")


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["config", "nonsense"], ["config", "show", "--nonsense"]]
)
def test_wrong_usage_exits_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments)[0] == Exit.USAGE


def test_help_names_the_verbs(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert "config" in out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (config.ConfigError(["x"]), 78),
        (InvalidParameter("x"), 78),
        (ports.DataError("x"), 65),
        (JournalUnreadable("x"), 65),
        (ports.VenueUnavailable("x"), 69),
        (ports.VenueRefused("x"), 69),
        (ports.OutcomeUnknown("x"), 69),
        (JournalError("x"), 69),
        (StateLocked(Path("state/lock"), 12, 0), 73),
        (ValueError("x"), None),
        (KeyError("x"), None),
    ],
)
def test_each_operating_error_has_its_exit_code_and_a_bug_has_none(
    error: Exception, code: int | None
) -> None:
    assert exit_for(error) == code


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Let the `config check` verb raise an error."""

    def _raising(error: Exception) -> None:
        def load(**_: object) -> None:
            raise error

        monkeypatch.setattr(config, "load", load)

    return _raising


def test_an_operating_error_is_one_line_without_traceback_or_secrets(
    run: Run, raising: Callable[[Exception], None]
) -> None:
    raising(ports.VenueUnavailable("no answer from https://rpc.example.com/?api-key=hunter2"))
    code, out, err = run("config", "check")
    assert (code, out) == (69, "")
    assert err == "drift-e3: no answer from https://rpc.example.com/?api-key=[redacted]\n"


def test_an_error_without_words_still_has_a_line(run: Run, raising: Callable[[Exception], None]) -> None:
    raising(ports.VenueUnavailable())
    assert run("config", "check")[2] == "drift-e3: VenueUnavailable\n"


def test_a_bug_is_not_caught(
    monkeypatch: pytest.MonkeyPatch, raising: Callable[[Exception], None], capsys: pytest.CaptureFixture[str]
) -> None:
    raising(ZeroDivisionError("password=hunter2"))
    monkeypatch.setattr(sys, "argv", ["drift-e3", "config", "check"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(ZeroDivisionError) as caught:
        main()
    sys.excepthook(ZeroDivisionError, caught.value, caught.tb)
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "hunter2" not in shown


def test_exit_codes_are_what_service_files_say() -> None:
    assert {code.name: int(code) for code in Exit} == {
        "OK": 0, "CHECK_FAILED": 1, "USAGE": 2, "DATA": 65, "UNAVAILABLE": 69, "LOCKED": 73,
        "CONFIGURATION": 78, "HALTED": 79,
    }  # fmt: skip


HEAVY = ("pyarrow", "driftpy", "numba", "numpy", "aiohttp", "solders", "anchorpy", "optuna", "plotly")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["config", "show"], ["config", "check"], ["config", "schema"]]
)
def test_a_light_verb_starts_without_the_heavy_libraries(tmp_path: Path, arguments: list[str]) -> None:
    program = (
        "import sys, drift_e3.cli as cli\n"
        f"sys.argv = ['drift-e3', *{arguments!r}]\n"
        "try:\n    cli.main()\n"
        f"finally:\n    print(*sorted(set({HEAVY!r}) & sys.modules.keys()), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_the_program_has_a_verb_for_each_module() -> None:
    assert {group.name for group in app.registered_groups} >= {"config"}
