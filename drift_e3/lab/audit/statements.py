"""What the trader says of position and money, set against the audit's own books.

After a finding its word is taken, so that one fault is told once.
"""

from drift_e3.core.notes import DecisionMade, ModeChanged, PositionClosed, PositionOpened
from drift_e3.journal.codec import Message
from drift_e3.lab.audit.books import Sums
from drift_e3.lab.audit.findings import Findings, Rule
from drift_e3.lab.audit.scene import Scene

EQUAL_FRAC = 1e-9


def check_statement(scene: Scene, findings: Findings, message: Message) -> None:
    """Check a note that states position, equity or a trade's result."""
    match message:
        case DecisionMade(decision=decision):
            _position(scene, findings, decision.position_base)
            _equity(scene, findings, decision.equity_usd)
        case ModeChanged():
            _equity(scene, findings, message.equity_usd)
        case PositionOpened():
            _position(scene, findings, message.direction * message.size_base)
        case PositionClosed():
            _position(scene, findings, 0.0)
            _equity(scene, findings, message.equity_usd)
            _result(scene, findings, message)


def _position(scene: Scene, findings: Findings, told_base: float) -> None:
    own_base = scene.books.position_base
    if not findings.ask(
        Rule.POSITION,
        abs(told_base - own_base) < scene.half_step_base,
        "the trader has a position of {:g}, its fills come to {:g}",
        told_base,
        own_base,
    ):
        scene.books.believe_position(told_base)
        scene.orders.doubt(immediate=told_base != 0.0)


def _equity(scene: Scene, findings: Findings, told_usd: float) -> None:
    books = scene.books
    own_usd = books.equity_usd
    if books.initial_usd != books.initial_usd:
        # Not known since a fill was found missing.
        books.believe_equity(told_usd)
        return
    noise_usd = books.total.noise_usd + EQUAL_FRAC * abs(own_usd)
    same = abs(told_usd - own_usd) <= noise_usd or (told_usd != told_usd and own_usd != own_usd)
    if not findings.ask(
        Rule.EQUITY,
        same,
        "the trader has an equity of {:.9g} USD, its parts come to {:.9g}",
        told_usd,
        own_usd,
    ):
        books.believe_equity(told_usd)


def _result(scene: Scene, findings: Findings, closed: PositionClosed) -> None:
    """The result of a trade of which every fill is known."""
    own: Sums | None = scene.books.trade
    if own is None:
        return
    pnl = closed.pnl
    for name, told_usd, own_usd in (
        ("sum of parts", closed.net_usd, pnl.price_usd - pnl.slippage_usd - pnl.fees_usd + pnl.funding_usd),
        ("net", closed.net_usd, own.net_usd),
        ("slippage", pnl.slippage_usd, own.slippage_usd),
        ("fees", pnl.fees_usd, own.fees_usd),
        ("funding", pnl.funding_usd, own.funding_usd),
    ):
        if not findings.ask(
            Rule.EQUITY,
            abs(told_usd - own_usd) <= own.noise_usd,
            "trade {}: {} {:.9g} USD by the trader, {:.9g} by its fills",
            closed.trade_id,
            name,
            told_usd,
            own_usd,
        ):
            return
