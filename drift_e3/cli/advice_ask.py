"""`drift-e3 advice ask`: one analysis on demand, with the prompt and the answer shown."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drift_e3.cli.exits import Exit
from drift_e3.cli.moments import NO_TIME, moment_ms
from drift_e3.cli.options import AsJson, ParamsCard, Symbol
from drift_e3.cli.run import Venue, market_overrides

if TYPE_CHECKING:
    from drift_e3.core.events import AdvisorEvent

UNREACHABLE = frozenset({"unreachable", "model_missing", "disconnected"})
"""Failures that say that nobody was asked, rather than that the answer was no good."""


def ask(
    venue: Annotated[Venue | None, typer.Option(help="The market; synthetic by default.")] = None,
    tape: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Recorded candles; implies --venue tape.")
    ] = None,
    funding: Annotated[Path | None, typer.Option(metavar="FILE", help="Funding rates of the tape.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TS", help="Time on the tape, UTC; its end by default.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="M", help="The model, or several with commas between.")
    ] = None,
    template: Annotated[str | None, typer.Option(metavar="T", help="Wording of the prompt.")] = None,
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="S", min=0.1, max=3_600.0, help="How long to wait.")
    ] = 120.0,
    params: ParamsCard = None,
    symbol: Symbol = None,
    as_json: AsJson = False,
) -> None:
    """Ask the model once about the market; nothing is traded. Exit code 0 only for advice."""
    from drift_e3.config import load
    from drift_e3.live.clock import WallClock
    from drift_e3.wiring import asking

    market = market_overrides(venue, tape, funding)
    at_ts = moment_ms("--at", at, NO_TIME)
    if at_ts is not None and market["venue"] is not Venue.TAPE:
        raise typer.BadParameter("a time belongs to a tape: give --tape as well", param_hint="--at")
    loaded = load(
        overrides=market
        | {
            "params_card": params,
            "symbol": symbol,
            "ollama.models": model,
            "ollama.template": template,
        }
    )
    question = asyncio.run(asking.question(loaded.settings, WallClock(), at_ts))
    answer = asyncio.run(asking.answer(loaded.settings, question, int(timeout_s * 1_000)))
    told = document(answer)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        show(told)
    if told["advice"] is None:
        raise typer.Exit(Exit.UNAVAILABLE if told["reason"] in UNREACHABLE else Exit.CHECK_FAILED)


def document(answer: "AdvisorEvent") -> dict[str, Any]:
    """What was asked and answered, as plain values."""
    from dataclasses import asdict

    from drift_e3.core.advice import Advice, parse_advice
    from drift_e3.core.events import AdviceReceived

    text = answer.text if isinstance(answer, AdviceReceived) else ""
    parsed = parse_advice(text)
    advice = parsed if isinstance(parsed, Advice) else None
    return {
        "question_id": answer.question_id,
        "template": answer.template,
        "prompt_hash": answer.prompt_hash,
        "prompt": answer.prompt,
        "model": answer.model if isinstance(answer, AdviceReceived) else "",
        "text": text,
        "advice": None
        if advice is None
        else {
            "regime": advice.regime.label,
            "direction": advice.direction.label,
            "confidence": advice.confidence,
            "multiplier": advice.multiplier,
            "reasoning": advice.reasoning,
        },
        "reason": "" if advice is not None else _why(answer, parsed),
        "detail": "" if isinstance(answer, AdviceReceived) else answer.detail,
        "latency_ms": answer.latency_ms,
        "attempts": [asdict(attempt) for attempt in answer.attempts],
    }


def show(told: dict[str, Any]) -> None:
    """Prompt, answer and what was understood of it, for people."""
    typer.echo(f"--- prompt {told['template']} ({told['prompt_hash']})")
    typer.echo(told["prompt"].rstrip())
    for attempt in told["attempts"]:
        tokens = f", {attempt['answer_tokens']} tokens" if attempt["answer_tokens"] >= 0 else ""
        typer.echo(f"--- {attempt['model']}: {attempt['outcome']} after {attempt['latency_ms']} ms{tokens}")
        said = attempt["text"] or (told["text"] if attempt["model"] == told["model"] else "")
        if said:
            typer.echo(said.rstrip())
    advice = told["advice"]
    typer.echo("--- understood")
    if advice is None:
        typer.echo(f"no advice: {told['reason']} {told['detail']}".rstrip())
        return
    typer.echo(f"regime      {advice['regime']}")
    typer.echo(f"direction   {advice['direction']}")
    typer.echo(f"confidence  {advice['confidence']:g}")
    typer.echo(f"multiplier  {advice['multiplier']:g}x")
    typer.echo(f"reasoning   {advice['reasoning']}")


def _why(answer: "AdvisorEvent", parsed: object) -> str:
    from drift_e3.core.advice import NoAdvice
    from drift_e3.core.events import AdviceFailed

    if isinstance(answer, AdviceFailed):
        return answer.reason
    return parsed.reason if isinstance(parsed, NoAdvice) else ""
