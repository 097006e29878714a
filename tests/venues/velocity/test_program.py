"""The program as a venue's `Program`: what it reads, what it refuses, what it makes of tickets."""

import json
from base64 import b64decode
from collections.abc import Callable
from math import nan
from pathlib import Path
from struct import pack

import pytest
from solders.pubkey import Pubkey

from drift_e3.core.terms import OrderKind, Side
from drift_e3.drill.velocity_world import recorded_accounts
from drift_e3.ports import VenueRefused
from drift_e3.venues.solana.program import AccountRefused, Program, RawAccount, Ticket, Trading
from drift_e3.venues.solana.sysvars import CLOCK_ADDRESS, SYSVAR_OWNER
from drift_e3.venues.solana.views import MarketStatus
from drift_e3.venues.velocity.addresses import PROGRAM_ID, USDT_MINT, signer_address
from drift_e3.venues.velocity.codes import Direction, OrderType, PostOnly, TriggerCondition
from drift_e3.venues.velocity.instructions import Desk, OrderChange, OrderParams
from drift_e3.venues.velocity.layouts import (
    PERP_MARKET,
    PYTH_LAZER_ORACLE,
    SPOT_MARKET,
    STATE,
    USER,
    USER_STATS,
)
from drift_e3.venues.velocity.program import VelocityProgram
from drift_e3.venues.velocity.wire import AccountLayout
from tests.venues.velocity.accounts import (
    DELEGATE,
    ORACLE_AT,
    OWNER,
    PERP_AT,
    QUOTE_ORACLE_AT,
    SLOT,
    SPOT_AT,
    STATE_AT,
    STATS_AT,
    TRADING,
    USER_AT,
    Accounts,
    Values,
    changed,
    learnt,
    look,
    the_accounts,
)

ACCOUNTS = {
    STATE_AT: STATE,
    PERP_AT: PERP_MARKET,
    SPOT_AT: SPOT_MARKET,
    ORACLE_AT: PYTH_LAZER_ORACLE,
    QUOTE_ORACLE_AT: PYTH_LAZER_ORACLE,
    USER_AT: USER,
    STATS_AT: USER_STATS,
}
SOMEBODY = Pubkey.from_bytes(bytes([66]) * 32)
Spoil = Callable[[RawAccount], RawAccount | None]


def test_it_is_a_program() -> None:
    program: Program = VelocityProgram()
    assert (program.name, program.program_id) == ("velocity", PROGRAM_ID)
    assert program.error_name(6050) == "InvalidOrderIOC"


def test_addresses_are_the_published_ones() -> None:
    wanted = (
        "2etx5NvPNxeMZ7EfHE6GjJfW2imRYEUANehNS1WB4CVW",
        "FDejXbUrSy6zayBCL5xuk2SXLHZgr8ppfFTLcHbyJorY",
        "2QpHj5vzgCdWaGM2KSoGtYJWeSkx24cMyzUDHDrucvRc",
    )
    assert tuple(map(str, VelocityProgram().market_addresses())) == wanted
    oracles = "2k3UHX6ehRFzx5fTVvbL6FwXhMjkucjJDL9MuVKLo8TV", "Dai8hT1YRBBm5rBSJUSKcdR11psM55LVAkshbypfC4k4"
    assert tuple(map(str, learnt().addresses(None))) == (*wanted, *oracles, str(CLOCK_ADDRESS))
    assert learnt().addresses(TRADING)[6:] == (USER_AT, STATS_AT)
    assert str(signer_address(PROGRAM_ID)) == "FchXiT9JgMDis6CFLjz9uG5mQYkmDtHqiWtBPEYUabaK"


def test_nothing_is_done_before_the_market_is_learnt() -> None:
    program = VelocityProgram()
    with pytest.raises(RuntimeError, match="has not been learnt"):
        program.addresses(None)
    with pytest.raises(RuntimeError, match="has not been learnt"):
        program.read(SLOT, the_accounts(), None)
    with pytest.raises(RuntimeError, match="has not been learnt"):
        program.cancel(1, TRADING)


