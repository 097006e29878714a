"""Shadow books: the rules alone, the model alone, both blended, and nothing at all, on one recorded market.

Each book is a trader with a simulated account of its own, told the journal's market, answers and requests in
their order: a function of the journal and nothing else, so that a restart changes nothing and the daemon does
not have to do anything for it. What their difference proves is `lab.shadow_difference`'s.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from drift_e3.core.commands import AskAdvisor
from drift_e3.core.decision import Drafter, draft_decision
from drift_e3.core.events import (
    AccountOpened,
    AdviceReceived,
    CandleClosed,
    CollateralMoved,
    Event,
    Settings,
    SettingsChanged,
    Started,
)
from drift_e3.core.notes import PositionClosed
from drift_e3.core.terms import WeightMode
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.journal.beginning import oldest_state, started
from drift_e3.journal.codec import KINDS
from drift_e3.journal.reader import JournalReader
from drift_e3.lab.rerun import MakeMarket, rerun
from drift_e3.lab.shadow_model import model_draft


class Book(StrEnum):
    """What a book goes by."""

    RULES = "rules"
    MODEL = "model"
    BLEND = "blend"
    FLAT = "flat"


@dataclass(slots=True)
class Kept:
    """One book. `equity` is by the candle's close (UTC, ms), in USD, each traded candle once."""

    book: Book
    equity: dict[int, float] = field(default_factory=dict)
    trades: int = 0
    wins: int = 0
    fees_usd: float = 0.0
    drawdown_frac_max: float = 0.0
    halted: bool = False

    def document(self) -> dict[str, Any]:
        """The book in short, as plain values."""
        values = list(self.equity.values())
        return {
            "book": self.book.value,
            "equity_start_usd": values[0] if values else None,
            "equity_end_usd": values[-1] if values else None,
            "trades": self.trades,
            "wins": self.wins,
            "fees_usd": self.fees_usd,
            "drawdown_frac_max": self.drawdown_frac_max,
            "halted": self.halted,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadows:
    """All books of one journal, which may be a `live` account's. Of its `questions` so many had an answer,
    from `models`."""

    books: dict[Book, Kept]
    live: bool
    frame_ms: int
    weight_mode: WeightMode
    questions: int
    answers: int
    models: tuple[str, ...]


Meter = Callable[[Book], Callable[[int, int], None]]
"""For each book a function that is told (events done, events in all)."""


def shadows(reader: JournalReader, make_market: MakeMarket, meter: Meter) -> Shadows:
    """Keep all books over a journal. Raises `JournalUnreadable` at a damaged row and without an event."""
    beginning = started(reader)
    asked = _asked(reader)
    books = {
        Book.RULES: _keep(Book.RULES, reader, make_market, meter, asked, draft_decision),
        Book.MODEL: _keep(Book.MODEL, reader, make_market, meter, asked, model_draft),
        Book.BLEND: _keep(Book.BLEND, reader, make_market, meter, asked, draft_decision),
        Book.FLAT: _flat(reader, make_market, meter),
    }
    received = _answers(reader)
    return Shadows(
        books=books,
        live=_is_live(reader),
        frame_ms=beginning.feed.frame_ms,
        weight_mode=beginning.settings.params.ai_weightMode,
        questions=len(asked),
        answers=len(received),
        models=tuple(sorted({event.model for event in received})),
    )


def settings_of(book: Book, settings: Settings) -> Settings:
    """What the daemon went by, as this book has it."""
    match book:
        case Book.BLEND:
            return settings
        case Book.MODEL:
            # Its regime is in force whatever its confidence, and its weight is nobody's business.
            params = settings.params._replace(
                ai_regimeOverride=True, ai_minConfidence=0.0, ai_weightMode=WeightMode.FIXED
            )
            return replace(settings, params=params)
        case Book.RULES | Book.FLAT:
            return replace(settings, ai_enabled=False)


def _keep(
    book: Book,
    reader: JournalReader,
    make_market: MakeMarket,
    meter: Meter,
    asked: set[str],
    draft: Drafter,
) -> Kept:
    kept, state = Kept(book), oldest_state(reader)
    if state is not None:
        state.settings = settings_of(book, state.settings)
    trader = Trader(state, draft=draft)

    def change(event: Event) -> Event:
        if isinstance(event, Started | SettingsChanged):
            return replace(event, settings=settings_of(book, event.settings))
        return event

    def watch(event: Event, outcome: Outcome) -> None:
        state = trader.state
        if isinstance(event, CandleClosed) and not event.history:
            close_ts = event.open_ts + state.feed.frame_ms
            kept.equity[close_ts] = state.account.equity_usd(state.market.price_usd)
        for note in outcome.notes:
            if isinstance(note, PositionClosed):
                kept.fees_usd += note.pnl.fees_usd

    rerun(reader, make_market, watch, meter(book), trader=trader, change=change, asked=asked)
    tally = trader.state.tally
    kept.trades, kept.wins = tally.trades, tally.wins
    kept.drawdown_frac_max, kept.halted = tally.drawdown_frac_max, trader.state.mode.halted
    return kept


def _flat(reader: JournalReader, make_market: MakeMarket, meter: Meter) -> Kept:
    """The account as if nobody had traded: what it began with, and what was paid in and out."""
    kept = Kept(Book.FLAT)
    beginning = started(reader)
    equity_usd = beginning.equity_usd
    frame_ms = beginning.feed.frame_ms
    progress, last_seq = meter(Book.FLAT), reader.last_seq
    for row in reader.rows_of([KINDS[kind] for kind in (AccountOpened, CandleClosed, CollateralMoved)]):
        match reader.message(row):
            case AccountOpened(equity_usd=opened_usd):
                equity_usd = opened_usd
            case CollateralMoved(traded=False, amount_usd=amount_usd):
                equity_usd += amount_usd
            case CandleClosed(history=False, open_ts=open_ts):
                kept.equity[open_ts + frame_ms] = equity_usd
                progress(row.seq, last_seq)
    return kept


def _is_live(reader: JournalReader) -> bool:
    """Whether the journal is a live account's: somebody showed what it holds."""
    state = oldest_state(reader)
    if state is not None:
        return state.account.opened is not None
    return next(reader.rows_of([KINDS[AccountOpened]]), None) is not None


def _asked(reader: JournalReader) -> set[str]:
    rows = reader.rows_of([KINDS[AskAdvisor]])
    commands = (reader.message(row) for row in rows)
    return {command.question.question_id for command in commands if isinstance(command, AskAdvisor)}


def _answers(reader: JournalReader) -> list[AdviceReceived]:
    rows = reader.rows_of([KINDS[AdviceReceived]])
    return [event for row in rows if isinstance(event := reader.message(row), AdviceReceived)]
