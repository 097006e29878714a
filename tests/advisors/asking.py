"""Asking a scripted server one question, and saying what sort of event must come of it."""

from typing import Final

from drift_e3.advisors.ollama import OllamaAdvisor
from drift_e3.advisors.ollama_server import OllamaOptions
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent
from drift_e3.drill.scripted_ollama import ScriptedOllama
from tests.advisors.questions import a_question

AMPLE_MS: Final = 5_000
"""For answers that come at once, however busy the machine is."""


async def ask(
    server: ScriptedOllama, *models: str, deadline_ms: int = AMPLE_MS, options: OllamaOptions | None = None
) -> AdvisorEvent:
    """What an advisor with this ladder (default: the model ``one``) makes of the server."""
    advisor = OllamaAdvisor(server.url, models or ("one",), options)
    try:
        return await advisor.ask(a_question(), deadline_ms)
    finally:
        await advisor.close()


def failed(event: AdvisorEvent) -> AdviceFailed:
    """The event, which must be a failure."""
    assert isinstance(event, AdviceFailed), event
    return event


def received(event: AdvisorEvent) -> AdviceReceived:
    """The event, which must be an answer."""
    assert isinstance(event, AdviceReceived), event
    return event
