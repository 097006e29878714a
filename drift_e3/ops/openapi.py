"""The API in words for machines: OpenAPI 3.1, made from the very types that are served."""

from functools import cache
from typing import Any, Final

import msgspec

from drift_e3 import __version__
from drift_e3.operating import Answer, Verb
from drift_e3.ops.advisor_score import AdvisorScore
from drift_e3.ops.health import Readiness
from drift_e3.ops.history import END, ITEMS_MAX, POINTS_MAX, Chart
from drift_e3.status import OrderStatus, PositionStatus, Status

TYPES: Final = (Status, Readiness, Answer, PositionStatus, OrderStatus, AdvisorScore)
SHELF_WORDS: Final = {
    "decisions": "Decisions with their whole reason",
    "advice": "Answers and failures of the advisor",
    "fills": "Fills",
    "funding": "Funding payments",
    "orders": "Orders sent and taken back",
    "trades": "Positions opened and closed",
    "stops": "Stops as they were sent, at each new level",
    "modes": "Changes of mode, regime, settings and freshness of data",
}
ERROR: Final = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
COLUMN: Final = {"type": "array"}


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    schemas, components = msgspec.json.schema_components(TYPES, ref_template="#/components/schemas/{name}")
    status, ready, answer, position, order, score = schemas
    paths: dict[str, Any] = {
        "/healthz": _get("Whether the daemon lives", _json(_free()), {503: "It does not"}, needs_token=False),
        "/readyz": _get(
            "Whether an entry could be made now", _json(ready), {503: "It could not"}, ready=ready
        ),
        "/metrics": _get("Metrics for Prometheus", {"text/plain": {"schema": {"type": "string"}}}),
        "/api/openapi.json": _get("This document", _json(_free())),
        "/api/status": _get("How the trader stands", _json(status)),
        "/api/positions": _get(
            "The position and the open orders",
            _json(
                {
                    "type": "object",
                    "properties": {
                        "position": {"anyOf": [position, {"type": "null"}]},
                        "orders": {"type": "array", "items": order},
                    },
                    "required": ["position", "orders"],
                }
            ),
        ),
        "/api/equity": _get(
            "Equity by time, of each stretch its lowest and highest",
            _json(_columns(("ts", "equity_usd"))),
            parameters=[_whole("hours", 1, 24 * 3_660, 24 * 7), _whole("points", 2, POINTS_MAX, 1_000)],
        ),
        "/api/chart": _get(
            "Candles by their close, with regime and equity",
            _json(_columns(Chart._fields)),
            parameters=[_whole("candles", 1, POINTS_MAX, 360)],
        ),
        "/api/advisor": _get("How good the advisor's answers were, scored now and then", _json(score)),
        "/api/stream": _get(
            "Server-sent events: the status every second, everything else as it happens",
            {"text/event-stream": {"schema": {"type": "string"}}},
            {503: "Too many listen already"},
        ),
    }
    for name, words in SHELF_WORDS.items():
        paths[f"/api/{name}"] = _get(
            f"{words}, newest first",
            _json(
                {
                    "type": "object",
                    "properties": {
                        "items": {"type": "array", "items": _free()},
                        "before": {"type": ["integer", "null"]},
                    },
                    "required": ["items", "before"],
                }
            ),
            parameters=[_whole("before", 1, END, END), _whole("limit", 1, ITEMS_MAX, 50)],
        )
    for verb in Verb:
        if verb is not Verb.STATUS:
            paths[f"/api/control/{verb.value}"] = {"post": _act(verb, answer)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "drift_e3", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _act(verb: Verb, answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": f"Ask the daemon to {verb.value}",
        "security": [{"token": []}],
        "responses": {
            "200": {"description": "What became of it", "content": _json(answer)},
            "401": _problem("The token is wrong"),
            "403": _problem("No token is set, or another site asks"),
            "421": _problem("The server has another name"),
            "429": _problem("Too many tries"),
            "503": {"description": "The daemon is too busy, or ends", "content": _json(answer)},
        },
    }


def _get(
    summary: str,
    content: dict[str, Any],
    problems: dict[int, str] | None = None,
    *,
    parameters: list[dict[str, Any]] | None = None,
    needs_token: bool = True,
    ready: dict[str, Any] | None = None,
) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": summary, "content": content}}
    for status, words in (problems or {}).items():
        responses[str(status)] = _problem(words)
    if ready is not None:
        responses["503"]["content"] = _json(ready)
    if not needs_token:
        responses["503"]["content"] = _json(_free())
    if parameters:
        responses["400"] = _problem("A parameter is out of its bounds")
    if needs_token:
        responses |= {"401": _problem("The token is wrong"), "429": _problem("Too many tries")}
    responses |= {"403": _problem("Another site asks"), "421": _problem("The server has another name")}
    return {
        "get": {
            "summary": summary,
            "parameters": parameters or [],
            "security": [{"token": []}, {}] if needs_token else [],
            "responses": responses,
        }
    }


def _problem(words: str) -> dict[str, Any]:
    return {"description": words, "content": _json(ERROR)}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _free() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": True}


def _columns(names: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "object", "properties": dict.fromkeys(names, COLUMN), "required": list(names)}


def _whole(name: str, low: int, high: int, default: int) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": low, "maximum": high, "default": default},
    }
