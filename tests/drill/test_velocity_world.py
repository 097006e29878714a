"""Velocity's accounts on a chain of the drill: moved to its time, published to, deployed, told apart."""

from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from drift_e3.drill.chain import Chain
from drift_e3.drill.engines import ProgramEngine
from drift_e3.drill.velocity_accounts import made_accounts
from drift_e3.drill.velocity_world import VelocityWorld, error_code, moved, recorded_accounts
from drift_e3.venues.solana.account_checks import Accounts
from drift_e3.venues.solana.lazer import read_lazer
from drift_e3.venues.solana.program import RawAccount
from drift_e3.venues.solana.sysvars import programdata_address, read_deployment, read_program
from drift_e3.venues.solana.views import OracleSeen
from drift_e3.venues.velocity.addresses import PROGRAM_ID
from drift_e3.venues.velocity.layouts import PERP_MARKET, SPOT_MARKET
from drift_e3.venues.velocity.program import VelocityProgram

NOW_TS = 1_763_800_000_000


def a_world(accounts: dict[Pubkey, RawAccount] | None = None) -> VelocityWorld:
    """The made-up market on a chain without any program."""
    return VelocityWorld(Chain(ProgramEngine(), now_ts=NOW_TS), accounts or made_accounts(150.0))


def oracle(world: VelocityWorld) -> OracleSeen:
    return read_lazer("the oracle", world.data(world.oracle))


def read(world: VelocityWorld, program: VelocityProgram) -> Accounts:
    return {address: world.account(address) for address in program.addresses(None)}


def test_made_up_accounts_are_read_as_a_market_at_their_price() -> None:
    world, program = a_world(made_accounts(151.5)), VelocityProgram()
    program.learn({address: world.account(address) for address in program.market_addresses()})
    view = program.read(world.chain.slot, read(world, program), None)
    assert (view.oracle.price_usd, view.perp.mark_usd) == (151.5, 151.5)
    assert not view.pauses.reasons
    assert view.chain_ts == NOW_TS


def test_accounts_are_moved_to_the_chains_own_time() -> None:
    world = a_world()
    market = world.data(world.perp_market)
    averaged_s = PERP_MARKET.read(market, "market_stats.last_mark_price_twap_ts")
    assert abs(averaged_s - NOW_TS // 1_000) <= 1
    assert PERP_MARKET.read(market, "amm.last_update_slot") == world.chain.first_slot
    assert PERP_MARKET.read(market, "expiry_ts") == 0
    assert PERP_MARKET.read(market, "order_tick_size") == 1_000


def test_accounts_of_other_kinds_are_not_moved() -> None:
    assert moved(b"something else", 5, 5) == b"something else"
    data = made_accounts()[a_world().spot_market].data
    assert moved(data, 0, 0) == data
    later = moved(data, 7, 100)
    assert SPOT_MARKET.read(later, "last_interest_ts") == SPOT_MARKET.read(data, "last_interest_ts") + 100


def test_the_oracles_publish_at_every_slot() -> None:
    world = a_world()
    world.price_usd = 149.123456
    world.chain.step(3)
    seen = oracle(world)
    assert seen.price_usd == 149.123456
    assert seen.posted_slot == world.chain.slot
    assert seen.publish_ts == world.chain.now_ts == NOW_TS + 1_200


def test_an_oracle_can_be_late_and_silent() -> None:
    world = a_world()
    world.late_slots = 5
    world.chain.step()
    seen = oracle(world)
    assert seen.posted_slot == world.chain.slot - 5
    assert seen.publish_ts == world.chain.now_ts - 2_000
    world.silent = True
    world.chain.step(10)
    assert oracle(world) == seen


def test_a_deployment_is_told_to_readers() -> None:
    world = a_world()
    code = programdata_address(PROGRAM_ID)
    assert read_program({PROGRAM_ID: world.account(PROGRAM_ID)}, PROGRAM_ID) == code
    assert read_deployment({code: world.account(code)}, code).slot == world.chain.first_slot
    world.deployed(438_123_456)
    assert read_deployment({code: world.account(code)}, code).slot == 438_123_456


def test_an_account_can_be_changed_as_no_transaction_could() -> None:
    world = a_world()
    world.edit(world.perp_market, PERP_MARKET, {"paused_operations": 4})
    assert PERP_MARKET.read(world.data(world.perp_market), "paused_operations") == 4
    nowhere = Pubkey.from_bytes(bytes([99]) * 32)
    assert world.account(nowhere) is None
    with pytest.raises(KeyError):
        world.edit(nowhere, PERP_MARKET, {"paused_operations": 4})


def test_a_transaction_that_cannot_pay_does_not_land() -> None:
    poor = Keypair.from_seed(bytes([9]) * 32)
    with pytest.raises(RuntimeError, match="did not land"):
        a_world().land([], poor)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"InstructionError": [1, {"Custom": 6061}]}, 6061),
        ({"InstructionError": [1, "InvalidAccountData"]}, None),
        ("AccountNotFound", None),
        (None, None),
    ],
)
def test_a_programs_code_is_read_from_a_transactions_error(error: object, code: int | None) -> None:
    assert error_code(error) == code


def test_recorded_accounts_make_a_world_too(shared_data: Path) -> None:
    world = a_world(recorded_accounts(shared_data / "onchain"))
    assert world.price_usd == 76.34075573
    assert oracle(world).posted_slot == world.chain.slot
