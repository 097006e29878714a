"""The program as a whole: what it asks for, reads and refuses, and the instructions it builds."""

from hashlib import sha256
from typing import Any

import pytest
from driftpy.types import OracleSource
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.sysvar import CLOCK

from drift_e3.core.terms import OrderKind, Side
from drift_e3.drill import drift_accounts
from drift_e3.drill.drift_accounts import oracle_address
from drift_e3.ports import VenueRefused
from drift_e3.venues.drift.decoding import MarketKey, market_address
from drift_e3.venues.drift.library import DRIFT_CODER, variant
from drift_e3.venues.drift.program import DriftProgram
from drift_e3.venues.solana.program import AccountRefused, Program, RawAccount, Ticket, Trading
from drift_e3.venues.solana.views import OracleSeen, Pauses
from tests.venues.drift.looks import (
    MARKET,
    NOW_S,
    NOW_TS,
    OWNER,
    PRICE_USD,
    SLOT,
    TRADING,
    Look,
    a_look,
    a_program,
    a_ticket,
    seen,
    with_market,
    with_quote,
    with_user,
)

SIGNER = TRADING.signer
USER, STATS = MARKET.user_address(TRADING), MARKET.stats_address(TRADING)
MARKET_ACCOUNTS = [oracle_address(), MARKET.spot_address, MARKET.perp_address]


def arguments(instruction: Instruction) -> Any:
    """What the IDL's coder reads back of an instruction's data."""
    return DRIFT_CODER.instruction.parse(bytes(instruction.data)).data


def called(instruction: Instruction, name: str) -> bool:
    return bytes(instruction.data)[:8] == sha256(f"global:{name}".encode()).digest()[:8]


def keys(instruction: Instruction) -> list[Pubkey]:
    return [meta.pubkey for meta in instruction.accounts]


def writable(instruction: Instruction) -> set[Pubkey]:
    return {meta.pubkey for meta in instruction.accounts if meta.is_writable}


def placed(ticket: Ticket, trading: Trading = TRADING) -> Instruction:
    (instruction,) = a_program().place(ticket, trading)
    return instruction


# -- looks ------------------------------------------------------------------------------------------------


def test_it_is_a_program() -> None:
    program: Program = DriftProgram()
    assert (program.name, program.program_id) == ("drift", MARKET.program_id)
    assert program.capabilities == {"resting_orders", "trigger_orders", "modify"}
    assert program.error_name(6024) == "ExchangePaused"


def test_it_asks_for_seven_accounts_and_reads_just_these() -> None:
    program, look = a_program(), a_look()
    wanted = program.addresses(TRADING)
    assert wanted == (
        MARKET.state_address,
        MARKET.perp_address,
        MARKET.spot_address,
        oracle_address(),
        CLOCK,
        USER,
        STATS,
    )
    assert program.addresses(None) == wanted[:5]
    assert program.market_addresses() == wanted[:3]
    assert program.read(SLOT, {address: look[address] for address in wanted}, TRADING).user is not None


def test_a_look_says_slot_time_price_and_who_trades() -> None:
    view = seen()
    assert (view.slot, view.chain_ts) == (SLOT, NOW_TS)
    assert view.oracle == OracleSeen(PRICE_USD, 0.01, NOW_TS, SLOT)
    assert view.perp.mark_usd == PRICE_USD
    assert view.pauses == Pauses()
    assert view.user is not None
    assert (view.user.authority, view.user.sub_account) == (str(OWNER), 0)


def test_paper_reads_no_account() -> None:
    assert seen(trading=None).user is None


def test_nothing_can_be_asked_before_the_market_is_learnt() -> None:
    program = DriftProgram()
    for ask in (
        lambda: program.addresses(None),
        lambda: program.read(SLOT, a_look(), None),
        lambda: program.cancel(1, TRADING),
    ):
        with pytest.raises(RuntimeError, match="not been learnt"):
            ask()


@pytest.mark.parametrize("gone", range(7))
def test_a_look_with_an_account_missing_is_refused(gone: int) -> None:
    program, look = a_program(), a_look()
    address = program.addresses(TRADING)[gone]
    with pytest.raises(AccountRefused, match="does not exist"):
        program.read(SLOT, {**look, address: None}, TRADING)


def other_oracle(market: Any) -> None:
    market.amm.oracle = Pubkey(b"n" * 32)


def quote_oracle(quote: Any) -> None:
    quote.oracle = Pubkey(b"n" * 32)


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (with_quote(quote_oracle), "SOL-PERP: its quote market's oracle is"),
        (with_market(other_oracle), "SOL-PERP: its oracle is"),
    ],
)
def test_what_was_learnt_must_not_change(look: Look, words: str) -> None:
    program = a_program()
    with pytest.raises(AccountRefused, match=words):
        program.read(SLOT, look, TRADING)
    program.learn(look)
    assert len(program.addresses(None)) == 5


