"""Search configurations: the guide's as it stands, its scales, and one clear line for whatever is wrong."""

import json
from pathlib import Path

import pytest

from drift_e3.config import ConfigError
from drift_e3.config.search import plan_of, read_search, shipped
from drift_e3.core.params import PARAM_SPANS, Params
from drift_e3.core.terms import Regime
from drift_e3.lab.search.grid import Grid
from drift_e3.lab.search.plan import Plan
from tests.config.bad_searches import BAD, Bad, Content, sound

OURS = Path("optimize-llm-regime-adaptive.json")


def write(folder: Path, content: object) -> Path:
    path = folder / "search.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def planned(path: Path) -> Plan:
    config = read_search(path)
    return plan_of(config, Params(), config.training, {})


def refused(folder: Path, content: Content | str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        planned(write(folder, content))
    return list(caught.value.problems)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_what_is_wrong_is_one_clear_line(bad: Bad, tmp_path: Path) -> None:
    content = sound()
    bad.spoil(content)
    problems = refused(tmp_path, content)
    assert len(problems) == 1
    assert problems[0].startswith(f"{tmp_path / 'search.json'}: ")
    assert "\n" not in problems[0]
    with pytest.raises(ConfigError, match=bad.says):
        planned(tmp_path / "search.json")


def test_there_are_cases_enough_and_the_sound_one_is_sound(tmp_path: Path) -> None:
    assert len({bad.name for bad in BAD}) == len(BAD) >= 40
    plan = planned(write(tmp_path, sound()))
    assert [period.name for period in plan.training] == ["a", "b"]
    assert plan.validation.name == "validation"


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    content = sound()
    content["parameters"] = {"m_volumZ": [1], "m_stopLossPct": [], "f_volumeZ": ["x"]}
    assert len(refused(tmp_path, content)) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ('{"name": "a", "name": "b"}', "name is there twice"),
        ('{"name": NaN}', "NaN is not a number"),
    ],
)
def test_a_file_that_is_none_is_one_line(text: str, says: str, tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, text)
    assert says in problem


def test_a_file_that_is_not_there_is_said_and_ours_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.json: cannot be read"):
        read_search(tmp_path / "nothing.json")
    with pytest.raises(ConfigError, match="without a folder, comes with the program"):
        read_search(tmp_path / OURS)


# -- the guide's own ---------------------------------------------------------------------------------------


def test_ours_is_the_guides_grid_by_its_bare_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert OURS.name in shipped()
    assert planned(OURS) == planned(Path(OURS.stem))
    plan = planned(OURS)
    assert Grid(plan.axes).size == 198_359_290_368
    assert plan.max_combinations == 2_500
    assert plan.regime_weights == tuple(
        {"bull_trend": 1.2, "high_vol": 1.0, "bear_trend": 0.8, "chop": 0.6, "crash": 0.4}[regime.label]
        for regime in Regime
    )
    assert [(period.weight, period.days) for period in plan.training] == [(1.5, 92.0), (1.0, 30.0)]
    assert (plan.validation.weight, plan.validation.days) == (2.0, 31.0)
    assert plan.early_stop == (1.0, 0.30, 50.0, 0.15)
    assert plan.scoring == (0.30, 0.25, 0.20, 0.15, 0.10, 0.10, 0.05)


def test_a_file_of_the_same_name_wins_over_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    OURS.write_text(json.dumps(sound()))
    assert planned(OURS).name == "sound"


def test_the_guides_scales_become_ours_and_it_is_said(tmp_path: Path) -> None:
    content = sound()
    content["parameters"] = {"m_realizedVol": [3, 2.5], "f_fundingZ": [0.0003, 0.0005]}
    config = read_search(write(tmp_path, content))
    plan = plan_of(config, Params(), config.training, {})
    assert {axis.key: axis.values for axis in plan.axes} == {
        "m_rv1hMin": (0.0025, 0.003),
        "f_fundingRateMin": (0.0003, 0.0005),
    }
    assert plan.base.m_realizedVol == 0.0
    assert config.axes.notes == (
        "m_realizedVol 3, 2.5 is on the guide's scale: searched as m_rv1hMin 0.0025, 0.003",
        "f_fundingZ 0.0003, 0.0005 is on the guide's scale: searched as f_fundingRateMin 0.0003, 0.0005",
    )


def test_values_on_our_own_scale_stay(tmp_path: Path) -> None:
    content = sound()
    content["parameters"] = {"m_realizedVol": [0.6, 0.4], "f_fundingZ": [2, 1]}
    plan = planned(write(tmp_path, content))
    assert [axis.values for axis in plan.axes] == [(0.4, 0.6), (1.0, 2.0)]
    assert plan.base == Params()


def test_every_parameter_can_be_searched(tmp_path: Path) -> None:
    content = sound()
    content["parameters"] = {
        key: [False, True] if span.unit == "bool" else [span.low, span.high]
        for key, span in PARAM_SPANS.items()
        if key != "m_realizedVol"
    }
    assert len(planned(write(tmp_path, content)).axes) == len(PARAM_SPANS) - 1


def test_what_is_held_is_no_axis_and_stands_in_the_plan(tmp_path: Path) -> None:
    config = read_search(write(tmp_path, sound()))
    plan = plan_of(config, Params(), config.training, {"f_volumeZ": "why not"})
    assert plan.keys == ("m_volumeZ", "m_stopLossPct")
    assert plan.held == (("f_volumeZ", "why not"),)
    with pytest.raises(ConfigError, match="not searched here: m_volumeZ, m_stopLossPct, f_volumeZ"):
        plan_of(config, Params(), config.training, dict.fromkeys(config.axes.values, "no"))


def test_the_account_and_the_caps_are_settings_and_no_cap_is_above_the_largest(tmp_path: Path) -> None:
    content = sound()
    content["execution"]["regimeLeverageSchedule"] = {"bull_trend": 3.0, "chop": 0.5}
    assert read_search(write(tmp_path, content)).settings == {
        "paper.equity_usd": 500.0,
        "paper.taker_fee_bps": 5.0,
        "paper.maker_fee_bps": 5.0,
        "leverage.crash": 1.0,
        "leverage.high_vol": 2.0,
        "leverage.bull_trend": 2.0,
        "leverage.bear_trend": 2.0,
        "leverage.chop": 0.5,
    }
