"""The licence: what it covers, what voids it, and what is none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.params import PARAM_SPANS, Limits, Params
from drift_e3.core.terms import Strategy
from drift_e3.lab.licence import (
    Flaw,
    InvalidLicence,
    Leg,
    Licence,
    legs_of,
    parameters_hash,
    read_licence,
)
from tests.lab.licences import ALL_LEGS, licence


def asked(
    issued: Licence,
    params: Params | None = None,
    limits: Limits | None = None,
    symbol: str = "SOL-PERP",
    frame_ms: int = 60_000,
    legs: frozenset[Leg] = ALL_LEGS,
) -> list[tuple[Flaw, str]]:
    found = issued.complaints(params or Params(), limits or Limits(), symbol, frame_ms, legs)
    return [(complaint.flaw, complaint.text) for complaint in found]


def test_what_was_licensed_may_be_traded() -> None:
    assert asked(licence()) == []


@pytest.mark.parametrize("name", PARAM_SPANS)
def test_every_parameter_is_bound(name: str) -> None:
    value = getattr(Params(), name)
    changed: Any = (
        not value if isinstance(value, bool) else "earned" if isinstance(value, str) else value + 1e-9
    )
    ((flaw, text),) = asked(licence(), Params()._replace(**{name: changed}))
    assert flaw is Flaw.UNLICENSED
    assert text.startswith("the parameters in force are not those that were licensed")


def test_routes_are_bound_too_and_a_whole_number_is_its_float() -> None:
    routed = Params()._replace(routing=(Strategy.NONE, *Params().routing[1:]))
    assert asked(licence(), routed)[0][0] is Flaw.UNLICENSED
    assert parameters_hash(Params(m_volumeZ=3)) == parameters_hash(Params(m_volumeZ=3.0))


def test_tighter_limits_are_covered_and_looser_ones_are_named() -> None:
    assert asked(licence(), limits=Limits(risk_frac=0.01, cooldown_minutes=60.0, max_position_usd=50.0)) == []
    loose = Limits(risk_frac=0.05, cooldown_minutes=1.0, leverage_caps=(1.0, 2.5, 5.0, 2.0, 1.0))
    ((flaw, text),) = asked(licence(), limits=loose)
    assert flaw is Flaw.UNLICENSED
    assert text == (
        "limits are looser than licensed: leverage_caps 1/2.5/5/2/1 (licensed: 1/2.5/3/2/1), "
        "risk_frac 0.05 (licensed: 0.02), cooldown_minutes 1 (licensed: 5)"
    )


def test_a_limit_that_came_later_counts_as_licensed() -> None:
    older = licence()
    del older.limits["exit_slippage_bps"]
    assert asked(older, limits=Limits(exit_slippage_bps=10.0)) == []


def test_a_refused_one_gives_its_reasons_and_nothing_else() -> None:
    issued = licence(verdict="refused", reasons=("trades: 4 is below 30",), symbol="BTC-PERP", legs=())
    assert asked(issued) == [
        (Flaw.UNLICENSED, "the verdict on the card is refused: trades: 4 is below 30"),
    ]
    assert asked(licence(verdict="refused"))[0][1].endswith("no reason is given")
    several = licence(verdict="refused", reasons=("trades: 4 is below 30", "confidence", "bootstrap"))
    assert asked(several)[0][1].endswith("refused: trades: 4 is below 30, and 2 more on the card")


def test_another_market_and_fewer_legs_are_told_each() -> None:
    issued = licence(symbol="BTC-PERP", frame_ms=3_600_000, legs=("funding", "premium"))
    assert asked(issued) == [
        (Flaw.OTHER_MARKET, "licensed for BTC-PERP, this is SOL-PERP"),
        (Flaw.OTHER_MARKET, "licensed on candles of 3600 s, this feed has 60 s"),
        (Flaw.FEWER_LEGS, "searched without imbalance, spread, which this feed provides"),
    ]
    assert asked(licence(legs=("funding",)), legs=frozenset({Leg.FUNDING})) == []


def test_legs_are_what_a_feed_can_tell() -> None:
    nothing = {"funding": False, "premium": False, "book": False, "taker_flow": False}
    assert legs_of(**nothing) == frozenset()
    assert legs_of(**nothing | {"book": True}) == {Leg.IMBALANCE, Leg.SPREAD}
    assert legs_of(**nothing | {"taker_flow": True}) == {Leg.IMBALANCE}
    assert legs_of(funding=True, premium=True, book=True, taker_flow=False) == ALL_LEGS


# -- on a card -----------------------------------------------------------------------------------------------


def through_json(issued: Licence, **changes: Any) -> Licence:
    content = json.loads(json.dumps(issued.document()))
    return read_licence(content | changes)


@given(
    st.text(), st.lists(st.text()), st.integers(), st.sampled_from([(), ("funding",), ("spread", "premium")])
)
def test_a_card_gives_back_what_was_issued(
    verdict: str, reasons: list[str], trials: int, legs: tuple[str, ...]
) -> None:
    issued = licence(verdict=verdict, reasons=tuple(reasons), trials=trials, legs=legs)
    assert through_json(issued) == issued


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("verdict", "licensed"),
        ("reasons", []),
        ("parameters", "0" * 64),
        ("limits", {"risk_frac": 0.5}),
        ("legs", ["premium", "funding", "imbalance", "spread"]),
        ("frame_ms", 300_000),
        ("trials", 1),
        ("earlier", ""),
        ("seal", "0" * 64),
    ],
)
def test_whoever_edits_a_licence_has_none(name: str, value: object) -> None:
    issued = licence(verdict="refused", reasons=("trades",), legs=("funding",))
    assert asked(through_json(issued, **{name: value})) == [
        (Flaw.UNLICENSED, "the licence was changed after it was sealed")
    ]


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"verdict": None}, "verdict: None is not text"),
    ({"reasons": "none"}, "reasons: 'none' is not a list"),
    ({"reasons": [1]}, r"reasons: \[1\] is not a list of texts"),
    ({"legs": [["funding"]]}, r"legs: \[\['funding'\]\] is not a list of texts"),
    ({"frame_ms": 60_000.0}, "frame_ms: 60000.0 is not a whole number"),
    ({"trials": True}, "trials: True is not a whole number"),
    ({"limits": [1]}, r"limits: \[1\] is not an object"),
    ({"limits": {"risk_frac": "0.5"}}, "limits.risk_frac: '0.5' is not a number"),
    ({"limits": {"risk_frac": True}}, "limits.risk_frac: True is not a number"),
    ({"limits": {"risk_frac": []}}, r"limits.risk_frac: \[\] is not a number"),
    ({"limits": {"risk_frac": [0.5]}}, r"limits.risk_frac: \[0.5\] has not the right number of values"),
    ({"limits": {"leverage_caps": 3.0}}, "limits.leverage_caps: 3.0 has not the right number of values"),
    ({"limits": {"leverage_caps": [3.0]}}, "limits.leverage_caps: .* has not the right number of values"),
    ({"seal": 5}, "seal: 5 is not text"),
    ({"data": ["x" * 90]}, r"data: \['x{55}\.\.\. is not text"),
    ({"licensed": True}, "licensed: unknown key"),
]


@pytest.mark.parametrize(("changes", "says"), BROKEN)
def test_what_is_no_licence_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidLicence, match=says):
        read_licence(licence().document() | changes)


@pytest.mark.parametrize("name", licence().document())
def test_a_licence_has_all_its_keys(name: str) -> None:
    content = licence().document()
    del content[name]
    with pytest.raises(InvalidLicence, match=f"{name}: is missing"):
        read_licence(content)


@pytest.mark.parametrize("content", [None, "licensed", True, [], 5])
def test_a_licence_is_an_object(content: object) -> None:
    with pytest.raises(InvalidLicence, match="is not an object of keys and values"):
        read_licence(content)
