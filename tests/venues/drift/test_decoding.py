"""Which accounts are taken for what, and which are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from drift_e3.venues.drift.decoding import (
    SIZES,
    MarketId,
    MarketKey,
    read_any_market,
    read_perp_market,
    read_spot_market,
    read_state,
    read_user,
    read_user_stats,
)
from drift_e3.venues.solana.anchor import account_discriminator
from drift_e3.venues.solana.program import AccountRefused, RawAccount, Trading
from tests.venues.drift.looks import (
    MARKET,
    TRADING,
    Change,
    Look,
    a_look,
    with_market,
    with_quote,
    with_user,
)
from tests.venues.drift.recorded import found, like, records, shown, spoilt

Reader = Callable[[Look], Any]

READERS: dict[str, tuple[Pubkey, Reader]] = {
    "State": (MARKET.state_address, lambda look: read_state(look, MARKET)),
    "PerpMarket": (MARKET.perp_address, lambda look: read_perp_market(look, MARKET)),
    "SpotMarket": (MARKET.spot_address, lambda look: read_spot_market(look, MARKET)),
    "User": (MARKET.user_address(TRADING), lambda look: read_user(look, MARKET, TRADING)),
    "UserStats": (MARKET.stats_address(TRADING), lambda look: read_user_stats(look, MARKET, TRADING)),
}

VELOCITY_SIZES = {"State": 1752, "PerpMarket": 1304, "SpotMarket": 808, "User": 4496}


def refused(read: Callable[..., Any], *given: object) -> str:
    """The words in which this reading is refused."""
    with pytest.raises(AccountRefused) as refusal:
        read(*given)
    words = str(refusal.value)
    assert "\n" not in words
    return words


# -- accounts made here -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", READERS)
def test_a_made_up_account_is_taken_and_spoilt_in_any_way_refused(kind: str) -> None:
    address, read = READERS[kind]
    look = a_look()
    good = look[address]
    assert good is not None
    assert len(good.data) == SIZES[kind]
    read(look)
    for bad in spoilt(good).values():
        assert str(address) in refused(read, {**look, address: bad})
    assert "does not exist" in refused(read, {**look, address: None})


@pytest.mark.parametrize("kind", VELOCITY_SIZES)
def test_an_account_of_the_successors_size_is_refused(kind: str) -> None:
    address, read = READERS[kind]
    data = account_discriminator(kind).ljust(VELOCITY_SIZES[kind], b"\0")
    words = refused(read, {**a_look(), address: RawAccount(MARKET.program_id, data)})
    assert f"has {VELOCITY_SIZES[kind]} bytes, not {SIZES[kind]}" in words


def other_mint(quote: Any) -> None:
    quote.mint = Pubkey.from_string("Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB")


def other_index(market: Any) -> None:
    market.market_index = 1


def other_name(market: Any) -> None:
    market.name = list(b"BTC-PERP".ljust(32))


def other_quote(market: Any) -> None:
    market.quote_spot_market_index = 5


def other_address(market: Any) -> None:
    market.pubkey = Pubkey(b"y" * 32)


def other_decimals(quote: Any) -> None:
    quote.decimals = 9


def without_step(market: Any) -> None:
    market.amm.order_step_size = 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_index, "SOL-PERP has the market index 1, not 0"),
        (other_name, "SOL-PERP has the name BTC-PERP, not SOL-PERP"),
        (other_quote, "SOL-PERP has the quote market 5, not 0"),
        (other_address, "SOL-PERP has the address"),
        (without_step, "SOL-PERP has no step or no tick"),
    ],
)
def test_another_market_is_refused(change: Change, words: str) -> None:
    assert words in refused(read_perp_market, with_market(change), MARKET)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_mint, "the quote market has the mint Es9v"),
        (other_index, "the quote market has the market index 1"),
        (other_decimals, "the quote market has the decimals 9, not 6"),
        (other_address, "the quote market has the address"),
    ],
)
def test_another_quote_asset_is_refused(change: Change, words: str) -> None:
    assert words in refused(read_spot_market, with_quote(change), MARKET)


def test_an_account_of_another_authority_or_number_is_refused() -> None:
    def other_authority(user: Any) -> None:
        user.authority = Pubkey(b"z" * 32)

    def other_number(user: Any) -> None:
        user.sub_account_id = 3

    assert "authority" in refused(read_user, with_user(other_authority), MARKET, TRADING)
    assert "sub-account 3, not 0" in refused(read_user, with_user(other_number), MARKET, TRADING)


@pytest.mark.parametrize("kind", ["PerpMarket", "SpotMarket"])
def test_what_the_coder_cannot_read_is_refused_and_not_a_crash(kind: str) -> None:
    address, read = READERS[kind]
    head = account_discriminator(kind)
    nonsense = RawAccount(MARKET.program_id, head + b"\xff" * (SIZES[kind] - len(head)))
    assert "cannot be decoded" in refused(read, {address: nonsense})


@pytest.mark.parametrize(("place", "code"), [("order type", 99), ("trigger condition", 99)])
def test_an_open_order_of_an_unknown_kind_is_refused_and_not_a_crash(place: str, code: int) -> None:
    first_order = 1192
    status, coded = first_order + 82, first_order + {"order type": 83, "trigger condition": 91}[place]
    look = a_look()
    good = look[MARKET.user_address(TRADING)]
    assert good is not None
    data = bytearray(good.data)
    data[status], data[coded] = 1, code
    bad: Look = {MARKET.user_address(TRADING): good._replace(data=bytes(data))}
    assert "cannot be decoded" in refused(read_user, bad, MARKET, TRADING)


@given(st.sampled_from(sorted(READERS)), st.data())
def test_any_bytes_are_decoded_or_refused(kind: str, data: st.DataObject) -> None:
    address, read = READERS[kind]
    good = a_look()[address]
    assert good is not None
    spot = data.draw(st.integers(8, SIZES[kind] - 40))
    noise = data.draw(st.binary(min_size=1, max_size=40))
    bad = good._replace(data=good.data[:spot] + noise + good.data[spot + len(noise) :])
    try:
        read({address: bad})
    except AccountRefused:
        return


# -- accounts recorded on chain ---------------------------------------------------------------------------


def test_recorded_perp_markets_decode_to_what_was_recorded(shared_data: Path) -> None:
    seen = 0
    for record in records(shared_data, "drift_v2_perp_markets", "PerpMarket"):
        market = MarketId(market_index=record.summary["market_index"], name=record.summary["name"])
        assert record.address == market.perp_address
        read = read_perp_market({market.perp_address: record.account}, market)
        assert {key: found(read, key) for key in record.summary} == record.summary
        for bad in spoilt(record.account).values():
            refused(read_perp_market, {market.perp_address: bad}, market)
        seen += 1
    assert seen == 18


def test_recorded_quote_markets_decode_and_other_spot_markets_are_refused_as_such(shared_data: Path) -> None:
    quotes = others = 0
    for record in records(shared_data, "drift_v2_spot_markets", "SpotMarket"):
        index = record.summary["market_index"]
        look: Look = {record.address or Pubkey.default(): record.account}
        read = read_any_market(look, MARKET.program_id, MarketKey("SpotMarket", index))
        assert {key: found(read, key) for key in record.summary} == record.summary
        at_quote: Look = {MARKET.spot_address: record.account}
        if index == 0:
            read_spot_market(at_quote, MARKET)
            other = MARKET._replace(quote_mint=Pubkey(b"m" * 32))
            assert "mint" in refused(read_spot_market, at_quote, other)
            quotes += 1
        else:
            refused(read_spot_market, at_quote, MARKET)
            others += 1
        for bad in spoilt(record.account).values():
            refused(read_spot_market, {MARKET.spot_address: bad}, MARKET)
    assert (quotes, others) == (5, 7)


def test_recorded_users_decode_to_what_was_recorded(shared_data: Path) -> None:
    seen = 0
    for record in records(shared_data, "drift_v2_users", "User"):
        summary = record.summary
        authority = Pubkey.from_string(summary["authority"])
        trading = Trading(authority, summary["sub_account_id"], authority)
        address = MARKET.user_address(trading)
        assert record.address == address
        read = read_user({address: record.account}, MARKET, trading)
        for key, wanted in summary.items():
            if key == "open_orders":
                assert like(read.orders, wanted) == wanted
            elif isinstance(wanted, list):
                assert like(getattr(read, key), wanted) == wanted
            else:
                assert shown(getattr(read, key)) == wanted, key
        for bad in spoilt(record.account).values():
            refused(read_user, {address: bad}, MARKET, trading)
        strange: Look = {MARKET.user_address(TRADING): record.account}
        assert "authority" in refused(read_user, strange, MARKET, TRADING)
        seen += 1
    assert seen == 60


def test_recorded_user_stats_decode_to_what_was_recorded(shared_data: Path) -> None:
    seen = 0
    for record in records(shared_data, "drift_v2_user_stats", "UserStats"):
        authority = Pubkey.from_string(record.summary["authority"])
        trading = Trading(authority, 0, authority)
        address = MARKET.stats_address(trading)
        assert record.address == address
        read = read_user_stats({address: record.account}, MARKET, trading)
        assert {key: found(read, key) for key in record.summary} == record.summary
        for bad in spoilt(record.account).values():
            refused(read_user_stats, {address: bad}, MARKET, trading)
        seen += 1
    assert seen == 15


@pytest.mark.parametrize(
    ("stem", "kind"),
    [
        ("velocity_state", "State"),
        ("velocity_perp_markets", "PerpMarket"),
        ("velocity_spot_markets", "SpotMarket"),
    ],
)
def test_accounts_of_the_successor_are_refused_even_as_the_programs_own(
    shared_data: Path, stem: str, kind: str
) -> None:
    address, read = READERS[kind]
    for record in records(shared_data, stem):
        assert "belongs to vELoC1" in refused(read, {address: record.account})
        forged = record.account._replace(owner=MARKET.program_id)
        assert "bytes, not" in refused(read, {address: forged})
