"""Parameter cards: what a card may hold, what is refused and how, and the guide's scale."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.config import ConfigError, load
from drift_e3.config.card import LARGEST_BYTES, from_guide_scale, read_card
from drift_e3.config.load import Loaded
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Regime, Strategy
from tests.lab.licences import licence

GUIDE = {
    "name": "RegimeAdaptive",
    "enabled": True,
    "parameters": {
        "m_bodyOverAtr": 0.5,
        "m_volumeZ": 2.0,
        "m_realizedVol": 3.0,
        "f_fundingZ": 0.0005,
        "f_premiumPct": 0.003,
        "ai_confidenceWeight": 0.5,
        "ai_minConfidence": 0.3,
    },
}
"""The example of the user's guide, with the volatility of its grid."""


def use(path: Path) -> Loaded:
    return load(overrides={"params_card": path}, environment={}, env_file=path.with_name("none"))


def write(folder: Path, content: object) -> Path:
    path = folder / "card.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_card_sets_parameters_limits_caps_and_routes(tmp_path: Path) -> None:
    loaded = use(
        write(
            tmp_path,
            {
                "name": "calm",
                "symbol": "SOL-PERP",
                "parameters": {"m_volumeZ": 3, "ai_allowSizeUp": True},
                "limits": {"risk_frac": 0.01, "loss_streak_max": 4},
                "leverage": {"bull_trend": 1.5},
                "routing": {"chop": "none"},
                "about": {"score": 0.61, "legs": ["premium"]},
            },
        )
    )
    trading = loaded.settings.trading()
    assert trading.params == Params(
        m_volumeZ=3.0,
        ai_allowSizeUp=True,
        routing=(Strategy.E3, Strategy.E3, Strategy.E3, Strategy.FUNDING_FADE, Strategy.NONE),
    )
    assert trading.limits.leverage_caps[Regime.BULL_TREND] == 1.5
    assert trading.limits._replace(leverage_caps=Limits().leverage_caps) == Limits(
        risk_frac=0.01, loss_streak_max=4
    )
    assert loaded.notes == (f"parameter card 'calm' from {tmp_path / 'card.json'}",)


def test_the_guides_own_example_works_and_says_what_was_converted(tmp_path: Path) -> None:
    loaded = use(write(tmp_path, GUIDE))
    params = loaded.settings.trading().params
    assert params == Params(m_realizedVol=0.0, m_rv1hMin=0.003, f_fundingRateMin=0.0005, f_premiumPct=0.003)
    assert len(loaded.notes) == 3
    assert loaded.origins["strategy.f_fundingRateMin"] == f"card {tmp_path / 'card.json'}"


def test_a_card_for_another_market_is_told(tmp_path: Path) -> None:
    loaded = use(write(tmp_path, {"symbol": "BTC-PERP"}))
    assert loaded.notes[-1] == "the parameter card was made for BTC-PERP, this is SOL-PERP"


def test_a_card_without_a_name_is_called_after_its_file(tmp_path: Path) -> None:
    assert read_card(write(tmp_path, {})).name == "card"


def test_a_licence_comes_with_the_card_and_steers_nothing(tmp_path: Path) -> None:
    issued = licence()
    loaded = use(write(tmp_path, {"licence": issued.document()}))
    assert loaded.card is not None
    assert loaded.card.licence == issued
    assert loaded.settings.trading().params == Params()
    assert read_card(write(tmp_path, {})).licence is None


