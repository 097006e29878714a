"""`run` and the licence of its parameters: live refuses where there is none, paper says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import drift_e3.cli.launch
import drift_e3.cli.live_start
from drift_e3.cli.doctor import licence_check
from drift_e3.cli.exits import Exit
from drift_e3.cli.licensing import complaints, refuse, standing, warnings
from drift_e3.cli.run import Accepted
from drift_e3.config import ConfigError, Loaded, Settings, load
from drift_e3.core.params import Params
from drift_e3.lab.licence import Flaw, Licence
from drift_e3.wiring.doctor import Status
from tests.lab.licences import licence
from tests.live.program import Ran, program
from tests.live.tapes import random_walk, write_candles

RULES = Params(m_volumeZ=2.5)
LIVE = {"VENUE": "velocity"}


def write_card(folder: Path, issued: Licence | None, **parameters: float) -> Path:
    path = folder / "card.json"
    content: dict[str, Any] = {"name": "found", "parameters": {"m_volumeZ": 2.5} | parameters}
    if issued is not None:
        content["licence"] = issued.document()
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def with_card(path: Path | None, **overrides: object) -> Loaded:
    chosen = {"venue": "velocity", "advisor": "off", "params_card": path} | overrides
    return load(overrides=chosen, environment={}, env_file=Path("none"))


@pytest.fixture
def confirmed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nobody is asked and nothing is checked: what would be shown of the licence, as often as it would be."""
    shown: list[str] = []

    def confirm(loaded: Loaded, *, yes: bool) -> None:
        shown.append(standing(loaded))
        raise SystemExit(0)

    monkeypatch.setattr(drift_e3.cli.live_start, "confirm", confirm)
    return shown


def live(folder: Path, *more: str, **variables: str) -> Ran:
    return program(folder, "run", "--live", "--advisor", "off", *more, **LIVE | variables)


def refusal(ran: Ran) -> str:
    assert (ran.code, ran.out) == (Exit.CONFIGURATION, "")
    (line,) = ran.err.splitlines()
    assert line.startswith("drift-e3: --live: ")
    return line.removeprefix("drift-e3: --live: ")


def test_the_command_line_knows_every_flaw_by_its_name() -> None:
    assert [accepted.value for accepted in Accepted] == [flaw.value for flaw in Flaw]


# -- before it ----------------------------------------------------------------------------------------------


def test_the_doctor_says_what_live_would_refuse_and_what_would_accept_it(tmp_path: Path) -> None:
    well = licence_check(with_card(write_card(tmp_path, licence(RULES))))
    assert (well.status, well.remedy) == (Status.PASS, "")
    assert well.detail == "licensed after 300 trials on SOL-PERP with funding, imbalance, premium, spread"
    narrow = licence(RULES, legs=("funding", "premium"))
    found = licence_check(with_card(write_card(tmp_path, narrow), symbol="BTC-PERP"))
    assert found.status is Status.WARN
    assert "searched without imbalance, spread" in found.detail
    assert "licensed for SOL-PERP, this is BTC-PERP" in found.detail
    assert found.remedy.endswith("all the same: --accept other-market --accept fewer-legs")


# -- live ----------------------------------------------------------------------------------------------------


def test_a_licensed_card_goes_on_to_the_checks(tmp_path: Path, confirmed: list[str]) -> None:
    write_card(tmp_path, licence(RULES))
    assert live(tmp_path, "--params", "card.json").code == Exit.OK
    assert confirmed == ["licensed after 300 trials on SOL-PERP with funding, imbalance, premium, spread"]


REFUSED: list[tuple[Licence | None, dict[str, str], Flaw, str]] = [
    (None, {}, Flaw.UNLICENSED, "card.json: the card has no licence"),
    (licence(), {}, Flaw.UNLICENSED, "card.json: the parameters in force are not those that were licensed"),
    (licence(RULES), {"STRATEGY__M_VOLUMEZ": "2.6"}, Flaw.UNLICENSED, "a setting overrides it"),
    (licence(RULES), {"ROUTING__CHOP": "none"}, Flaw.UNLICENSED, "the parameters in force are not those"),
    (licence(RULES), {"RISK__RISK_FRAC": "0.04"}, Flaw.UNLICENSED, "risk_frac 0.04 (licensed: 0.02)"),
    (licence(RULES), {"LEVERAGE__CHOP": "5"}, Flaw.UNLICENSED, "limits are looser than licensed: leverage"),
    (
        licence(RULES, verdict="refused", reasons=("confidence: 0.31 is below 0.95",)),
        {},
        Flaw.UNLICENSED,
        "the verdict on the card is refused: confidence: 0.31 is below 0.95",
    ),
    (licence(RULES, intact=False), {}, Flaw.UNLICENSED, "was changed after it was sealed"),
    (
        licence(RULES, legs=("funding", "premium")),
        {},
        Flaw.FEWER_LEGS,
        "searched without imbalance, spread, which this feed provides",
    ),
    (licence(RULES), {"SYMBOL": "BTC-PERP"}, Flaw.OTHER_MARKET, "licensed for SOL-PERP, this is BTC-PERP"),
    (licence(RULES), {"DATA_API__FRAME": "5m"}, Flaw.OTHER_MARKET, "candles of 60 s, this feed has 300 s"),
]


