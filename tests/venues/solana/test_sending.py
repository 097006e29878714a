import pytest

from drift_e3.core.terms import Side
from drift_e3.venues.solana import sending
from drift_e3.venues.solana.sending import (
    DONE,
    AccountSeen,
    Blocked,
    Failure,
    Found,
    HeightSeen,
    IllegalTransition,
    Moment,
    Observation,
    Plan,
    Rules,
    Saved,
    StatusSeen,
    TurnedDown,
    advance,
    blocked,
    plan,
)
from drift_e3.venues.solana.submission import (
    Basis,
    Expired,
    FailedOnChain,
    Forgotten,
    Kind,
    Landed,
    Refused,
    Stage,
    Submission,
    Wanted,
    verdict,
)
from tests.venues.solana.sending_builders import cancel, entry, open_order, sent, signed, stop

RULES = Rules()
BURIED = HeightSeen(2_000, 1_150 + 32 + 1)
ABSENT = StatusSeen(2_000, True, None)


def after(submission: Submission, *seen: Observation) -> Submission:
    for each in seen:
        submission = advance(submission, each, RULES)
    return submission


def stage(submission: Submission, *seen: Observation) -> Stage:
    return after(submission, *seen).stage


# -- evidence ------------------------------------------------------------------------------------------------


def test_an_intent_takes_its_transaction_from_the_disk() -> None:
    taken = after(Submission(entry()), Saved("5ig", b"\x01signed", 1_150, 1_000))
    assert taken == signed(entry())


def test_an_order_is_dead_when_its_last_block_is_buried_and_the_history_does_not_know_it() -> None:
    assert stage(sent(entry()), BURIED, ABSENT) is Stage.EXPIRED


@pytest.mark.parametrize(
    ("height", "status"),
    [
        (HeightSeen(2_000, 1_150 + 32), ABSENT),
        (BURIED, StatusSeen(1_999, True, None)),
        (BURIED, StatusSeen(2_000, False, None)),
        (BURIED, StatusSeen(2_000, True, Found(1_100, False, None))),
    ],
    ids=["too early", "by a node that lags", "without the history", "though it is somewhere"],
)
def test_an_order_is_not_dead(height: HeightSeen, status: StatusSeen) -> None:
    assert stage(sent(entry()), height, status) is Stage.SENT


def test_the_first_slot_at_which_its_time_was_over_is_the_one_that_counts() -> None:
    late = after(sent(entry()), BURIED, HeightSeen(3_000, 9_000))
    assert late.past_slot == 2_000
    assert stage(late, ABSENT) is Stage.EXPIRED


def test_an_absence_after_days_says_nothing_of_the_past() -> None:
    days = StatusSeen(1_000 + 200_001, True, None)
    assert stage(sent(entry()), BURIED, days) is Stage.FORGOTTEN
    assert stage(sent(entry()), BURIED, days._replace(slot=201_000)) is Stage.EXPIRED


def test_a_status_that_is_confirmed_decides_at_any_time() -> None:
    landed = after(sent(entry()), StatusSeen(1_010, False, Found(1_005, True, None)))
    assert verdict(landed) == Landed(slot=1_005, signature="5ig")
    failed = after(sent(entry()), StatusSeen(1_010, False, Found(1_005, True, Failure(6003, "No"))))
    assert verdict(failed) == FailedOnChain(code=6003, name="No", slot=1_005, signature="5ig")


def test_five_questions_without_an_answer_and_it_counts_as_not_watched() -> None:
    submission = sent(entry())
    assert stage(submission, *[Moment.SILENCE] * 4) is Stage.SENT
    assert stage(submission, *[Moment.SILENCE] * 5) is Stage.UNKNOWN
    assert stage(submission, *[Moment.SILENCE] * 4, HeightSeen(1, 1), *[Moment.SILENCE] * 4) is Stage.SENT
    assert after(submission, *[Moment.SILENCE] * 99).silent == 5


