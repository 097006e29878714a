"""Why an advisor gave no answer: the codes in `AdviceFailed.reason`, shared by all advisors.

What is wrong with an answer that did arrive is not here but in `core.answers.Flaw`.
"""

from enum import StrEnum


class Failure(StrEnum):
    """A short code that people see and reports count."""

    OFF = "off"
    """No advisor is configured: rules only."""
    NOT_RECORDED = "not_recorded"
    """The record that is being replayed has no answer to this question."""
    TIMEOUT = "timeout"
    """Nothing complete within the deadline."""
    UNREACHABLE = "unreachable"
    """No connection to the server."""
    DISCONNECTED = "disconnected"
    """The server hung up before the answer was complete."""
    HTTP_ERROR = "http_error"
    """Any status other than 200 and a missing model's 404, redirects included."""
    MODEL_MISSING = "model_missing"
    """The server does not have the model (`ollama pull` brings it)."""
    BAD_BODY = "bad_body"
    """Not Ollama's protocol: wrong content type, no JSON, an error in mid-answer, no end."""
    TOO_LARGE = "too_large"
    """More bytes than any answer needs."""
    EMPTY = "empty"
    """The model ended without a word."""
    CUT = "cut"
    """The answer was cut at `num_predict` or `num_ctx` tokens."""
    WARMING = "warming"
    """The model is still being loaded."""
    RESTING = "resting"
    """The model has failed several times in a row and is not asked until a look at it succeeds."""
    CANCELLED = "cancelled"
    """The advisor was closed while the question was open, or before it was asked."""
