"""Whether a model will do: it is loaded and put one small question whose answer is known.

The question says nothing of JSON, so that an answer in JSON shows that the schema was obeyed. What follows
from a model that will not do is decided elsewhere.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import msgspec

from drift_e3.advisors.failures import Failure
from drift_e3.advisors.ollama_server import OllamaOptions, OllamaServer
from drift_e3.advisors.ollama_wire import Heard, NoAnswer
from drift_e3.core.advice import ADVICE_SCHEMA, Advice, parse_advice
from drift_e3.core.events import NOT_TOLD
from drift_e3.core.terms import MS_PER_SECOND, Regime

KNOWN_QUESTION: Final = (
    "Prices of a market have gone sideways in a tight range for hours, with low volatility and no trend. "
    "Name its regime, the direction you favour, your confidence, a size multiplier, and why in a few words."
)
KNOWN_REGIME: Final = Regime.CHOP


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """What a look at one model showed. `failure` is empty when it answered at all.

    `schema` says whether the answer was nothing but the JSON object that the schema describes; `flaw` what is
    wrong with it as advice, empty when it is advice; `knows` whether it named the right regime. Times in ms,
    -1 where they were not told.
    """

    model: str
    digest: str = ""
    failure: str = ""
    schema: bool = False
    flaw: str = ""
    knows: bool = False
    latency_ms: int = NOT_TOLD
    load_ms: int = NOT_TOLD
    answer_tokens: int = NOT_TOLD

    @property
    def warning(self) -> str:
        """What a person should know, in a few words; empty when all is well."""
        if self.failure == Failure.MODEL_MISSING:
            return "not installed"
        if self.failure:
            return f"does not answer: {self.failure}"
        if self.flaw:
            return f"its answers are no advice: {self.flaw}"
        return "" if self.schema else "does not keep to the JSON schema"


async def examine(
    server: OllamaServer, model: str, digest: str, options: OllamaOptions, ends: float
) -> Fitness:
    """Load the model and put the known question, by the loop's time `ends`."""
    now = asyncio.get_running_loop().time
    began, heard = now(), Heard()
    try:
        text = await server.chat(options.request(model, KNOWN_QUESTION), ends, heard)
    except NoAnswer as failure:
        # An answer that was cut shows that the model is there; that it rambles shows in its answers too.
        gone = "" if failure.reason in {Failure.CUT, Failure.EMPTY} else failure.reason.value
        text, flaw = "", "" if gone else failure.reason.value
    else:
        gone, flaw = "", ""
    advice = parse_advice(text)
    if not gone and not flaw and not isinstance(advice, Advice):
        flaw = advice.reason
    return Fitness(
        model=model,
        digest=digest,
        failure=gone,
        schema=_obeys(text) or (not options.structured and not gone),
        flaw=flaw,
        knows=isinstance(advice, Advice) and advice.regime is KNOWN_REGIME,
        latency_ms=int((now() - began) * MS_PER_SECOND),
        load_ms=heard.load_ms,
        answer_tokens=heard.answer_tokens,
    )


def _obeys(text: str) -> bool:
    """Whether a text is the schema's object and nothing else, as far as keys go."""
    try:
        document = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and {*document} == {*_keys()}


def _keys() -> list[str]:
    required = ADVICE_SCHEMA["required"]
    return [str(key) for key in required] if isinstance(required, list) else []