@pytest.mark.parametrize(
    ("issued", "variables", "flaw", "says"), REFUSED, ids=[f"{i}-{row[2]}" for i, row in enumerate(REFUSED)]
)
def test_what_is_not_licensed_is_refused_unless_it_is_accepted_by_name(
    issued: Licence | None,
    variables: dict[str, str],
    flaw: Flaw,
    says: str,
    tmp_path: Path,
    confirmed: list[str],
) -> None:
    path = write_card(tmp_path, issued)
    if issued is not None and not issued.intact:
        path.write_text(path.read_text().replace('"trials": 300', '"trials": 3'))
    line = refusal(live(tmp_path, "--params", "card.json", "--yes", **variables))
    assert says in line
    assert line.endswith(f"; to trade it all the same: --accept {flaw}")
    assert [file.name for file in tmp_path.iterdir()] == ["card.json"]
    other = Flaw.FEWER_LEGS if flaw is Flaw.OTHER_MARKET else Flaw.OTHER_MARKET
    refusal(live(tmp_path, "--params", "card.json", "--accept", other, **variables))
    assert confirmed == []
    assert live(tmp_path, "--params", "card.json", "--accept", flaw, **variables).code == Exit.OK
    assert len(confirmed) == 1
    assert confirmed[0].startswith("NONE: ") == (flaw is Flaw.UNLICENSED)


def test_leaving_the_card_out_is_no_way_around(tmp_path: Path, confirmed: list[str]) -> None:
    assert refusal(live(tmp_path, "--yes")).startswith(
        "no parameter card is given, and the default parameters"
    )
    assert confirmed == []
    assert live(tmp_path, "--accept", "unlicensed").code == Exit.OK


def test_tighter_limits_are_licensed(tmp_path: Path, confirmed: list[str]) -> None:
    write_card(tmp_path, licence(RULES))
    assert live(tmp_path, "--params", "card.json", RISK__RISK_FRAC="0.005").code == Exit.OK
    assert len(confirmed) == 1


def test_an_edited_value_voids_the_licence(tmp_path: Path, confirmed: list[str]) -> None:
    write_card(tmp_path, licence(RULES), m_takeProfitPct=0.025)
    assert "the card was edited" in refusal(live(tmp_path, "--params", "card.json"))


def test_every_complaint_is_a_line(tmp_path: Path) -> None:
    loaded = with_card(write_card(tmp_path, licence(RULES, legs=(), symbol="BTC-PERP")))
    with pytest.raises(ConfigError) as caught:
        refuse(loaded, [])
    assert [line.rpartition(" ")[2] for line in caught.value.problems] == ["other-market", "fewer-legs"]
    refuse(loaded, [Flaw.FEWER_LEGS, Flaw.OTHER_MARKET])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--accept", "unlicensed"), "there is nothing to accept on paper"),
        (
            ("--live", "--accept", "everything"),
            "'everything' is not one of 'unlicensed', 'fewer-legs', 'other-m",
        ),
        (("--live", "--accept"), "requires an argument"),
    ],
)
def test_what_cannot_be_accepted_is_a_mistake(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    ran = program(tmp_path, "run", *arguments)
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    (line,) = ran.err.splitlines()
    assert says in line


# -- paper ---------------------------------------------------------------------------------------------------


def paper(folder: Path, *more: str, **variables: str) -> list[dict[str, Any]]:
    """The warnings on the licence of a run over a short tape."""
    write_candles(folder / "tape.csv", random_walk(4, 30, minutes=60))
    arguments = ("--tape", "tape.csv", "--speed", "max", "--log-format", "json", *more)
    ran = program(folder, "run", *arguments, **variables)
    assert ran.code == Exit.OK
    lines = ran.named("licence.missed")
    assert all(line["level"] == "warning" for line in lines)
    return lines


def test_paper_warns_of_a_card_without_a_licence(tmp_path: Path) -> None:
    write_card(tmp_path, None)
    (line,) = paper(tmp_path, "--params", "card.json", "--advisor", "off")
    assert line["reason"] == "card.json: the card has no licence: run --live refuses this"


def test_paper_says_nothing_of_a_licensed_card_or_of_none(tmp_path: Path) -> None:
    write_card(tmp_path, licence(RULES, symbol="BTC-PERP", legs=()))
    assert paper(tmp_path, "--params", "card.json", "--advisor", "off") == []
    assert paper(tmp_path, "--advisor", "off", STATE_DIR="other") == []


def test_a_rehearsal_on_a_live_market_warns_of_all_that_live_refuses(tmp_path: Path) -> None:
    loaded = with_card(write_card(tmp_path, licence(RULES, legs=())))
    (text,) = warnings(loaded, live=False)
    assert text.endswith("spread, which this feed provides: run --live refuses this")
    (text,) = warnings(with_card(None), live=False)
    assert text.startswith("no parameter card is given")
    assert list(warnings(with_card(None, venue="synthetic"), live=False)) == []


def test_a_licence_is_for_the_rules_alone(tmp_path: Path) -> None:
    loaded = with_card(write_card(tmp_path, licence(RULES)), advisor="ollama")
    assert complaints(loaded) == []
    assert list(warnings(loaded, live=True)) == [
        "the licence is for the rules alone: what the advisor adds was not judged"
    ]


# -- while it runs -------------------------------------------------------------------------------------------


def test_a_reload_brings_in_nothing_that_a_start_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_card(tmp_path, licence(RULES))
    refusals: list[ValueError] = []

    async def launch(loaded: Loaded, read: Callable[[], Settings], **_: object) -> None:
        assert read().trading().params == RULES
        path.write_text(path.read_text().replace('"m_volumeZ": 2.5', '"m_volumeZ": 2.6'))
        # What the daemon does on SIGHUP: it keeps the old settings where this is raised.
        with pytest.raises(ValueError, match="the parameters in force are not those") as caught:
            read()
        refusals.append(caught.value)
        raise SystemExit(0)

    monkeypatch.setattr(drift_e3.cli.launch, "launch", launch)
    monkeypatch.setattr(drift_e3.cli.live_start, "confirm", lambda loaded, yes: None)
    assert live(tmp_path, "--params", "card.json").code == Exit.OK
    assert len(refusals) == 1
