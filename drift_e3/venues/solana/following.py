"""Our orders and our account as the chain shows them, told as events of the core.

The sender says what became of a transaction; only a look at the account, not older than that, says what
became of the order. Fills are what the account's totals have more than the books (see `books`), given to the
orders that can have caused them. Pure: no chain library, no clock, nothing is sent.
"""

from collections.abc import Collection, Iterable

from drift_e3.core.events import (
    AccountOpened,
    CollateralMoved,
    Event,
    Fill,
    FundingPaid,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
)
from drift_e3.core.terms import Intent, Liquidity, OrderKind, Reason, Side
from drift_e3.venues.solana.books import Books, Missing, missing, moved
from drift_e3.venues.solana.followed import Followed, Stage, can_have_traded
from drift_e3.venues.solana.views import BASE_UNITS, QUOTE_UNITS, ChainView, OrderSeen, UserSeen

MOVE_MIN = 10_000
"""Collateral that came or went is told from 0.01 USD on: a deposit earns interest every second."""


class Follower:
    """Follows one account. `adopts` says that a foreign position is taken over instead of left alone."""

    def __init__(
        self, opened: AccountOpened, books: Books, moved_usd: float, step: int, *, adopts: bool
    ) -> None:
        self.orders: dict[str, Followed] = {}
        self.books = books
        self.foreign_base = 0
        self._opened = opened
        self._ignored = Books()
        self._moved_usd = moved_usd
        self._step = step
        self._adopts = adopts

    def follow(self, order: Followed) -> None:
        """Follow an order from now on."""
        self.orders[order.order_id] = order

    def landed(self, order_id: str, slot: int) -> None:
        """The order's transaction succeeded in `slot`."""
        self._decide(order_id, Stage.LANDED, slot, "")

    def died(self, order_id: str, slot: int, reason: str) -> None:
        """The order's transaction failed, or can never land; known as of `slot`."""
        self._decide(order_id, Stage.DEAD, slot, reason)

    def _decide(self, order_id: str, stage: Stage, slot: int, reason: str) -> None:
        order = self.orders.get(order_id)
        if order is not None:  # the account may have shown all of its fills before
            order.stage, order.since_slot, order.reason = stage, slot, reason
            if stage is Stage.DEAD and order.replaces in self.orders:
                self.orders[order.replaces].fixed = True

    def heir(self, order: Followed) -> Followed | None:
        """The order that takes this one's place in one step, if that is on its way or done."""
        return next((one for one in self.orders.values() if one.replaces == order.order_id), None)

    def replaced_by(self, intent: Intent, but: Collection[int] = ()) -> Followed | None:
        """The order that rests and whose place one with these terms may take; no number of `but`."""
        for order in reversed(self.orders.values()):
            free = order.user_order_id not in but and self.heir(order) is None
            if free and order.may_be_replaced_by(intent):
                return order
        return None

    def numbers(self) -> set[int]:
        """The numbers of all orders that are followed."""
        return {order.user_order_id for order in self.orders.values()}

    def look(self, view: ChainView, seen_ts: int) -> list[Event]:
        """What the account shows and has not been told yet, in the order in which it must be booked."""
        user = view.user
        assert user is not None, "only a look with the account can be followed"
        seen = {order.user_order_id: order for order in user.orders if order.user_order_id}
        events: list[Event] = []
        lack = self._missing(view)
        if lack.funding:
            events.append(self._funding(view, lack.funding, seen_ts))
        if abs(lack.base) >= self._step:
            events.extend(self._trades(view, user, seen, lack, seen_ts))
        elif lack.cash:
            events.append(self._move(lack.cash, seen_ts, traded=True))
        self.books = self.books._replace(fees=user.totals.fees - self._opened.fees)
        came = moved(self._opened, user.totals, self._moved_usd)
        if abs(came) >= MOVE_MIN:
            events.append(self._move(came, seen_ts, traded=False))
        events.extend(self._ends(view.slot, seen, seen_ts))
        return events

    def never_left(self, seen_ts: int) -> list[Event]:
        """Orders that certainly had no effect, whatever a look would show: told at once, so that an exit can
        be tried again while the account is out of sight."""
        dead = [order for order in self.orders.values() if order.stage is Stage.DEAD and not order.since_slot]
        for order in dead:
            del self.orders[order.order_id]
        return [
            OrderRejected(seen_ts=seen_ts, order_id=order.order_id, reason=order.reason)
            for order in dead
            if order.left
        ]

    def wanted_cancels(self) -> list[Followed]:
        """Orders that rest, are to be taken back, and for which nothing has been sent yet. One whose place
        another is taking has its number: it is left to that one, unless both are to go."""
        return [
            order
            for order in self.orders.values()
            if order.stage is Stage.RESTING and order.cancel_wanted and not order.cancel_sent
            if (heir := self.heir(order)) is None or heir.cancel_wanted
        ]

    def _missing(self, view: ChainView) -> Missing:
        assert view.user is not None
        known = Books(*(ours + theirs for ours, theirs in zip(self.books, self._ignored, strict=True)))
        return missing(self._opened, known, view.user.totals, view.perp.instrument.taker_fee_bps)

    def _funding(self, view: ChainView, amount: int, seen_ts: int) -> FundingPaid:
        paid = FundingPaid(
            seen_ts=seen_ts,
            amount_usd=amount / QUOTE_UNITS,
            rate_frac_1h=view.perp.funding_frac_1h,
            position_base=self.books.base / BASE_UNITS,
        )
        self.books = self.books.with_funding(paid)
        return paid

    def _move(self, amount: int, seen_ts: int, *, traded: bool) -> CollateralMoved:
        if traded:
            self.books = self.books._replace(ledger=self.books.ledger + amount)
        else:
            self._moved_usd += amount / QUOTE_UNITS
        return CollateralMoved(seen_ts=seen_ts, amount_usd=amount / QUOTE_UNITS, traded=traded)

    def _trades(
        self,
        view: ChainView,
        user: UserSeen,
        seen: dict[int, OrderSeen],
        lack: Missing,
        seen_ts: int,
    ) -> Iterable[Event]:
        """Fills for all of the missing trade: ours first, then what somebody else must have done."""
        side = Side.BUY if lack.base > 0 else Side.SELL
        told, whole = 0, abs(lack.base)
        taken = user.being_liquidated or user.bankrupt
        for order, most in self._causes(side, seen, view.slot, lack.price_usd, taken=taken):
            size = min(whole - told, most)
            if size > 0:
                order.filled += size
                part = lack.part(told, size)
                yield self._fill(view.slot, part, order.order_id, order.intent.reason, order.intent, seen_ts)
                told += size
        before = self.books.base
        reducing = min(whole - told, abs(before)) if before * side < 0 else 0
        if reducing >= self._step:
            reason = Reason.LIQUIDATION if taken else Reason.FOREIGN
            yield self._not_ours(view.slot, lack.part(told, reducing), reason, seen_ts)
            told += reducing
        if whole - told >= self._step:
            rest = lack.part(told, whole - told)
            if self._adopts:
                yield self._not_ours(view.slot, rest, Reason.ADOPTED, seen_ts)
            else:
                self._ignore(rest)

    def _causes(
        self, side: Side, seen: dict[int, OrderSeen], slot: int, price_usd: float, *, taken: bool
    ) -> list[tuple[Followed, int]]:
        """Orders on this side that can have traded, each with the most it can have traded, the surest first.

        Surest is what rested and shows fills or is gone, then what is known to have landed, then what is on
        its way, then what waits for a price that was not there: a program takes a stop away when the position
        that it guards is closed otherwise. One that is gone from an account that is `taken` over was called
        off: a liquidation ends all orders before it takes the position, at a price like a stop's.
        """
        causes: list[tuple[int, Followed, int]] = []
        for order in self.orders.values():
            if order.intent.side is not side:
                continue
            shown = self._shown(order, seen)
            if shown is not None and order.stage is not Stage.DEAD:
                filled = round(shown.filled_base * BASE_UNITS)
                causes.append((0, order, min(filled - order.filled, order.left)))
            elif taken and order.intent.kind is OrderKind.TRIGGER_MARKET:
                continue
            elif order.user_order_id in seen or not can_have_traded(order.intent, price_usd):
                # Another has its number: the one that it replaces, or that replaces it.
                causes.append((3, order, order.left))
            elif order.stage is Stage.RESTING:
                causes.append((0, order, order.left))
            elif order.stage is Stage.LANDED and slot >= order.since_slot:
                causes.append((1, order, order.left))
            else:
                causes.append((2, order, order.left))
        causes.sort(key=lambda cause: cause[0])
        return [(order, most) for _, order, most in causes]

    def _not_ours(self, slot: int, part: Missing, reason: Reason, seen_ts: int) -> Fill:
        return self._fill(slot, part, f"{reason.label}-{slot}", reason, None, seen_ts)

    def _fill(
        self, slot: int, part: Missing, order_id: str, reason: Reason, intent: Intent | None, seen_ts: int
    ) -> Fill:
        price_usd = part.price_usd
        rests = intent is not None and intent.kind is OrderKind.POST_ONLY
        fill = Fill(
            seen_ts=seen_ts,
            fill_id=f"{slot}-{order_id}",
            order_id=order_id,
            side=Side.BUY if part.base > 0 else Side.SELL,
            size_base=abs(part.base) / BASE_UNITS,
            price_usd=price_usd,
            reference_usd=price_usd if intent is None else intent.reference_usd,
            fee_usd=part.fee / QUOTE_UNITS,
            liquidity=Liquidity.MAKER if rests else Liquidity.TAKER,
            reason=reason,
        )
        self.books = self.books.with_fill(fill)
        return fill

    def _ignore(self, rest: Missing) -> None:
        """Leave a foreign position alone: it is counted, so that it does not turn up again at every look."""
        self._ignored = Books(
            base=self._ignored.base + rest.base, ledger=self._ignored.ledger + rest.cash - rest.fee
        )
        self.foreign_base += rest.base

    def _ends(self, slot: int, seen: dict[int, OrderSeen], seen_ts: int) -> Iterable[Event]:
        """Which orders the account has taken up, and which are over. Who takes another's place comes first:
        a position must not seem to be without a stop."""
        for order in sorted(self.orders.values(), key=self._generation, reverse=True):
            if slot < order.since_slot:
                continue
            held = self._shown(order, seen) is not None
            match order.stage:
                case Stage.SENDING:
                    over = not order.left
                case Stage.LANDED if held:
                    order.stage, over = Stage.RESTING, False
                    if not order.filled:  # a fill has told of it already
                        yield OrderAccepted(seen_ts=seen_ts, order_id=order.order_id)
                case Stage.LANDED:
                    over = True
                    if order.left:
                        yield self._unfilled(order, seen_ts)
                case Stage.RESTING if not held and self._is_being_replaced(order, seen):
                    over = False
                case Stage.RESTING:
                    over = not held
                    if over and order.left:
                        reason = "requested" if order.cancel_sent else "gone"
                        if self.heir(order) is not None and order.user_order_id in seen:
                            reason = "replaced"
                        yield OrderCancelled(seen_ts=seen_ts, order_id=order.order_id, reason=reason)
                case Stage.DEAD:
                    over = True
                    if order.left:
                        yield OrderRejected(seen_ts=seen_ts, order_id=order.order_id, reason=order.reason)
            if over:
                del self.orders[order.order_id]

    def _shown(self, order: Followed, seen: dict[int, OrderSeen]) -> OrderSeen | None:
        """The order as the account shows it: by its number, and not by that of who has taken its place."""
        found, heir = seen.get(order.user_order_id), self.heir(order)
        if not order.is_shown_by(found) or (heir is not None and heir.is_shown_by(found)):
            return None
        return found

    def _generation(self, order: Followed) -> int:
        """How many orders that are still followed it takes the place of, one after the other."""
        before = self.orders.get(order.replaces)
        return 0 if before is None else 1 + self._generation(before)

    def _is_being_replaced(self, order: Followed, seen: dict[int, OrderSeen]) -> bool:
        """Whether the account shows another in its place of which nothing has been told yet."""
        heir = self.heir(order)
        return (
            heir is not None
            and heir.stage is not Stage.RESTING
            and heir.is_shown_by(seen.get(order.user_order_id))
        )

    def _unfilled(self, order: Followed, seen_ts: int) -> Event:
        """The transaction succeeded, the account holds no order: an IOC's rest, or none was placed."""
        if order.intent.kind is OrderKind.IOC or order.filled:
            return OrderCancelled(seen_ts=seen_ts, order_id=order.order_id, reason="unfilled")
        return OrderRejected(seen_ts=seen_ts, order_id=order.order_id, reason="not_placed")
