"""Snapshots: the whole memory of a trader, bit for bit, and nothing that has no place there."""

import pytest

from drift_e3.core.state import TraderState
from drift_e3.journal.memory import SnapshotUnreadable, decode_state, encode_state
from drift_e3.lab.backtest import backtest
from tests.live.markets import settings, tape_market

CHOSEN = settings()


@pytest.fixture(scope="module")
def state() -> TraderState:
    return backtest(tape_market(CHOSEN), CHOSEN.trading(), 1_000.0).state


def test_a_state_comes_back_bit_for_bit(state: TraderState) -> None:
    encoded = encode_state(state)
    again = decode_state(encoded)
    assert encode_state(again) == encoded
    assert again.market.candle_seen_ts == state.market.candle_seen_ts
    assert again.account == state.account


def test_bytes_of_another_shape_are_refused() -> None:
    with pytest.raises(SnapshotUnreadable):
        decode_state(b"\x93\x01\x02\x03")


def test_what_cannot_be_kept_is_a_bug_and_raises(state: TraderState) -> None:
    broken = decode_state(encode_state(state))
    broken.regime_machine = object()  # type: ignore[assignment]
    with pytest.raises(TypeError, match="object has no place in a snapshot"):
        encode_state(broken)