def test_a_look_tells_the_market_the_oracle_and_the_account() -> None:
    view = look(the_accounts({"next_order_id": 5}, unix_s=1_750_000_123))
    assert (view.slot, view.chain_ts) == (SLOT, 1_750_000_123_000)
    assert (view.perp.market_index, view.perp.oracle) == (0, str(ORACLE_AT))
    assert (view.oracle.price_usd, view.oracle.confidence_usd) == (150.0, 0.03)
    assert (view.oracle.publish_ts, view.oracle.posted_slot) == (1_750_000_000_000, 400_000_000)
    assert view.user is not None
    assert view.user.next_order_id == 5
    assert look(the_accounts(), None).user is None


def test_recorded_accounts_decode_to_what_is_recorded_beside_them(shared_data: Path) -> None:
    folder = shared_data / "onchain"
    accounts: Accounts = dict(recorded_accounts(folder))
    accounts[CLOCK_ADDRESS] = RawAccount(SYSVAR_OWNER, pack("<QqQQq", 1, 0, 0, 0, 1_786_205_430))
    program = learnt(accounts)
    view = program.read(7, accounts, None)
    (perp,) = json.loads((folder / "velocity_perp_markets.json").read_text())
    (spot,) = json.loads((folder / "velocity_spot_markets.json").read_text())
    sol, usdt = json.loads((folder / "velocity_oracles.json").read_text())
    beside = sol["decoded_summary"]
    assert view.perp.market_index == perp["decoded_summary"]["market_index"]
    assert view.perp.instrument.symbol == perp["decoded_summary"]["name"]
    assert view.perp.oracle == perp["decoded_summary"]["oracle"] == sol["pubkey"]
    assert str(USDT_MINT) == spot["decoded_summary"]["mint"]
    assert view.oracle.price_usd == beside["price_float"]
    assert view.oracle.confidence_usd == beside["conf"] / 1e8
    assert view.oracle.publish_ts * 1_000 == beside["publish_time_us"]
    assert view.oracle.posted_slot == beside["posted_slot"]
    assert [str(address) for address in program.addresses(None)[:5]] == [
        str(program.market_addresses()[0]), perp["pubkey"], spot["pubkey"], sol["pubkey"], usdt["pubkey"]
    ]  # fmt: skip
    instrument = view.perp.instrument
    assert (instrument.step_base, instrument.min_base, instrument.tick_usd) == (0.01, 0.01, 0.001)
    assert (instrument.initial_margin_frac, instrument.maintenance_margin_frac) == (0.05, 0.03)
    assert (instrument.taker_fee_bps, instrument.maker_fee_bps) == (3.5, -0.25)
    assert (view.perp.open_interest_base_max, view.perp.status) == (1359.78, MarketStatus.ACTIVE)
    assert view.perp.mark_usd == pytest.approx(76.35075, abs=1e-5)
    assert view.perp.funding_frac_1h == pytest.approx(-1165333 / 76141821 / 1000)
    assert not view.pauses.reasons


def foreign_owner(account: RawAccount) -> RawAccount:
    return account._replace(owner=SOMEBODY)


def longer(account: RawAccount) -> RawAccount:
    return account._replace(data=account.data + b"\0")


def shorter(account: RawAccount) -> RawAccount:
    return account._replace(data=account.data[:-1])


def another_kind(account: RawAccount) -> RawAccount:
    return account._replace(data=bytes([account.data[0] ^ 1]) + account.data[1:])


def missing(account: RawAccount) -> None:
    return None


@pytest.mark.parametrize("address", ACCOUNTS, ids=lambda address: f"{address}"[:4])
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (foreign_owner, f"belongs to {SOMEBODY}"),
        (longer, "bytes, not"),
        (shorter, "bytes, not"),
        (another_kind, "is of another kind"),
        (missing, "does not exist"),
    ],
)
def test_an_account_that_is_not_what_it_must_be_is_refused(
    address: Pubkey, spoil: Spoil, reason: str
) -> None:
    accounts = the_accounts()
    account = accounts[address]
    assert account is not None
    with pytest.raises(AccountRefused, match=reason) as refused:
        look(accounts | {address: spoil(account)})
    assert str(address) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("spoil", [foreign_owner, longer, shorter, another_kind])
