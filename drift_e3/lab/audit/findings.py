"""What an audit looks for and what it says: the rules, findings, and the figures beside them.

Values only; who finds what belongs to the other modules here.
"""

from collections import Counter
from enum import StrEnum
from typing import Any, Final, NamedTuple

from drift_e3.core.terms import MS_PER_SECOND

KEPT_PER_RULE: Final = 100
"""So many findings of a rule are kept, all are counted: a journal that is wrong throughout must not fill the
memory."""


class Rule(StrEnum):
    """A promise that every journal must keep; `PROMISES` says which."""

    LEVERAGE = "leverage"
    STOP = "stop"
    STALE_DATA = "stale_data"
    BARRED = "barred"
    LOSSES = "losses"
    PACE = "pace"
    MODES = "modes"
    ONE_ORDER = "one_order"
    REDUCE_ONLY = "reduce_only"
    POSITION = "position"
    EQUITY = "equity"


PROMISES: Final[dict[Rule, str]] = {
    Rule.LEVERAGE: "no entry beyond the leverage cap or the largest position; above the cap by 5 %, a "
    "reduction to the cap leaves at once",
    Rule.STOP: "a position has a stop for all of it; without one on the venue for too long it is left",
    Rule.STALE_DATA: "no entry while a live feed is older than its limit",
    Rule.BARRED: "no entry while the venue's side bars it",
    Rule.LOSSES: "no trading after the daily loss, the drawdown or a losing streak; after the drawdown, no "
    "position",
    Rule.PACE: "no more entries in an hour or a day than allowed, none in the cooldown",
    Rule.MODES: "no entry unless trading, none after a person's halt, reduce or stop; what is to be flat "
    "leaves",
    Rule.ONE_ORDER: "an order id is used once, an entry stands alone behind its decision, a fill belongs to "
    "an open order",
    Rule.REDUCE_ONLY: "what may only reduce neither grows nor turns the position",
    Rule.POSITION: "the position is the sum of the fills",
    Rule.EQUITY: "equity and each trade's result are the sum of their parts",
}


class Finding(NamedTuple):
    """A promise that was not kept at event `seq`, at event time `ts` (UTC, ms), and how, in words."""

    seq: int
    ts: int
    rule: Rule
    words: str


class Figures(NamedTuple):
    """What an audit measured. Times in ms of event time.

    `unprotected_ms_bound` is the limit in force, past which a position is left; `overexposures` counts how
    often notional rose above the cap by more than the tolerance, `overexposed_ms_max` for how long at most;
    `entry_cap_share_max` is the largest entry's notional, open orders counted, over what the cap allowed.
    """

    unprotected_ms: int = 0
    unprotected_ms_max: int = 0
    unprotected_ms_bound: int = 0
    overexposures: int = 0
    overexposed_ms_max: int = 0
    entry_cap_share_max: float = 0.0
    drawdown_frac_max: float = 0.0
    daily_loss_frac_max: float = 0.0


class Audit(NamedTuple):
    """An audit of `events` events. `findings` are in their order, the first `KEPT_PER_RULE` of each rule;
    `found` counts all of them and `checked` how often each rule was asked."""

    events: int
    first_ts: int
    last_ts: int
    findings: tuple[Finding, ...]
    found: dict[Rule, int]
    checked: dict[Rule, int]
    figures: Figures

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.found

    @property
    def unprotected_s_max(self) -> float:
        """The longest time for which the venue had not said that it has a stop for the whole position."""
        return self.figures.unprotected_ms_max / MS_PER_SECOND

    def document(self) -> dict[str, Any]:
        """The audit as plain values: seconds and UTC ms."""
        figures = self.figures
        return {
            "clean": self.is_clean,
            "events": self.events,
            "first_ts": self.first_ts,
            "last_ts": self.last_ts,
            "unprotected_s": figures.unprotected_ms / MS_PER_SECOND,
            "unprotected_s_max": self.unprotected_s_max,
            "unprotected_s_bound": figures.unprotected_ms_bound / MS_PER_SECOND,
            "overexposures": figures.overexposures,
            "overexposed_s_max": figures.overexposed_ms_max / MS_PER_SECOND,
            "entry_cap_share_max": figures.entry_cap_share_max,
            "drawdown_frac_max": figures.drawdown_frac_max,
            "daily_loss_frac_max": figures.daily_loss_frac_max,
            "rules": {
                rule.value: {
                    "promise": promise,
                    "checked": self.checked.get(rule, 0),
                    "found": self.found.get(rule, 0),
                }
                for rule, promise in PROMISES.items()
            },
            "findings": [
                {"seq": finding.seq, "ts": finding.ts, "rule": finding.rule.value, "words": finding.words}
                for finding in self.findings
            ],
        }


class Findings:
    """Findings as they come: the first of each rule kept, all counted, and each asking counted too."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.found: Counter[Rule] = Counter()
        self.checked: Counter[Rule] = Counter()
        self._seq = 0
        self._ts = 0
        self._standing: set[tuple[Rule, str]] = set()

    def at(self, seq: int, ts: int) -> None:
        """What is found from here on belongs to this event."""
        self._seq, self._ts = seq, ts

    def ask(self, rule: Rule, holds: bool, words: str, *values: object) -> bool:
        """Count an asking of `rule`; where it does not hold, a finding: `words` with `values` in place."""
        self.checked[rule] += 1
        if not holds:
            self._tell(rule, words.format(*values))
        return holds

    def ask_state(self, rule: Rule, name: str, holds: bool, words: str, *values: object) -> None:
        """The same for a state of things that may last: told when it begins, not at each event on the way."""
        self.checked[rule] += 1
        if holds:
            self._standing.discard((rule, name))
        elif (rule, name) not in self._standing:
            self._standing.add((rule, name))
            self._tell(rule, words.format(*values))

    def _tell(self, rule: Rule, words: str) -> None:
        self.found[rule] += 1
        if self.found[rule] <= KEPT_PER_RULE:
            self.kept.append(Finding(self._seq, self._ts, rule, words))