def test_a_market_whose_oracle_cannot_be_read_is_not_learnt() -> None:
    def elsewhere(market: Any) -> None:
        market.amm.oracle_source = OracleSource.Switchboard()

    with pytest.raises(AccountRefused, match="an oracle of the kind Switchboard"):
        DriftProgram().learn(with_market(elsewhere))


def test_another_market_can_be_named() -> None:
    look = a_look()
    with pytest.raises(AccountRefused, match="has the name SOL-PERP, not BTC-PERP"):
        DriftProgram(symbol="BTC-PERP").learn(look)
    with pytest.raises(AccountRefused, match="does not exist"):
        DriftProgram(symbol="BTC-PERP", market_index=1).learn(look)
    with pytest.raises(AccountRefused, match="mint"):
        DriftProgram(quote_mint=Pubkey(b"m" * 32)).learn(look)


# -- orders -----------------------------------------------------------------------------------------------


def test_an_ioc_takes_at_once_and_names_its_accounts() -> None:
    instruction = placed(a_ticket())
    assert called(instruction, "place_and_take_perp_order")
    assert instruction.program_id == MARKET.program_id
    assert keys(instruction) == [MARKET.state_address, USER, STATS, SIGNER, *MARKET_ACCOUNTS]
    assert [meta.pubkey for meta in instruction.accounts if meta.is_signer] == [SIGNER]
    assert {USER, STATS, MARKET.perp_address} <= writable(instruction)
    assert oracle_address() not in writable(instruction)


def test_an_ioc_decodes_back_to_what_was_asked() -> None:
    asked = arguments(placed(a_ticket(side=Side.SELL, reduce_only=True)))
    params = asked.params
    assert asked.success_condition is None
    assert variant(params.order_type) == "Limit"
    assert variant(params.market_type) == "Perp"
    assert variant(params.direction) == "Short"
    assert variant(params.post_only) == "None"
    assert (params.base_asset_amount, params.price) == (1_230_000_000, 85_123_400)
    assert (params.user_order_id, params.market_index) == (42, 0)
    assert (params.reduce_only, params.bit_flags, params.max_ts) == (True, 1, NOW_S + 20)
    assert (params.trigger_price, params.oracle_price_offset) == (None, None)
    assert (params.auction_duration, params.auction_start_price, params.auction_end_price) == (None,) * 3


@pytest.mark.parametrize(
    ("side", "direction", "price"), [(Side.BUY, "Long", 85_123_400), (Side.SELL, "Short", 85_123_500)]
)
def test_sizes_and_limits_are_rounded_toward_the_safer_side(side: Side, direction: str, price: int) -> None:
    params = arguments(placed(a_ticket(side=side, size_base=1.2399, price_usd=85.12345))).params
    assert variant(params.direction) == direction
    assert (params.base_asset_amount, params.price) == (1_230_000_000, price)


def test_a_post_only_order_rests_and_must_not_take() -> None:
    instruction = placed(a_ticket(OrderKind.POST_ONLY, max_ts=0))
    params = arguments(instruction).params
    assert called(instruction, "place_perp_order")
    assert keys(instruction) == [MARKET.state_address, USER, SIGNER, *MARKET_ACCOUNTS]
    assert (variant(params.order_type), variant(params.post_only)) == ("Limit", "MustPostOnly")
    assert (params.bit_flags, params.max_ts, params.price) == (0, None, 85_123_400)


@pytest.mark.parametrize(
    ("above", "condition", "price"), [(True, "Above", 80_123_400), (False, "Below", 80_123_500)]
)
def test_a_stop_rests_with_its_trigger(above: bool, condition: str, price: int) -> None:
    ticket = a_ticket(
        OrderKind.TRIGGER_MARKET,
        Side.SELL,
        price_usd=80.12345,
        triggers_above=above,
        reduce_only=True,
        max_ts=0,
    )
    instruction = placed(ticket)
    params = arguments(instruction).params
    assert called(instruction, "place_perp_order")
    assert (variant(params.order_type), variant(params.trigger_condition)) == ("TriggerMarket", condition)
    assert (params.trigger_price, params.price, params.reduce_only) == (price, 0, True)
    assert variant(params.post_only) == "None"


def test_a_change_keeps_our_number_and_fails_for_an_order_that_is_gone() -> None:
    program = a_program()
    stop = a_ticket(OrderKind.TRIGGER_MARKET, Side.SELL, price_usd=80.0, reduce_only=True)
    (instruction,) = program.modify(stop, TRADING)
    asked = arguments(instruction)
    change = asked.modify_order_params
    assert called(instruction, "modify_order_by_user_id")
    assert asked.user_order_id == 42
    assert (change.base_asset_amount, change.trigger_price, change.price) == (1_230_000_000, 80_000_000, None)
    assert (change.policy, change.direction, change.reduce_only) == (1, None, None)
    (instruction,) = program.modify(a_ticket(OrderKind.POST_ONLY), TRADING)
    change = arguments(instruction).modify_order_params
    assert (change.price, change.trigger_price) == (85_123_400, None)


