"""The settings as typed, frozen sections: every key with its default, range, unit and meaning.

Here are the settings as a whole, the sections of market and rules, and the step from there to the core's
settings. The parties outside are in `config.parties`; reading files and variables is `config.load`'s,
parameter cards are `config.card`'s, words for people are `config.keys`'. Rule parameters, limits and the
constants of the fill model come from the tables of `core.params` and `venues.sim.settings`, so that none of
them is written down twice.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from drift_e3.config.fees import FEE_TIERS, OWN
from drift_e3.config.fields import Section, UserPath, number, said
from drift_e3.config.parties import (
    AccountSettings,
    DataApiSettings,
    DlobSettings,
    KeySettings,
    LiveSettings,
    OllamaSettings,
    RpcSettings,
)
from drift_e3.config.server import AlertSettings, JournalSettings, ServerSettings
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
from drift_e3.core.terms import Instrument, Regime, StopPolicy, Strategy, WeightMode
from drift_e3.venues.sim.settings import SIM_SPANS, SimSettings, check_sim_settings

PREFIX = "DRIFT_E3_"
DELIMITER = "__"


def _from_spans(
    name: str, base: type[Section], meaning: str, spans: Mapping[str, Span], defaults: Mapping[str, Any]
) -> type[Section]:
    """A section with the fields of `base` and one field for each key of a table of ranges."""
    fields: dict[str, Any] = {}
    for key, span in spans.items():
        default = defaults[key]
        if span.unit == "bool":
            fields[key] = (bool, said(default, span.meaning))
        else:
            fields[key] = (type(default), number(default, *span))
    return create_model(name, __base__=base, __doc__=meaning, **fields)


class PaperAccount(Section):
    """The simulated account and what is known of its market, without a venue to ask."""

    equity_usd: float = number(1_000.0, 1, 1e9, "USD", "equity of a new paper account")
    fee_tier: Literal[(OWN, *FEE_TIERS)] = said(  # type: ignore[valid-type]  # from the table
        OWN, "fees of a venue's tier, 0 for newcomers; own: the two that follow"
    )
    taker_fee_bps: float = number(Instrument().taker_fee_bps, 0, 1_000, "bps", "fee for taking, of notional")
    maker_fee_bps: float = number(
        Instrument().maker_fee_bps, -100, 1_000, "bps", "fee for resting, of notional; negative: a rebate"
    )
    step_base: float = number(Instrument().step_base, 1e-9, 1e6, "base", "sizes are multiples of this")
    min_base: float = number(Instrument().min_base, 1e-9, 1e6, "base", "smallest size of an order")
    tick_usd: float = number(Instrument().tick_usd, 1e-9, 1e4, "USD", "prices are multiples of this")
    initial_margin_frac: float = number(
        Instrument().initial_margin_frac, 0.001, 1, "fraction", "margin that opening needs, of notional"
    )
    maintenance_margin_frac: float = number(
        Instrument().maintenance_margin_frac, 0.001, 1, "fraction", "liquidated below this, of notional"
    )


class WeightSettings(Section):
    """How the advisor's weight comes about."""

    ai_weightMode: Literal["fixed", "earned"] = said(
        "fixed",
        "the advisor's weight: fixed, or earned by its answers' outcomes, up to ai_confidenceWeight",
    )


if TYPE_CHECKING:
    PaperSettings = PaperAccount
    StrategySettings = WeightSettings
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
        "StrategySettings",
        WeightSettings,
        "The parameters of the rules.",
        PARAM_SPANS,
        Params._field_defaults,
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
                said(Strategy(Params().routing[regime]).label, f"the strategy of {regime.label}"),
            )
            for regime in Regime
        },
    )


class SyntheticSettings(Section):
    """The seeded market."""

    seed: int = number(53, 0, 2**63 - 1, "count", "the same seed is the same market, tick by tick")


class TapeSettings(Section):
    """The recorded market."""

    path: UserPath | None = said(None, "file of candles")
    funding: UserPath | None = said(None, "file of funding rates, with a premium column or without")
    ticks: UserPath | None = said(
        None, "file of oracle prices; without, stops use the candles' lows and highs"
    )
    book: UserPath | None = said(None, "file of order books")


class LogSettings(Section):
    """The log on standard output."""

    format: Literal["auto", "json", "console"] = said(
        "auto", "auto: readable on a terminal, JSON lines elsewhere"
    )
    level: Literal["debug", "info", "warning", "error"] = said("info", "the least that is logged")


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

    venue: Literal["synthetic", "tape", "drift", "velocity"] = said("synthetic", "the market to trade in")
    symbol: str = said(
        "SOL-PERP",
        "the market's name",
        "a market name such as SOL-PERP",
        r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$",
    )
    state_dir: UserPath = said(
        Path("state"), "folder of journal and lock; where systemd sets STATE_DIRECTORY, that"
    )
    speed: Annotated[float, Field(gt=0, le=1e6)] | Literal["max"] = said(
        1.0,
        "how fast a tape or the synthetic market is played, 1 = real time",
        "max, or a number above 0 up to 1000000",
    )
    stop_policy: Literal["hold", "reduce", "flatten"] = said(
        "hold", "what a stop of the daemon does with an open position"
    )
    stop_timeout_s: float = number(30.0, 1, 3_600, "s", "a stop takes no longer than this")
    params_card: UserPath | None = said(None, "parameter card (JSON); variables override it")
    advisor: Literal["ollama", "off"] = said("ollama", "who is asked for advice; off: the rules alone")
    paper: PaperSettings = PaperSettings()
    synthetic: SyntheticSettings = SyntheticSettings()
    tape: TapeSettings = TapeSettings()
    ollama: OllamaSettings = OllamaSettings()
    rpc: RpcSettings = RpcSettings()
    data_api: DataApiSettings = DataApiSettings()
    dlob: DlobSettings = DlobSettings()
    key: KeySettings = KeySettings()
    account: AccountSettings = AccountSettings()
    live: LiveSettings = LiveSettings()
    strategy: StrategySettings = StrategySettings()
    routing: RoutingSettings = RoutingSettings()
    risk: RiskSettings = RiskSettings()
    leverage: LeverageSettings = LeverageSettings()
    journal: JournalSettings = JournalSettings()
    server: ServerSettings = ServerSettings()
    alerts: AlertSettings = AlertSettings()
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
        weight_mode = WeightMode[self.strategy.ai_weightMode.upper()]
        rules = self.strategy.model_dump() | {"ai_weightMode": weight_mode}
        # One of each for each regime: the section's fields are made from them.
        routing: Any = tuple(Strategy[routes[regime.label].upper()] for regime in Regime)
        leverage_caps: Any = tuple(caps[regime.label] for regime in Regime)
        return events.Settings(
            params=check_params(Params(**rules, routing=routing)),
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
        tier = FEE_TIERS.get(self.paper.fee_tier)
        if tier is not None:
            known |= {"taker_fee_bps": tier.taker_bps, "maker_fee_bps": tier.maker_bps}
        return Instrument(symbol=self.symbol, **known)

    def simulation(self) -> SimSettings:
        """The constants of the fill model."""
        return check_sim_settings(SimSettings(**self.paper.model_dump(include=set(SIM_SPANS))))
