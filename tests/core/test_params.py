"""What a person may tune, and what is refused."""

from math import inf, nan

import pytest

from drift_e3.core.levels import target_price
from drift_e3.core.params import (
    LIMIT_SPANS,
    PARAM_SPANS,
    InvalidParameter,
    Limits,
    Params,
    check_limits,
    check_params,
)
from drift_e3.core.terms import Strategy

SPANS = [*PARAM_SPANS, *LIMIT_SPANS]


def checked(key: str, value: object) -> None:
    if key in PARAM_SPANS:
        check_params(Params()._replace(**{key: value}))  # type: ignore[arg-type]
    else:
        check_limits(Limits()._replace(**{key: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", [2, -1, "model"])
def test_a_weight_is_fixed_or_earned_and_nothing_else(mode: object) -> None:
    with pytest.raises(InvalidParameter, match=r"^ai_weightMode: .* is not one of fixed, earned$"):
        check_params(Params()._replace(ai_weightMode=mode))  # type: ignore[arg-type]


def test_the_defaults_are_allowed_and_come_back() -> None:
    assert check_params(Params()) == Params()
    assert check_limits(Limits()) == Limits()


def test_every_field_has_a_span() -> None:
    assert set(PARAM_SPANS) == set(Params._fields) - {"routing", "ai_weightMode"}
    assert set(LIMIT_SPANS) == set(Limits._fields) - {"leverage_caps"}


@pytest.mark.parametrize("key", SPANS)
def test_the_ends_of_a_span_are_allowed_and_nothing_beyond(key: str) -> None:
    span = {**PARAM_SPANS, **LIMIT_SPANS}[key]
    if span.unit == "bool":
        checked(key, True)
        checked(key, False)
        return
    for end, beyond in ((span.low, span.low - 1), (span.high, span.high * 2)):
        checked(key, int(end) if span.unit == "count" else end)
        with pytest.raises(InvalidParameter, match=f"^{key}: .* is outside"):
            checked(key, int(beyond) if span.unit == "count" else beyond)


@pytest.mark.parametrize("key", SPANS)
@pytest.mark.parametrize("value", [nan, inf, -inf, "1", None])
def test_what_is_no_finite_number_is_refused(key: str, value: object) -> None:
    with pytest.raises(InvalidParameter, match=f"^{key}: "):
        checked(key, value)


@pytest.mark.parametrize(("key", "value"), [("m_enabled", 1), ("m_volumeZ", True), ("risk_frac", False)])
def test_a_switch_is_no_number_and_a_number_no_switch(key: str, value: object) -> None:
    with pytest.raises(InvalidParameter, match=f"^{key}: .* is not a (true/false|number)"):
        checked(key, value)


def test_a_count_is_whole() -> None:
    with pytest.raises(InvalidParameter, match=r"^loss_streak_max: 5\.0 is not a whole number"):
        checked("loss_streak_max", 5.0)


@pytest.mark.parametrize("routing", [(1, 1, 1, 2), (1, 1, 1, 2, 3), ()])
def test_each_regime_needs_a_known_strategy(routing: tuple[int, ...]) -> None:
    with pytest.raises(InvalidParameter, match=r"^routing"):
        check_params(Params()._replace(routing=routing))  # type: ignore[arg-type]


def test_each_regime_needs_a_leverage_cap_in_range() -> None:
    with pytest.raises(InvalidParameter, match=r"^leverage_caps: needs one"):
        check_limits(Limits()._replace(leverage_caps=(1.0, 1.0)))  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match=r"^leverage_caps\.bear_trend: 21"):
        check_limits(Limits(leverage_caps=(1.0, 1.0, 1.0, 21.0, 1.0)))


@pytest.mark.parametrize("strategy", [Strategy.E3, Strategy.FUNDING_FADE])
def test_the_farthest_allowed_target_of_a_short_is_a_price(strategy: Strategy) -> None:
    farthest = Params(
        m_takeProfitPct=PARAM_SPANS["m_takeProfitPct"].high,
        f_takeProfitPct=PARAM_SPANS["f_takeProfitPct"].high,
    )
    assert target_price(-1, 100.0, strategy, farthest) > 0.0
