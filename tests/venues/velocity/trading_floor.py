"""A trader with a delegate on the real program: what is placed, what the account shows, what the log says."""

from collections.abc import Mapping, Sequence
from itertools import count

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from drift_e3.core.terms import OrderKind, Side
from drift_e3.drill.chain import Chain, Landed
from drift_e3.drill.engines import ProgramEngine
from drift_e3.drill.velocity_world import VelocityWorld, error_code
from drift_e3.venues.solana.program import RawAccount, Ticket, Trading
from drift_e3.venues.solana.records import FundingSeen, OrderActionSeen
from drift_e3.venues.solana.views import ChainView, Totals, UserSeen
from drift_e3.venues.velocity.addresses import PROGRAM_ID
from drift_e3.venues.velocity.events import read_events
from drift_e3.venues.velocity.program import VelocityProgram

DEPOSIT_USD = 10_000.0
_SERIAL = count()
NOW_TS = 1_763_800_000_000
EXPIRES_S = 20


class Floor:
    """The market, the owner's account with 10,000 USD in it, and the bot that may trade it and no more.

    Floors may share an engine, which is dear to make: each sets its market anew and has its own traders.
    """

    def __init__(self, engine: ProgramEngine, accounts: Mapping[Pubkey, RawAccount]) -> None:
        serial = next(_SERIAL).to_bytes(4, "little")
        self.owner, self.bot, self.keeper = (
            Keypair.from_seed(serial + bytes([party]) * 28) for party in range(3)
        )
        self.chain = Chain(engine, now_ts=NOW_TS)
        self.world = VelocityWorld(self.chain, accounts)
        self.desk = self.world.open_account(self.owner, DEPOSIT_USD, self.bot.pubkey())
        self.trading = Trading(self.owner.pubkey(), 0, self.bot.pubkey())
        self.program = VelocityProgram()
        self.program.learn({at: self.world.account(at) for at in self.program.market_addresses()})
        self.price_usd = self.world.price_usd

    def view(self) -> ChainView:
        """One look."""
        addresses = self.program.addresses(self.trading)
        accounts = {address: self.world.account(address) for address in addresses}
        return self.program.read(self.chain.slot, accounts, self.trading)

    def user(self) -> UserSeen:
        user = self.view().user
        assert user is not None
        return user

    def totals(self) -> Totals:
        return self.user().totals

    def ticket(
        self,
        side: Side,
        size_base: float,
        number: int = 1,
        kind: OrderKind = OrderKind.IOC,
        away_frac: float = 0.02,
        *,
        reduce_only: bool = False,
        triggers_above: bool = False,
    ) -> Ticket:
        """An order priced `away_frac` beyond the oracle, on the side that pays; away from it if negative."""
        return Ticket(
            user_order_id=number,
            side=side,
            kind=kind,
            size_base=size_base,
            price_usd=self.world.price_usd * (1 + side * away_frac),
            triggers_above=triggers_above,
            reduce_only=reduce_only,
            max_ts=self.chain.now_ts // 1_000 + EXPIRES_S if kind is OrderKind.IOC else 0,
        )

    def stop(self, size_base: float, number: int = 2, below_frac: float = 0.01) -> Ticket:
        """A stop under a long position."""
        kind = OrderKind.TRIGGER_MARKET
        return self.ticket(Side.SELL, size_base, number, kind, below_frac, reduce_only=True)

    def place(self, *tickets: Ticket) -> Landed:
        """Place these in one transaction that the bot signs."""
        return self.land(*(one for ticket in tickets for one in self.program.place(ticket, self.trading)))

    def take(self, side: Side, size_base: float, *, reduce_only: bool = False) -> Landed:
        """An IOC that the AMM fills."""
        return self.place(self.ticket(side, size_base, reduce_only=reduce_only))

    def land(self, *instructions: Instruction, by: Keypair | None = None) -> Landed:
        """Land these in one transaction that the bot signs, or another."""
        return self.world.land(instructions, by or self.bot)

    def failing(self, *instructions: Instruction, by: Keypair | None = None) -> int | None:
        """The program's code for these instructions, None for success. Fails for failures without one."""
        error = self.land(*instructions, by=by).error
        code = error_code(error)
        assert (error is None) == (code is None), error
        return code

    def cash(self, landed: Landed) -> int:
        """What the log says that trades and funding added to our ledger, fees included."""
        me, total = str(self.desk.user), 0
        for record in read_events(landed.logs, PROGRAM_ID):
            match record:
                case OrderActionSeen(action="Fill", taker=taker, maker=maker) if me in {taker, maker}:
                    taken = (record.taker_is_long, record.taker_fee)
                    long, fee = taken if taker == me else (record.maker_is_long, record.maker_fee)
                    total += (-record.quote if long else record.quote) - fee
                case FundingSeen(user=user) if user == me:
                    total += record.payment
        return total


def actions(landed: Landed) -> Sequence[str]:
    """What the log says that happened to orders."""
    records = read_events(landed.logs, PROGRAM_ID)
    return [record.action for record in records if isinstance(record, OrderActionSeen)]
