"""What an examination comes to: checks, each with a remedy, and the report of all of them. Values only."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from drift_e3.logs import redact_text


class Purpose(StrEnum):
    """What the settings are to be good for. `ANY`: paper, and live as far as an account is named."""

    PAPER = "paper"
    LIVE = "live"
    ANY = "any"


class Status(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105  # the opposite of a fail
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at: what was found, and what to do about it (empty where all is well).

    `made` is false for what could not be looked at because of something that failed before.
    """

    name: str
    status: Status
    detail: str
    remedy: str = ""
    made: bool = True

    @property
    def failed(self) -> bool:
        """Whether it will not do."""
        return self.status is Status.FAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks, in the order in which they are told."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed; a warning is no failure."""
        return not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        """What failed."""
        return tuple(check for check in self.checks if check.failed)

    def detail(self, name: str) -> str:
        """What was found by the check of that name, empty where there was none."""
        return next((check.detail for check in self.checks if check.name == name), "")

    def document(self) -> dict[str, Any]:
        """The report for machines."""
        rows = [
            {
                "name": check.name,
                "status": check.status.value,
                "detail": check.detail,
                "remedy": check.remedy,
            }
            for check in self.checks
        ]
        return {"ok": self.ok, "checks": rows}


def passed(name: str, detail: str) -> Check:
    """All is well."""
    return Check(name=name, status=Status.PASS, detail=redact_text(detail))


def warned(name: str, detail: str, remedy: str) -> Check:
    """Something to know, and nothing to stop for."""
    return Check(name=name, status=Status.WARN, detail=redact_text(detail), remedy=redact_text(remedy))


def failed(name: str, detail: str, remedy: str) -> Check:
    """It will not do."""
    return Check(name=name, status=Status.FAIL, detail=redact_text(detail), remedy=redact_text(remedy))


def unchecked(names: Iterable[str], why: str) -> list[Check]:
    """What could not be looked at because of something that failed before."""
    remedy = "mend what failed before, then look again"
    return [
        Check(name=name, status=Status.FAIL, detail=f"not checked: {why}", remedy=remedy, made=False)
        for name in names
    ]


def softened(checks: Iterable[Check], names: Collection[str], why: str) -> list[Check]:
    """The same, with failures of these names made warnings, and why."""
    return [
        replace(check, status=Status.WARN, detail=f"{check.detail}; {why}")
        if check.name in names and check.failed
        else check
        for check in checks
    ]
