from hypothesis import given
from hypothesis import strategies as st

from drift_e3.venues.solana.fees import MICRO, UNITS_MAX, FeePolicy, unit_limit, unit_price

POLICY = FeePolicy(
    percentile_frac=0.75, floor_price=1_000, cap_lamports=200_000, units_margin_frac=0.4, units_min=50_000
)


def test_the_limit_is_what_the_trial_used_with_a_margin() -> None:
    assert unit_limit(100_000, POLICY) == 140_000
    assert unit_limit(100_001, POLICY) == 140_002
    assert unit_limit(450, POLICY) == 50_000
    assert unit_limit(1_300_000, POLICY) == UNITS_MAX


def test_a_node_that_does_not_say_what_was_used_leaves_all_there_is() -> None:
    assert unit_limit(0, POLICY) == UNITS_MAX


def test_the_price_is_a_percentile_of_what_others_paid() -> None:
    assert unit_price([9_000, 2_000, 4_000, 3_000], 100_000, POLICY) == 4_000
    assert unit_price([5_000], 100_000, POLICY) == 5_000
    assert unit_price([7_000, 5_000], 100_000, POLICY._replace(percentile_frac=0.0)) == 5_000
    assert unit_price([7_000, 5_000], 100_000, POLICY._replace(percentile_frac=1.0)) == 7_000


def test_where_nobody_pays_the_floor_is_offered() -> None:
    assert unit_price([], 100_000, POLICY) == 1_000
    assert unit_price([0] * 150, 100_000, POLICY) == 1_000


def test_the_cap_is_of_the_whole_transaction_and_counts_more_than_the_floor() -> None:
    assert unit_price([10**9], 400_000, POLICY) == 500_000
    assert unit_price([10**9], 100_000, POLICY) == 2_000_000
    assert unit_price([], 400_000, POLICY._replace(cap_lamports=0)) == 0


@given(
    st.lists(st.integers(0, 10**12), max_size=200),
    st.integers(0, 2_000_000),
    st.integers(0, 10**7),
    st.floats(0.0, 1.0),
)
def test_no_transaction_offers_more_than_the_cap(
    recent: list[int], used: int, cap: int, percentile_frac: float
) -> None:
    policy = POLICY._replace(cap_lamports=cap, percentile_frac=percentile_frac)
    units = unit_limit(used, policy)
    assert min(used, UNITS_MAX) <= units <= UNITS_MAX
    assert 0 <= unit_price(recent, units, policy) * units <= cap * MICRO
