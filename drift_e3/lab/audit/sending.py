"""What was sent, and what the venue filled of it: each order judged as it leaves, each fill as it comes."""

from collections.abc import Sequence
from typing import Final

from drift_e3.core.commands import CancelOrder, SubmitOrder
from drift_e3.core.decision import Decision
from drift_e3.core.events import Event, Fill
from drift_e3.core.notes import DecisionMade
from drift_e3.core.orders import NOT_OURS
from drift_e3.core.terms import IOC, MS_PER_SECOND, TRADING, Reason
from drift_e3.journal.codec import Message
from drift_e3.lab.audit.findings import Findings, Rule
from drift_e3.lab.audit.scene import ROUNDING, Scene

REDUCING: Final = NOT_OURS - {Reason.ADOPTED}
"""Why a fill that is not ours only reduces."""


def check_fill(scene: Scene, findings: Findings, fill: Fill) -> None:
    """Judge a fill before it is booked."""
    before_base = scene.books.position_base if scene.books.size_base else 0.0
    after_base = before_base + fill.side * fill.size_base
    order = scene.orders.by_id.get(fill.order_id)
    only_reduces = fill.reason in REDUCING if order is None else order.intent.reduce_only
    turned = before_base * after_base < 0.0 and abs(after_base) >= scene.half_step_base
    findings.ask(
        Rule.REDUCE_ONLY,
        not (turned or (only_reduces and before_base * fill.side >= 0.0)),
        "fill {} of {} led from {:g} to {:g}",
        fill.fill_id,
        fill.order_id,
        before_base,
        after_base,
    )


def check_venue(scene: Scene, findings: Findings, event: Event) -> None:
    """Take what the venue says of an order: it must be one that is open."""
    wrong = scene.orders.take(event, scene.books.instrument.step_base)
    findings.ask(Rule.ONE_ORDER, not wrong, "{}", wrong)


def check_commands(scene: Scene, findings: Findings, outputs: Sequence[Message], ts: int) -> float:
    """Judge every order that one event led to, and take it as sent. Gives the largest entry's notional, open
    orders counted, over what the cap allowed; 0 where there was none."""
    share = 0.0
    for output in outputs:
        match output:
            case SubmitOrder():
                share = max(share, _check_order(scene, findings, output, outputs, ts))
            case CancelOrder(order_id=order_id) if order_id in scene.orders.by_id:
                scene.orders.by_id[order_id].cancel_asked = True
    return share


def _check_order(
    scene: Scene, findings: Findings, order: SubmitOrder, outputs: Sequence[Message], ts: int
) -> float:
    order_id, approved = order.order_id, order.approved
    findings.ask(Rule.ONE_ORDER, scene.ids.is_new(order_id), "{}: sent once more", order_id)
    findings.ask(
        Rule.LEVERAGE,
        approved.leverage_x_max == scene.cap_x,
        "{}: approved under a cap of {:g}, {:g} is in force",
        order_id,
        approved.leverage_x_max,
        scene.cap_x,
    )
    share = 0.0
    if approved.intent.reduce_only:
        scene.orders.send(order_id, approved.intent)
        _check_reduction(scene, findings, order)
    else:
        _check_entry(scene, findings, order, _decision(outputs, order_id), ts)
        scene.orders.send(order_id, approved.intent)
        scene.pace.enter(ts)
        share = _check_exposure(scene, findings, order)
    return share


def _decision(outputs: Sequence[Message], order_id: str) -> Decision | None:
    for output in outputs:
        if isinstance(output, DecisionMade) and output.decision.order_id == order_id:
            return output.decision
    return None


def _check_reduction(scene: Scene, findings: Findings, order: SubmitOrder) -> None:
    intent, position_base = order.approved.intent, scene.books.position_base
    fits = intent.side * position_base < 0.0 and intent.size_base <= abs(position_base) + scene.half_step_base
    if intent.kind is IOC:
        fits = fits and scene.orders.closing_base() <= abs(position_base) + scene.half_step_base
    findings.ask(
        Rule.REDUCE_ONLY,
        fits,
        "{}: {} {:g} sent against a position of {:g}, {:g} leaving at once",
        order.order_id,
        intent.side.label,
        intent.size_base,
        position_base,
        scene.orders.closing_base(),
    )