def test_an_order_that_shows_in_the_account_is_ours_by_number_side_and_age() -> None:
    submission = sent(entry(max_ts=0))
    for order in (open_order(6), open_order(7, 2), open_order(7, 1, Side.SELL)):
        assert stage(submission, AccountSeen(120, 0, 8, (order,))) is Stage.SENT
    shown = after(submission, AccountSeen(120, 0, 8, (open_order(6), open_order(7))))
    assert verdict(shown) == Landed(slot=120, signature="5ig")


def test_an_account_of_before_the_decision_says_nothing() -> None:
    seen = AccountSeen(99, 2_000_000, 7, (open_order(7),))
    assert stage(sent(entry()), seen) is Stage.SENT
    assert stage(sent(entry()), seen._replace(slot=100)) is Stage.LANDED


@pytest.mark.parametrize(
    ("chain_ts", "next_order_id", "expected"),
    [
        (1_021_000, 7, Stage.SENT),
        (1_021_001, 7, Stage.LAPSED),
        (1_021_001, 8, Stage.SENT),
    ],
)
def test_an_order_lapses_when_the_chains_clock_is_past_its_time_and_none_was_placed(
    chain_ts: int, next_order_id: int, expected: Stage
) -> None:
    assert stage(sent(entry()), AccountSeen(120, chain_ts, next_order_id, ())) is expected


def test_evidence_about_what_has_not_left_is_not_heard() -> None:
    seen = AccountSeen(120, 9_000_000, 7, (open_order(7),))
    for submission in (Submission(entry()), signed(entry())):
        assert after(submission, seen, Moment.SILENCE, BURIED) == submission


def test_what_comes_late_to_a_decided_submission_changes_nothing() -> None:
    for done in DONE:
        submission = sent(entry())._replace(stage=done)
        assert after(submission, Moment.OUT, BURIED, ABSENT, Moment.RESTARTED) == submission


@pytest.mark.parametrize(
    ("submission", "seen"),
    [
        (Submission(entry()), Moment.SENDING),
        (Submission(entry()), Moment.OUT),
        (signed(entry()), Saved("other", b"other", 1, 1)),
        (sent(entry()), Saved("other", b"other", 1, 1)),
        (sent(entry()), Moment.RESTARTED),
    ],
)
def test_what_cannot_be_is_said_aloud(submission: Submission, seen: Observation) -> None:
    with pytest.raises(IllegalTransition, match="submission o1 is"):
        advance(submission, seen, RULES)


def test_a_reason_is_kept_for_an_end_only() -> None:
    assert verdict(after(Submission(entry()), TurnedDown(6003, "No"))) == Refused(code=6003, name="No")
    resent = after(sent(entry()), Moment.SENDING, TurnedDown(None, "rejected"))
    assert resent == sent(entry())
    assert after(signed(entry()), Moment.RESTARTED).name == ""


def test_only_what_is_done_has_a_verdict() -> None:
    for each in Stage:
        assert (verdict(sent(entry())._replace(stage=each)) is not None) == (each in DONE)
    assert verdict(sent(entry())._replace(stage=Stage.LAPSED)) == Expired(signature="5ig")
    assert verdict(sent(entry())._replace(stage=Stage.EXPIRED)) == Expired(signature="5ig")
    assert verdict(sent(entry())._replace(stage=Stage.FORGOTTEN)) == Forgotten(signature="5ig")


def test_no_line_of_the_table_leads_back_or_on_from_an_end() -> None:
    order = {Stage.INTENDED: 0, Stage.SIGNED: 1, Stage.LEAVING: 2, Stage.SENT: 3, Stage.UNKNOWN: 4}
    for (before, fact), then in sending.TRANSITIONS.items():
        assert before not in DONE
        back = order.get(then, 9) < order[before]
        assert not back or (before, fact) == (Stage.LEAVING, sending.Fact.KEPT)


