"""Pages kept between two downloads, and what of a span of time is still missing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.ports import DataError
from drift_e3.venues.dataapi.pages import Page, Pages, Span, missing_from
from drift_e3.venues.dataapi.tape_files import Market

MARKET = Market("velocity", "SOL-PERP", 60_000)


def test_what_is_missing_comes_newest_first() -> None:
    held = [Span(30, 50), Span(0, 10), Span(70, 60)]
    assert missing_from(Span(0, 100), held, 10) == [Span(60, 100), Span(20, 20)]
    assert missing_from(Span(0, 100), [], 10) == [Span(0, 100)]
    assert missing_from(Span(40, 50), held, 10) == []
    assert missing_from(Span(100, 0), [], 10) == []
    assert missing_from(Span(20, 100), [Span(-50, 200)], 10) == []
    assert missing_from(Span(20, 100), [Span(200, 300), Span(-10, 0)], 10) == [Span(20, 100)]


spans = st.builds(Span, st.integers(-5, 30), st.integers(-5, 30))


@given(spans, st.lists(spans, max_size=6))
def test_held_and_missing_together_are_what_is_wanted_and_missing_is_not_held(
    wanted: Span, held: list[Span]
) -> None:
    def times(found: list[Span]) -> list[int]:
        return [ts for span in found for ts in range(span.from_ts, span.to_ts + 1)]

    missing = times(missing_from(wanted, held, 1))
    assert sorted(missing) == sorted(set(times([wanted])) - set(times(held)))


def test_a_span_counts_its_steps() -> None:
    assert Span(0, 120).steps(60) == 3
    assert Span(0, 119).steps(60) == 2
    assert Span(60, 0).steps(60) == 0


def kept(path: Path) -> None:
    with Pages(path, MARKET) as pages:
        pages.keep(Span(5, 9), [(5, 1.5), (7, None)])
        pages.keep(Span(1, 4), [])


def test_pages_are_read_back_after_another_start(tmp_path: Path) -> None:
    path = tmp_path / "candles.pages"
    with Pages(path, MARKET) as pages:
        assert pages.read() == []
    assert not path.exists()
    kept(path)
    kept(path)
    both = [Page(Span(5, 9), [[5, 1.5], [7, None]]), Page(Span(1, 4), [])]
    with Pages(path, MARKET) as pages:
        assert pages.read() == [*both, *both]
        pages.drop()
        pages.drop()
    assert not path.exists()


@pytest.mark.parametrize("cut", [1, 3, 20, 45])
def test_a_torn_page_is_dropped_and_the_next_one_is_whole(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "candles.pages"
    kept(path)
    path.write_bytes(path.read_bytes()[:-cut])
    with Pages(path, MARKET) as pages:
        before = pages.read()
        pages.keep(Span(0, 0), [])
    assert len(before) < 2
    with Pages(path, MARKET) as pages:
        assert pages.read() == [*before, Page(Span(0, 0), [])]


def test_a_torn_head_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "candles.pages"
    path.write_bytes(b'{"venue": "ve')
    with Pages(path, MARKET) as pages:
        assert pages.read() == []
        pages.keep(Span(0, 0), [])
        assert len(pages.read()) == 1


def test_pages_of_another_market_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "candles.pages"
    kept(path)
    with pytest.raises(DataError, match=r"was begun for .*SOL-PERP.*give another --out, or remove it"):
        Pages(path, Market("drift", "SOL-PERP", 60_000)).read()


@pytest.mark.parametrize("damage", [b"no json\n", b'{"span": 5}\n', b"17\n", b'{"span": [1], "rows": []}\n'])
def test_damaged_pages_are_refused_in_one_line(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "candles.pages"
    kept(path)
    path.write_bytes(path.read_bytes() + damage)
    with pytest.raises(DataError) as caught:
        Pages(path, MARKET).read()
    assert str(caught.value) == f"{path}: is damaged: remove it to begin anew"
