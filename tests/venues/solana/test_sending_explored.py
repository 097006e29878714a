"""Every interleaving of crash, loss, late landing and expiry; and that the walk finds what would go wrong."""

from collections.abc import Callable, Iterable

import pytest

from drift_e3.venues.solana import sending
from drift_e3.venues.solana.sending import (
    AccountSeen,
    Blocked,
    Fact,
    HeightSeen,
    IllegalTransition,
    Plan,
    Rules,
    StatusSeen,
)
from drift_e3.venues.solana.submission import Kind, Stage, Submission, Wanted
from tests.venues.solana.sending_states import Broken, Scenario, Task
from tests.venues.solana.sending_walk import explore

ENTRY = Task(Kind.PLACE, 1, adds_exposure=True, max_ts=2)
LATER_ENTRY = Task(Kind.PLACE, 2, adds_exposure=True, max_ts=3)
RESTING_ENTRY = Task(Kind.PLACE, 1, adds_exposure=True)
EXIT = Task(Kind.PLACE, 2, max_ts=3)
STOP = Task(Kind.PLACE, 1)
OTHER_STOP = Task(Kind.PLACE, 2)
CANCEL = Task(Kind.CANCEL, 1)
CHANGE = Task(Kind.MODIFY, 1)
FORGETFUL = Rules(height_margin=0, clock_margin_s=0, silent_max=2, unsent_max=2, history_slots=3)


def short(*tasks: Task, lag: int = 1) -> Scenario:
    return Scenario(tasks, heights=5, valid_blocks=1, lag=lag, foreign=False)


def shortest(*tasks: Task, lag: int = 0, held: tuple[int, ...] = ()) -> Scenario:
    return Scenario(tasks, heights=4, valid_blocks=1, lag=lag, foreign=False, held=held)


