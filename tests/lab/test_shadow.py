"""Shadow books: each goes its own way over the same journal, and the journal alone decides which."""

import ast
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import drift_e3
from drift_e3.advisors.stub import Character, StubAdvisor
from drift_e3.config import ConfigError, load
from drift_e3.core.decision import HeldAdvice
from drift_e3.core.events import AccountOpened, CandleClosed, CollateralMoved, Event, Settings
from drift_e3.core.features import NO_FEATURES
from drift_e3.core.notes import DecisionMade, PositionClosed
from drift_e3.core.params import Params
from drift_e3.core.skill import HORIZON_MS
from drift_e3.core.strategies import Needs
from drift_e3.core.terms import Direction, Regime, Strategy, WeightMode
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from drift_e3.lab.backtest import backtest
from drift_e3.lab.oracle import TapeOracle
from drift_e3.lab.shadow import Book, Shadows, settings_of, shadows
from drift_e3.lab.shadow_model import model_draft
from drift_e3.wiring.comparing import simulated
from tests.core.builders import HOUR, START_TS, some_advice
from tests.core.stories import a_story
from tests.lab.test_planted_advisors import candles
from tests.live.daemons import Bounded, orders, run_on
from tests.live.journals import opened, rewrite, told
from tests.live.markets import settings, tape_market

HOURS = 300
FIXED = settings(ADVISOR="ollama")
EARNED = settings(ADVISOR="ollama", STRATEGY__AI_WEIGHTMODE="earned")


def market() -> Bounded:
    return Bounded(tape_market(FIXED, count=2_060), candles().ts_ms[HOURS])


def kept(state: Path) -> Shadows:
    with opened(state) as reader:
        return shadows(reader, partial(simulated, FIXED), lambda _: lambda done, total: None)