def test_recorded_accounts_are_refused_when_spoilt(shared_data: Path, spoil: Spoil) -> None:
    recorded = recorded_accounts(shared_data / "onchain")
    accounts = {**the_accounts(), **recorded}
    look(accounts)
    for address, account in recorded.items():
        with pytest.raises(AccountRefused, match=str(address)):
            look(accounts | {address: spoil(account)})


@pytest.mark.parametrize(
    ("address", "layout", "values", "reason"),
    [
        (PERP_AT, PERP_MARKET, {"name": b"SOL-PERP2".ljust(32)}, "the name SOL-PERP2, not SOL-PERP"),
        (PERP_AT, PERP_MARKET, {"name": b"\xff" * 32}, "the name"),
        (PERP_AT, PERP_MARKET, {"market_index": 1}, "the market index 1, not 0"),
        (PERP_AT, PERP_MARKET, {"pubkey": bytes(SOMEBODY)}, f"the address {SOMEBODY}"),
        (PERP_AT, PERP_MARKET, {"quote_spot_market_index": 1}, "the quote market 1, not 0"),
        (PERP_AT, PERP_MARKET, {"oracle_source": 7}, "the oracle source 7, not 12"),
        (PERP_AT, PERP_MARKET, {"oracle": bytes(SOMEBODY)}, f"{SOMEBODY}, not {ORACLE_AT} as before"),
        (PERP_AT, PERP_MARKET, {"order_step_size": 0}, "no step or no tick"),
        (PERP_AT, PERP_MARKET, {"order_tick_size": 0}, "no step or no tick"),
        (SPOT_AT, SPOT_MARKET, {"mint": bytes(SOMEBODY)}, f"the mint {SOMEBODY}, not {USDT_MINT}"),
        (SPOT_AT, SPOT_MARKET, {"market_index": 3}, "the market index 3, not 0"),
        (SPOT_AT, SPOT_MARKET, {"pubkey": bytes(SOMEBODY)}, f"the address {SOMEBODY}"),
        (SPOT_AT, SPOT_MARKET, {"decimals": 9}, "the decimals 9, not 6"),
        (SPOT_AT, SPOT_MARKET, {"oracle_source": 2}, "the oracle source 2, not 15"),
        (SPOT_AT, SPOT_MARKET, {"oracle": bytes(SOMEBODY)}, f"oracle is {SOMEBODY}"),
        (ORACLE_AT, PYTH_LAZER_ORACLE, {"price": 0}, "the oracle says a price of 0"),
        (QUOTE_ORACLE_AT, PYTH_LAZER_ORACLE, {"price": -1}, "the quote oracle says a price of -1"),
        (ORACLE_AT, PYTH_LAZER_ORACLE, {"exponent": -300}, "an exponent of -300"),
        (USER_AT, USER, {"authority": bytes(SOMEBODY)}, f"the authority {SOMEBODY}, not {OWNER}"),
        (USER_AT, USER, {"sub_account_id": 1}, "the sub-account 1, not 0"),
        (STATS_AT, USER_STATS, {"authority": bytes(SOMEBODY)}, f"the authority {SOMEBODY}, not {OWNER}"),
    ],
)  # fmt: skip
def test_what_is_inside_must_be_what_is_meant(
    address: Pubkey, layout: AccountLayout, values: Values, reason: str
) -> None:
    with pytest.raises(AccountRefused, match=reason):
        look(changed(the_accounts(), address, layout, values))


