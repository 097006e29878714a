"""The parameters of a search's configuration: lists of values by key, checked and on our scale."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from drift_e3.config.card import from_guide_scale
from drift_e3.config.keys import ConfigError, did_you_mean, plain, shortened
from drift_e3.core.params import PARAM_SPANS, Params
from drift_e3.lab.search.plan import Value

VALUES_MAX = 1_000
"""Values of one parameter; more are a slip of the pen."""
SCALES: dict[str, tuple[str, dict[str, Value]]] = {
    "m_realizedVol": ("m_rv1hMin", {"m_realizedVol": 0.0}),
    "f_fundingZ": ("f_fundingRateMin", {}),
}
"""What becomes of the parameters that the guide has on a scale of its own, and what is fixed with that."""
ORDERED = (("f_minHoldHours", "f_maxHoldHours"), ("ai_minConfidence", "ai_vetoConfidence"))
"""Parameters of which the first must not always be above the second: such sets all mean the same."""


class Axes(NamedTuple):
    """Values by key, rising, on our scale; what the conversion fixed; and what is to be said of it."""

    values: dict[str, tuple[Value, ...]]
    fixed: dict[str, Value]
    notes: tuple[str, ...]


def read_axes(parameters: Mapping[str, Any]) -> Axes:
    """The parameters of a file. `ConfigError` with a line for each thing that is wrong."""
    problems = [problem for key, values in parameters.items() for problem in _faults(key, values)]
    if problems:
        raise ConfigError(problems)
    axes: dict[str, tuple[Value, ...]] = {}
    fixed: dict[str, Value] = {}
    notes: list[str] = []
    for key, values in parameters.items():
        try:
            turned = _turned(key, values, parameters)
        except ConfigError as error:
            problems += (f"parameters.{problem}" for problem in error.problems)
            continue
        if turned is None:
            axes[key] = tuple(sorted(one if isinstance(one, bool) else float(one) for one in values))
        else:
            name, fixes = SCALES[key]
            axes[name] = tuple(sorted(turned))
            fixed |= fixes
            notes.append(
                f"{key} {_listed(values)} is on the guide's scale: searched as {name} {_listed(axes[name])}"
            )
    for key, found in axes.items():
        span = PARAM_SPANS[key]
        problems += (
            f"parameters.{key}: {plain(value)} is outside {span.low:g}..{span.high:g} {span.unit}"
            for value in found
            if not span.low <= value <= span.high
        )
    if not problems:
        problems += _impossible(axes)
    if problems:
        raise ConfigError(problems)
    return Axes(axes, fixed, tuple(notes))


def _faults(key: str, values: Any) -> list[str]:
    """What is wrong with the values of a key as they stand in the file."""
    span = PARAM_SPANS.get(key)
    if span is None:
        return [f"parameters.{key}: unknown key{did_you_mean(key, PARAM_SPANS)}"]
    if not isinstance(values, list):
        return [f"parameters.{key}: {shortened(values)} is not a list of values"]
    if not values:
        return [f"parameters.{key}: is an empty list; leave the key out to keep the value in force"]
    if len(values) > VALUES_MAX:
        return [f"parameters.{key}: {len(values)} values are more than {VALUES_MAX}"]
    switch = span.unit == "bool"
    for value in values:
        if not isinstance(value, bool | int | float) or isinstance(value, bool) != switch:
            wanted = "true or false" if switch else "a number"
            return [f"parameters.{key}: {shortened(value)} is not {wanted}"]
    twice = next((value for value in values if values.count(value) > 1), None)
    return [] if twice is None else [f"parameters.{key}: {plain(twice)} is there twice"]


def _turned(key: str, values: list[Value], given: Mapping[str, Any]) -> list[Value] | None:
    """The values on our scale, None where they are already; `ConfigError` for a mixture."""
    if key not in SCALES:
        return None
    name, _ = SCALES[key]
    turned: list[Value] = []
    for value in values:
        strategy, notes = from_guide_scale({key: value} | ({name: 0.0} if name in given else {}))
        if notes:
            turned.append(float(strategy[name]))  # type: ignore[arg-type]  # a number came, a number goes
    if not turned:
        return None
    if len(turned) < len(values):
        raise ConfigError([f"{key}: {_listed(values)} mixes the guide's scale with ours; give one of them"])
    return turned


def _impossible(axes: Mapping[str, tuple[Value, ...]]) -> list[str]:
    """Grids in which no set makes sense."""
    base = Params()._asdict()
    problems = []
    if all(axes.get(key, (base[key],)) == (False,) for key in ("m_enabled", "f_enabled")):
        problems.append("parameters: m_enabled and f_enabled are both false: no set can trade")
    for low, high in ORDERED:
        lowest, highest = min(axes.get(low, (base[low],))), max(axes.get(high, (base[high],)))
        if lowest > highest and (low in axes or high in axes):
            problems.append(
                f"parameters.{low}: {plain(lowest)} is above every {high} ({plain(highest)}): impossible"
            )
    return problems


def _listed(values: "list[Value] | tuple[Value, ...]") -> str:
    return ", ".join(f"{value:g}" for value in values)