@pytest.fixture(scope="module", params=["fixed", "earned"])
def state(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chosen = FIXED if request.param == "fixed" else EARNED
    folder = tmp_path_factory.mktemp(request.param) / "state"
    twin = StubAdvisor(
        Character(right_frac=0.85, latency_ms=2_000, failure_frac=0.1),
        5,
        TapeOracle(candles(), HORIZON_MS),
    )
    run_on(market(), orders(folder, chosen.trading()), twin)
    return folder


@pytest.fixture(scope="module")
def books(state: Path) -> Shadows:
    return kept(state)


def test_the_blend_is_what_the_daemon_traded(books: Shadows, state: Path) -> None:
    notes = [message for _, outputs in told(state) for message in outputs]
    # Those that waited for an answer were taken after the next candle's first trades.
    decided = [note.decision for note in notes if isinstance(note, DecisionMade) and note.decision.no_advice]
    closed = [note for note in notes if isinstance(note, PositionClosed)]
    blend = books.books[Book.BLEND]
    same = [made for made in decided if made.equity_usd == blend.equity[made.ts]]
    assert len(same) > 0.9 * len(decided)
    assert (blend.trades, blend.wins) == (len(closed), sum(note.net_usd > 0.0 for note in closed))
    assert closed
    fees_usd = 0.0
    for note in closed:
        fees_usd += note.pnl.fees_usd
    assert blend.fees_usd == fees_usd


def test_the_rules_book_is_a_backtest_without_an_advisor(books: Shadows) -> None:
    alone = settings()
    tested = backtest(market(), alone.trading(), 1_000.0)
    rules = books.books[Book.RULES]
    assert rules.trades == tested.state.tally.trades
    assert list(rules.equity.items()) == tested.equity


def test_all_books_stand_side_by_side(books: Shadows) -> None:
    ends = {book: list(one.equity.values())[-1] for book, one in books.books.items()}
    assert ends[Book.FLAT] == 1_000.0
    assert len(set(ends.values())) == 4
    assert len({tuple(one.equity) for one in books.books.values()}) == 1
    assert books.books[Book.MODEL].trades > 3
    assert books.answers < books.questions
    assert books.models == ("stub",)


def test_they_are_a_function_of_the_journal(books: Shadows, state: Path, tmp_path: Path) -> None:
    """Cut off as by a kill: what was there keeps its equity, whatever came after."""
    assert kept(state) == books
    half = kept(rewrite(state, tmp_path / "half", upto=len(told(state)) // 2))
    for book in Book:
        before = half.books[book].equity
        assert len(before) > HOURS // 3
        assert before.items() <= books.books[book].equity.items()


def test_a_question_that_nobody_asked_then_fails_at_once(tmp_path: Path) -> None:
    """The daemon of this journal had no advisor: the model's book asks, and goes by nothing."""
    run_on(market(), orders(tmp_path / "state", settings().trading()))

    def asking(book: Book, chosen: Settings) -> Settings:
        return replace(settings_of(book, chosen), ai_enabled=book is not Book.RULES)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drift_e3.lab.shadow.settings_of", asking)
        found = kept(tmp_path / "state")
    assert (found.questions, found.answers) == (0, 0)
    assert found.books[Book.BLEND].equity == found.books[Book.RULES].equity
    assert found.books[Book.MODEL].trades == 0


def test_a_flat_account_has_what_was_paid_in_and_out(tmp_path: Path) -> None:
    def candle(number: int) -> CandleClosed:
        open_ts = START_TS + number * HOUR
        close_ts = open_ts + HOUR
        return CandleClosed(
            seen_ts=close_ts, open_ts=open_ts, open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0
        )

    started = next(event for event, _ in told(run_at_rest(tmp_path / "rest")))
    events: list[Event] = [
        started,
        AccountOpened(seen_ts=START_TS, account="a", equity_usd=500.0, ledger=0, funding=0, fees=0, tokens=0),
        candle(0),
        CollateralMoved(seen_ts=START_TS + HOUR, amount_usd=50.0),
        CollateralMoved(seen_ts=START_TS + HOUR, amount_usd=7.0, traded=True),
        candle(1),
    ]
    with JournalWriter(tmp_path / JOURNAL_NAME, code_hash()) as writer:
        for seq, event in enumerate(events, 1):
            writer.append_event(seq, event)
    flat = kept(tmp_path).books[Book.FLAT].equity
    assert list(flat.values()) == [500.0, 550.0]


def run_at_rest(state: Path) -> Path:
    """A journal of a minute's market, for its beginning."""
    story = a_story()
    run_on(Bounded(tape_market(FIXED, count=60), 0), orders(state, story.state.settings))
    return state


class TestTheModelsBook:
    def drafted(
        self, direction: Direction, *, age_ms: int = 0, multiplier: float = 0.7
    ) -> tuple[object, ...]:
        held = HeldAdvice(
            advice=some_advice(direction, 0.66, Regime.CHOP, multiplier),
            question_id="q",
            received_ts=START_TS,
        )
        draft = model_draft(
            NO_FEATURES, Regime.CHOP, held, START_TS + age_ms, Params(), Needs(book=False, premium=False)
        )
        return draft.direction, draft.confidence, draft.multiplier, draft.reason

    def test_it_follows_the_models_direction(self) -> None:
        assert self.drafted(Direction.SHORT) == (Direction.SHORT, 0.66, 0.7, "")
        assert self.drafted(Direction.LONG, multiplier=1.8) == (Direction.LONG, 0.66, 1.0, "")

    def test_without_fresh_advice_or_direction_it_stays_out(self) -> None:
        assert self.drafted(Direction.FLAT)[3] == "advised_flat"
        assert self.drafted(Direction.LONG, age_ms=300_000)[3] == "no_advice"
        nobody = model_draft(
            NO_FEATURES, Regime.CHOP, None, START_TS, Params(), Needs(book=False, premium=False)
        )
        assert (nobody.direction, nobody.strategy, nobody.reason) == (
            Direction.FLAT,
            Strategy.E3,
            "no_advice",
        )

    @pytest.mark.parametrize("word", ["model", "alone", "2", "shadow"])
    def test_no_setting_can_ask_for_it(self, word: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"is not one of fixed, earned$"):
            load(environment={"DRIFT_E3_STRATEGY__AI_WEIGHTMODE": word}, env_file=tmp_path / "none")
        assert set(WeightMode.__members__) == {"FIXED", "EARNED"}

    def test_only_the_shadow_books_make_a_trader_that_drafts_otherwise(self) -> None:
        root = Path(drift_e3.__file__).parent
        handing: list[str] = []
        for path in sorted(root.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id == "Trader"
                ):
                    if len(node.args) > 1 or any(word.arg != "state" for word in node.keywords):
                        handing.append(str(path.relative_to(root)))
                elif isinstance(node, ast.ImportFrom) and node.module == "drift_e3.lab.shadow_model":
                    handing.append(str(path.relative_to(root)))
        assert handing == ["lab/shadow.py", "lab/shadow.py"]