SCENARIOS = {
    "an entry": (12_403, Scenario((ENTRY,))),
    "a resting entry": (1_972, Scenario((RESTING_ENTRY,), foreign=False, lag=2)),
    "a cancel": (1_862, Scenario((CANCEL,), foreign=False, lag=2)),
    "nodes that forget": (5_337, Scenario((STOP,), heights=7, memory=3, foreign=False, rules=FORGETFUL)),
    "two entries": (8_004, shortest(ENTRY, LATER_ENTRY, lag=1)),
    "an entry and a stop": (22_440, shortest(RESTING_ENTRY, OTHER_STOP)),
    "a cancel and one more": (4_046, shortest(CANCEL, CANCEL)),
    "a change": (1_972, Scenario((CHANGE,), foreign=False, lag=2, held=(1,))),
    "a change and one more": (4_122, shortest(CHANGE, CHANGE, held=(1,))),
    "a change and a cancel": (25_628, shortest(CHANGE, CANCEL, held=(1,))),
    "a stop and its change": (20_222, short(STOP, CHANGE)),
    "a change of what is only placed": (3_566, shortest(STOP, CHANGE)),
    "a change, its cancel, and its number anew": (27_006, shortest(CHANGE, CANCEL, STOP, held=(1,))),
}
"""How many states a world has, and the world. Larger ones are tortured."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_doubled_or_misreported_and_everything_ends(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    states, scenario = SCENARIOS[name]
    walked = explore(scenario)
    record_property("states", walked.states)
    record_property("transitions", walked.transitions)
    assert walked.states == states


def test_every_stage_and_every_line_of_the_table_is_walked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    class Watched(dict[tuple[Stage, Fact], Stage]):
        used: set[tuple[Stage, Fact]] = set()  # noqa: RUF012 (there is only one)

        def get(self, key: tuple[Stage, Fact], default: object = None) -> Stage | None:  # type: ignore[override]
            self.used.add(key)
            return super().get(key)

    monkeypatch.setattr(sending, "TRANSITIONS", Watched(sending.TRANSITIONS))
    stages: set[Stage] = set()
    rules = FORGETFUL
    for scenario in (
        Scenario((ENTRY,), foreign=False),
        Scenario((STOP,), heights=7, memory=3, foreign=False, rules=rules),
        Scenario((STOP,), foreign=False),
    ):
        stages |= {stage for stage, count in explore(scenario).stages.items() if count}
    assert stages == set(Stage)
    assert Watched.used == set(sending.TRANSITIONS)


# -- the walk finds what would go wrong ----------------------------------------------------------------------

Mutation = Callable[[pytest.MonkeyPatch], None]


def table(stage: Stage, fact: Fact, after: Stage) -> Mutation:
    def mutate(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sending.TRANSITIONS, (stage, fact), after)

    return mutate


def struck(stage: Stage, fact: Fact) -> Mutation:
    return lambda monkeypatch: monkeypatch.delitem(sending.TRANSITIONS, (stage, fact))


def weighing(change: Callable[[Submission, object, Rules], tuple[Submission, object, Rules]]) -> Mutation:
    """The evidence as a careless reader would take it."""
    weigh = sending._weigh

    def careless(submission: Submission, seen: object, rules: Rules) -> Submission:
        return weigh(*change(submission, seen, rules))  # type: ignore[arg-type]

    return lambda monkeypatch: monkeypatch.setattr(sending, "_weigh", careless)


def ignores_lag(submission: Submission, seen: object, rules: Rules) -> tuple[Submission, object, Rules]:
    return submission, seen._replace(slot=99) if isinstance(seen, StatusSeen) else seen, rules


def takes_any_absence(submission: Submission, seen: object, rules: Rules) -> tuple[Submission, object, Rules]:
    if isinstance(seen, StatusSeen) and seen.found is None and seen.history is False:
        return submission._replace(past_slot=1), seen._replace(history=True), rules
    return submission, seen, rules


def counts_two_blocks_short(
    submission: Submission, seen: object, rules: Rules
) -> tuple[Submission, object, Rules]:
    return submission, seen._replace(height=seen.height + 2) if isinstance(seen, HeightSeen) else seen, rules


def takes_what_is_not_confirmed(
    submission: Submission, seen: object, rules: Rules
) -> tuple[Submission, object, Rules]:
    if isinstance(seen, StatusSeen) and seen.found:
        seen = seen._replace(found=seen.found._replace(confirmed=True))
    return submission, seen, rules


def believes_every_history(
    submission: Submission, seen: object, rules: Rules
) -> tuple[Submission, object, Rules]:
    return submission, seen, rules._replace(history_slots=10**9)


def ignores_the_next_order_id(
    submission: Submission, seen: object, rules: Rules
) -> tuple[Submission, object, Rules]:
    if isinstance(seen, AccountSeen):
        seen = seen._replace(next_order_id=submission.wanted.basis.next_order_id)
    return submission, seen, rules


def ignores_the_chains_clock(
    submission: Submission, seen: object, rules: Rules
) -> tuple[Submission, object, Rules]:
    return submission, seen._replace(chain_ts=10**9) if isinstance(seen, AccountSeen) else seen, rules


def planning(change: Callable[[Plan], Plan] = lambda plan: plan, **overrides: bool) -> Mutation:
    plan = sending.plan

    def careless(submission: Submission, rules: Rules, **given: bool) -> Plan:
        return change(plan(submission, rules, **(given | overrides)))

    return lambda monkeypatch: monkeypatch.setattr(sending, "plan", careless)


def pushes_what_nobody_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = sending.plan

    def careless(submission: Submission, rules: Rules, **given: bool) -> Plan:
        stage = Stage.SENT if submission.stage is Stage.UNKNOWN else submission.stage
        return plan(submission._replace(stage=stage), rules, **given)

    monkeypatch.setattr(sending, "plan", careless)


def searches_no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    def believes(submission: Submission, seen: object, rules: Rules) -> tuple[Submission, object, Rules]:
        return submission, seen._replace(history=True) if isinstance(seen, StatusSeen) else seen, rules

    planning(lambda plan: plan._replace(history=False))(monkeypatch)
    weighing(believes)(monkeypatch)


def gate(**overrides: object) -> Mutation:
    blocked = sending.blocked

    def careless(wanted: Wanted, undecided: Iterable[Submission], landed_slot: int) -> Blocked | None:
        given = {"wanted": wanted, "undecided": undecided, "landed_slot": landed_slot} | overrides
        return blocked(**given)  # type: ignore[arg-type]

    return lambda monkeypatch: monkeypatch.setattr(sending, "blocked", careless)


def takes_a_further_attempt_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for stage in (Stage.SENT, Stage.UNKNOWN):
        monkeypatch.setitem(sending.TRANSITIONS, (stage, Fact.TURNED_DOWN), Stage.REFUSED)


LAPSING = Scenario((ENTRY,), heights=5, valid_blocks=2, foreign=False)
LONE = Scenario((RESTING_ENTRY,), heights=5, valid_blocks=1, foreign=False)
LAGGING = Scenario((STOP,), heights=6, valid_blocks=1, lag=3, foreign=False)
FORGETTING = Scenario((STOP,), heights=7, memory=3, foreign=False, rules=FORGETFUL)

MUTATIONS: dict[str, tuple[Scenario, Mutation]] = {
    "a signed intent is signed again after a restart": (
        LONE,
        table(Stage.SIGNED, Fact.RESTARTED, Stage.INTENDED),
    ),
    "a signed intent is taken for one that never left": (
        LONE,
        table(Stage.SIGNED, Fact.RESTARTED, Stage.REFUSED),
    ),
    "a failed simulation is tried again with new bytes": (
        LONE,
        table(Stage.LEAVING, Fact.TURNED_DOWN, Stage.INTENDED),
    ),
    "an unanswered attempt is taken for one that did not leave": (
        LONE,
        table(Stage.LEAVING, Fact.OUT, Stage.SIGNED),
    ),
    "a refused further attempt counts for the first": (LONE, takes_a_further_attempt_for_the_first),
    "a further attempt that was kept counts for the first": (
        LONE,
        table(Stage.SENT, Fact.KEPT, Stage.SIGNED),
    ),
    "silence counts as death": (LONE, table(Stage.SENT, Fact.SILENT_LONG, Stage.EXPIRED)),
    "a failure counts as a success": (LONE, table(Stage.UNKNOWN, Fact.FOUND_ERROR, Stage.LANDED)),
    "a success counts as a failure": (LONE, table(Stage.SENT, Fact.FOUND_OK, Stage.FAILED)),
    "a line of the table is missing": (LONE, struck(Stage.UNKNOWN, Fact.GONE)),
    "what landed is never decided": (LONE, table(Stage.SENT, Fact.FOUND_OK, Stage.SENT)),
    "the node that says no lags behind": (LAGGING, weighing(ignores_lag)),
    "not found is taken for dead before its time": (LONE, weighing(takes_any_absence)),
    "the history is not searched": (LAGGING, searches_no_history),
    "a block that is not confirmed is taken for past": (LONE, weighing(counts_two_blocks_short)),
    "an unconfirmed block is taken for final": (LONE, weighing(takes_what_is_not_confirmed)),
    "a forgetful node is believed": (FORGETTING, weighing(believes_every_history)),
    "a filled order leaves no order, so there was none": (LAPSING, weighing(ignores_the_next_order_id)),
    "no order yet, so there will be none": (LAPSING, weighing(ignores_the_chains_clock)),
    "an entry is pushed in another life": (LAPSING, pushes_what_nobody_watched),
    "an entry is pushed beside an exit": (shortest(ENTRY, EXIT), planning(alone=True)),
    "nobody asks for the height": (LONE, planning(lambda plan: plan._replace(ask_height=False))),
    "nobody asks for the status": (LONE, planning(lambda plan: plan._replace(ask_status=False))),
    "an entry begins beside another": (shortest(ENTRY, LATER_ENTRY), gate(undecided=())),
    "an entry is decided on an old account": (short(ENTRY, LATER_ENTRY), gate(landed_slot=0)),
    "a cancel begins beside another": (shortest(CANCEL, CANCEL), gate(undecided=())),
    "a number is taken that a late cancel names": (shortest(CANCEL, STOP), gate(undecided=())),
    "a change begins beside another": (shortest(CHANGE, CHANGE, held=(1,)), gate(undecided=())),
    "a number is taken that a late change names": (
        shortest(CHANGE, CANCEL, STOP, held=(1,)),
        gate(undecided=()),
    ),
    "an order is changed on an old account": (short(STOP, CHANGE), gate(landed_slot=0)),
    "an order is changed that is only on its way": (shortest(STOP, CHANGE), gate(undecided=())),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_walk_finds_a_careless_sender(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, mutate = MUTATIONS[name]
    mutate(monkeypatch)
    with pytest.raises((Broken, IllegalTransition)):
        explore(scenario)
