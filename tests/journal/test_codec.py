import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_e3.core.events import CandleClosed, Fill
from drift_e3.core.notes import DecisionMade
from drift_e3.core.terms import Liquidity, Reason, Side
from drift_e3.journal import codec
from drift_e3.journal.codec import COMMAND_TYPES, EVENT_TYPES, MESSAGE_TYPES, NOTE_TYPES, PayloadError
from tests.journal.journal_builders import candle, values

KNOWN = st.floats(allow_nan=False, allow_infinity=False)
KNOWN_OR_NOT = st.floats(allow_infinity=False)


@pytest.mark.parametrize("kind", EVENT_TYPES)
@settings(max_examples=30)
@given(data=st.data())
def test_every_event_comes_back_as_it_was(kind: str, data: st.DataObject) -> None:
    event = data.draw(values(EVENT_TYPES[kind], KNOWN))
    assert codec.decode_event(kind, codec.encode(event)) == event


@pytest.mark.parametrize("kind", [*COMMAND_TYPES, *NOTE_TYPES])
@settings(max_examples=20)
@given(data=st.data())
def test_every_command_and_note_comes_back_with_its_unknowns(kind: str, data: st.DataObject) -> None:
    message = data.draw(values(MESSAGE_TYPES[kind], KNOWN_OR_NOT))
    payload = codec.encode(message)
    decoded = codec.decode(kind, payload)
    # NaN is not equal to itself; its text is. A null in an optional number stays a null.
    assert repr(decoded).replace("nan", "None") == repr(message).replace("nan", "None")
    assert codec.encode(decoded) == payload


@settings(max_examples=20)
@given(values(DecisionMade, KNOWN))
def test_an_unknown_feature_comes_back_as_nan(note: DecisionMade) -> None:
    features = note.decision.features._replace(spread_bps=float("nan"))
    payload = codec.encode(DecisionMade(decision=note.decision._replace(features=features)))
    decoded = codec.decode("decision_made", payload)
    assert isinstance(decoded, DecisionMade)
    unknown = decoded.decision.features.spread_bps
    assert unknown != unknown
    assert decoded.decision.features._replace(spread_bps=0.0) == features._replace(spread_bps=0.0)


def test_kinds_are_class_names_in_snake_case_and_no_two_are_alike() -> None:
    assert EVENT_TYPES["candle_closed"] is CandleClosed
    assert EVENT_TYPES["fill"] is Fill
    assert len(MESSAGE_TYPES) == len(EVENT_TYPES) + len(COMMAND_TYPES) + len(NOTE_TYPES)


def test_enumerations_are_written_as_numbers() -> None:
    fill = Fill(
        seen_ts=5,
        fill_id="f",
        order_id="o",
        side=Side.SELL,
        size_base=1.5,
        price_usd=100.25,
        reference_usd=100.5,
        fee_usd=0.1,
        liquidity=Liquidity.TAKER,
        reason=Reason.STOP,
    )
    assert codec.encode(fill) == (
        b'{"seen_ts":5,"fill_id":"f","order_id":"o","side":-1,"size_base":1.5,"price_usd":100.25,'
        b'"reference_usd":100.5,"fee_usd":0.1,"liquidity":1,"reason":1}'
    )


def test_fields_that_are_newer_than_the_payload_take_their_defaults() -> None:
    payload = b'{"seen_ts":1,"open_ts":0,"open":1.0,"high":1.0,"low":1.0,"close":1.0,"volume":0.0}'
    event = codec.decode_event("candle_closed", payload)
    assert isinstance(event, CandleClosed)
    assert event.history is False


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("candle_opened", b"{}"),
        ("heartbeat", b""),
        ("heartbeat", b"{"),
        ("heartbeat", b"[]"),
        ("heartbeat", b"{}"),
        ("heartbeat", b'{"seen_ts":null}'),
        ("halt_requested", b'{"seen_ts":1,"by":"\xff"}'),
        ("decision_made", b'{"decision":7}'),
        ("decision_made", b'{"decision":{"features":7}}'),
        ("ask_advisor", b'{"question":{"candles":7}}'),
    ],
)
def test_a_payload_that_is_not_of_its_kind_is_refused_by_name(kind: str, payload: bytes) -> None:
    with pytest.raises(PayloadError, match=kind):
        codec.decode(kind, payload)


def test_a_note_among_the_events_is_refused() -> None:
    with pytest.raises(PayloadError, match="not a kind of event"):
        codec.decode_event("settings_taken", b'{"kept":[]}')


def test_equal_events_give_equal_bytes() -> None:
    assert codec.encode(candle(7)) == codec.encode(candle(7))