BROKEN: list[tuple[object, str]] = [
    ({"licence": "licensed"}, "licence: is not an object of keys and values"),
    ({"licence": {"verdict": "licensed"}}, "licence.reasons: is missing"),
    ({"licence": licence().document() | {"trials": "many"}}, "licence.trials: 'many' is not a whole number"),
    ({"licence": licence().document() | {"score": 1.0}}, "licence.score: unknown key"),
    ({"licenses": {}}, "licenses: unknown key; did you mean licence?"),
    ("", "is not JSON: "),
    ("{", "is not JSON: "),
    ("[" * 100_000, "is not JSON: "),
    ("[]", "is not a JSON object"),
    ('{"parameters": {"m_volumeZ": NaN}}', "is not JSON: NaN is not a number"),
    ('{"parameters": {"m_volumeZ": 1, "m_volumeZ": 2}}', "is not JSON: m_volumeZ is there twice"),
    ({"parameters": []}, "parameters: is not an object of keys and values"),
    ({"paramters": {}}, "paramters: unknown key; did you mean parameters?"),
    ({"m_volumeZ": 2}, "m_volumeZ: belongs into parameters"),
    ({"risk_frac": 0.01}, "risk_frac: belongs into limits"),
    ({"name": 4}, "name: 4 is not text"),
    ({"enabled": False}, "enabled: False is not true: a card that is switched off cannot be used"),
    ({"parameters": {"m_volumez": 2}}, "parameters.m_volumez: unknown key; did you mean m_volumeZ?"),
    ({"parameters": {"zzzzzz": 2}}, "parameters.zzzzzz: unknown key"),
    ({"parameters": {"risk_frac": 0.01}}, "parameters.risk_frac: belongs into limits"),
    ({"limits": {"daily_loss": 0.1}}, "limits.daily_loss: unknown key; did you mean daily_loss_max?"),
    ({"leverage": {"bull": 2}}, "leverage.bull: unknown key; did you mean bull_trend?"),
    ({"parameters": {"m_volumeZ": "2"}}, "parameters.m_volumeZ: '2' is not a number from -5 to 20 (z)"),
    ({"parameters": {"m_volumeZ": True}}, "parameters.m_volumeZ: True is not a number from -5 to 20 (z)"),
    ({"parameters": {"m_volumeZ": None}}, "parameters.m_volumeZ: None is not a number from -5 to 20 (z)"),
    (
        {"parameters": {"m_volumeZ": [2, 3]}},
        "parameters.m_volumeZ: is a list: a card holds one value per key",
    ),
    ({"parameters": {"m_volumeZ": 21}}, "parameters.m_volumeZ: 21 is not a number from -5 to 20 (z)"),
    ('{"parameters": {"m_volumeZ": 1e999}}', "parameters.m_volumeZ: inf is not a number from -5 to 20 (z)"),
    ({"parameters": {"m_volumeZ": 10**400}}, "parameters.m_volumeZ: 1000"),
    ({"parameters": {"m_realizedVol": 10**400}}, "parameters.m_realizedVol: 1000"),
    ({"parameters": {"m_enabled": 1}}, "parameters.m_enabled: 1 is not true or false"),
    (
        {"parameters": {"f_fundingZ": -0.001}},
        "parameters.f_fundingZ: -0.001 is not a number from 0.05 to 20 (z)",
    ),
    ({"limits": {"risk_frac": 0.6}}, "limits.risk_frac: 0.6 is not a number from 0.0001 to 0.5"),
    (
        {"limits": {"loss_streak_max": 2.5}},
        "limits.loss_streak_max: 2.5 is not a whole number from 1 to 1000",
    ),
    ({"leverage": {"chop": 0}}, "leverage.chop: 0 is not a number from 0.01 to 20 (x)"),
    ({"routing": {"chop": "e4"}}, "routing.chop: 'e4' is not one of none, e3, funding_fade"),
    ({"routing": {"chop": 1}}, "routing.chop: 1 is not one of none, e3, funding_fade"),
]


@pytest.mark.parametrize(("content", "line"), BROKEN, ids=lambda value: str(value)[:40])
def test_a_broken_card_is_one_clear_line(tmp_path: Path, content: object, line: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        use(path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}: {line}")
    assert "\n" not in problem


def test_a_card_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(b'{"name": "\xff"}')
    with pytest.raises(ConfigError, match="is not JSON"):
        read_card(path)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{LARGEST_BYTES + 2} bytes are more than"):
        read_card(write(tmp_path, '"' + "x" * LARGEST_BYTES + '"'))


def test_a_folder_is_no_card(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_card(tmp_path)


def test_a_home_directory_that_is_not_there_is_no_bug() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_card(Path("~nobody-of-this-name/card.json"))


@given(st.floats(min_value=1.001, max_value=1_000.0))
def test_a_volatility_on_the_guides_scale_is_thousandths_an_hour(value: float) -> None:
    values, notes = from_guide_scale({"m_realizedVol": value})
    assert values == {"m_realizedVol": 0.0, "m_rv1hMin": value / 1_000.0}
    assert len(notes) == 1


@given(st.floats(min_value=0.05, max_value=20.0), st.floats(min_value=0.0, max_value=1.0))
def test_values_on_our_scale_stay(funding_z: float, rank: float) -> None:
    given_values = {"f_fundingZ": funding_z, "m_realizedVol": rank}
    assert from_guide_scale(given_values) == (given_values, [])


def test_what_is_no_number_is_left_to_validation() -> None:
    values = {"f_fundingZ": "x", "m_realizedVol": True}
    assert from_guide_scale(values) == (values, [])
