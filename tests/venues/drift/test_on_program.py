"""The venue on the real program of mid-2024 in a local VM: what it places, reads and counts is what happens.

That build is older than driftpy's description of it: no Lazer oracle (a pulled one stands in), no funding
average in the market (so no hourly rate), seven pause bits.
"""

from collections.abc import Sequence
from math import ceil, isnan
from typing import Any

import pytest
from driftpy.types import MarketStatus as ProgramStatus
from solders.instruction import Instruction
from solders.keypair import Keypair

from drift_e3.core.terms import OrderKind, Side
from drift_e3.drill.drift_world import DriftWorld
from drift_e3.drill.engines import ProgramEngine, Ran
from drift_e3.venues.drift.decoding import PROGRAM_ID, MarketId
from drift_e3.venues.drift.events import read_events
from drift_e3.venues.drift.liveness import Alive, Dead, liveness
from drift_e3.venues.drift.program import DriftProgram
from drift_e3.venues.solana.program import Ticket, Trading
from drift_e3.venues.solana.records import FundingSeen, OrderActionSeen, RecordSeen, SettledSeen
from drift_e3.venues.solana.views import ChainView, MarketStatus, UserSeen
from tests.venues.drift.looks import a_ticket

SLOT = 272_000_000
NOW_S = 1_718_700_000
PRICE_USD = 85.0
DEPOSIT_USD = 10_000.0

OWNER = Keypair.from_seed(b"o" * 32)
DELEGATE = Keypair.from_seed(b"d" * 32)
KEEPER = Keypair.from_seed(b"k" * 32)
STRANGER = Keypair.from_seed(b"s" * 32)


class Desk:
    """One trader, who signs with a delegate's key only, and a keeper."""

    def __init__(self, binary: bytes, auction_slots: int = 0) -> None:
        engine = ProgramEngine({PROGRAM_ID: binary})
        self.world = DriftWorld(
            engine, slot=SLOT, unix_s=NOW_S, price_usd=PRICE_USD, auction_slots=auction_slots
        )
        self.trading = self.world.open_account(OWNER, DEPOSIT_USD, DELEGATE)
        self.world.open_account(KEEPER, DEPOSIT_USD)
        self.program = DriftProgram()
        self.program.learn(self.world.accounts(self.program.market_addresses()))

    def look(self, trading: Trading | None = None) -> ChainView:
        wanted = self.program.addresses(trading or self.trading)
        return self.program.read(self.world.clock.slot, self.world.accounts(wanted), trading or self.trading)

    def user(self) -> UserSeen:
        user = self.look().user
        assert user is not None
        return user

    def send(self, instructions: Sequence[Instruction], signer: Keypair = DELEGATE) -> Ran:
        return self.world.send(instructions, signer)

    def place(self, ticket: Ticket) -> Ran:
        return self.send(self.program.place(ticket, self.trading))

    def buy(self, size_base: float, **terms: Any) -> list[RecordSeen]:
        return told(self.place(a_ticket(size_base=size_base, **{"price_usd": 90.0, "max_ts": 0, **terms})))

    def sell(self, size_base: float, **terms: Any) -> list[RecordSeen]:
        return self.buy(size_base, **{"side": Side.SELL, "price_usd": 80.0, **terms})

    def pass_time(self, slots: int, seconds: int, price_usd: float = PRICE_USD) -> None:
        self.world.pass_time(slots, seconds)
        self.world.post_oracle(price_usd)


@pytest.fixture
def desk(drift_binary: bytes) -> Desk:
    return Desk(drift_binary)


def a_stop(price_usd: float = 80.0, **terms: Any) -> Ticket:
    given = {"size_base": 1.0, "user_order_id": 9, "max_ts": 0, **terms}
    return a_ticket(OrderKind.TRIGGER_MARKET, Side.SELL, price_usd=price_usd, reduce_only=True, **given)


def code(ran: Ran) -> int | None:
    """The program's own error, None for success."""
    if ran.error is None:
        return None
    _, inner = ran.error["InstructionError"]
    custom: int = inner["Custom"]
    return custom


def told(ran: Ran) -> list[RecordSeen]:
    """What the transaction says it did; it must not have failed."""
    assert ran.error is None, ran.logs
    return list(read_events(ran.logs, PROGRAM_ID))


def fills(records: Sequence[RecordSeen]) -> list[OrderActionSeen]:
    return [record for record in records if isinstance(record, OrderActionSeen) and record.action == "Fill"]


# -- looks ------------------------------------------------------------------------------------------------


