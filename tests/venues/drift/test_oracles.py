"""Prices by the source that a market names."""

from pathlib import Path

import pytest
from solders.pubkey import Pubkey

from drift_e3.drill.drift_accounts import lazer_oracle, pull_oracle
from drift_e3.venues.drift.decoding import PROGRAM_ID
from drift_e3.venues.drift.oracles import PULL_OWNERS, read_oracle
from drift_e3.venues.solana.program import AccountRefused, RawAccount
from drift_e3.venues.solana.views import OracleSeen
from tests.venues.drift.looks import NOW_S, NOW_TS, SLOT
from tests.venues.drift.recorded import records, spoilt

AT = Pubkey(b"o" * 32)


def read(account: RawAccount | None, source: str) -> OracleSeen:
    return read_oracle("the oracle", {AT: account}, AT, source, PROGRAM_ID)


def test_a_lazer_price_is_read() -> None:
    account = lazer_oracle(85.016475, SLOT, NOW_TS + 499, confidence_usd=0.015)
    assert read(account, "PythLazer") == OracleSeen(85.016475, 0.015, NOW_TS + 499, SLOT)
    assert read(account, "PythLazer1K").price_usd == 85_016.475


@pytest.mark.parametrize("owner", PULL_OWNERS)
def test_a_pulled_price_of_either_receiver_is_read(owner: Pubkey) -> None:
    account = pull_oracle(85.016475, SLOT, NOW_S, confidence_usd=0.015)._replace(owner=owner)
    assert read(account, "PythPull") == OracleSeen(85.016475, 0.015, NOW_TS, SLOT)
    assert read(account, "Pyth1MPull").price_usd == 85_016_475.0


def test_a_pulled_price_that_few_have_verified_is_read_one_byte_later() -> None:
    full = pull_oracle(85.0, SLOT, NOW_S)
    partly = full._replace(data=full.data[:40] + b"\0\3" + full.data[41:-1])
    assert read(partly, "PythPull") == read(full, "PythPull")


@pytest.mark.parametrize(
    ("account", "source"),
    [(lazer_oracle(85.0, SLOT, NOW_TS), "PythLazer"), (pull_oracle(85.0, SLOT, NOW_S), "PythPull")],
)
def test_a_spoilt_or_missing_oracle_is_refused(account: RawAccount, source: str) -> None:
    for bad in [*spoilt(account).values(), None]:
        with pytest.raises(AccountRefused, match=r"^the oracle"):
            read(bad, source)


def test_an_oracle_of_one_kind_is_not_taken_for_the_other() -> None:
    with pytest.raises(AccountRefused):
        read(lazer_oracle(85.0, SLOT, NOW_TS), "PythPull")
    with pytest.raises(AccountRefused):
        read(pull_oracle(85.0, SLOT, NOW_S), "PythLazer")


@pytest.mark.parametrize(
    "source", ["Pyth", "Switchboard", "SwitchboardOnDemand", "Prelaunch", "QuoteAsset", "PythLazerStableCoin"]
)
def test_other_kinds_of_oracles_are_refused_in_words(source: str) -> None:
    with pytest.raises(AccountRefused, match=f"of the kind {source}"):
        read(lazer_oracle(85.0, SLOT, NOW_TS), source)


def test_recorded_prices_are_what_was_recorded(shared_data: Path) -> None:
    seen = {"PythLazerOracle": 0, "PriceUpdateV2": 0}
    for record in records(shared_data, "drift_v2_oracles"):
        source = {"PythLazerOracle": "PythLazer", "PriceUpdateV2": "PythPull"}.get(record.kind)
        if source is None:
            for other in ("PythLazer", "PythPull"):
                with pytest.raises(AccountRefused):
                    read(record.account, other)
            continue
        recorded_owner = record.account.owner != Pubkey.default()
        account = record.account if recorded_owner else record.account._replace(owner=PULL_OWNERS[0])
        price, summary = read(account, source), record.summary
        exponent = summary["exponent"]
        assert price.price_usd == pytest.approx(summary["price_float"], rel=1e-15)
        assert price.confidence_usd == pytest.approx(summary["conf"] * 10.0**exponent)
        assert price.posted_slot == summary["posted_slot"]
        if source == "PythLazer":
            assert price.publish_ts == summary["publish_time_us"] // 1_000
        else:
            assert price.publish_ts == summary["publish_time"] * 1_000
        for bad in spoilt(account).values():
            with pytest.raises(AccountRefused):
                read(bad, source)
        seen[record.kind] += 1
    assert seen == {"PythLazerOracle": 5, "PriceUpdateV2": 8}