# -- what to do ----------------------------------------------------------------------------------------------


def planned(submission: Submission, *, due: bool = True, late: bool = False, alone: bool = True) -> Plan:
    return plan(submission, RULES, due=due, late=late, alone=alone)


def test_nothing_is_done_about_what_is_being_prepared_sent_or_done() -> None:
    for each in (Stage.INTENDED, Stage.LEAVING, *DONE):
        assert planned(sent(entry())._replace(stage=each)) == Plan()


def test_signed_bytes_leave_or_are_given_up() -> None:
    assert planned(signed(entry())) == Plan(send=True)
    assert planned(signed(entry()), due=False) == Plan()
    assert planned(signed(entry()), late=True) == Plan(give_up="late")
    assert planned(signed(entry()), alone=False) == Plan(give_up="superseded")
    assert planned(signed(stop()), alone=False) == Plan(send=True)
    assert planned(signed(stop())._replace(silent=10)) == Plan(give_up="unreachable")
    assert planned(signed(stop())._replace(silent=9)) == Plan(send=True)


def test_sent_bytes_are_pushed_and_watched_until_their_time_is_over() -> None:
    push = Plan(send=True, ask_status=True, ask_height=True)
    watch = push._replace(send=False)
    search = Plan(ask_status=True, history=True)
    assert planned(sent(entry())) == push
    assert planned(sent(entry()), due=False) == Plan(ask_status=True)
    assert planned(sent(entry()), late=True) == watch
    assert planned(sent(entry()), alone=False) == watch
    assert planned(sent(stop()), alone=False) == push
    assert planned(sent(stop())._replace(past_slot=2_000)) == search


def test_what_nobody_watched_is_pushed_only_if_it_cannot_add_exposure() -> None:
    watch = Plan(ask_status=True, ask_height=True)
    assert planned(sent(entry())._replace(stage=Stage.UNKNOWN)) == watch
    assert planned(sent(stop())._replace(stage=Stage.UNKNOWN)) == watch._replace(send=True)
    assert planned(sent(cancel())._replace(stage=Stage.UNKNOWN)) == watch._replace(send=True)


# -- what must wait ------------------------------------------------------------------------------------------


def settling(intent_id: str = "settle") -> Wanted:
    return Wanted(intent_id, Kind.SETTLE, 0, Basis(100, 7))


@pytest.mark.parametrize(
    ("wanted", "undecided", "expected"),
    [
        (entry(), (), None),
        (entry("o2", 2), (entry(),), Blocked("undecided", ("o1",))),
        (entry("o2", 2), (stop(), cancel("o3", 3)), Blocked("undecided", ("s1", "o3"))),
        (entry("o2", 2), (settling(),), Blocked("undecided", ("settle",))),
        (stop(), (entry(), cancel("o3", 3)), None),
        (stop("s1", 1), (entry("o1", 1),), Blocked("number_in_use", ("o1",))),
        (stop("s1", 1), (cancel("o1", 1),), Blocked("number_in_use", ("o1",))),
        (cancel("o1", 1), (entry("o1", 1),), None),
        (cancel("o1", 1), (cancel("o1", 1),), Blocked("predecessor_undecided", ("o1",))),
        (cancel("o1", 1), (cancel("o2", 2),), None),
        (settling(), (settling("before"),), Blocked("predecessor_undecided", ("before",))),
        (settling(), (entry(), cancel()), None),
    ],
)
def test_what_waits_for_what(wanted: Wanted, undecided: tuple[Wanted, ...], expected: Blocked | None) -> None:
    assert blocked(wanted, map(Submission, undecided), 0) == expected


def test_what_adds_exposure_waits_for_an_account_that_shows_what_has_landed() -> None:
    assert blocked(entry(), (), 101) == Blocked("stale_account")
    assert blocked(entry(), (), 100) is None
    assert blocked(stop(), (), 101) is None
