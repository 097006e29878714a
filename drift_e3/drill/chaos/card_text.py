"""The score card for people: the counts first, then what was done, then what it is worth."""

from collections.abc import Iterator

from drift_e3.drill.chaos.card import Card
from drift_e3.drill.chaos.troubles import Struck


def text(card: Card) -> str:
    """Several lines without an end of line after the last."""
    return "\n".join(_lines(card))


def _lines(card: Card) -> Iterator[str]:
    yield f"chaos, seed {card.seed}: {card.minutes:g} minutes on {card.venue}, in {card.elapsed_s:.0f} s"
    yield ""
    yield f"{'at s':>6} {'for s':>8}  {'fault':<30}  {'led to':<37}  {'trades after':>12}"
    for struck in card.struck:
        yield _row(struck)
    yield ""
    yield f"orders doubled      {card.orders_doubled:>5}"
    yield f"fills lost          {card.fills_lost:>5}"
    yield f"invariants broken   {card.invariants_broken:>5}"
    yield f"unprotected, longest {card.unprotected_s_max:>6.1f} s"
    yield ""
    yield (
        f"{card.orders_sent} orders sent, {card.orders_placed} placed on the chain, {card.fills} fills, "
        f"{card.events} events; {card.starts} starts of the daemon, {card.persons} by a person"
    )
    if not card.fills:
        yield "nothing was traded: this card proves little"
    for finding in card.findings:
        yield f"FOUND: {finding}"
    yield f"the same again: {card.again}"


def _row(struck: Struck) -> str:
    strike = struck.strike
    name = strike.act.name if strike.strength is None else f"{strike.act.name} {strike.strength:g}"
    led_to = "nothing safe" if struck.led_to is None else struck.led_to.value
    back = "never" if struck.back_s is None else f"{struck.back_s:.1f} s"
    return f"{strike.begins_s:>6.1f} {strike.seconds:>8.1f}  {name:<30}  {led_to:<37}  {back:>12}"
