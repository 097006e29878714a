"""What is refused before a byte is decoded."""

import pytest
from solders.pubkey import Pubkey

from drift_e3.venues.solana.account_checks import checked
from drift_e3.venues.solana.program import AccountRefused, RawAccount

OURS = Pubkey(b"p" * 32)
THERE = Pubkey(b"a" * 32)
KIND = b"kindkind"
GOOD = RawAccount(owner=OURS, data=KIND + bytes(8))


def check(account: RawAccount | None) -> bytes:
    return checked("the market", {THERE: account}, THERE, owner=OURS, discriminator=KIND, size=16)


def test_an_account_that_is_what_it_must_be_gives_its_data() -> None:
    assert check(GOOD) == GOOD.data


@pytest.mark.parametrize(
    ("account", "why"),
    [
        (None, "does not exist"),
        (GOOD._replace(owner=THERE), f"belongs to {THERE}, not to {OURS}"),
        (GOOD._replace(data=GOOD.data + b"\0"), "has 17 bytes, not 16"),
        (GOOD._replace(data=GOOD.data[:-1]), "has 15 bytes, not 16"),
        (GOOD._replace(data=b""), "has 0 bytes, not 16"),
        (GOOD._replace(data=bytes(16)), "is of another kind"),
    ],
)
def test_any_other_account_is_refused_in_one_line(account: RawAccount | None, why: str) -> None:
    with pytest.raises(AccountRefused) as refused:
        check(account)
    assert why in str(refused.value)
    assert str(refused.value).startswith(f"the market {THERE}")
    assert "\n" not in str(refused.value)
