"""`drift-e3 status` and `positions` where no daemon runs."""

import re
from pathlib import Path

from drift_e3.cli.exits import Exit
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from tests.cli.operating import arguments, document, live_journal
from tests.live.journals import told
from tests.live.program import program
from tests.live.tapes import LIVELY


def test_status_tells_by_the_journals_word_and_says_so(folder: Path) -> None:
    ran = program(folder, "status", "--state", "state")
    assert (ran.code, ran.err) == (Exit.OK, "")
    lines = dict(re.findall(r"^(\S.{13})(.*)$", ran.out, re.MULTILINE))
    told_of = {name.strip(): text for name, text in lines.items()}
    assert re.match(r"does not run; so says the journal, last written [\d.]+ (s|min) ago", told_of["daemon"])
    assert told_of["mode"] == "trading (warmed)"
    assert re.match(r"(long|short) [\d.]+ at [\d.]+ USD, e3, since 2025-01-0\d", told_of["position"])
    assert told_of["orders"] == "2 open"
    assert told_of["advisor"] == "off"
    assert "of 5.00%" in told_of["day's loss"]
    assert ", on the venue; target" in ran.out
    assert "reduce-only" in ran.out
    assert "by e3 in bull_trend, confidence 0.00: none (no_signal:" in told_of["decision"]


def test_status_as_json_has_the_same(folder: Path) -> None:
    seen = document(program(folder, "status", "--state", "state", "--json"))
    assert (seen["daemon"], seen["mode"], seen["account"]) == (None, "trading", "paper")
    assert seen["seq"] == len(told(folder / "state"))
    assert seen["written_ts"] > seen["event_ts"]
    position = seen["position"]
    assert position["stop_rests"] is True
    assert [order["size_base"] for order in seen["orders"]] == [position["size_base"]] * 2
    assert (seen["decision"]["verdict"], seen["decision"]["strategy"]) == ("none", "e3")


def test_positions_tells_of_position_and_orders_alone(folder: Path) -> None:
    ran = program(folder, "positions", "--state", "state")
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert ran.out.startswith("daemon        does not run")
    assert "stop_" not in ran.out
    assert "equity" not in ran.out
    seen = document(program(folder, "positions", "--state", "state", "--json"))
    assert [position["strategy"] for position in seen["positions"]] == ["e3"]
    assert {order["reason"] for order in seen["orders"]} == {"stop", "take_profit"}
    assert seen["running"] is False


def test_a_flat_trader_has_no_position_and_no_orders(folder: Path) -> None:
    assert program(folder, "flatten", *arguments(), **LIVELY).code == Exit.OK
    ran = program(folder, "positions", "--state", "state")
    assert ran.out.splitlines()[1:] == ["position      flat", "orders        none"]
    assert document(program(folder, "positions", "--state", "state", "--json"))["positions"] == []


def test_one_that_was_stopped_has_stopped(scout: Path) -> None:
    assert "\nmode          stopped (stop_asked)\n" in program(scout, "status", "--state", "state").out


def test_a_look_changes_nothing_and_needs_no_settings(folder: Path) -> None:
    before = {file.name: file.read_bytes() for file in (folder / "state").iterdir()}
    (folder / ".env").write_text("DRIFT_E3_VENUE=nonsense\n")
    for verb in ("status", "positions"):
        assert program(folder, verb, "--state", "state").code == Exit.OK
        assert program(folder, verb).code == Exit.CONFIGURATION
    after = {file.name: file.read_bytes() for file in (folder / "state").iterdir()}
    assert {name: after[name] for name in before} == before


def test_the_state_directory_is_the_settings_where_none_is_given(folder: Path) -> None:
    (folder / "state").rename(folder / "elsewhere")
    assert program(folder, "status", STATE_DIR="elsewhere").code == Exit.OK


def test_of_a_live_account_it_says_that_nobody_asked_the_chain(folder: Path) -> None:
    live_journal(folder)
    ran = program(folder, "status", "--state", "live")
    assert "nobody has asked the chain what the account holds now" in ran.out
    assert "live account" in ran.out
    assert "55.00 USD" in ran.out
    assert "nobody has asked the chain" in program(folder, "positions", "--state", "live").out
    assert "nobody has asked the chain" in program(folder, "halt", "--state", "live").out
    assert document(program(folder, "status", "--state", "live", "--json"))["notes"]


def test_no_secret_is_told_even_where_a_reason_holds_one(folder: Path) -> None:
    live_journal(folder, barred=("https://rpc.example/?api-key=hunter2secret refused",))
    for more in ((), ("--json",)):
        ran = program(folder, "status", "--state", "live", *more)
        assert "rpc.example" in ran.out
        assert "hunter2secret" not in ran.out


def test_a_daemon_that_was_killed_is_said(folder: Path, held: Path) -> None:
    state = folder / "state"
    for file in state.glob("journal.db*"):
        file.unlink()
    writer = JournalWriter(state / JOURNAL_NAME, code_hash())
    for seq, (event, _) in enumerate(told(held / "state")[:5], 1):
        writer.append_event(seq, event)
    writer.close(clean=False)
    assert "the daemon did not end in order" in program(folder, "status", "--state", "state").out
