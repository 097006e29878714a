"""The checks of one event and what it led to, in the order in which the trader works.

First the event is booked, then what the trader said is set against the books, then what it sent is judged,
and at last whether what must be under way is. Reading journals is `auditing`'s.
"""

from collections.abc import Sequence
from typing import Final

from drift_e3.core.commands import CancelOrder, SubmitOrder
from drift_e3.core.events import Event, Fill, HistoricEvent, OrderRejected
from drift_e3.core.notes import (
    DecisionMade,
    ModeChanged,
    OrderRefused,
    PositionClosed,
    PositionOpened,
    RegimeChanged,
)
from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.journal.codec import KINDS, Message
from drift_e3.lab.audit.findings import Figures, Findings
from drift_e3.lab.audit.scene import Scene
from drift_e3.lab.audit.sending import check_commands, check_fill, check_venue
from drift_e3.lab.audit.standing import Standing
from drift_e3.lab.audit.statements import check_statement

HEARD: Final = frozenset(
    KINDS[kind]
    for kind in (
        SubmitOrder,
        CancelOrder,
        DecisionMade,
        ModeChanged,
        OrderRefused,
        PositionClosed,
        PositionOpened,
        RegimeChanged,
    )
)
"""The kinds of outputs that `Checks.take` needs."""


class Checks:
    """All checks over one journal, told event by event."""

    def __init__(self, scene: Scene, findings: Findings) -> None:
        self._scene = scene
        self._findings = findings
        self._standing = Standing(scene.unprotected_since_ts)
        self._entry_cap_share_max = 0.0

    def take(self, event: Event, outputs: Sequence[Message], *, is_whole: bool) -> None:
        """Check an event with what it led to: commands first, then notes. Not `is_whole`: the outputs may be
        missing, and what must be under way is not asked."""
        scene, findings, ts = self._scene, self._findings, event.seen_ts
        self._book(event)
        for output in outputs:
            match output:
                case ModeChanged():
                    scene.mode = output.after
                case RegimeChanged():
                    scene.regime = output.after
                case OrderRefused():
                    scene.refuse(output.intent, ts)
            check_statement(scene, findings, output)
        if isinstance(event, HistoricEvent) and event.history:
            # The trader learns from the time before it and decides on nothing.
            return
        scene.losses.mark(scene.books.equity_usd, ts, scene.books.limits)
        if not scene.books.size_base and not scene.orders.growing():
            scene.people.flatten = False
        share = check_commands(scene, findings, outputs, ts)
        self._entry_cap_share_max = max(self._entry_cap_share_max, share)
        if is_whole:
            self._standing.check(scene, findings, ts)

    def _book(self, event: Event) -> None:
        scene, findings = self._scene, self._findings
        books, people = scene.books, scene.people
        if isinstance(event, Fill):
            check_fill(scene, findings, event)
        elif isinstance(event, OrderRejected) and event.order_id in scene.orders.by_id:
            scene.refuse(scene.orders.by_id[event.order_id].intent, event.seen_ts)
        check_venue(scene, findings, event)
        had_base = books.size_base
        books.take(event)
        scene.losses.take(event, books.equity_usd, people.halt or people.reduce)
        people.take(event)
        if had_base and not books.size_base and books.trade is not None:
            scene.losses.close_trade(books.trade.net_usd, event.seen_ts, books.limits)

    def figures(self, last_ts: int) -> Figures:
        """What was measured up to the journal's end at `last_ts` (UTC, ms)."""
        unprotected, overexposed = self._standing.unprotected, self._standing.overexposed
        for stretch in (unprotected, overexposed):
            stretch.see(last_ts, lasts=False)
        losses = self._scene.losses
        return Figures(
            unprotected_ms=unprotected.all_ms,
            unprotected_ms_max=unprotected.longest_ms,
            unprotected_ms_bound=int(self._scene.books.limits.unprotected_max_s * MS_PER_SECOND),
            overexposures=overexposed.times,
            overexposed_ms_max=overexposed.longest_ms,
            entry_cap_share_max=self._entry_cap_share_max,
            drawdown_frac_max=losses.drawdown_frac_max,
            daily_loss_frac_max=losses.daily_loss_frac_max,
        )
