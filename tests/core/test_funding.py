"""Funding: freshness, repetition and the window that a rate is measured against."""

from math import isnan, nan
from statistics import fmean, pstdev

import pytest

from drift_e3.core.funding import (
    PREMIUM,
    RATE,
    Z,
    funding_at,
    new_funding,
    new_funding_rates,
    publish_funding,
)
from drift_e3.core.terms import MS_PER_HOUR


@pytest.mark.parametrize("hours", [1.0, 8.0])
def test_funding_is_known_for_two_of_its_intervals(hours: float) -> None:
    funding, rates = new_funding(), new_funding_rates()
    assert isnan(funding_at(funding, RATE, 0))
    publish_funding(funding, rates, 1_000, 2e-5, hours, -3e-4)
    last_ts = 1_000 + int(2 * hours * MS_PER_HOUR)
    assert funding_at(funding, RATE, last_ts) == 2e-5
    assert funding_at(funding, PREMIUM, last_ts) == -3e-4
    assert isnan(funding_at(funding, RATE, last_ts + 1))
    assert isnan(funding_at(funding, PREMIUM, last_ts + 1))


def test_a_repeated_or_older_publication_adds_nothing() -> None:
    funding, rates = new_funding(), new_funding_rates()
    publish_funding(funding, rates, 2_000, 2e-5, 1.0, nan)
    before = repr(funding), list(rates)
    publish_funding(funding, rates, 2_000, 9e-5, 1.0, nan)
    publish_funding(funding, rates, 1_999, 9e-5, 1.0, nan)
    assert (repr(funding), rates) == before


def test_a_rate_is_measured_against_the_168_before_it() -> None:
    funding, rates = new_funding(), new_funding_rates()
    published = [1e-3] * 30 + [1e-5 * (i % 11) for i in range(169)]
    for hour, rate in enumerate(published):
        publish_funding(funding, rates, hour * MS_PER_HOUR, rate, 1.0, nan)
    before = published[-169:-1]
    expected = (published[-1] - fmean(before)) / pstdev(before)
    assert funding_at(funding, Z, len(published) * MS_PER_HOUR) == pytest.approx(expected, rel=1e-9)
