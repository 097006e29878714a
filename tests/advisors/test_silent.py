"""The advisor that never answers."""

from drift_e3.advisors.silent import SilentAdvisor
from drift_e3.core.events import AdviceFailed
from drift_e3.ports import Advisor
from tests.advisors.questions import ASKED_TS, a_question


async def test_every_question_fails_at_once_with_the_reason_off() -> None:
    advisor: Advisor = SilentAdvisor()
    event = await advisor.ask(a_question(), deadline_ms=8_000)
    await advisor.close()
    assert event == AdviceFailed(seen_ts=ASKED_TS, question_id="q-1", reason="off", latency_ms=0)
