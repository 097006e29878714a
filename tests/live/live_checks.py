"""What must be true of a live account whatever happened: books exact, no order twice, nothing left over."""

from collections import Counter
from pathlib import Path

from drift_e3.core.events import Fill
from drift_e3.venues.solana.books import Books, booked, to_quote
from drift_e3.venues.solana.outbox import OUTBOX_NAME, Outbox
from drift_e3.venues.solana.submission import ORDERS
from tests.live.journals import audited, orders_sent_twice
from tests.live.live_stage import LiveStage


def on_chain(stage: LiveStage) -> Books:
    """What the account has done since the books began, by its own totals."""
    totals, opened = stage.witness.user().totals, stage.state.account.opened
    assert opened is not None
    return Books(
        base=totals.base,
        ledger=totals.ledger - opened.ledger,
        funding=totals.funding - opened.funding,
        fees=totals.fees - opened.fees,
    )


def books_agree(stage: LiveStage) -> bool:
    """Whether position, money, funding and fees of the journal are the account's, to the last unit."""
    return booked(stage.state.account) == on_chain(stage)


def check_books(stage: LiveStage) -> None:
    """The journal's sums are the account's, to the last unit; so is, when flat, the equity."""
    account, totals = stage.state.account, stage.witness.user().totals
    assert booked(account) == on_chain(stage)
    if not totals.base:
        held = totals.collateral + totals.ledger - totals.settled
        # What came or went otherwise is told from a cent on: a deposit earns interest every second.
        assert abs(to_quote(account.equity_usd(0.0)) - held) < 10_000


def check_orders(stage: LiveStage) -> None:
    """Every order on the chain is one intent's only one, and no intent was wanted twice."""
    assert orders_sent_twice(stage.state_dir) == []
    intents = signed_by_intent(stage.state_dir)
    landed = [str(one.signature) for one in (*stage.witness.placed(), *stage.witness.changed())]
    assert set(landed) <= set(intents.values()), "an order on the chain that the outbox does not know"
    assert len(landed) == len(set(landed))
    assert max(Counter(intents.values()).values(), default=1) == 1


def signed_by_intent(state_dir: Path) -> dict[str, str]:
    """The signature of each order's intent that was signed, as the outbox has it."""
    outbox = Outbox(state_dir / OUTBOX_NAME)
    kinds = [kind.label for kind in sorted(ORDERS)]
    try:
        rows = outbox._rows("WHERE kind IN (?, ?) AND signature <> '' ORDER BY seq", *kinds)
    finally:
        outbox.close()
    assert len({row.submission.wanted.intent_id for row in rows}) == len(rows), "an intent is signed once"
    return {row.submission.wanted.intent_id: row.submission.signature for row in rows}


def check(stage: LiveStage) -> None:
    """All of it, and the safety envelope over the whole journal."""
    check_books(stage)
    check_orders(stage)
    assert audited(stage.state_dir).findings == ()


def fills(stage: LiveStage) -> list[Fill]:
    """The fills that were told, in order."""
    return [event for event in stage.events if isinstance(event, Fill)]