@pytest.mark.parametrize(
    ("address", "file", "kind"),
    [
        (PERP_AT, "drift_v2_perp_markets.json", "PerpMarket"),
        (SPOT_AT, "drift_v2_spot_markets.json", "SpotMarket"),
        (USER_AT, "drift_v2_users.json", "User"),
        (STATS_AT, "drift_v2_user_stats.json", "UserStats"),
    ],
)
def test_drifts_accounts_are_refused(shared_data: Path, address: Pubkey, file: str, kind: str) -> None:
    rows = json.loads((shared_data / "onchain" / file).read_text())
    assert any(row["type"] == kind for row in rows)
    for row in rows:
        drifts = RawAccount(Pubkey.from_string(row["owner"]), b64decode(row["data_base64"]))
        with pytest.raises(AccountRefused, match=str(address)):
            look(the_accounts() | {address: drifts})
        # Even if this program owned one: the kinds are called alike, and statistics are as long.
        with pytest.raises(AccountRefused):
            look(the_accounts() | {address: drifts._replace(owner=PROGRAM_ID)})


def test_the_chains_clock_must_be_there() -> None:
    with pytest.raises(AccountRefused, match="clock"):
        look(the_accounts() | {CLOCK_ADDRESS: None})


# -- tickets ----------------------------------------------------------------------------------------------

DESK = Desk(
    program_id=PROGRAM_ID,
    oracles=(ORACLE_AT, QUOTE_ORACLE_AT),
    authority=OWNER,
    sub_account=0,
    signer=DELEGATE,
)


def ticket(**values: object) -> Ticket:
    usual = Ticket(
        user_order_id=9,
        side=Side.BUY,
        kind=OrderKind.IOC,
        size_base=0.57,
        price_usd=150.1239,
        triggers_above=False,
        reduce_only=False,
        max_ts=77,
    )
    return usual._replace(**values)  # type: ignore[arg-type]


def test_an_ioc_takes_and_rests_nowhere() -> None:
    assert list(learnt().place(ticket(), TRADING)) == [
        DESK.place_and_take(
            OrderParams(
                order_type=OrderType.LIMIT,
                direction=Direction.LONG,
                user_order_id=9,
                base_asset_amount=570_000_000,
                price=150_123_000,
                bit_flags=1,
                max_ts=77,
            )
        )
    ]


def test_a_resting_order_must_not_take() -> None:
    resting = ticket(kind=OrderKind.POST_ONLY, side=Side.SELL, max_ts=0)
    assert list(learnt().place(resting, TRADING)) == [
        DESK.place(
            OrderParams(
                order_type=OrderType.LIMIT,
                direction=Direction.SHORT,
                user_order_id=9,
                base_asset_amount=570_000_000,
                price=150_124_000,
                post_only=PostOnly.MUST,
            )
        )
    ]


@pytest.mark.parametrize(
    ("above", "condition", "trigger"),
    [(False, TriggerCondition.BELOW, 150_124_000), (True, TriggerCondition.ABOVE, 150_123_000)],
)
def test_a_stop_waits_on_its_side_and_fires_no_later_than_asked(
    above: bool, condition: TriggerCondition, trigger: int
) -> None:
    stop = ticket(kind=OrderKind.TRIGGER_MARKET, triggers_above=above, reduce_only=True, max_ts=0)
    assert list(learnt().place(stop, TRADING)) == [
        DESK.place(
            OrderParams(
                order_type=OrderType.TRIGGER_MARKET,
                direction=Direction.LONG,
                user_order_id=9,
                base_asset_amount=570_000_000,
                reduce_only=True,
                trigger_price=trigger,
                trigger_condition=condition,
            )
        )
    ]


def test_step_and_tick_are_those_of_the_last_look() -> None:
    program = learnt()
    coarser = changed(
        the_accounts(), PERP_AT, PERP_MARKET, {"order_step_size": 500_000_000, "order_tick_size": 10**6}
    )
    program.read(SLOT, coarser, None)
    (instruction,) = program.place(ticket(), TRADING)
    (wanted,) = learnt().place(ticket(size_base=0.5, price_usd=150.0), TRADING)
    assert instruction == wanted


@pytest.mark.parametrize("values", [{"size_base": 0.009}, {"price_usd": 0.0005}])
def test_what_rounds_to_nothing_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(VenueRefused):
        learnt().place(ticket(**values), TRADING)


