"""Settings: their sources and precedence, what is refused and how it is said, and the step to the core."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drift_e3.advisors.prompt_templates import DEFAULT, packaged_names
from drift_e3.config import ConfigError, Settings, load
from drift_e3.config.keys import by_variable, table
from drift_e3.config.load import Loaded
from drift_e3.config.overview import effective, env_example, schema
from drift_e3.config.parties import PUBLIC_RPC
from drift_e3.core.params import LIMIT_SPANS, PARAM_SPANS, Limits, Params
from drift_e3.core.terms import Instrument, Regime, StopPolicy, Strategy
from drift_e3.venues.sim.settings import SIM_SPANS, SimSettings
from drift_e3.venues.synthetic import DEFAULT_SEED

Load = Callable[..., Loaded]


@pytest.fixture
def read(tmp_path: Path) -> Load:
    """`load` without this machine's environment: variables as keywords, the text of `.env` as `file`."""

    def _read(
        file: str | None = None, overrides: dict[str, object] | None = None, **variables: str
    ) -> Loaded:
        env_file = tmp_path / ".env"
        if file is not None:
            env_file.write_text(file, encoding="utf-8")
        environment = {f"DRIFT_E3_{name}": value for name, value in variables.items()}
        return load(overrides=overrides, environment=environment, env_file=env_file)

    return _read