def test_a_market_that_the_program_made_is_read(desk: Desk) -> None:
    view = desk.look()
    terms = view.perp.instrument
    assert (terms.symbol, terms.step_base, terms.tick_usd) == ("SOL-PERP", 0.01, 0.0001)
    assert (terms.initial_margin_frac, terms.maintenance_margin_frac) == (0.05, 0.03)
    assert [terms.taker_fee_bps, terms.maker_fee_bps] == pytest.approx([10, -2])
    assert (view.perp.mark_usd, view.oracle.price_usd) == (PRICE_USD, PRICE_USD)
    assert (view.perp.status, view.pauses.reasons) == (MarketStatus.ACTIVE, ())
    assert isnan(view.perp.funding_frac_1h)


def test_a_new_account_has_its_deposit_and_its_delegate(desk: Desk) -> None:
    user = desk.user()
    assert user.totals.collateral == user.totals.deposits == round(DEPOSIT_USD * 1e6)
    assert (user.authority, user.delegate) == (str(OWNER.pubkey()), str(DELEGATE.pubkey()))


# -- entries and exits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_an_ioc_fills_at_once_and_every_unit_of_it_is_in_the_account(desk: Desk, side: Side) -> None:
    before = desk.user().totals
    (fill,) = fills(desk.buy(1.23, side=side, price_usd=90.0 if side is Side.BUY else 80.0))
    user = desk.user()
    after = user.totals
    assert after.base - before.base == fill.base * side == 1_230_000_000 * side
    assert after.ledger - before.ledger == -side * fill.quote - fill.taker_fee
    assert after.fees - before.fees == fill.taker_fee == ceil(fill.quote / 1_000)
    assert after.collateral == before.collateral
    assert user.entry_usd == pytest.approx(fill.quote / 1.23e6)
    assert user.orders == ()


def test_a_day_of_trading_adds_up_to_the_last_unit(desk: Desk) -> None:
    """Ledger and fees are the sums of what twelve fills said; settling moves the ledger to tokens."""
    begun, cash, fees, base = desk.user().totals, 0, 0, 0
    sizes = [0.5, 1.0, -0.7, 2.01, -3.5, -1.0, 0.03, 4.0, -2.34, 0.01, 0.99, -1.0]
    for number, size in enumerate(sizes):
        desk.pass_time(20, 8, PRICE_USD + number / 10)
        for fill in fills(desk.buy(size) if size > 0 else desk.sell(-size)):
            side = 1 if fill.taker_is_long else -1
            cash, fees, base = cash - side * fill.quote, fees + fill.taker_fee, base + side * fill.base
    totals = desk.user().totals
    assert (totals.base, totals.ledger, totals.fees) == (base, cash - fees, fees)
    assert base == round(sum(sizes) * 1e9) == 0
    (settled,) = told(desk.send(desk.program.settle(desk.trading)))
    assert isinstance(settled, SettledSeen)
    after = desk.user().totals
    assert after.ledger == totals.ledger
    assert after.collateral - begun.collateral == after.settled - begun.settled == settled.pnl


def test_an_ioc_that_finds_no_price_is_a_success_without_a_trade(desk: Desk) -> None:
    before = desk.user()
    assert code(desk.place(a_ticket(size_base=1.0, price_usd=84.0, max_ts=0))) is None
    after = desk.user()
    assert (after.totals, after.orders) == (before.totals, ())
    assert after.next_order_id == before.next_order_id + 1


def test_where_the_amm_waits_for_an_auction_an_ioc_without_makers_is_impossible(drift_binary: bytes) -> None:
    desk = Desk(drift_binary, auction_slots=10)
    assert code(desk.place(a_ticket(size_base=1.0, price_usd=90.0, max_ts=0))) == 6252
    assert desk.program.error_name(6252) == "ImpossibleFill"


def test_a_reduce_only_exit_never_flips_the_position(desk: Desk) -> None:
    desk.buy(1.0)
    (fill,) = fills(desk.sell(5.0, reduce_only=True))
    assert fill.base == 1_000_000_000
    assert desk.user().totals.base == 0


def test_too_large_an_order_is_refused_by_name(desk: Desk) -> None:
    refused = code(desk.place(a_ticket(size_base=5_000.0, price_usd=90.0, max_ts=0)))
    assert refused is not None
    assert desk.program.error_name(refused) == "InsufficientCollateral"
    assert desk.user().totals.base == 0


def test_only_owner_and_delegate_can_order(desk: Desk) -> None:
    desk.world.endow(STRANGER.pubkey())
    stolen = desk.trading._replace(signer=STRANGER.pubkey())
    ran = desk.send(desk.program.place(a_ticket(max_ts=0), stolen), STRANGER)
    assert (code(ran), desk.program.error_name(2003)) == (2003, "ConstraintRaw")
    own = desk.trading._replace(signer=OWNER.pubkey())
    told(desk.send(desk.program.place(a_ticket(price_usd=90.0, max_ts=0), own), OWNER))


# -- resting orders ---------------------------------------------------------------------------------------


