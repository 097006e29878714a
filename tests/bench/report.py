"""Shows what was measured: a table for people, JSON for comparing runs."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.measuring import ADDITION, Figure, Scale, percentile


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table: the median of the rounds with the lowest and the highest, the aim, the peer."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("measure", "figure"):
        table.add_column(title, no_wrap=True)
    for title in ("median", "lowest .. highest"):
        table.add_column(title, justify="right")
    table.add_column("unit")
    for title in ("aim", "met"):
        table.add_column(title, justify="right")
    table.add_column("ratio, in the same rounds")
    previous = ""
    for figure in figures:
        if previous and figure.measure != previous:
            table.add_section()
        table.add_row(
            figure.measure if figure.measure != previous else "",
            figure.name,
            _number(figure.median),
            f"{_number(min(figure.values))} .. {_number(max(figure.values))}",
            figure.unit,
            "" if figure.aim is None else figure.aim.text,
            {None: "", True: "[green]yes[/]", False: "[red]no[/]"}[figure.met],
            "" if figure.ratio is None else f"{_number(figure.ratio)} x {figure.peer}",
        )
        previous = figure.measure
    console.print(table)
    console.print(
        f"{ADDITION}: the time of one turn of a plain Python loop that adds floats, on this machine"
    )


def document(figures: Sequence[Figure], scale: Scale, elapsed_s: float) -> dict[str, Any]:
    """All of it as plain values."""
    return {
        "machine": {
            "python": platform.python_version(),
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
        },
        "scale": {name: getattr(scale, name) for name in scale.__slots__},
        "elapsed_s": round(elapsed_s, 1),
        **{
            figure.key: {
                "median": figure.ratio,
                "p10": percentile(figure.ratios, 0.1),
                "p90": percentile(figure.ratios, 0.9),
                "rounds": len(figure.ratios),
            }
            for figure in figures
            if figure.key
        },
        "figures": [
            {
                "measure": figure.measure,
                "name": figure.name,
                "unit": figure.unit,
                "median": figure.median,
                "values": list(figure.values),
                "peer": figure.peer,
                "ratio": figure.ratio,
                "aim": None if figure.aim is None else figure.aim.text,
                "met": figure.met,
            }
            for figure in figures
        ],
    }


def write(content: dict[str, Any], path: Path) -> None:
    """Write it as JSON, making the folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def _number(value: float) -> str:
    """Three digits that matter, and no exponent."""
    if value >= 100.0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10.0 else f"{value:.3g}"
