"""driftpy on the locked environment: its decoders and builders work beside releases it did not ask for.

No network, no venue: accounts are built here or recorded, and instructions are built, not sent.
"""

import base64
import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import driftpy
import pytest
from anchorpy import Idl, Program, Provider, Wallet
from anchorpy.program.common import NamedInstruction
from driftpy.accounts.oracle import decode_oracle
from driftpy.accounts.types import DataAndSlot
from driftpy.addresses import (
    get_perp_market_public_key,
    get_spot_market_public_key,
    get_state_public_key,
    get_user_account_public_key,
)
from driftpy.constants.config import DRIFT_PROGRAM_ID
from driftpy.decode.user import decode_user
from driftpy.decode.user_stat import decode_user_stat
from driftpy.drift_client import DriftClient
from driftpy.types import (
    MarketType,
    OracleSource,
    OrderParams,
    OrderType,
    PositionDirection,
    PostOnlyParams,
)
from solana.rpc.async_api import AsyncClient
from solders.keypair import Keypair
from solders.pubkey import Pubkey

NOWHERE = "http://127.0.0.1:1"

# Sizes on chain, the 8 bytes of the discriminator included.
SIZES = {"State": 992, "PerpMarket": 1216, "SpotMarket": 776, "User": 4376}

OWNER = Keypair.from_seed(bytes(range(32)))
ORACLE = Pubkey(b"o" * 32)


@pytest.fixture(scope="module")
def coder() -> Any:
    idl = Idl.from_json((Path(driftpy.__file__).parent / "idl" / "drift.json").read_text())
    return Program(idl, DRIFT_PROGRAM_ID, Provider(SimpleNamespace(), Wallet(OWNER))).coder


# -- accounts built here ------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """The value with its dataclasses turned to dicts; anchorpy's way copies public keys, and fails."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def legible(value: Any) -> Any:
    """The same with enum variants by name: the coder makes its own classes for them, unequal to driftpy's."""
    if isinstance(value, dict):
        return {key: legible(item) for key, item in value.items()}
    if isinstance(value, list):
        return [legible(item) for item in value]
    return type(value).__name__ if hasattr(value, "__attrs_attrs__") else value


def blank(coder: Any, name: str) -> Any:
    """An account of zeros, as an object whose attributes can be set."""
    discriminator = coder.accounts.acc_name_to_discriminator[name]
    return coder.accounts.decode(discriminator + bytes(SIZES[name] - len(discriminator)))


def on_chain(coder: Any, name: str, account: Any) -> bytes:
    """The bytes the chain would hold for this account."""
    written: bytes = coder.accounts.build(NamedInstruction(name=name, data=plain(account)))
    return written.ljust(SIZES[name], b"\0")


def perp_market(coder: Any) -> Any:
    market = blank(coder, "PerpMarket")
    market.pubkey = get_perp_market_public_key(DRIFT_PROGRAM_ID, 0)
    market.market_index = 0
    market.quote_spot_market_index = 0
    market.amm.oracle = ORACLE
    market.amm.oracle_source = OracleSource.PythLazer()
    market.amm.base_asset_reserve = 2**90 + 1
    market.amm.base_asset_amount_short = -(2**70) - 3
    market.amm.last_funding_rate = -8_330
    market.amm.order_step_size = 10_000_000
    market.margin_ratio_initial = 500
    return market


def spot_market(coder: Any) -> Any:
    market = blank(coder, "SpotMarket")
    market.pubkey = get_spot_market_public_key(DRIFT_PROGRAM_ID, 0)
    market.oracle = Pubkey(b"u" * 32)
    market.decimals = 6
    market.cumulative_deposit_interest = 11_232_791_567
    return market


def user(coder: Any) -> Any:
    account = blank(coder, "User")
    account.authority = OWNER.pubkey()
    account.delegate = Pubkey(b"d" * 32)
    account.next_order_id = 113
    account.perp_positions[0].market_index = 0
    account.perp_positions[0].base_asset_amount = -1_230_000_000
    account.perp_positions[0].quote_asset_amount = 184_000_000
    account.perp_positions[0].open_orders = 1
    account.spot_positions[0].scaled_balance = 3_221_762
    account.orders[2].user_order_id = 7
    account.orders[2].order_id = 112
    account.orders[2].market_type = MarketType.Perp()
    account.orders[2].base_asset_amount = 50_000_000
    account.orders[2].price = 151_234_500
    account.orders[2].status = type(account.orders[2].status).Open()
    return account


def test_a_perp_market_built_here_is_decoded_with_its_wide_and_signed_integers(coder: Any) -> None:
    built = perp_market(coder)
    data = on_chain(coder, "PerpMarket", built)
    read = coder.accounts.decode(data)
    assert len(data) == SIZES["PerpMarket"]
    assert legible(plain(read)) == legible(plain(built))
    assert read.amm.base_asset_reserve == 2**90 + 1
    assert read.amm.base_asset_amount_short == -(2**70) - 3


