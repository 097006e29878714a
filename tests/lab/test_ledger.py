"""What a record of advice holds, from the question to what the market did, derived from real journals."""

from dataclasses import replace
from itertools import pairwise
from math import isnan
from pathlib import Path

import pytest

from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import (
    AdviceReceived,
    AdvisorEvent,
    CandleClosed,
    Feed,
    Fill,
    Settings,
    Started,
)
from drift_e3.core.notes import AdviceMissed, DecisionMade, PositionClosed
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Direction, Instrument, Regime
from drift_e3.journal.codec import Message
from drift_e3.journal.reader import open_journal
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from drift_e3.lab import ledger_reading
from drift_e3.lab.ledger import HORIZONS_MS, Judge, Knowledge, Record, Results
from drift_e3.lab.ledger_reading import read_ledger
from tests.core.builders import an_answer
from tests.lab.advised_journals import (
    FRAME_MS,
    GOOD,
    MODEL,
    SURE,
    TEMPLATE,
    WARM_UP,
    Advise,
    failed,
    planted_answers,
    said,
    walk,
    write_advised,
)
from tests.live.daemons import Bounded, ScriptedAdvisor, ScriptedClock, orders, run_on
from tests.live.journals import told
from tests.live.markets import settings, tape_market
from tests.live.tapes import MINUTE, START

HOUR = 60 * MINUTE
NOON = START + 12 * HOUR
CANDLES = walk(WARM_UP + 700)


def records_of(state: Path) -> list[Record]:
    with open_journal(state / JOURNAL_NAME) as reader:
        return list(read_ledger(reader))


@pytest.fixture(scope="module")
def planted_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_advised(tmp_path_factory.mktemp("planted"), CANDLES, planted_answers(GOOD, CANDLES))


@pytest.fixture(scope="module")
def planted_records(planted_state: Path) -> list[Record]:
    return records_of(planted_state)


def scripted(*replies: Advise) -> Advise:
    """These replies, one a question, the last for ever."""
    left = list(replies)

    def advise(command: AskAdvisor) -> AdvisorEvent:
        reply = left.pop(0) if len(left) > 1 else left[0]
        return reply(command)

    return advise


# -- the judge -----------------------------------------------------------------------------------------------


def judge_of(frame_ms: int, *closes: tuple[int, float]) -> Judge:
    """A judge that has seen candles closing so many minutes after `NOON`, at these prices."""
    judge = Judge()
    judge.begin(frame_ms)
    see(judge, frame_ms, *closes)
    return judge


def see(judge: Judge, frame_ms: int, *closes: tuple[int, float]) -> None:
    for minute, close_usd in closes:
        judge.see(NOON + minute * MINUTE - frame_ms, close_usd)


def known_return(results: Results, name: str) -> float:
    """The return at a horizon, which must be known."""
    assert results.at(name).knowledge is Knowledge.KNOWN
    return results.at(name).return_frac


def test_returns_count_from_the_newest_close_at_the_answer_to_that_at_the_horizon() -> None:
    judge = judge_of(MINUTE, (-1, 90.0), (0, 100.0))
    results = judge.watch(NOON + 8_000)
    see(judge, MINUTE, *((minute, 100.0 + minute) for minute in range(1, 70)))
    assert results.price_usd == 100.0
    assert known_return(results, "15m") == pytest.approx(0.15)
    assert known_return(results, "1h") == pytest.approx(0.60)
    assert results.at("4h").knowledge is Knowledge.PENDING
    assert not results.settled


def test_a_result_is_known_as_soon_as_the_market_is_there_and_not_before() -> None:
    judge = judge_of(5 * MINUTE, (0, 100.0))
    results = judge.watch(NOON + 20_000)
    see(judge, 5 * MINUTE, (5, 101.0), (10, 102.0))
    assert results.at("15m").knowledge is Knowledge.PENDING
    see(judge, 5 * MINUTE, (15, 103.0))
    assert known_return(results, "15m") == pytest.approx(0.03)


def test_what_falls_into_a_gap_stays_unknown() -> None:
    judge = judge_of(MINUTE, (0, 100.0))
    results = judge.watch(NOON)
    see(judge, MINUTE, (14, 105.0), (17, 105.0), (60, 105.0))
    assert results.at("15m").knowledge is Knowledge.GAP
    assert isnan(results.at("15m").return_frac)
    assert results.at("1h").knowledge is Knowledge.KNOWN


