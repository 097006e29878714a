"""The README says what is true: verbs, options, exit codes, caps, make targets and files exist as it says."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from drift_e3.cli import app
from drift_e3.cli.exits import Exit
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Regime, Strategy

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = README.split("## Commands")[1].split("\n## ")[0]
STRATEGY_NAMES = {Strategy.E3: "E3 momentum", Strategy.FUNDING_FADE: "FundingFade"}


def verbs() -> dict[str, Any]:
    """Each verb by its words, those of groups included."""
    found: dict[str, Any] = {}
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            found |= {f"{name} {inner}": verb for inner, verb in command.commands.items()}
        else:
            found[name] = command
    return found


def test_every_verb_is_in_the_table_of_commands() -> None:
    for words in verbs():
        group, _, name = words.partition(" ")
        row = next((line for line in COMMANDS.splitlines() if line.startswith(f"| `drift-e3 {group}")), "")
        assert row, f"{words} has no row"
        assert not name or name in COMMANDS


@pytest.mark.parametrize("verb", ["run", "backtest", "features", "replay", "resume"])
def test_every_option_that_the_table_names_exists(verb: str) -> None:
    row = next(line for line in COMMANDS.splitlines() if line.startswith(f"| `drift-e3 {verb}"))
    known = {option for param in verbs()[verb].params for option in (*param.opts, *param.secondary_opts)}
    named = set(re.findall(r"--[a-z-]+", row))
    assert named <= known
    assert verb not in {"backtest", "features"} or named | {"--symbol", "--funding"} >= known - {"--help"}


def test_every_exit_code_is_explained() -> None:
    sentence = README.split("Exit codes:")[1].split("\n\n")[0]
    assert sorted(int(code) for code in re.findall(r"(?:^|· ?)\s*(\d+) ", sentence)) == sorted(Exit)


def test_the_table_of_regimes_is_the_default_routing_and_the_default_caps() -> None:
    table = README.split("| regime | strategy | leverage cap |")[1].split("\n\n")[0]
    rows = {cells[1].strip(): cells for line in table.splitlines() if len(cells := line.split("|")) == 5}
    for regime in Regime:
        _, _, strategy, cap, _ = rows[regime.label]
        assert strategy.strip() == STRATEGY_NAMES[Strategy(Params().routing[regime])]
        assert float(cap) == Limits().leverage_caps[regime]


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", README, re.MULTILINE)) <= targets


def test_every_file_that_is_linked_or_named_exists() -> None:
    named = set(re.findall(r"\]\(([^)#]+)\)", README)) | set(
        re.findall(r"`((?:drift_e3|deploy)/[\w./-]+)`", README)
    )
    for name in named:
        assert (ROOT / name).exists(), name
