"""A search from its plan to its files, in a folder that a crash leaves ready to go on with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from drift_e3.lab.licence import Leg, parameters_hash
from drift_e3.lab.search.card import card
from drift_e3.lab.search.driver import Found, run_search
from drift_e3.lab.search.identity import Account, Hashes
from drift_e3.lab.search.judging import verdict_on
from drift_e3.lab.search.log import SearchLog
from drift_e3.lab.search.outputs import CARD, REPORT, TRIALS, replace, write_json
from drift_e3.lab.search.page import page
from drift_e3.lab.search.plan import Plan
from drift_e3.lab.search.runner import Progress, Runner, chunk_size
from drift_e3.lab.search.trials import trial_table, write_trials
from drift_e3.lab.search.work import Values, params_of
from drift_e3.lab.search.workers import Workers
from drift_e3.lab.trial_ledger import Census, TrialLedger, trial_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """All of a search but who does it. `candles` are those of the training periods, `frame_ms` is the length
    of one, `legs` are the kinds of data there are besides them, `advice` says whose answers are heard."""

    plan: Plan
    account: Account
    hashes: Hashes
    candles: int
    frame_ms: int
    legs: frozenset[Leg]
    advice: dict[str, Any] | None = None

    def run(
        self, folder: Path, ledger: Path, workers: Workers, progress: Progress, *, resume: bool
    ) -> dict[str, Any]:
        """Search, judge and write; gives the card. Every set that is tried goes into the `ledger` first.

        Raises what `SearchLog`, `TrialLedger` and `workers` raise, `OSError`.
        """
        with SearchLog(folder, self.hashes.search, resume=resume) as log, TrialLedger(ledger) as trials:
            for name in (CARD, TRIALS, REPORT):
                (folder / name).unlink(missing_ok=True)
            chunk_sets = self.plan.chunk_sets or chunk_size(self.candles)
            runner = Runner(workers, log, chunk_sets, progress, partial(self._record, trials))
            found = run_search(self.plan, runner)
            progress.stage("verdict", 0)
            document = self._card(found, trials.census(self.hashes.search))
            table = trial_table(self.plan, found.trials)
            replace(folder / TRIALS, lambda part: write_trials(table, part))
            text = page(self.plan, found, document)
            replace(folder / REPORT, lambda part: part.write_text(text, encoding="utf-8"))
            write_json(document, folder / CARD)
            log.remove()
        return document

    def finished(self, folder: Path) -> dict[str, Any] | None:
        """The card of this very search if the folder holds it already, whoever judged it."""
        try:
            document: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
            same = document["licence"]["search"] == self.hashes.search
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return document if same else None

    def is_judged(self, document: dict[str, Any]) -> bool:
        """Whether the verdict on a card of this search is by the judge that would judge it now."""
        return bool(document["about"]["verdict"].get("judge") == self.hashes.judge)

    def _record(self, ledger: TrialLedger, sets: Sequence[Values]) -> None:
        base, keys, hashes = self.plan.base, self.plan.keys, self.hashes
        ledger.record(
            hashes.search,
            hashes.data,
            [trial_key(hashes.code, parameters_hash(params_of(base, keys, values))) for values in sets],
        )

    def _card(self, found: Found, census: Census) -> dict[str, Any]:
        verdict = verdict_on(found, census.together, self.account.equity_usd)
        return card(
            self.plan,
            self.account,
            found,
            self.hashes,
            verdict,
            census,
            frame_ms=self.frame_ms,
            legs=self.legs,
            advice=self.advice,
        )
