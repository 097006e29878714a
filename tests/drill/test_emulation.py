"""The emulation as an engine: all or nothing, real layouts, and no bytes that break it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from drift_e3.core.terms import Side
from drift_e3.drill.drift_accounts import a_market, decoded
from drift_e3.drill.emulation.dialects import Dialect, drift_dialect, velocity_dialect
from drift_e3.drill.emulation.program import _INSTRUCTIONS
from drift_e3.drill.emulation.records import Record
from drift_e3.drill.local_chain import LocalChain, VenueName
from drift_e3.venues.solana.anchor import instruction_discriminator
from tests.drill.stages import EMULATED, a_trader

NOWHERE = Pubkey([9] * 32)
both = pytest.mark.parametrize("venue", ["velocity", "drift"])


def opened(venue: VenueName = "velocity") -> LocalChain:
    local = LocalChain(venue, "emulation")
    local.open()
    return local


def outcome(local: LocalChain, *instructions: Instruction) -> Any:
    """The error of one transaction of the owner's, None for success."""
    signature = local.chain.submit(local.stage.signed(instructions, local.owner))
    local.step()
    landed = local.chain.landed(signature)
    assert landed is not None
    return landed.error


@both
def test_a_failure_undoes_the_whole_transaction_but_the_fee(venue: VenueName) -> None:
    local = opened(venue)
    before, user = local.chain.get_account(local.authority), local.chain.get_account(local.account.user)
    good = local.account.limit(Side.BUY, 10**9, 140_000_000, 1)
    error = outcome(local, good, local.account.limit(Side.BUY, 10**9, 140_000_000, 1))
    assert error == {"InstructionError": [2, {"Custom": 6071}]}
    after = local.chain.get_account(local.authority)
    assert before is not None
    assert after is not None
    assert before.lamports - after.lamports == 5_000
    assert local.chain.get_account(local.account.user) == user


def test_transfers_work_and_other_programs_do_not() -> None:
    local = opened()
    paying = TransferParams(from_pubkey=local.authority, to_pubkey=NOWHERE, lamports=7)
    assert outcome(local, transfer(paying)) is None
    paid = local.chain.get_account(NOWHERE)
    assert paid is not None
    assert paid.lamports == 7
    other = Instruction(NOWHERE, b"", [])
    assert outcome(local, other) == {"InstructionError": [1, "UnsupportedProgramId"]}


def test_the_same_bytes_are_carried_out_once() -> None:
    local = opened()
    transaction = local.stage.signed([local.account.limit(Side.BUY, 10**9, 140_000_000, 1)], local.owner)
    assert local.engine.send(transaction).error is None
    again = local.engine.send(transaction)
    assert (again.error, again.landed) == ("AlreadyProcessed", False)


@both
def test_what_is_named_read_only_stays_as_it_is(venue: VenueName) -> None:
    local = opened(venue)
    market = local.stage.dialect.perp_market
    local.oracle.jump(0.01)
    local.step(100)
    before, placed = local.chain.get_account(market), local.account.limit(Side.BUY, 10**9, 140_000_000, 1)
    metas = [
        AccountMeta(meta.pubkey, meta.is_signer, meta.is_writable and meta.pubkey != market)
        for meta in placed.accounts
    ]
    assert outcome(local, Instruction(placed.program_id, bytes(placed.data), metas)) is None
    assert local.chain.get_account(market) == before
    assert outcome(local, local.account.limit(Side.BUY, 10**9, 140_000_000, 2)) is None
    assert local.chain.get_account(market) != before


def test_a_simulation_changes_nothing_and_shows_what_it_would() -> None:
    local = opened()
    transaction = local.stage.signed([local.account.limit(Side.BUY, 10**9, 140_000_000, 1)], local.owner)
    before = local.chain.get_account(local.account.user)
    ran = local.engine.simulate(transaction)
    assert ran.error is None
    assert ran.accounts[local.account.user] != before == local.chain.get_account(local.account.user)


@pytest.mark.parametrize(("venue", "engine"), EMULATED)
def test_a_market_that_is_not_named_is_missed(venue: VenueName, engine: Any) -> None:
    trader = a_trader(venue, engine)
    whole = trader.local.account.limit(Side.BUY, 10**9, 140_000_000, 1)
    dialect = trader.local.stage.dialect
    without = [meta for meta in whole.accounts if meta.pubkey != dialect.perp_market]
    no_oracle = [meta for meta in whole.accounts if meta.pubkey not in trader.local.stage.oracles]
    codes = [
        outcome(trader.local, Instruction(whole.program_id, bytes(whole.data), metas))["InstructionError"][1]
        for metas in (without, no_oracle, whole.accounts[:2])
    ]
    assert codes[:2] == [{"Custom": 6078}, {"Custom": 6036}]
    assert codes[2]["Custom"] in {3005, 6078}


@pytest.mark.parametrize("dialect", [velocity_dialect(), drift_dialect()], ids=lambda one: one.name)
def test_every_neutral_name_has_a_place(dialect: Dialect) -> None:
    for kind, names in dialect.names.items():
        for path in names.values():
            assert path in dialect.layouts[kind].slots


def test_drifts_layouts_read_what_driftpy_reads() -> None:
    dialect = drift_dialect()
    accounts = a_market(85.0, 400_000_000, 1_750_000_000)
    for kind, address in (("State", dialect.state), ("PerpMarket", dialect.perp_market)):
        account = accounts[address]
        assert account is not None
        seen, record = decoded(account.data), Record(dialect.layouts[kind], bytearray(account.data))
        assert len(account.data) == dialect.layouts[kind].size
        if kind == "PerpMarket":
            assert record["amm.peg_multiplier"] == seen.amm.peg_multiplier
            assert record["amm.order_tick_size"] == seen.amm.order_tick_size
            assert record["margin_ratio_initial"] == seen.margin_ratio_initial
            assert record["amm.last_funding_oracle_twap"] == seen.amm.last_funding_oracle_twap
        else:
            assert record["perp_fee_structure.flat_filler_fee"] == seen.perp_fee_structure.flat_filler_fee
            assert record["exchange_status"] == seen.exchange_status


@both
def test_numbers_that_do_not_fit_are_an_error_of_arithmetic(venue: VenueName) -> None:
    local = opened(venue)
    error = outcome(local, local.account.limit(Side.BUY, 2**64 - 1, 140_000_000, 1))
    assert error == {"InstructionError": [1, {"Custom": 6019}]}


FLOOR = opened()


@given(
    name=st.sampled_from(sorted(_INSTRUCTIONS)), data=st.binary(max_size=80), places=st.permutations(range(8))
)
def test_no_bytes_break_it(name: str, data: bytes, places: list[int]) -> None:
    """Whatever is sent, the answer is a code or success."""
    dialect, account = FLOOR.stage.dialect, FLOOR.account
    known = [dialect.state, account.user, account.stats, FLOOR.authority, dialect.spot_market]
    known += [dialect.perp_market, *FLOOR.stage.oracles]
    metas = [AccountMeta(known[place], known[place] == FLOOR.authority, True) for place in places]
    sent = Instruction(dialect.program_id, instruction_discriminator(name) + data, metas)
    ran = FLOOR.engine.simulate(FLOOR.stage.signed([sent], FLOOR.owner))
    assert ran.error is None or "Custom" in str(ran.error)