def test_a_cancel_goes_by_our_own_number() -> None:
    (instruction,) = a_program().cancel(42, TRADING)
    assert bytes(instruction.data) == sha256(b"global:cancel_order_by_user_id").digest()[:8] + b"\x2a"
    assert keys(instruction) == [MARKET.state_address, USER, SIGNER, *MARKET_ACCOUNTS]


def test_settling_writes_both_markets() -> None:
    (instruction,) = a_program().settle(TRADING)
    assert called(instruction, "settle_pnl")
    assert arguments(instruction).market_index == 0
    assert keys(instruction)[:3] == [MARKET.state_address, USER, SIGNER]
    assert keys(instruction)[4:] == MARKET_ACCOUNTS
    assert {USER, MARKET.perp_address, MARKET.spot_address} <= writable(instruction)


def test_an_owner_and_other_sub_accounts_trade_their_own_accounts() -> None:
    owner = Keypair.from_seed(b"o" * 32).pubkey()
    trading = Trading(owner, 3, owner)
    instruction = placed(a_ticket(), trading)
    assert keys(instruction)[1:4] == [MARKET.user_address(trading), STATS, owner]


@pytest.mark.parametrize("number", [0, 256, -1])
def test_an_id_that_the_program_cannot_hold_is_an_error(number: int) -> None:
    with pytest.raises(ValueError, match="user order id"):
        placed(a_ticket(user_order_id=number))


@pytest.mark.parametrize("ticket", [a_ticket(size_base=0.009), a_ticket(price_usd=0.00001)])
def test_what_rounds_to_nothing_is_refused(ticket: Ticket) -> None:
    with pytest.raises(VenueRefused):
        placed(ticket)


def test_step_and_tick_are_learnt_anew_at_every_look() -> None:
    def coarser(market: Any) -> None:
        market.amm.order_step_size, market.amm.order_tick_size = 500_000_000, 1_000_000

    program = a_program()
    program.read(SLOT, with_market(coarser), TRADING)
    params = arguments(program.place(a_ticket(), TRADING)[0]).params
    assert (params.base_asset_amount, params.price) == (1_000_000_000, 85_000_000)


def test_the_quote_markets_own_oracle_is_named_where_it_has_one() -> None:
    program = a_program(with_quote(quote_oracle))
    oracles = keys(program.place(a_ticket(), TRADING)[0])[4:6]
    assert set(oracles) == {oracle_address(), Pubkey(b"n" * 32)}


# -- markets that the account holds something of ------------------------------------------------------------


SOL_SPOT = MarketKey("SpotMarket", 1)
JUP_PERP = MarketKey("PerpMarket", 24)
SOL_ORACLE, JUP_ORACLE = Pubkey(b"1" * 32), Pubkey(b"2" * 32)


def holding_others(user: Any) -> None:
    user.spot_positions[1].market_index, user.spot_positions[1].scaled_balance = 1, 5
    user.perp_positions[0].market_index, user.perp_positions[0].base_asset_amount = 24, 10**9


def others() -> Look:
    spot, perp = drift_accounts.spot_market(), drift_accounts.perp_market(1.1, SLOT, NOW_S)
    spot.pubkey, spot.market_index = market_address(MARKET.program_id, SOL_SPOT), 1
    spot.oracle = SOL_ORACLE
    perp.pubkey, perp.market_index = market_address(MARKET.program_id, JUP_PERP), 24
    perp.amm.oracle = JUP_ORACLE
    return {
        spot.pubkey: drift_accounts.raw("SpotMarket", spot),
        perp.pubkey: drift_accounts.raw("PerpMarket", perp),
    }


def test_an_account_with_nothing_else_needs_no_other_market() -> None:
    assert a_program().companions(a_look(), TRADING) == ()


def test_other_markets_of_the_account_are_asked_for_once_and_named_in_every_instruction() -> None:
    program, look = a_program(), with_user(holding_others)
    wanted = program.companions(look, TRADING)
    assert set(wanted) == others().keys()
    program.learn_companions({**look, **others()}, TRADING)
    assert program.companions(look, TRADING) == ()
    for instruction in (
        *program.place(a_ticket(), TRADING),
        *program.place(a_ticket(OrderKind.POST_ONLY), TRADING),
        *program.cancel(42, TRADING),
        *program.settle(TRADING),
    ):
        named = set(keys(instruction))
        assert others().keys() | {SOL_ORACLE, JUP_ORACLE, *MARKET_ACCOUNTS} <= named
        assert not writable(instruction) & (others().keys() | {SOL_ORACLE, JUP_ORACLE})


def test_a_wrong_companion_is_refused() -> None:
    program, look = a_program(), with_user(holding_others)
    with pytest.raises(AccountRefused, match="does not exist"):
        program.learn_companions(look, TRADING)
    spoilt = {address: RawAccount(OWNER, b"") for address in others()}
    with pytest.raises(AccountRefused, match="belongs to"):
        program.learn_companions({**look, **spoilt}, TRADING)