def problems(read: Load, *arguments: object, **variables: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read(*arguments, **variables)
    return caught.value.problems


def test_the_defaults_are_the_cores_own() -> None:
    trading = Settings().trading()
    assert trading.params == Params()
    assert trading.limits == Limits()
    assert Settings().instrument() == Instrument()
    assert Settings().simulation() == SimSettings()


def test_every_parameter_limit_cap_route_and_constant_of_the_fill_model_is_a_setting() -> None:
    expected = {f"strategy.{key}" for key in PARAM_SPANS} | {f"risk.{key}" for key in LIMIT_SPANS}
    expected |= {f"{section}.{regime.label}" for regime in Regime for section in ("leverage", "routing")}
    expected |= {f"paper.{key}" for key in SIM_SPANS}
    assert expected <= table().keys()


def test_constructing_settings_reads_no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFT_E3_SYMBOL", "BTC-PERP")
    assert Settings().symbol == "SOL-PERP"


def test_variables_reach_the_core(read: Load) -> None:
    settings = read(
        STRATEGY__M_BODYOVERATR="0.7",
        STRATEGY__AI_REGIMEOVERRIDE="false",
        RISK__LOSS_STREAK_MAX="3",
        LEVERAGE__BULL_TREND="4.5",
        ROUTING__CHOP="none",
        ADVISOR="off",
        OLLAMA__DEADLINE_MS="5000",
    ).settings
    trading = settings.trading()
    assert trading.params.m_bodyOverAtr == 0.7
    assert trading.params.ai_regimeOverride is False
    assert trading.params.routing[Regime.CHOP] == Strategy.NONE
    assert trading.limits.loss_streak_max == 3
    assert trading.limits.leverage_caps == (*Limits().leverage_caps[:2], 4.5, *Limits().leverage_caps[3:])
    assert (trading.ai_enabled, trading.ai_deadline_ms) == (False, 5_000)


def test_names_of_variables_are_taken_in_any_case(tmp_path: Path) -> None:
    loaded = load(environment={"drift_e3_Strategy__m_volumeZ": "3"}, env_file=tmp_path / ".env")
    assert loaded.settings.trading().params.m_volumeZ == 3.0


def test_the_venue_is_built_from_the_paper_section(read: Load) -> None:
    settings = read(
        SYMBOL="BTC-PERP", PAPER__STEP_BASE="0.001", PAPER__TAKER_FEE_BPS="5", PAPER__ORDER_LATENCY_MS="250"
    ).settings
    assert settings.instrument() == Instrument(symbol="BTC-PERP", step_base=0.001, taker_fee_bps=5.0)
    assert settings.simulation().order_latency_ms == 250


def test_words_become_terms(read: Load) -> None:
    settings = read(STOP_POLICY="flatten", SPEED="max", OLLAMA__MODELS="qwen2.5:7b, mistral ,").settings
    assert settings.stopping() is StopPolicy.FLATTEN
    assert settings.speed == "max"
    assert settings.ollama.models == ("qwen2.5:7b", "mistral")
    assert read(SPEED="60").settings.speed == 60.0
    assert read(overrides={"ollama.models": ("a", "b")}).settings.ollama.models == ("a", "b")


def test_the_home_directory_is_expanded(read: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read(STATE_DIR="~/bot").settings.state_dir == tmp_path / "bot"


def test_the_server_address_loses_its_last_slash(read: Load) -> None:
    assert read(OLLAMA__URL="http://box:11434/").settings.ollama.url == "http://box:11434"


def test_the_drills_variable_is_no_setting_and_no_mistake(tmp_path: Path) -> None:
    loaded = load(environment={"DRIFT_E3_PROGRAMS": "/somewhere"}, env_file=tmp_path / ".env")
    assert "programs" not in loaded.origins


def test_rpc_servers_are_a_list_in_order_and_their_access_keys_are_never_shown(read: Load) -> None:
    loaded = read(RPC__URLS="http://one:8899/?api-key=planted, https://two/planted")
    assert loaded.settings.rpc.endpoints == ("http://one:8899/?api-key=planted", "https://two/planted")
    assert "planted" not in repr(loaded)
    assert read().settings.rpc.endpoints == (PUBLIC_RPC,)
    with pytest.raises(ConfigError, match="RPC__URLS: the value is not http or https") as refused:
        read(RPC__URLS="http://one, ftp://two/planted")
    assert "planted" not in str(refused.value)


def test_later_sources_win_and_each_value_tells_its_origin(read: Load, tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    card.write_text(
        '{"parameters": {"m_volumeZ": 2.1, "m_spreadBps": 21, "m_imbalance": 0.2, "m_bodyOverAtr": 1}}'
    )
    loaded = read(
        file=(
            f"DRIFT_E3_PARAMS_CARD={card}\n# a comment\nDRIFT_E3_STRATEGY__M_SPREADBPS=22\n"
            "export DRIFT_E3_STRATEGY__M_IMBALANCE='0.22'\nDRIFT_E3_SPEED=2\n"
        ),
        overrides={"speed": 4.0, "symbol": None},
        STRATEGY__M_IMBALANCE="0.23",
        SPEED="3",
    )
    params = loaded.settings.trading().params
    assert (params.m_volumeZ, params.m_spreadBps, params.m_imbalance) == (2.1, 22.0, 0.23)
    assert loaded.settings.speed == 4.0
    env_file = tmp_path / ".env"
    assert loaded.origins == {
        "params_card": f"{env_file}:1",
        "strategy.m_volumeZ": f"card {card}",
        "strategy.m_bodyOverAtr": f"card {card}",
        "strategy.m_spreadBps": f"{env_file}:3",
        "strategy.m_imbalance": "environment",
        "speed": "command line",
    }


def test_an_empty_variable_counts_as_not_given(read: Load) -> None:
    loaded = read(file="DRIFT_E3_SPEED=5\n", SPEED=" ", SYMBOL="")
    assert loaded.settings.speed == 5.0
    assert "symbol" not in loaded.origins


def test_the_folder_that_the_service_manager_made_is_the_default_for_the_state(tmp_path: Path) -> None:
    environment = {"STATE_DIRECTORY": "/var/lib/bot:/other"}
    loaded = load(environment=environment, env_file=tmp_path / ".env")
    assert loaded.settings.state_dir == Path("/var/lib/bot")
    assert loaded.origins == {"state_dir": "STATE_DIRECTORY"}
    environment["DRIFT_E3_STATE_DIR"] = "here"
    assert load(environment=environment, env_file=tmp_path / ".env").settings.state_dir == Path("here")


def test_variables_of_others_are_left_alone_in_the_environment_only(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    assert load(environment={"DRIFT_HOME": "x", "PATH": "/bin"}, env_file=env_file).origins == {}
    env_file.write_text("VENUE=tape\n")
    with pytest.raises(ConfigError, match=r"\.env:1: VENUE: unknown key; did you mean DRIFT_E3_VENUE\?"):
        load(environment={}, env_file=env_file)


BROKEN: list[tuple[dict[str, str], str]] = [
    ({"VENU": "tape"}, "DRIFT_E3_VENU: unknown key; did you mean DRIFT_E3_VENUE?"),
    ({"M_VOLUMEZ": "2"}, "DRIFT_E3_M_VOLUMEZ: unknown key; did you mean DRIFT_E3_STRATEGY__M_VOLUMEZ?"),
    (
        {"RISK__RISKFRAC": "0.01"},
        "DRIFT_E3_RISK__RISKFRAC: unknown key; did you mean DRIFT_E3_RISK__RISK_FRAC?",
    ),
    ({"QQQQQQQQ": "1"}, "DRIFT_E3_QQQQQQQQ: unknown key"),
    ({"RISK": "{}"}, "DRIFT_E3_RISK: is a section: set one of its keys, DRIFT_E3_RISK__..."),
    ({"VENUE": "binance"}, "DRIFT_E3_VENUE: 'binance' is not one of synthetic, tape, drift, velocity"),
    ({"SYMBOL": "sol perp"}, "DRIFT_E3_SYMBOL: 'sol perp' is not a market name such as SOL-PERP"),
    ({"SPEED": "fast"}, "DRIFT_E3_SPEED: 'fast' is not max, or a number above 0 up to 1000000"),
    ({"SPEED": "0"}, "DRIFT_E3_SPEED: '0' is not max, or a number above 0 up to 1000000"),
    ({"STOP_POLICY": "panic"}, "DRIFT_E3_STOP_POLICY: 'panic' is not one of hold, reduce, flatten"),
    (
        {"RISK__RISK_FRAC": "0.9"},
        "DRIFT_E3_RISK__RISK_FRAC: '0.9' is not a number from 0.0001 to 0.5 (fraction of equity)",
    ),
    (
        {"RISK__DAILY_LOSS_MAX": "nan"},
        "DRIFT_E3_RISK__DAILY_LOSS_MAX: 'nan' is not a number from 0.0001 to 1 (frac",
    ),
    (
        {"RISK__MAX_POSITION_USD": "inf"},
        "DRIFT_E3_RISK__MAX_POSITION_USD: 'inf' is not a number from 1 to 1000000000",
    ),
    (
        {"RISK__LOSS_STREAK_MAX": "2.5"},
        "DRIFT_E3_RISK__LOSS_STREAK_MAX: '2.5' is not a whole number from 1 to 1000",
    ),
    ({"LEVERAGE__CHOP": "25"}, "DRIFT_E3_LEVERAGE__CHOP: '25' is not a number from 0.01 to 20 (x)"),
    ({"ROUTING__CRASH": "E3!"}, "DRIFT_E3_ROUTING__CRASH: 'E3!' is not one of none, e3, funding_fade"),
    ({"STRATEGY__M_ENABLED": "perhaps"}, "DRIFT_E3_STRATEGY__M_ENABLED: 'perhaps' is not true or false"),
    (
        {"STRATEGY__M_REALIZEDVOL": "-1"},
        "DRIFT_E3_STRATEGY__M_REALIZEDVOL: '-1' is not a number from 0 to 1 (rank)",
    ),
    (
        {"STRATEGY__M_REALIZEDVOL": "5000"},
        "DRIFT_E3_STRATEGY__M_REALIZEDVOL: '5000' is not a number from 0 to 1",
    ),
    ({"STRATEGY__F_FUNDINGZ": "0"}, "DRIFT_E3_STRATEGY__F_FUNDINGZ: '0' is not a number from 0.05 to 20 (z)"),
    (
        {"STRATEGY__M_REALIZEDVOL": "3", "STRATEGY__M_RV1HMIN": "0.004"},
        "DRIFT_E3_STRATEGY__M_REALIZEDVOL: 3 is on the guide's scale and m_rv1hMin is given too",
    ),
    (
        {"STRATEGY__F_FUNDINGZ": "0.0005", "STRATEGY__F_FUNDINGRATEMIN": "0.0004"},
        "DRIFT_E3_STRATEGY__F_FUNDINGZ: 0.0005 is on the guide's scale and f_fundingRateMin is given too",
    ),
    (
        {"OLLAMA__URL": "127.0.0.1:11434"},
        "DRIFT_E3_OLLAMA__URL: '127.0.0.1:11434' is not an http or https address",
    ),
    ({"OLLAMA__URL": "http://box:x"}, "DRIFT_E3_OLLAMA__URL: 'http://box:x' is not an http or https address"),
    ({"OLLAMA__MODELS": ","}, "DRIFT_E3_OLLAMA__MODELS: ',' is not 1 to 8 model names with commas between"),
    (
        {"OLLAMA__DEADLINE_MS": "8s"},
        "DRIFT_E3_OLLAMA__DEADLINE_MS: '8s' is not a whole number from 100 to 600000 (ms)",
    ),
    (
        {"OLLAMA__KEEP_ALIVE": "long"},
        "DRIFT_E3_OLLAMA__KEEP_ALIVE: 'long' is not a duration such as 30m, 90s or -1",
    ),
    ({"VENUE": "tape"}, "DRIFT_E3_TAPE__PATH: is needed for venue tape"),
    ({"TAPE__FUNDING": "/no/such"}, "DRIFT_E3_TAPE__FUNDING: there is no file '/no/such'"),
    ({"PARAMS_CARD": "/no/such"}, "/no/such: cannot be read: No such file or directory"),
    ({"STATE_DIR": "~nobody-of-this-name/x"}, "DRIFT_E3_STATE_DIR: '~nobody-of-this-name/x' is not a path"),
    ({"STATE_DIR": __file__}, f"DRIFT_E3_STATE_DIR: '{__file__}' is no folder"),
    (
        {"PAPER__MAINTENANCE_MARGIN_FRAC": "0.1"},
        "DRIFT_E3_PAPER__MAINTENANCE_MARGIN_FRAC: 0.1 is above paper.initial_margin_frac 0.05: every",
    ),
]


@pytest.mark.parametrize(("variables", "line"), BROKEN, ids=lambda value: str(value)[:40])
def test_a_broken_setting_is_one_clear_line(read: Load, variables: dict[str, str], line: str) -> None:
    (problem,) = problems(read, **variables)
    assert problem.startswith(line)
    assert "\n" not in problem


BROKEN_FILES: list[tuple[str, str]] = [
    ("DRIFT_E3_SPEED\n", ":1: is not NAME=value"),
    ("\n\n'unclosed\n", "is not NAME=value"),
    ("DRIFT_E3_SPEED=1\nDRIFT_E3_SPEED=2\n", ":2: DRIFT_E3_SPEED: is given twice"),
    (
        "DRIFT_E3_RISK__RISKFRAC=1\n",
        ":1: DRIFT_E3_RISK__RISKFRAC: unknown key; did you mean DRIFT_E3_RISK__RISK_FRAC?",
    ),
    ("# x\nDRIFT_E3_SPEED=-1\n", ":2: DRIFT_E3_SPEED: '-1' is not max, or a number above 0"),
]


@pytest.mark.parametrize(("text", "line"), BROKEN_FILES)
def test_a_fault_in_the_file_names_its_line(read: Load, text: str, line: str) -> None:
    (problem,) = problems(read, file=text)
    assert line in problem


def test_a_file_that_cannot_be_read_is_a_problem(read: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert problems(read) == (f"{tmp_path / '.env'}: cannot be read: Is a directory",)


def test_a_file_that_is_no_text_is_a_problem(read: Load, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"DRIFT_E3_SPEED=\xff\n")
    assert problems(read) == (f"{tmp_path / '.env'}: is not UTF-8 text",)


def test_all_problems_are_told_at_once(read: Load) -> None:
    found = problems(read, SPEED="x", VENU="y", RISK__RISK_FRAC="9", PAPER__EQUITY_USD="-1")
    assert len(found) == 4


def test_a_bad_option_of_the_command_line_is_told_as_such(read: Load) -> None:
    assert problems(read, overrides={"speed": "x"})[0].startswith("command line: speed: 'x' is not max")


def test_options_may_be_enumerations(read: Load) -> None:
    class Choice(StrEnum):
        OFF = "off"
        NEVER = "never"

    assert read(overrides={"advisor": Choice.OFF}).settings.advisor == "off"
    assert problems(read, overrides={"advisor": Choice.NEVER}) == (
        "command line: advisor: 'never' is not one of ollama, off",
    )


def test_a_long_value_is_cut_in_a_complaint(read: Load) -> None:
    (problem,) = problems(read, SYMBOL="x" * 500)
    assert len(problem) < 160


def test_a_secret_never_stands_in_a_complaint(read: Load) -> None:
    key = table()["ollama.token"]
    assert key.secret
    assert "hunter2" not in key.complaint("hunter2")
    assert "hunter2" not in repr(read(OLLAMA__TOKEN="hunter2").settings)


def test_the_guides_scale_is_turned_once_and_said(read: Load) -> None:
    loaded = read(STRATEGY__M_REALIZEDVOL="3.0", STRATEGY__F_FUNDINGZ="0.0005")
    params = loaded.settings.trading().params
    assert (params.m_realizedVol, params.m_rv1hMin) == (0.0, 0.003)
    assert (params.f_fundingZ, params.f_fundingRateMin) == (Params().f_fundingZ, 0.0005)
    assert [note.split(":")[0] for note in loaded.notes] == [
        "m_realizedVol 3 is on the guide's scale",
        "f_fundingZ 0.0005 is on the guide's scale",
    ]
    assert loaded.origins["strategy.m_rv1hMin"] == "environment"
    assert "strategy.f_fundingZ" not in loaded.origins


def test_a_value_that_overrides_another_overrides_its_scale(read: Load, tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    card.write_text('{"parameters": {"m_realizedVol": 3.0, "m_volumeZ": 2.2}}')
    loaded = read(PARAMS_CARD=str(card), STRATEGY__M_REALIZEDVOL="0.7")
    params = loaded.settings.trading().params
    assert (params.m_realizedVol, params.m_rv1hMin, params.m_volumeZ) == (0.7, 0.0, 2.2)


def test_settings_are_immutable() -> None:
    with pytest.raises(ValidationError):
        Settings().speed = 2.0  # type: ignore[misc]  # that it may not is what is tested


@given(st.floats() | st.integers() | st.booleans() | st.text(max_size=20))
def test_whatever_is_given_for_a_limit_ends_in_range_or_in_one_line(value: object) -> None:
    span = LIMIT_SPANS["risk_frac"]
    try:
        loaded = load(overrides={"risk.risk_frac": value}, environment={}, env_file=Path("no-such-file"))
    except ConfigError as error:
        found = error.problems
    else:
        found = ()
        assert span.low <= loaded.settings.trading().limits.risk_frac <= span.high
    assert len(found) <= 1


def test_the_templates_are_those_that_the_advisor_has() -> None:
    packaged = f"{', '.join(packaged_names())}, or the name of a file"
    assert table()["ollama.template"].expects.startswith(packaged)
    assert Settings().ollama.template == DEFAULT


def test_the_example_file_is_the_generated_one() -> None:
    committed = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
    assert committed == env_example(), "drift-e3 config schema --format env > .env.example"


def test_the_example_file_with_every_line_in_force_gives_the_defaults(read: Load) -> None:
    lines = [line.removeprefix("# ") for line in env_example().splitlines() if line.startswith("# DRIFT_E3_")]
    assert [line.partition("=")[0] for line in lines] == list(by_variable())
    assert read(file="\n".join(lines)).settings == Settings()


def test_the_overview_has_every_key_with_its_value_and_origin(read: Load) -> None:
    rows = {key.path: (value, origin) for key, value, origin in effective(read(RISK__RISK_FRAC="0.01"))}
    assert rows.keys() == table().keys()
    assert rows["risk.risk_frac"] == (0.01, "environment")
    assert rows["venue"] == ("synthetic", "default")


def test_the_schema_tells_ranges_and_refuses_what_it_does_not_know() -> None:
    found = schema()
    assert found["additionalProperties"] is False
    risk = (
        found["$defs"]["Section"] if "RiskSettings" not in found["$defs"] else found["$defs"]["RiskSettings"]
    )
    assert risk["properties"]["risk_frac"]["maximum"] == LIMIT_SPANS["risk_frac"].high


def test_the_default_seed_is_the_synthetic_markets_own() -> None:
    assert Settings().synthetic.seed == DEFAULT_SEED


@pytest.mark.parametrize(
    ("tier", "taker_bps", "maker_bps"),
    [("own", 10.0, 10.0), ("drift_0", 10.0, -2.0), ("drift_5", 5.0, -2.0), ("velocity_2", 2.75, -0.25)],
)
def test_a_tier_sets_both_fees(tier: str, taker_bps: float, maker_bps: float) -> None:
    instrument = load(environment={"DRIFT_E3_PAPER__FEE_TIER": tier}).settings.instrument()
    assert (instrument.taker_fee_bps, instrument.maker_fee_bps) == (taker_bps, maker_bps)


def test_a_tier_and_a_fee_of_ones_own_contradict_each_other() -> None:
    both = {"DRIFT_E3_PAPER__FEE_TIER": "drift_1", "DRIFT_E3_PAPER__MAKER_FEE_BPS": "1"}
    with pytest.raises(ConfigError, match="fee_tier drift_1 sets the fees already"):
        load(environment=both)
