import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.events import Feed, Fill, Settings, Started
from drift_e3.core.notes import DecisionMade
from drift_e3.core.params import Limits, Params
from drift_e3.core.strategies import Leg
from drift_e3.core.terms import (
    Approved,
    Direction,
    Instrument,
    Intent,
    Liquidity,
    Mode,
    OrderKind,
    Reason,
    Regime,
    Side,
    Strategy,
    Verdict,
)
from drift_e3.journal import codec
from drift_e3.journal.codec import MESSAGE_TYPES
from drift_e3.journal.records import RECORD_KINDS, record
from tests.journal.journal_builders import values

FLOATS = st.floats(allow_infinity=False)


def test_a_fill_is_recorded_with_words() -> None:
    fill = Fill(
        seen_ts=60_000,
        fill_id="f1",
        order_id="o1",
        side=Side.SELL,
        size_base=1.5,
        price_usd=100.25,
        reference_usd=100.5,
        fee_usd=0.15,
        liquidity=Liquidity.TAKER,
        reason=Reason.TAKE_PROFIT,
    )
    assert record(fill, 60_000) == {
        "kind": "fill",
        "ts": 60_000,
        "fill_id": "f1",
        "order_id": "o1",
        "side": "sell",
        "size_base": 1.5,
        "price_usd": 100.25,
        "reference_usd": 100.5,
        "fee_usd": 0.15,
        "liquidity": "taker",
        "reason": "take_profit",
    }


def test_an_order_is_flat_and_tells_its_kind_apart_from_the_records() -> None:
    intent = Intent(
        side=Side.BUY,
        kind=OrderKind.IOC,
        size_base=2.0,
        price_usd=101.0,
        reference_usd=100.0,
        reason=Reason.ENTRY,
        strategy=Strategy.FUNDING_FADE,
        reduce_only=False,
    )
    order = SubmitOrder(order_id="o1", approved=Approved(intent=intent, leverage_x_max=2.5))
    assert record(order, 7) == {
        "kind": "order",
        "ts": 7,
        "order_id": "o1",
        "side": "buy",
        "order_kind": "ioc",
        "size_base": 2.0,
        "price_usd": 101.0,
        "reference_usd": 100.0,
        "reason": "entry",
        "strategy": "funding_fade",
        "reduce_only": False,
        "triggers_above": False,
        "leverage_x_max": 2.5,
    }


@settings(max_examples=20)
@given(values(DecisionMade, FLOATS))
def test_a_decision_has_its_features_by_name_and_its_own_time(note: DecisionMade) -> None:
    features = note.decision.features._replace(spread_bps=float("nan"), volume_z=2.5)
    decision = note.decision._replace(
        ts=120_000,
        features=features,
        rule_regime=Regime.CHOP,
        regime=Regime.BULL_TREND,
        strategy=Strategy.E3,
        direction=Direction.SHORT,
        verdict=Verdict.REFUSED,
        reason="cooldown",
        skipped_legs=1 << Leg.SPREAD | 1 << Leg.PREMIUM,
        advice=None,
    )
    made = record(DecisionMade(decision=decision), 130_000)
    assert made["kind"] == "decision"
    assert made["ts"] == 120_000
    assert (made["rule_regime"], made["regime"], made["strategy"]) == ("chop", "bull_trend", "e3")
    assert (made["direction"], made["verdict"], made["reason"]) == ("short", "refused", "cooldown")
    assert made["skipped_legs"] == ["spread", "premium"]
    assert made["features"]["spread_bps"] is None
    assert made["features"]["volume_z"] == 2.5
    assert made["advice"] is None
    for name in ("price_usd", "confidence", "leverage_x_max", "size_base", "order_id", "equity_usd"):
        assert name in made


def test_settings_name_regimes_and_strategies() -> None:
    started = Started(
        seen_ts=1,
        settings=Settings(params=Params(), limits=Limits()),
        instrument=Instrument(),
        feed=Feed(frame_ms=60_000),
        equity_usd=1_000.0,
    )
    made = record(started, 1)
    assert made["settings"]["params"]["routing"] == {
        "crash": "e3",
        "high_vol": "e3",
        "bull_trend": "e3",
        "bear_trend": "funding_fade",
        "chop": "funding_fade",
    }
    assert made["settings"]["limits"]["leverage_caps"]["bull_trend"] == 3.0
    assert made["instrument"]["symbol"] == "SOL-PERP"
    assert record(codec.decode("started", codec.encode(started)), 1) == made


@pytest.mark.parametrize("floats", [FLOATS, st.just(float("nan"))], ids=["some known", "all unknown"])
@pytest.mark.parametrize("kind", MESSAGE_TYPES)
@settings(max_examples=8)
@given(data=st.data())
def test_a_record_is_the_same_before_and_after_the_journal_and_is_json(
    kind: str, floats: st.SearchStrategy[float], data: st.DataObject
) -> None:
    message = data.draw(values(MESSAGE_TYPES[kind], floats))
    made = record(message, 5)
    assert record(codec.decode(kind, codec.encode(message)), 5) == made
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert list(made)[:2] == ["kind", "ts"]
    assert RECORD_KINDS[made["kind"]] == kind


def test_any_other_kind_is_recorded_with_words_too() -> None:
    payload = b'{"before":1,"after":3,"cause":1,"equity_usd":900.0,"until_ts":0}'
    made = record(codec.decode("mode_changed", payload), 9)
    assert (made["before"], made["after"]) == (Mode.TRADING.label, Mode.HALTED.label)
    assert isinstance(made["cause"], str)