def test_a_post_only_order_rests_until_it_is_cancelled(desk: Desk) -> None:
    told(desk.place(a_ticket(OrderKind.POST_ONLY, price_usd=83.12345, max_ts=0)))
    (order,) = desk.user().orders
    assert (order.kind, order.user_order_id, order.price_usd) == (OrderKind.POST_ONLY, 42, 83.1234)
    assert (order.side, order.size_base, order.filled_base) == (Side.BUY, 1.23, 0.0)
    told(desk.send(desk.program.cancel(42, desk.trading)))
    assert desk.user().orders == ()


def test_a_post_only_order_that_would_take_is_refused(desk: Desk) -> None:
    assert code(desk.place(a_ticket(OrderKind.POST_ONLY, price_usd=86.0, max_ts=0))) == 6057


def test_an_id_is_refused_while_an_order_with_it_is_open(desk: Desk) -> None:
    told(desk.place(a_ticket(OrderKind.POST_ONLY, price_usd=83.0, max_ts=0)))
    assert code(desk.place(a_ticket(OrderKind.POST_ONLY, price_usd=82.0, max_ts=0))) == 6071
    assert len(desk.user().orders) == 1


def test_to_cancel_an_order_that_is_gone_is_no_error(desk: Desk) -> None:
    assert code(desk.send(desk.program.cancel(42, desk.trading))) is None


def test_a_resting_order_past_its_time_is_not_placed_and_the_transaction_succeeds(desk: Desk) -> None:
    before = desk.user().next_order_id
    assert code(desk.place(a_ticket(OrderKind.POST_ONLY, price_usd=83.0, max_ts=NOW_S - 1))) is None
    assert (desk.user().orders, desk.user().next_order_id) == ((), before)


def test_an_ioc_past_its_time_fails_and_leaves_the_stop_alone(desk: Desk) -> None:
    """The program then takes the account's last order for the one to fill: an unfired stop refuses."""
    desk.buy(1.0)
    told(desk.place(a_stop()))
    stop = desk.user().orders
    refused = code(desk.place(a_ticket(price_usd=90.0, max_ts=NOW_S - 1)))
    assert refused is not None
    assert desk.program.error_name(refused) == "OrderMustBeTriggeredFirst"
    assert (desk.user().orders, desk.user().totals.base) == (stop, 1_000_000_000)


# -- stops ------------------------------------------------------------------------------------------------


def test_a_stop_rests_and_a_change_gives_it_a_new_number_of_the_programs(desk: Desk) -> None:
    desk.buy(1.0)
    told(desk.place(a_stop(80.12345)))
    (stop,) = desk.user().orders
    assert (stop.kind, stop.trigger_usd, stop.triggers_above) == (OrderKind.TRIGGER_MARKET, 80.1235, False)
    assert (stop.reduce_only, stop.fired, stop.max_ts, stop.size_base) == (True, False, 0, 1.0)
    told(desk.send(desk.program.modify(a_stop(81.0, size_base=0.5), desk.trading)))
    (changed,) = desk.user().orders
    assert (changed.user_order_id, changed.trigger_usd, changed.size_base) == (9, 81.0, 0.5)
    assert changed.order_id > stop.order_id


def test_a_change_of_a_stop_that_is_gone_fails(desk: Desk) -> None:
    assert code(desk.send(desk.program.modify(a_stop(), desk.trading))) == 6061


def test_a_keeper_fires_a_stop_for_a_flat_reward_that_is_no_fee(desk: Desk) -> None:
    desk.buy(1.0)
    told(desk.place(a_stop(80.0)))
    (stop,) = desk.user().orders
    assert code(desk.world.fire(desk.trading, stop.order_id, KEEPER)) == 6112
    before = desk.user().totals
    desk.pass_time(5, 2, 79.5)
    told(desk.world.fire(desk.trading, stop.order_id, KEEPER))
    (fired,) = desk.user().orders
    after = desk.user().totals
    assert fired.fired
    assert (after.ledger - before.ledger, after.fees - before.fees) == (-10_000, 0)
    for _ in range(40):
        desk.pass_time(5, 2, 79.5)
        if found := fills(told(desk.world.fill(desk.trading, stop.order_id, KEEPER))):
            break
    (fill,) = found
    totals = desk.user().totals
    assert totals.base == 0
    assert totals.ledger - after.ledger == fill.quote - fill.taker_fee
    assert desk.user().orders == ()


# -- funding ----------------------------------------------------------------------------------------------


