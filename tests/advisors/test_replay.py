"""The advisor that repeats a record."""

import pytest

from drift_e3.advisors.replay import ReplayAdvisor
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent
from drift_e3.ports import Advisor
from tests.advisors.questions import ASKED_TS, a_question


@pytest.mark.parametrize(
    "recorded",
    [
        AdviceReceived(seen_ts=ASKED_TS + 7, question_id="q-1", text="anything", latency_ms=7, model="one"),
        AdviceReceived(
            seen_ts=ASKED_TS + 9_000, question_id="q-1", text="late", latency_ms=9_000, model="one"
        ),
        AdviceFailed(seen_ts=ASKED_TS + 3, question_id="q-1", reason="timeout", latency_ms=3),
    ],
)
async def test_what_was_recorded_is_repeated_as_it_stands(recorded: AdvisorEvent) -> None:
    advisor: Advisor = ReplayAdvisor({"q-1": recorded})
    assert await advisor.ask(a_question(), deadline_ms=8_000) is recorded
    await advisor.close()


async def test_a_question_without_a_record_fails_as_not_recorded() -> None:
    event = await ReplayAdvisor({}).ask(a_question(), deadline_ms=8_000)
    assert event == AdviceFailed(seen_ts=ASKED_TS, question_id="q-1", reason="not_recorded", latency_ms=0)