@pytest.mark.parametrize("values", [{"user_order_id": 0}, {"user_order_id": 256}, {"size_base": nan}])
def test_what_cannot_be_meant_is_a_mistake(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"user order id|NaN"):
        learnt().place(ticket(**values), TRADING)


def test_where_there_may_be_a_book_only_iocs_and_stops_are_placed() -> None:
    program = learnt()
    program.read(SLOT, changed(the_accounts(), PERP_AT, PERP_MARKET, {"market_config": 4}), None)
    program.read(SLOT, the_accounts(), None)
    assert "resting_orders" not in program.capabilities
    with pytest.raises(VenueRefused, match="order book"):
        program.place(ticket(kind=OrderKind.POST_ONLY), TRADING)
    assert program.place(ticket(), TRADING)
    assert program.place(ticket(kind=OrderKind.TRIGGER_MARKET), TRADING)


def test_a_refused_look_teaches_nothing() -> None:
    program = learnt()
    accounts = changed(the_accounts(), PERP_AT, PERP_MARKET, {"order_step_size": 1, "market_config": 4})
    with pytest.raises(AccountRefused):
        program.read(SLOT, accounts | {USER_AT: None}, TRADING)
    assert "resting_orders" in program.capabilities
    assert program.place(ticket(), TRADING) == learnt().place(ticket(), TRADING)


def test_cancel_change_and_settle_are_the_programs_instructions() -> None:
    program = learnt()
    assert list(program.cancel(9, TRADING)) == [DESK.cancel_by_user_id(9)]
    assert list(program.settle(TRADING)) == [DESK.settle_pnl()]
    moved = ticket(kind=OrderKind.TRIGGER_MARKET, size_base=0.5, triggers_above=True)
    assert list(program.modify(moved, TRADING)) == [
        DESK.modify_by_user_id(
            9, OrderChange(base_asset_amount=500_000_000, trigger_price=150_123_000, policy=1)
        )
    ]
    requoted = ticket(kind=OrderKind.POST_ONLY, side=Side.SELL)
    assert list(program.modify(requoted, TRADING)) == [
        DESK.modify_by_user_id(9, OrderChange(base_asset_amount=570_000_000, price=150_124_000, policy=1))
    ]


def test_the_owner_may_sign_himself() -> None:
    (instruction,) = learnt().cancel(9, Trading(OWNER, 0, OWNER))
    assert [account.pubkey for account in instruction.accounts if account.is_signer] == [OWNER]


def test_companions_are_asked_for_learnt_and_named_from_then_on() -> None:
    perp_1 = Pubkey.from_string("7s5WRWA3GahueLNfNb8bbVnHnxCssK5YjGCR3wP6Aa1t")
    spot_1 = Pubkey.from_string("5MzQRp6hhesVuM3CSAzBfPSNP1WaJyF1ifwkmzcrWLtU")
    held: Values = {
        "perp_positions.0.market_index": 1,
        "perp_positions.0.quote_asset_amount": 1,
        "spot_positions.1.market_index": 1,
        "spot_positions.1.scaled_balance": 1,
    }
    accounts = the_accounts(held)
    program = learnt(accounts)
    assert set(program.companions(accounts, TRADING)) == {perp_1, spot_1}
    accounts[perp_1], accounts[spot_1] = accounts[PERP_AT], accounts[SPOT_AT]
    with pytest.raises(AccountRefused, match="has the address"):
        program.learn_companions(accounts, TRADING)
    for address, layout in ((perp_1, PERP_MARKET), (spot_1, SPOT_MARKET)):
        own: Values = {"pubkey": bytes(address), "market_index": 1, "oracle": bytes(SOMEBODY)}
        accounts = changed(accounts, address, layout, own)
    program.learn_companions(accounts, TRADING)
    assert program.companions(accounts, TRADING) == ()
    (instruction,) = program.cancel(9, TRADING)
    named = [account.pubkey for account in instruction.accounts[3:]]
    assert named == [ORACLE_AT, QUOTE_ORACLE_AT, SOMEBODY, SPOT_AT, spot_1, PERP_AT, perp_1]