def test_a_spot_market_built_here_is_decoded(coder: Any) -> None:
    built = spot_market(coder)
    read = coder.accounts.decode(on_chain(coder, "SpotMarket", built))
    assert legible(plain(read)) == legible(plain(built))


def test_a_state_built_here_is_decoded_with_its_fee_tiers(coder: Any) -> None:
    built = blank(coder, "State")
    built.exchange_status = 0b1000
    built.perp_fee_structure.fee_tiers[0].fee_numerator = 100
    built.perp_fee_structure.fee_tiers[0].fee_denominator = 100_000
    read = coder.accounts.decode(on_chain(coder, "State", built))
    assert legible(plain(read)) == legible(plain(built))
    assert read.perp_fee_structure.fee_tiers[0].fee_numerator == 100


def test_a_user_built_here_is_read_alike_by_the_fast_decoder_and_by_the_coder(coder: Any) -> None:
    data = on_chain(coder, "User", user(coder))
    fast, slow = decode_user(data), coder.accounts.decode(data)
    position = fast.perp_positions[0]
    order = next(order for order in fast.orders if order.user_order_id == 7)
    assert (fast.authority, fast.delegate, fast.next_order_id) == (OWNER.pubkey(), Pubkey(b"d" * 32), 113)
    assert (position.base_asset_amount, position.quote_asset_amount) == (-1_230_000_000, 184_000_000)
    assert (order.order_id, order.base_asset_amount, order.price) == (112, 50_000_000, 151_234_500)
    assert slow.perp_positions[0].base_asset_amount == position.base_asset_amount
    assert slow.spot_positions[0].scaled_balance == fast.spot_positions[0].scaled_balance
    assert slow.orders[2].price == order.price


# -- instructions -------------------------------------------------------------------------------------------


class Injected:
    """The accounts a client is given in place of a subscription."""

    def __init__(self, coder: Any) -> None:
        self.perp = DataAndSlot(1, coder.accounts.decode(on_chain(coder, "PerpMarket", perp_market(coder))))
        self.spot = DataAndSlot(1, coder.accounts.decode(on_chain(coder, "SpotMarket", spot_market(coder))))
        self.user = DataAndSlot(1, decode_user(on_chain(coder, "User", user(coder))))

    def get_drift_client_subscriber(self, *_: object) -> "Injected":
        return self

    def get_perp_market_and_slot(self, _: int) -> Any:
        return self.perp

    def get_spot_market_and_slot(self, _: int) -> Any:
        return self.spot

    def get_user_account(self) -> Any:
        return self.user.data

    def get_user_account_and_slot(self) -> Any:
        return self.user


@pytest.fixture
async def client(coder: Any) -> Any:
    injected = Injected(coder)
    async with AsyncClient(NOWHERE) as connection:
        client = DriftClient(connection, OWNER, account_subscription=injected)
        client.users[0] = injected
        yield client


def discriminator(instruction: str) -> bytes:
    return hashlib.sha256(f"global:{instruction}".encode()).digest()[:8]


async def test_a_limit_order_built_by_the_client_decodes_back_to_what_was_asked(client: Any) -> None:
    asked = OrderParams(
        order_type=OrderType.Limit(),
        base_asset_amount=1_230_000_000,
        market_index=0,
        direction=PositionDirection.Short(),
        market_type=MarketType.Perp(),
        user_order_id=42,
        price=150_123_400,
        reduce_only=True,
        post_only=PostOnlyParams.NONE(),
        bit_flags=1,
        max_ts=1_790_000_000,
    )
    built = client.get_place_perp_order_ix(asked)
    read = client.program.coder.instruction.parse(bytes(built.data))
    assert built.program_id == DRIFT_PROGRAM_ID
    assert bytes(built.data)[:8] == discriminator("place_perp_order")
    assert read.name == "place_perp_order"
    got, wanted = legible(plain(read.data.params)), legible(plain(asked))
    # The two name this variant differently.
    assert (got.pop("post_only"), wanted.pop("post_only")) == ("None", "NONE")
    assert got == wanted


async def test_an_order_names_its_accounts_and_only_the_owner_signs(client: Any) -> None:
    order = OrderParams(OrderType.Limit(), 10_000_000, 0, PositionDirection.Long(), MarketType.Perp())
    metas = client.get_place_perp_order_ix(order).accounts
    assert [meta.pubkey for meta in metas[:3]] == [
        get_state_public_key(DRIFT_PROGRAM_ID),
        get_user_account_public_key(DRIFT_PROGRAM_ID, OWNER.pubkey(), 0),
        OWNER.pubkey(),
    ]
    assert {meta.pubkey for meta in metas[3:]} == {
        ORACLE,
        Pubkey(b"u" * 32),
        get_perp_market_public_key(DRIFT_PROGRAM_ID, 0),
        get_spot_market_public_key(DRIFT_PROGRAM_ID, 0),
    }
    assert [meta.pubkey for meta in metas if meta.is_signer] == [OWNER.pubkey()]


