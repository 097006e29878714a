"""The settings as typed, frozen sections: every key with its default, range, unit and meaning.

Here live the models and the step from them to the core's own settings. Reading files and variables is
`config.load`'s, parameter cards are `config.card`'s, words for people are `config.keys`'. Rule parameters,
limits and the constants of the fill model come from the tables of `core.params` and `venues.sim.settings`, so
that none of them is written down twice.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, create_model
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from drift_e3.core import events
from drift_e3.core.params import (
    LEVERAGE_SPAN,
    LIMIT_SPANS,
    PARAM_SPANS,
    Limits,
    Params,
    Span,
    check_limits,
    check_params,
)
from drift_e3.core.terms import Instrument, Regime, StopPolicy, Strategy
from drift_e3.venues.sim.settings import SIM_SPANS, SimSettings, check_sim_settings

PREFIX = "DRIFT_E3_"
DELIMITER = "__"


class Section(BaseModel):
    """What all sections have in common: immutable, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True, hide_input_in_errors=True
    )


def _number(default: float, low: float, high: float, unit: str, meaning: str) -> Any:
    """A field for a number from `low` to `high`, ends included."""
    return Field(default, ge=low, le=high, description=meaning, json_schema_extra={"unit": unit})


def _said(default: object, meaning: str, expects: str = "", pattern: str | None = None) -> Any:
    """A field that is no plain number; `expects` says in words what its type cannot say."""
    return Field(default, description=meaning, pattern=pattern, json_schema_extra={"expects": expects})


def _from_spans(
    name: str, base: type[Section], meaning: str, spans: Mapping[str, Span], defaults: Mapping[str, Any]
) -> type[Section]:
    """A section with the fields of `base` and one field for each key of a table of ranges."""
    fields: dict[str, Any] = {}
    for key, span in spans.items():
        default = defaults[key]
        if span.unit == "bool":
            fields[key] = (bool, _said(default, span.meaning))
        else:
            fields[key] = (type(default), _number(default, *span))
    return create_model(name, __base__=base, __doc__=meaning, **fields)


