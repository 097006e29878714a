"""What a person is told of because it lasts: an order that nobody answers for, a position without a stop.

Pure, with a memory of what was said. What happens in one event is `notices`'.
"""

from typing import Final

from drift_e3.core.events import Event, Heartbeat
from drift_e3.core.orders import OrderState
from drift_e3.core.state import TraderState
from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.ops.notices import Notice

UNCERTAIN_MS: Final = 45_000
"""A venue that has neither taken nor refused an order after so long is no longer just slow."""
BARE_MS: Final = 20_000
"""A stop is sent with the fill, and takes a few seconds."""


class Worries:
    """Of a live market; in a played one nothing is ever late."""

    def __init__(self) -> None:
        self._sent_ts: dict[str, int] = {}
        self._told: set[str] = set()

    def about(self, event: Event, state: TraderState) -> tuple[Notice, ...]:
        """What has lasted too long by now; each thing once."""
        if not isinstance(event, Heartbeat) or not state.feed.live:
            return ()
        now_ts = event.seen_ts
        sent = {one.order_id: one for one in state.orders.by_id.values() if one.state is OrderState.SENT}
        self._sent_ts = {order_id: self._sent_ts.get(order_id, now_ts) for order_id in sent}
        worries = [
            Notice(
                key=f"uncertain:{order_id}",
                title="An order's fate is uncertain",
                body=f"{sent[order_id].intent.reason.label} {order_id}: sent {age_ms / MS_PER_SECOND:.0f} s "
                "ago, neither taken nor refused; it is looked for, and never sent twice",
                urgent=True,
            )
            for order_id, since_ts in self._sent_ts.items()
            if (age_ms := now_ts - since_ts) >= UNCERTAIN_MS
        ]
        since_ts = state.unprotected_since_ts
        if since_ts >= 0 and now_ts - since_ts >= BARE_MS:
            worries.append(
                Notice(
                    key=f"bare:{since_ts}",
                    title="No stop on the venue",
                    body=f"for {(now_ts - since_ts) / MS_PER_SECOND:.0f} s; the position is closed after "
                    f"{state.settings.limits.unprotected_max_s:g} s",
                    urgent=True,
                )
            )
        said, self._told = self._told, {worry.key for worry in worries}
        return tuple(worry for worry in worries if worry.key not in said)