async def test_cancels_carry_the_ids_they_were_given(client: Any) -> None:
    parse = client.program.coder.instruction.parse
    by_order = bytes(client.get_cancel_order_ix(112).data)
    by_user = bytes(client.get_cancel_order_by_user_id_ix(42).data)
    assert by_order == discriminator("cancel_order") + b"\1" + (112).to_bytes(4, "little")
    assert by_user == discriminator("cancel_order_by_user_id") + b"\x2a"
    assert parse(by_order).data.order_id == 112
    assert parse(by_user).data.user_order_id == 42


# -- accounts recorded on chain -----------------------------------------------------------------------------


def records(folder: Path, stem: str, kind: str) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The bytes of each recorded account of that kind and what they were found to mean."""
    for record in json.loads((folder / "onchain" / f"{stem}.json").read_text()):
        if record["type"] == kind:
            yield base64.b64decode(record["data_base64"]), record["decoded_summary"]


def shown(value: Any) -> Any:
    """The value as the recording writes it: names as text, keys in base58, enum variants by name."""
    if isinstance(value, Pubkey):
        return str(value)
    if hasattr(value, "__attrs_attrs__"):
        return type(value).__name__
    if isinstance(value, list) and len(value) == 32:
        return bytes(value).decode().rstrip(" \0")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    return value


def found(account: Any, key: str) -> Any:
    """The attribute of that name in the account, its AMM or its oracle history."""
    amm = getattr(account, "amm", account)
    for holder in (account, amm, amm.historical_oracle_data):
        if hasattr(holder, key):
            return shown(getattr(holder, key))
    raise AssertionError(f"no attribute {key}")


def like(items: list[Any], wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items with the attributes that the recorded ones have."""
    return [
        {key: shown(getattr(item, key)) for key in like_this}
        for item, like_this in zip(items, wanted, strict=True)
    ]


@pytest.mark.parametrize(
    ("stem", "kind"), [("drift_v2_perp_markets", "PerpMarket"), ("drift_v2_spot_markets", "SpotMarket")]
)
def test_recorded_markets_decode_to_what_was_recorded(
    coder: Any, shared_data: Path, stem: str, kind: str
) -> None:
    seen = 0
    for data, summary in records(shared_data, stem, kind):
        account = coder.accounts.decode(data)
        assert {key: found(account, key) for key in summary} == summary
        seen += 1
    assert seen >= 12


def test_recorded_users_decode_to_what_was_recorded(shared_data: Path) -> None:
    seen = 0
    for data, summary in records(shared_data, "drift_v2_users", "User"):
        account = decode_user(data)
        orders = [order for order in account.orders if order.status == type(order.status).Open()]
        for key, wanted in summary.items():
            if key == "open_orders":
                assert like(orders, wanted) == wanted
            elif isinstance(wanted, list):
                assert like(getattr(account, key), wanted) == wanted
            else:
                assert shown(getattr(account, key)) == wanted, key
        seen += 1
    assert seen >= 60


def test_recorded_user_stats_decode_to_what_was_recorded(shared_data: Path) -> None:
    seen = 0
    for data, summary in records(shared_data, "drift_v2_user_stats", "UserStats"):
        account = decode_user_stat(data)
        for key, wanted in summary.items():
            holder = account.fees if hasattr(account.fees, key) else account
            assert shown(getattr(holder, key)) == wanted, key
        seen += 1
    assert seen >= 15


@pytest.mark.parametrize(
    ("kind", "source", "slot"),
    [
        ("PythLazerOracle", OracleSource.PythLazer(), "posted_slot"),
        ("PriceUpdateV2", OracleSource.PythPull(), "posted_slot"),
        ("PythPushPriceAccount", OracleSource.Pyth(), "agg_pub_slot"),
        ("PrelaunchOracle", OracleSource.Prelaunch(), "amm_last_update_slot"),
    ],
)
def test_recorded_oracles_decode_to_the_price_that_was_recorded(
    shared_data: Path, kind: str, source: Any, slot: str
) -> None:
    seen = 0
    for data, summary in records(shared_data, "drift_v2_oracles", kind):
        price = decode_oracle(data, source)
        assert price.price == pytest.approx(summary["price_float"] * 1e6, abs=1)
        assert price.slot == summary[slot]
        seen += 1
    assert seen >= 2
