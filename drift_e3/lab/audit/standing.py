"""What must be under way after an event: a stop for the position, its reduction, its end.

The trader promises orders, not fills: where the venue does not fill them the promise is kept, and the time is
measured.
"""

from drift_e3.core.risk import EXPOSURE_TOLERANCE
from drift_e3.core.terms import HALTED, MS_PER_SECOND, STOPPING, TRADING
from drift_e3.lab.audit.findings import Findings, Rule
from drift_e3.lab.audit.scene import ROUNDING, Scene


class Stretch:
    """How often a state of things came, and how long it lasted, in ms of event time: in all, and at most."""

    def __init__(self, since_ts: int = -1) -> None:
        self.times = 0
        self.all_ms = 0
        self.longest_ms = 0
        self.since_ts = since_ts

    def see(self, ts: int, *, lasts: bool) -> int:
        """Whether it lasts at `ts`; gives for how long it has."""
        if self.since_ts < 0:
            if lasts:
                self.since_ts = ts
                self.times += 1
            return 0
        past_ms = max(ts - self.since_ts, 0)
        self.longest_ms = max(self.longest_ms, past_ms)
        if not lasts:
            self.all_ms += past_ms
            self.since_ts = -1
        return past_ms


class Standing:
    """The checks of what must be under way, and the time for which it was not."""

    def __init__(self, unprotected_since_ts: int = -1) -> None:
        self.unprotected = Stretch(unprotected_since_ts)
        self.overexposed = Stretch()

    def check(self, scene: Scene, findings: Findings, ts: int) -> None:
        """Check after an event and all that it led to."""
        if scene.books.size_base:
            self._check_stop(scene, findings, ts)
            self._check_exposure(scene, findings, ts)
            _check_leaving(scene, findings, ts)
        else:
            self.unprotected.see(ts, lasts=False)
            self.overexposed.see(ts, lasts=False)
        _check_mode(scene, findings, ts)

    def _check_stop(self, scene: Scene, findings: Findings, ts: int) -> None:
        books, orders = scene.books, scene.orders
        enough_base = books.size_base - scene.half_step_base
        closing_side = -1 if books.position_base > 0.0 else 1
        if ts >= scene.arm_after_ts:
            sent_base = orders.stopped_base(closing_side, accepted=False)
            findings.ask_state(
                Rule.STOP,
                "sent",
                sent_base >= enough_base,
                "a position of {:g} has a stop for {:g}",
                books.position_base,
                sent_base,
            )
        rests = orders.stopped_base(closing_side, accepted=True) >= enough_base
        past_ms = self.unprotected.see(ts, lasts=not rests)
        limit_s = books.limits.unprotected_max_s
        late = not rests and past_ms > limit_s * MS_PER_SECOND and ts >= scene.exit_after_ts
        findings.ask_state(
            Rule.STOP,
            "unprotected",
            not late or orders.closing_base() >= enough_base,
            "a position of {:g} has had no stop on the venue for {:.6g} s and is not left, the limit is {:g}",
            books.position_base,
            past_ms / MS_PER_SECOND,
            limit_s,
        )

    def _check_exposure(self, scene: Scene, findings: Findings, ts: int) -> None:
        books, allowed_usd = scene.books, scene.allowed_usd
        above = books.notional_usd > allowed_usd * EXPOSURE_TOLERANCE * ROUNDING
        self.overexposed.see(ts, lasts=above)
        if ts < scene.exit_after_ts:
            return
        kept_base = books.size_base - scene.orders.closing_base() - scene.half_step_base
        findings.ask_state(
            Rule.LEVERAGE,
            "reduction",
            not (above and kept_base * books.price_usd > allowed_usd * ROUNDING),
            "notional of {:.6g} USD, the cap of {:g} allows {:.6g}, and no reduction to it is on its way",
            books.notional_usd,
            scene.cap_x,
            allowed_usd,
        )


def _check_leaving(scene: Scene, findings: Findings, ts: int) -> None:
    """What is to be flat must be on its way out."""
    people, books = scene.people, scene.books
    if ts < scene.exit_after_ts:
        return
    leaves = scene.orders.closing_base() >= books.size_base - scene.half_step_base
    words = "a position of {:g} stays after {}"
    findings.ask_state(
        Rule.LOSSES,
        "leaving",
        leaves or not scene.losses.halted,
        words,
        books.position_base,
        scene.losses.why,
    )
    if scene.losses.halted:
        return
    asked = "a flatten" if people.flatten else "a halt"
    must_leave = people.flatten or people.halt or scene.mode is HALTED
    findings.ask_state(Rule.MODES, "leaving", leaves or not must_leave, words, books.position_base, asked)


def _check_mode(scene: Scene, findings: Findings, ts: int) -> None:
    """The trader's mode must be one that what happened allows."""
    losses, mode = scene.losses, scene.mode
    allowed = (mode in (HALTED, STOPPING) if losses.halted else mode is not TRADING) or not losses.forbids(ts)
    findings.ask_state(Rule.LOSSES, "mode", allowed, "in mode {} after {}", mode.label, losses.why)
    forbidden = scene.people.forbids
    findings.ask_state(
        Rule.MODES,
        "mode",
        not (forbidden and mode is TRADING),
        "in mode {} after a person's {}",
        mode.label,
        forbidden,
    )
    going = [order.order_id for order in scene.orders.growing() if not order.cancel_asked]
    findings.ask_state(
        Rule.MODES,
        "entries",
        mode is TRADING or not going,
        "in mode {} the entry {} is not taken back",
        mode.label,
        ", ".join(going),
    )