def _check_exposure(scene: Scene, findings: Findings, order: SubmitOrder) -> float:
    """The exposure rule at an entry, open orders counted; gives the share of what the cap allows."""
    books, intent = scene.books, order.approved.intent
    taken_base = books.size_base
    for open_order in scene.orders.growing():
        taken_base += open_order.remaining_base
    notional_usd, allowed_usd = taken_base * books.price_usd, scene.allowed_usd
    findings.ask(
        Rule.LEVERAGE,
        not notional_usd > allowed_usd * ROUNDING,
        "{}: takes notional to {:.6g} USD, the cap of {:g} allows {:.6g}",
        order.order_id,
        notional_usd,
        scene.cap_x,
        allowed_usd,
    )
    findings.ask(
        Rule.LEVERAGE,
        not notional_usd > books.limits.max_position_usd * ROUNDING,
        "{}: takes notional to {:.6g} USD, the largest position is {:g}",
        order.order_id,
        notional_usd,
        books.limits.max_position_usd,
    )
    findings.ask(
        Rule.LEVERAGE,
        intent.reference_usd == books.price_usd,
        "{}: decided at a price of {:g}, the market's was {:g}",
        order.order_id,
        intent.reference_usd,
        books.price_usd,
    )
    return notional_usd / allowed_usd if allowed_usd > 0.0 else 0.0


def _check_entry(
    scene: Scene, findings: Findings, order: SubmitOrder, decision: Decision | None, ts: int
) -> None:
    """Whether there may be an entry now at all."""
    books, order_id = scene.books, order.order_id
    findings.ask(
        Rule.MODES,
        scene.mode is TRADING and not scene.people.forbids,
        "{}: an entry in mode {}{}",
        order_id,
        scene.mode.label,
        f" after a person's {scene.people.forbids}" if scene.people.forbids else "",
    )
    findings.ask(
        Rule.LOSSES, not scene.losses.forbids(ts), "{}: an entry after {}", order_id, scene.losses.why
    )
    broken = scene.pace.broken(ts, books.last_exit_ts, books.limits)
    findings.ask(Rule.PACE, not broken, "{}: {}", order_id, broken)
    findings.ask(Rule.BARRED, not books.barred, "{}: an entry while {}", order_id, ", ".join(books.barred))
    alone = not books.size_base and not scene.orders.by_id
    findings.ask(
        Rule.ONE_ORDER,
        alone,
        "{}: an entry beside a position of {:g} and open orders {}",
        order_id,
        books.position_base,
        ", ".join(scene.orders.by_id) or "none",
    )
    size_base = order.approved.intent.size_base
    findings.ask(
        Rule.ONE_ORDER,
        decision is not None and decision.size_base == size_base,
        "{}: an entry of {:g} without its decision",
        order_id,
        size_base,
    )
    if books.feed.live:
        _check_freshness(scene, findings, order_id, decision, ts)


def _check_freshness(
    scene: Scene, findings: Findings, order_id: str, decision: Decision | None, ts: int
) -> None:
    books, limits = scene.books, scene.books.limits
    candle_limit_s = limits.data_age_max_s + books.feed.frame_ms / MS_PER_SECOND
    ages = [("candle", books.candle_seen_ts, candle_limit_s)]
    if decision is not None:
        ages.append(("candle decided on", decision.ts, limits.data_age_max_s))
    if books.feed.oracle_ticks:
        ages.append(("oracle", books.oracle_publish_ts, limits.oracle_age_max_s))
    if books.feed.book:
        ages.append(("book", books.book_seen_ts, limits.data_age_max_s))
    for name, known_ts, limit_s in ages:
        age_s = (ts - known_ts) / MS_PER_SECOND
        findings.ask(
            Rule.STALE_DATA,
            known_ts > 0 and age_s <= limit_s,
            "{}: the {} was {:.6g} s old, the limit is {:g}",
            order_id,
            name,
            age_s,
            limit_s,
        )