def test_funding_is_counted_to_the_last_unit(desk: Desk) -> None:
    """Whoever trades next after the hour brings the rate up to date; our own next order settles ours."""
    desk.buy(10.0)
    keeper = Trading(KEEPER.pubkey(), 0, KEEPER.pubkey())
    for _ in range(3):
        desk.pass_time(9_000, 3_600)
        somebody = desk.program.place(a_ticket(size_base=0.01, price_usd=90.0, max_ts=0), keeper)
        told(desk.send(somebody, KEEPER))
    before = desk.user().totals
    records = desk.buy(0.01)
    (payment,) = [record for record in records if isinstance(record, FundingSeen)]
    (fill,) = fills(records)
    after = desk.user().totals
    assert payment.base == 10_000_000_000
    assert payment.payment != 0
    assert after.funding - before.funding == payment.payment
    assert after.ledger - before.ledger == -fill.quote - fill.taker_fee + payment.payment


# -- pauses -----------------------------------------------------------------------------------------------


def test_while_fills_are_paused_orders_rest_and_taking_fails(desk: Desk) -> None:
    desk.world.administer("update_exchange_status", 8)
    assert desk.look().pauses.reasons == ("the exchange has paused fills",)
    assert code(desk.place(a_ticket(price_usd=90.0, max_ts=0))) == 6024
    told(desk.place(a_ticket(OrderKind.POST_ONLY, price_usd=83.0, max_ts=0)))
    told(desk.send(desk.program.cancel(42, desk.trading)))


def test_a_closed_exchange_does_not_even_cancel(desk: Desk) -> None:
    told(desk.place(a_ticket(OrderKind.POST_ONLY, price_usd=83.0, max_ts=0)))
    desk.world.administer("update_exchange_status", 127)
    pauses = desk.look().pauses
    assert (pauses.place, pauses.cancel, pauses.fill) == (True, True, True)
    assert code(desk.send(desk.program.cancel(42, desk.trading))) == 6024
    assert code(desk.place(a_stop())) == 6024


def test_a_market_that_pauses_fills_is_seen_and_takes_nothing(desk: Desk) -> None:
    desk.world.administer_market("update_perp_market_paused_operations", 4)
    assert desk.look().pauses.reasons == ("the market has paused fills",)
    refused = code(desk.place(a_ticket(price_usd=90.0, max_ts=0)))
    assert desk.program.error_name(refused or 0) == "MarketFillOrderPaused"


def test_while_the_amm_is_paused_nothing_fills(desk: Desk) -> None:
    desk.world.administer_market("update_perp_market_paused_operations", 2)
    assert desk.look().pauses.amm_fill
    desk.place(a_ticket(price_usd=90.0, max_ts=0))
    assert desk.user().totals.base == 0


def test_a_market_that_only_shrinks_lets_positions_out_and_not_in(desk: Desk) -> None:
    desk.buy(1.0)
    desk.world.edit(desk.world.market.perp_address, "PerpMarket", reduce_only)
    assert desk.look().perp.status is MarketStatus.REDUCE_ONLY
    assert desk.look().pauses.increase
    assert code(desk.place(a_ticket(price_usd=90.0, max_ts=0))) is not None
    desk.sell(1.0, reduce_only=True)
    assert desk.user().totals.base == 0


def reduce_only(market: Any) -> None:
    market.status = ProgramStatus.ReduceOnly()


# -- other markets of the account -------------------------------------------------------------------------


def test_an_account_with_another_position_can_only_trade_with_its_market_named(desk: Desk) -> None:
    btc = MarketId(market_index=1, name="BTC-PERP")
    desk.world.open_market(btc, PRICE_USD)
    other = DriftProgram(symbol="BTC-PERP", market_index=1)
    other.learn(desk.world.accounts(other.market_addresses()))
    told(desk.send(other.place(a_ticket(price_usd=90.0, max_ts=0), desk.trading)))
    assert desk.user().foreign == ("position of +1.23 in perpetual market 1",)
    refused = code(desk.place(a_ticket(price_usd=90.0, max_ts=0)))
    assert desk.program.error_name(refused or 0) == "PerpMarketNotFound"
    look = desk.world.accounts(desk.program.addresses(desk.trading))
    wanted = desk.program.companions(look, desk.trading)
    assert wanted == (btc.perp_address,)
    desk.program.learn_companions({**look, **desk.world.accounts(wanted)}, desk.trading)
    assert fills(desk.buy(1.0))


# -- liveness ---------------------------------------------------------------------------------------------


def test_a_program_without_the_instruction_is_dead_and_one_that_refuses_an_order_is_not(desk: Desk) -> None:
    (order,) = desk.program.place(a_ticket(size_base=5_000.0, price_usd=90.0, max_ts=0), desk.trading)
    view = desk.look()
    assert liveness(view, view.chain_ts, code(desk.send([order]))) == Alive()
    taken_out = Instruction(order.program_id, b"gone" + bytes(order.data)[4:], order.accounts)
    found = liveness(view, view.chain_ts, code(desk.send([taken_out])))
    assert isinstance(found, Dead)
    assert found.reasons == (
        "a simulated order fails with error 101: the instruction has been taken out of the program",
    )
