"""Checks of program and market as the chain shows them, and of this machine's clock against it. Pure."""

from collections.abc import Sequence
from typing import Final

from drift_e3.core.terms import BPS, MS_PER_SECOND
from drift_e3.venues.solana.barring import CONFIDENCE_MAX_BPS
from drift_e3.venues.solana.program import AccountRefused, RawAccount
from drift_e3.venues.solana.sysvars import UPGRADEABLE_LOADER, Deployment
from drift_e3.venues.solana.views import ChainView, MarketStatus, PerpSeen
from drift_e3.wiring.doctor.report import Check, failed, passed, warned

SKEW_WARN_MS: Final = 5 * MS_PER_SECOND
BEHIND_MAX_MS: Final = 30 * MS_PER_SECOND
NEW_SLOTS: Final = 216_000
"""A day."""
FILLABLE_SLOTS: Final = 5
"""With an oracle that many slots old the AMM fills nothing."""
NEWS: Final = "update drift_e3: the program has changed, or this is another market than the settings mean"


def clock(skews_ms: Sequence[int], against: str, ahead_max_s: float) -> Check:
    """This machine's clock less others'; `against` says whose. The nearest of them counts: the chain's own
    clock may be late, and the oracle silent. A clock that is further ahead than `ahead_max_s` makes every
    price look too old."""
    skew_ms = min(skews_ms, key=abs)
    ahead = "ahead of" if skew_ms > 0 else "behind"
    detail = f"{abs(skew_ms) / MS_PER_SECOND:.1f} s {ahead} {against}"
    remedy = "let NTP set this machine's clock; if it is right, the server stands still: name another"
    if skew_ms > ahead_max_s * MS_PER_SECOND or skew_ms < -BEHIND_MAX_MS:
        return failed("clock", detail, remedy)
    if abs(skew_ms) > SKEW_WARN_MS:
        return warned("clock", detail, remedy)
    return passed("clock", detail)


def program(program_id: object, account: RawAccount | None) -> Check:
    """Whether the program is there and can be carried out."""
    remedy = "see whether DRIFT_E3_RPC__URLS is of the right cluster; if it is, the program is gone"
    if account is None:
        return failed("program", f"there is no program {program_id}", remedy)
    if not account.executable:
        return failed("program", f"{program_id} is no program: it cannot be carried out", remedy)
    if account.owner != UPGRADEABLE_LOADER:
        return warned(
            "program",
            f"{program_id} belongs to {account.owner}: a new deployment of it would not be seen",
            "nothing to do if this is a test; on mainnet trade nothing until it is understood",
        )
    return passed("program", f"{program_id} is there and executable")


def deployment(found: Deployment | None, approved: int | None, slot: int) -> Check:
    """Whether the program's code is the approved one; `slot` is now."""
    if found is None:
        return failed("deployment", "the program's code is gone: it was closed", "wait for word of the venue")
    approves = f"read what is new, then approve it by DRIFT_E3_LIVE__DEPLOYMENT_SLOT={found.slot}"
    if approved is not None and approved != found.slot:
        detail = f"deployed anew in slot {found.slot}; approved is that of slot {approved}"
        return failed("deployment", f"{detail}, so nothing would be sent", approves)
    if approved is not None:
        return passed("deployment", f"that of slot {found.slot}, as approved")
    if slot - found.slot < NEW_SLOTS:
        return warned(
            "deployment",
            f"deployed {slot - found.slot} slots ago, in slot {found.slot}, and not approved yet",
            "read what is new; the first live start approves what it finds",
        )
    return passed("deployment", f"that of slot {found.slot}; the first live start will remember it")


def refused(refusal: AccountRefused) -> Check:
    """What is wrong with the market's accounts, by what the refusal is about."""
    if "mint" in str(refusal):
        remedy = "do not trade: this is not the quote asset that the venue is known for"
        return failed("quote_mint", str(refusal), remedy)
    return failed("accounts", str(refusal), NEWS)


def sound() -> list[Check]:
    """All accounts have been read, which they are not with another owner, kind, size, market or mint."""
    return [
        passed("accounts", "state, market, quote market and oracles are what they must be"),
        passed("quote_mint", "the quote market's mint is the expected one"),
    ]


def market(perp: PerpSeen, paper_fee_bps: float) -> Check:
    """The market's limits and fees; `paper_fee_bps` is what paper assumes for taking."""
    terms = perp.instrument
    told = [
        f"{terms.symbol}: smallest order {terms.min_base:g}, step {terms.step_base:g}",
        f"tick {terms.tick_usd:g} USD",
        f"margin {terms.initial_margin_frac:.1%} and {terms.maintenance_margin_frac:.1%}",
        f"fees {terms.taker_fee_bps:g} bps taking, {terms.maker_fee_bps:g} bps making",
        f"open interest {perp.open_interest_base:,.2f}",
    ]
    limit = perp.open_interest_base_max
    if limit > 0.0:
        told[-1] += f" of at most {limit:,.2f}"
    detail = "; ".join(told)
    if 0.0 < limit <= perp.open_interest_base + terms.min_base:
        return failed("market", f"{detail}, so nothing can be opened", "wait until others have closed")
    if terms.taker_fee_bps > paper_fee_bps:
        remedy = f"set DRIFT_E3_PAPER__TAKER_FEE_BPS={terms.taker_fee_bps:g}, so that paper is not better"
        return warned("market", f"{detail}; paper assumes {paper_fee_bps:g} bps for taking", remedy)
    return passed("market", detail)


def oracle(view: ChainView, age_max_s: float) -> Check:
    """How old and how sure of itself the oracle's price is."""
    seen = view.oracle
    # The chain's clock counts seconds, the publisher's is finer.
    age_s = max(view.chain_ts - seen.publish_ts, 0) / MS_PER_SECOND
    slots = view.slot - seen.posted_slot
    unsure_bps = seen.confidence_usd / seen.price_usd / BPS if seen.price_usd > 0.0 else float("inf")
    detail = f"{seen.price_usd:,.4f} USD, {age_s:.1f} s and {slots} slots old, within {unsure_bps:.1f} bps"
    wait = "wait until the oracle is well again: entries wait, too"
    if age_s > age_max_s:
        return failed("oracle", f"{detail}; older than {age_max_s:g} s stops entries", wait)
    if unsure_bps > CONFIDENCE_MAX_BPS:
        return failed("oracle", f"{detail}; more than {CONFIDENCE_MAX_BPS:g} bps stops entries", wait)
    if slots >= FILLABLE_SLOTS:
        return warned("oracle", f"{detail}; so late the AMM fills nothing", wait)
    return passed("oracle", detail)


def pauses(view: ChainView) -> Check:
    """What exchange, market and quote market have paused."""
    found, status = view.pauses, view.perp.status
    reasons = list(found.reasons)
    # Where a layer has already told of the status, once is enough.
    if status is not MarketStatus.ACTIVE and not reasons:
        reasons.append(f"the market is {status.label}")
    stopped = status is not MarketStatus.ACTIVE or found.place or found.fill
    if stopped or found.amm_fill or found.increase:
        told = "; ".join(reasons) or "trading is paused"
        return failed("pauses", told, "wait until the venue lifts it; nothing can be done from here")
    if reasons:
        return warned("pauses", "; ".join(reasons), "nothing to do: entries and exits go on")
    return passed("pauses", "exchange, market and quote market are open")