def test_without_a_price_at_the_answer_nothing_is_known() -> None:
    judge = judge_of(MINUTE, (0, 100.0))
    results = judge.watch(NOON + 5 * MINUTE)
    see(judge, MINUTE, *((minute, 100.0) for minute in range(10, 25 * 60)))
    assert {result.knowledge for result in results.all()} == {Knowledge.GAP}
    assert isnan(results.price_usd)
    assert results.settled


@pytest.mark.parametrize(
    ("minutes", "coarse"), [(1, set()), (60, {"15m"}), (10, {"15m"}), (240, {"15m", "1h"}), (30, {"15m"})]
)
def test_a_horizon_at_which_no_candle_closes_is_said_to_be_too_short(minutes: int, coarse: set[str]) -> None:
    results = judge_of(minutes * MINUTE, (0, 100.0)).watch(NOON)
    assert {name for name in HORIZONS_MS if results.at(name).knowledge is Knowledge.COARSE} == coarse


def test_a_candle_told_twice_changes_nothing() -> None:
    judge = judge_of(MINUTE, (0, 100.0), (1, 101.0), (1, 999.0), (0, 999.0))
    assert judge.watch(NOON + MINUTE).price_usd == 101.0
    assert judge.close_ts == NOON + MINUTE


# -- records of a backtest's journal -------------------------------------------------------------------------


def test_every_question_has_its_record_in_order(planted_state: Path, planted_records: list[Record]) -> None:
    with open_journal(planted_state / JOURNAL_NAME) as reader:
        asked = [
            message.question.question_id
            for row in reader.rows_of(["ask_advisor"])
            if isinstance(message := reader.message(row), AskAdvisor)
        ]
    assert [record.question_id for record in planted_records] == asked
    assert len(asked) > 600


def test_a_record_tells_question_answer_and_decision(planted_records: list[Record]) -> None:
    for record in planted_records[:-1]:
        reply, advice, decision = record.reply, record.advice, record.decision
        assert isinstance(reply, AdviceReceived)
        assert advice is not None
        assert decision is not None
        assert record.outcome == "advice"
        assert record.question_id == f"{record.close_ts}-ask"
        assert record.said_ts == reply.seen_ts == record.question.ts + reply.latency_ms
        assert decision.ts == record.close_ts
        assert decision.rule_regime is record.question.rule_regime
        assert f'"confidence": {advice.confidence}' in record.text
        assert (record.model, reply.template, reply.digest) == (MODEL, TEMPLATE, "d1")
        assert record.attempt is not None
        assert record.attempt.prompt_tokens == 500


def test_results_are_those_of_the_candles_themselves(planted_records: list[Record]) -> None:
    closes = {candle.ts_ms + FRAME_MS: candle.close for candle in CANDLES}
    last_ts = max(closes)
    for record in planted_records[:-1]:
        assert record.results.price_usd == closes[record.close_ts]
        for name, horizon_ms in HORIZONS_MS.items():
            result, then_ts = record.results.at(name), record.close_ts + horizon_ms
            if then_ts <= last_ts:
                expected = closes[then_ts] / closes[record.close_ts] - 1.0
                assert known_return(record.results, name) == pytest.approx(expected, abs=1e-15)
            else:
                assert result.knowledge is Knowledge.PENDING


def test_uses_are_the_decisions_on_signals_with_their_fills_and_trades(
    planted_state: Path, planted_records: list[Record]
) -> None:
    messages = [message for event, outputs in told(planted_state) for message in (event, *outputs)]
    decisions = [message.decision for message in messages if isinstance(message, DecisionMade)]
    fills = [message for message in messages if isinstance(message, Fill)]
    closed = {message.trade_id: message for message in messages if isinstance(message, PositionClosed)}
    uses = [use for record in planted_records for use in record.uses]
    assert [use.decision for use in uses] == [made for made in decisions if made.advice is not None]
    assert all(use.counted for use in uses)
    ordered = [use for use in uses if use.decision.order_id]
    assert len(ordered) > 5
    for use in ordered:
        assert use.fills == [fill for fill in fills if fill.order_id == use.decision.order_id]
        assert use.closed == closed.get(str(use.decision.ts))
    assert any(use.closed is not None for use in ordered)
    assert {bool(use.fills) for use in ordered} == {True, False}
    for record in planted_records:
        assert all(use.decision.advice == record.advice for use in record.uses)