def _expand_user(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError("there is no such home directory") from error


UserPath = Annotated[Path, AfterValidator(_expand_user)]
"""A path in which ``~`` stands for the home directory, also where no shell has replaced it."""


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("not an http or https address")
    _ = parts.port  # raises for a port that is none
    return url.rstrip("/")


def _split_names(value: object) -> object:
    """``a, b`` as a tuple; anything else as it is."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


ModelNames = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]


class PaperAccount(Section):
    """The simulated account and what is known of its market, without a venue to ask."""

    equity_usd: float = _number(1_000.0, 1, 1e9, "USD", "equity of a new paper account")
    taker_fee_bps: float = _number(Instrument().taker_fee_bps, 0, 1_000, "bps", "fee for taking, of notional")
    maker_fee_bps: float = _number(
        Instrument().maker_fee_bps, -100, 1_000, "bps", "fee for resting, of notional; negative: a rebate"
    )
    step_base: float = _number(Instrument().step_base, 1e-9, 1e6, "base", "sizes are multiples of this")
    min_base: float = _number(Instrument().min_base, 1e-9, 1e6, "base", "smallest size of an order")
    tick_usd: float = _number(Instrument().tick_usd, 1e-9, 1e4, "USD", "prices are multiples of this")
    initial_margin_frac: float = _number(
        Instrument().initial_margin_frac, 0.001, 1, "fraction", "margin that opening needs, of notional"
    )
    maintenance_margin_frac: float = _number(
        Instrument().maintenance_margin_frac, 0.001, 1, "fraction", "liquidated below this, of notional"
    )


if TYPE_CHECKING:
    PaperSettings = PaperAccount
    StrategySettings = Section
    RiskSettings = Section
    RoutingSettings = Section
    LeverageSettings = Section
else:
    PaperSettings = _from_spans(
        "PaperSettings",
        PaperAccount,
        "The simulated venue and account.",
        SIM_SPANS,
        SimSettings._field_defaults,
    )
    StrategySettings = _from_spans(
        "StrategySettings", Section, "The parameters of the rules.", PARAM_SPANS, Params._field_defaults
    )
    RiskSettings = _from_spans(
        "RiskSettings", Section, "Limits outside the model.", LIMIT_SPANS, Limits._field_defaults
    )
    LeverageSettings = _from_spans(
        "LeverageSettings",
        Section,
        "The leverage cap of each regime.",
        {
            regime.label: LEVERAGE_SPAN._replace(meaning=f"largest notional over equity in {regime.label}")
            for regime in Regime
        },
        {regime.label: Limits().leverage_caps[regime] for regime in Regime},
    )
    RoutingSettings = create_model(
        "RoutingSettings",
        __base__=Section,
        __doc__="The strategy of each regime.",
        **{
            regime.label: (
                Literal[tuple(strategy.label for strategy in Strategy)],
                _said(Strategy(Params().routing[regime]).label, f"the strategy of {regime.label}"),
            )
            for regime in Regime
        },
    )


class SyntheticSettings(Section):
    """The seeded market."""

    seed: int = _number(53, 0, 2**63 - 1, "count", "the same seed is the same market, tick by tick")


class TapeSettings(Section):
    """The recorded market."""

    path: UserPath | None = _said(None, "file of candles")
    funding: UserPath | None = _said(None, "file of funding rates, with a premium column or without")
    ticks: UserPath | None = _said(
        None, "file of oracle prices; without, stops use the candles' lows and highs"
    )
    book: UserPath | None = _said(None, "file of order books")


class OllamaSettings(Section):
    """The model server and how it is asked."""

    url: Annotated[str, AfterValidator(_check_url)] = _said(
        "http://127.0.0.1:11434", "address of the Ollama server", "an http or https address"
    )
    token: SecretStr | None = _said(None, "bearer token, where a proxy before the server wants one", "text")
    models: Annotated[ModelNames, Field(min_length=1, max_length=8)] = _said(
        ("qwq", "qwen2.5", "mistral"),
        "the first is asked first, the others are its fallbacks",
        "1 to 8 model names with commas between",
    )
    deadline_ms: int = _number(
        8_000, 100, 600_000, "ms", "for all models together; a later answer is not used"
    )
    num_predict: int = _number(400, 16, 32_768, "tokens", "longest answer; too small a value cuts it")
    num_ctx: int = _number(4_096, 512, 1_048_576, "tokens", "context length, question and answer together")
    temperature: float = _number(0.2, 0, 2, "x", "0 gives the likeliest answer")
    seed: int = _number(7, 0, 2**31 - 1, "count", "seed of the model's sampling")
    keep_alive: str = _said(
        "30m",
        "how long the server keeps the model in memory after an answer; negative: always",
        "a duration such as 30m, 90s or -1",
        r"^-?\d{1,9}(ms|s|m|h)?$",
    )
    think: bool = _said(False, "let thinking models think first: slower, and the schema may be ignored")
    template: Literal["default", "guide"] = _said("default", "wording of the prompt; guide: the user's own")


class LogSettings(Section):
    """The log on standard output."""

    format: Literal["auto", "json", "console"] = _said(
        "auto", "auto: readable on a terminal, JSON lines elsewhere"
    )
    level: Literal["debug", "info", "warning", "error"] = _said("info", "the least that is logged")


class Settings(BaseSettings):
    """Everything a person can set. Constructing one reads nothing: `config.load.load` gathers the values."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )

    venue: Literal["synthetic", "tape", "drift", "velocity"] = _said("synthetic", "the market to trade in")
    symbol: str = _said(
        "SOL-PERP",
        "the market's name",
        "a market name such as SOL-PERP",
        r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$",
    )
    state_dir: UserPath = _said(
        Path("state"), "folder of journal and lock; where systemd sets STATE_DIRECTORY, that"
    )
    speed: Annotated[float, Field(gt=0, le=1e6)] | Literal["max"] = _said(
        1.0,
        "how fast a tape or the synthetic market is played, 1 = real time",
        "max, or a number above 0 up to 1000000",
    )
    stop_policy: Literal["hold", "reduce", "flatten"] = _said(
        "hold", "what a stop of the daemon does with an open position"
    )
    stop_timeout_s: float = _number(30.0, 1, 3_600, "s", "a stop takes no longer than this")
    params_card: UserPath | None = _said(None, "parameter card (JSON); variables override it")
    advisor: Literal["ollama", "off"] = _said("ollama", "who is asked for advice; off: the rules alone")
    paper: PaperSettings = PaperSettings()
    synthetic: SyntheticSettings = SyntheticSettings()
    tape: TapeSettings = TapeSettings()
    ollama: OllamaSettings = OllamaSettings()
    strategy: StrategySettings = StrategySettings()
    routing: RoutingSettings = RoutingSettings()
    risk: RiskSettings = RiskSettings()
    leverage: LeverageSettings = LeverageSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given: where it comes from must be known, so the loader does the reading."""
        return (init_settings,)

    def trading(self) -> events.Settings:
        """What the core is told: rule parameters, limits, and whether an advisor is asked."""
        routes, caps = self.routing.model_dump(), self.leverage.model_dump()
        # One of each for each regime: the section's fields are made from them.
        routing: Any = tuple(Strategy[routes[regime.label].upper()] for regime in Regime)
        leverage_caps: Any = tuple(caps[regime.label] for regime in Regime)
        return events.Settings(
            params=check_params(Params(**self.strategy.model_dump(), routing=routing)),
            limits=check_limits(Limits(**self.risk.model_dump(), leverage_caps=leverage_caps)),
            ai_enabled=self.advisor != "off",
            ai_deadline_ms=self.ollama.deadline_ms,
        )

    def stopping(self) -> StopPolicy:
        """The stop policy in the core's terms."""
        return StopPolicy[self.stop_policy.upper()]

    def instrument(self) -> Instrument:
        """The market as the paper venue knows it, where no venue can be asked."""
        known = self.paper.model_dump(include=set(Instrument._fields))
        return Instrument(symbol=self.symbol, **known)

    def simulation(self) -> SimSettings:
        """The constants of the fill model."""
        return check_sim_settings(SimSettings(**self.paper.model_dump(include=set(SIM_SPANS))))
