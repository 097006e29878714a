"""The oracle account of both programs."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.venues.solana.lazer import LAZER_SIZE, read_lazer
from drift_e3.venues.solana.program import AccountRefused
from tests.venues.solana.chain_accounts import NOW_S, SLOT, lazer_bytes


def test_an_oracle_says_price_confidence_time_and_slot() -> None:
    data = lazer_bytes(price=8_501_647_500, confidence=1_500_000, publish_us=NOW_S * 1_000_000 + 499_900)
    assert len(data) == LAZER_SIZE
    seen = read_lazer("the oracle", data)
    assert (seen.price_usd, seen.confidence_usd) == (85.016475, 0.015)
    assert (seen.publish_ts, seen.posted_slot) == (NOW_S * 1_000 + 499, SLOT)


@pytest.mark.parametrize(
    ("exponent", "multiple", "price_usd"),
    [(-8, 1, 1.5), (-5, 1, 1_500.0), (-8, 1_000, 1_500.0), (1, 1, 1.5e9)],
)
def test_exponent_and_multiple_scale_the_price(exponent: int, multiple: int, price_usd: float) -> None:
    data = lazer_bytes(price=150_000_000, confidence=0, exponent=exponent)
    assert read_lazer("the oracle", data, multiple).price_usd == price_usd


@pytest.mark.parametrize(
    "data", [lazer_bytes(price=0), lazer_bytes(price=-1), lazer_bytes(exponent=-19), lazer_bytes(exponent=30)]
)
def test_what_cannot_be_a_price_is_refused(data: bytes) -> None:
    with pytest.raises(AccountRefused, match=r"the oracle says"):
        read_lazer("the oracle", data)


@given(st.binary(min_size=LAZER_SIZE, max_size=LAZER_SIZE))
def test_any_bytes_give_a_finite_price_or_are_refused(data: bytes) -> None:
    try:
        seen = read_lazer("the oracle", data)
    except AccountRefused:
        return
    assert 0 < seen.price_usd < float("inf")


@pytest.mark.parametrize("venue", ["drift_v2", "velocity"])
def test_recorded_oracles_say_what_was_recorded(shared_data: Path, venue: str) -> None:
    found = 0
    for record in json.loads((shared_data / "onchain" / f"{venue}_oracles.json").read_text()):
        if record["type"] == "PythLazerOracle":
            summary = record["decoded_summary"]
            seen = read_lazer(record["name"], base64.b64decode(record["data_base64"]))
            assert seen.price_usd == pytest.approx(summary["price_float"], rel=1e-15)
            assert seen.confidence_usd == pytest.approx(summary["conf"] / 1e8)
            assert seen.publish_ts == summary["publish_time_us"] // 1_000
            assert seen.posted_slot == summary["posted_slot"]
            found += 1
    assert found >= 2