def test_no_more_than_a_day_of_questions_is_in_memory(
    planted_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    class Watched(ledger_reading._Book):
        def take(self, message: object, ts: int) -> None:
            super().take(message, ts)  # type: ignore[arg-type]
            held.append(len(self._records))
            assert len(self._by_id) == len(self._records)
            assert len(self._undecided) <= 2
            assert len(self._entries) <= len(self._records)

    monkeypatch.setattr(ledger_reading, "_Book", Watched)
    assert len(records_of(planted_state)) > 600
    assert max(held) == 24 * 12


# -- what may become of a question ---------------------------------------------------------------------------


def outcomes_of(tmp_path: Path, *replies: Advise) -> list[Record]:
    return records_of(write_advised(tmp_path, CANDLES[: WARM_UP + 20], scripted(*replies)))


def test_a_failure_keeps_its_reason_and_the_models_that_were_tried(tmp_path: Path) -> None:
    record = outcomes_of(tmp_path, lambda command: failed(command, "timeout"))[0]
    assert (record.outcome, record.advice, record.text, record.model) == ("timeout", None, "", MODEL)
    assert record.decision is not None
    assert record.decision.no_advice == "timeout"
    assert record.results.at("15m").knowledge is Knowledge.KNOWN


def test_an_answer_that_is_no_advice_keeps_its_words(tmp_path: Path) -> None:
    record = outcomes_of(tmp_path, lambda command: said(command, "it depends", outcome="no_answer"))[0]
    assert (record.outcome, record.text, record.model) == ("no_answer", "it depends", MODEL)


def test_an_overdue_answer_is_kept_beside_the_reason_and_never_taken(tmp_path: Path) -> None:
    record = outcomes_of(tmp_path, lambda command: said(command, an_answer(), latency_ms=60_000))[0]
    assert record.advice is None
    assert record.outcome in {"overdue", "late"}
    assert record.text == an_answer()
    assert record.uses == []


def test_a_question_that_nobody_answers_is_told_as_such(tmp_path: Path) -> None:
    records = outcomes_of(tmp_path, lambda command: replace(said(command, ""), question_id="another"))
    assert {record.outcome for record in records[:-1]} <= {"overdue", "superseded", "unanswered"}
    assert records[-1].outcome == "unanswered"
    assert {record.reply for record in records} == {None}


def test_advice_is_used_for_later_candles_and_vetoes_are_told(tmp_path: Path) -> None:
    def against(command: AskAdvisor) -> AdvisorEvent:
        r5 = command.question.features.r5
        return said(command, an_answer("SHORT" if r5 > 0.0 else "LONG", 0.9, "bull_trend", multiplier=0.5))

    records = records_of(write_advised(tmp_path, CANDLES, against, STRATEGY__AI_TTLSECONDS="3600"))
    uses = [use for record in records for use in record.uses]
    later = [use for record in records for use in record.uses if use.decision.ts != record.close_ts]
    assert later
    assert all(0 < use.decision.advice_age_ms < HOUR for use in later)
    assert any(use.vetoed for use in uses)
    assert {use.multiplier for use in uses} == {0.5}


def test_advice_that_is_at_hand_and_does_not_count_is_told_as_such(tmp_path: Path) -> None:
    def unsure(command: AskAdvisor) -> AdvisorEvent:
        return said(command, an_answer("LONG", 0.1, multiplier=0.5))

    records = records_of(write_advised(tmp_path, CANDLES, unsure))
    uses = [use for record in records for use in record.uses]
    assert len(uses) > 20
    assert {(use.counted, use.vetoed, use.multiplier) for use in uses} == {(False, False, 1.0)}


def test_what_advice_has_earned_is_told_beside_what_it_said(tmp_path: Path) -> None:
    answers = planted_answers(GOOD, CANDLES)
    state = write_advised(tmp_path, CANDLES, answers, STRATEGY__AI_WEIGHTMODE="earned")
    uses = [(record, use) for record in records_of(state) for use in record.uses]
    assert len(uses) > 20
    assert {record.advice.confidence for record, _ in uses if record.advice is not None} == set(SURE)
    # It begins with no say at all.
    assert not uses[0][1].counted
    assert all(
        use.decision.confidence == use.decision.signal_confidence for _, use in uses if not use.counted
    )


def test_an_empty_journal_has_no_records(tmp_path: Path) -> None:
    with JournalWriter(tmp_path / JOURNAL_NAME, "c0de"):
        pass
    assert records_of(tmp_path) == []


def test_advice_that_has_outlived_its_time_is_at_hand_no_more(tmp_path: Path) -> None:
    once = scripted(
        lambda command: said(command, an_answer("LONG", 0.7)), lambda command: failed(command, "timeout")
    )
    first, *others = records_of(write_advised(tmp_path, CANDLES, once, STRATEGY__AI_TTLSECONDS="36000"))
    ages = [use.decision.ts - first.said_ts for use in first.uses]
    assert len(ages) > 3
    assert max(ages) < 10 * HOUR
    assert [record.uses for record in others] == [[]] * len(others)


def test_a_record_waits_for_the_end_of_a_trade_that_lasts_longer_than_its_day(tmp_path: Path) -> None:
    patient = {
        "M_STOPLOSSPCT": "0.4",
        "M_TRAILINGSTOPPCT": "0.4",
        "M_TAKEPROFITPCT": "0.8",
        "M_MAXHOLDHOURS": "30",
    }
    state = write_advised(
        tmp_path,
        CANDLES,
        lambda command: said(command, an_answer("FLAT", 0.3)),
        **{f"STRATEGY__{name}": value for name, value in patient.items()},
    )
    trades = [use for record in records_of(state) for use in record.uses if use.fills]
    assert trades[0].closed is not None
    assert trades[0].closed.held_ms > 29 * HOUR


# -- one message after the other -----------------------------------------------------------------------------


class Told:
    """The book of a journal that is told here, with a question open at `NOON`."""

    def __init__(self, asked: AskAdvisor) -> None:
        self.book = ledger_reading._Book()
        self.given: list[Record] = []
        self.minute = 0
        started = Started(
            seen_ts=NOON,
            settings=Settings(params=Params(), limits=Limits()),
            instrument=Instrument(),
            feed=Feed(frame_ms=MINUTE),
            equity_usd=1.0,
        )
        self.take(started)
        self.candle()
        self.take(asked)

    def take(self, message: Message) -> None:
        self.book.take(message, NOON + self.minute * MINUTE)
        self.given += self.book.finished()

    def candle(self) -> None:
        open_ts = NOON + (self.minute - 1) * MINUTE
        self.take(
            CandleClosed(
                seen_ts=open_ts + MINUTE, open_ts=open_ts, open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0
            )
        )
        self.minute += 1


@pytest.fixture(scope="module")
def asked(planted_state: Path) -> AskAdvisor:
    """Some question."""
    with open_journal(planted_state / JOURNAL_NAME) as reader:
        message = reader.message(next(reader.rows_of(["ask_advisor"])))
    assert isinstance(message, AskAdvisor)
    return message


def test_what_comes_after_the_failure_adds_its_words_and_changes_nothing_else(asked: AskAdvisor) -> None:
    told, question_id = Told(asked), asked.question.question_id
    told.take(failed(asked, "timeout"))
    told.take(AdviceMissed(question_id=question_id, reason="timeout", latency_ms=8_000))
    (record,) = told.book._records
    said_ts = record.said_ts
    told.candle()
    told.take(said(asked, an_answer()))
    told.take(AdviceMissed(question_id=question_id, reason="late", latency_ms=90_000))
    told.take(failed(asked, "cancelled"))
    assert (record.outcome, record.text, record.said_ts) == ("timeout", an_answer(), said_ts)
    assert record.advice is None


def test_an_answer_is_waited_for_until_a_day_has_passed(asked: AskAdvisor) -> None:
    told = Told(asked)
    for _ in range(24 * 60):
        told.candle()
    assert told.given == []
    told.candle()
    assert [record.outcome for record in told.given] == ["unanswered"]


# -- a daemon's journal --------------------------------------------------------------------------------------


def test_a_daemons_journal_is_read_while_it_runs_and_afterwards(tmp_path: Path) -> None:
    chosen = settings(ADVISOR="ollama")
    clock, state = ScriptedClock(), tmp_path / "state"
    advisor = ScriptedAdvisor(clock, lambda _: 0)
    market = Bounded(tape_market(chosen))
    seen: list[int] = []

    def look(_: int) -> None:
        if len(advisor.asked) in {60, 120}:
            seen.append(len(records_of(state)))

    market.before = look
    run_on(market, orders(state, chosen.trading()), advisor, clock)
    records = records_of(state)
    assert len(records) == len(advisor.asked)
    assert [record.question_id for record in records] == [question.question_id for question in advisor.asked]
    assert 0 < seen[0] <= seen[-1] <= len(records)
    assert all(earlier.question.ts < later.question.ts for earlier, later in pairwise(records))
    advised = [record.advice for record in records if record.advice is not None]
    assert {(advice.regime, advice.direction) for advice in advised} == {(Regime.CHOP, Direction.LONG)}
    assert records[0].results.at("15m").knowledge is Knowledge.COARSE
    assert records[0].results.at("4h").knowledge is Knowledge.KNOWN
