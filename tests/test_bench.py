"""The benchmark program works; how fast anything is, no test judges."""

import json
from pathlib import Path

import pytest

from tests.bench.__main__ import main
from tests.bench.measuring import Aim, Figure, alternate, percentile


def test_a_tiny_run_measures_the_core_and_writes_what_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "build" / "bench.json"
    main(["--quick", "--only", "core", "--candles", "300", "--rounds", "2", "--out", str(out)])
    written = json.loads(out.read_text())
    assert set(written) == {"machine", "scale", "elapsed_s", "figures"}
    assert written["scale"]["candles"] == 300
    whole, *parts = written["figures"]
    assert set(whole) == {"measure", "name", "unit", "median", "values", "peer", "ratio", "aim", "met"}
    assert whole["name"] == "backtest of a made tape"
    assert whole["aim"] == ">= 25,000"
    assert whole["met"] is (whole["median"] >= 25_000)
    assert len(whole["values"]) == 2
    assert min(min(figure["values"]) for figure in (whole, *parts)) > 0.0
    table = capsys.readouterr().out
    assert all(figure["name"] in table for figure in (whole, *parts))


def test_a_measure_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "luck", "--out", str(tmp_path / "bench.json")])


def test_parts_are_measured_in_turn() -> None:
    order: list[str] = []

    def part(name: str) -> dict[str, float]:
        order.append(name)
        return {name: float(len(order))}

    rounds = alternate(2, [lambda: part("a"), lambda: part("b")])
    assert order == ["a", "b", "a", "b"]
    assert rounds == {"a": [1.0, 3.0], "b": [2.0, 4.0]}


def test_a_figure_is_judged_by_its_middle_round() -> None:
    def figure(aim: Aim | None) -> Figure:
        return Figure(
            measure="m", name="n", unit="u", values=[9.0, 1.0, 2.0], ratios=[3.0, 8.0, 4.0], aim=aim
        )

    assert (figure(None).median, figure(None).ratio, figure(None).met) == (2.0, 4.0, None)
    assert [figure(Aim(limit=limit)).met for limit in (2.0, 2.1)] == [False, True]
    assert [figure(Aim(limit=limit, at_least=True)).met for limit in (2.0, 2.1)] == [True, False]


def test_a_percentile_is_one_of_the_values_and_the_whole_share_is_the_largest() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [51.0, 100.0, 100.0]
