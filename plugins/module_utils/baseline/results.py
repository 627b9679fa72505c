# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the outcome of checks to the result of controls, and to the words of the gate."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from .controls import SEVERITIES, Check, Control
from .waivers import Waiver

PASSED, FAILED, WAIVED, NOT_APPLICABLE = STATUSES = ("passed", "failed", "waived", "not_applicable")

#: Lines of failed controls in a message; the full list is in the results.
_MESSAGE_LINES = 20


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one check; C(details) is for developers (a traceback), C(subject) is the check's own words."""

    nodeid: str
    status: str
    seconds: float
    subject: str | None = None
    expected: str | None = None
    found: str | None = None
    reason: str | None = None
    details: str | None = None


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one control."""

    control: Control
    status: str
    seconds: float
    message: str = ""
    expected: str | None = None
    found: str | None = None
    waiver: Waiver | None = None
    details: str = ""

    def as_dict(self) -> dict[str, t.Any]:
        """Return plain data, without the developers' details."""
        return {
            "control": self.control.id,
            "title": self.control.title,
            "severity": self.control.severity,
            "status": self.status,
            "expected": self.expected,
            "found": self.found,
            "message": self.message,
            "seconds": round(self.seconds, 4),
            "area": self.control.area,
            "tier": self.control.tier,
            "variable": self.control.variable,
            "refs": list(self.control.refs),
            "waiver": self.waiver.as_dict() if self.waiver else None,
        }

    def line(self) -> str:
        """Return the control in one line, as the gate shows it."""
        return f"{self.control.id}: {self.message or self.control.title} ({self.control.severity})"


def conclude(
    control: Control,
    checks: t.Sequence[Check],
    outcomes: t.Mapping[str, Outcome],
    waiver: Waiver | None,
    today: datetime.date,
) -> Result:
    """Join the outcomes of a control's checks: any failure fails it, and only a valid waiver excuses that.

    :raises KeyError: a check of the control has no outcome.
    """
    mine = [(check, outcomes[check.nodeid]) for check in checks]
    seconds = sum(outcome.seconds for dummy, outcome in mine)
    bad = [(check, outcome) for check, outcome in mine if outcome.status == FAILED]
    if not bad:
        if all(outcome.status == NOT_APPLICABLE for dummy, outcome in mine):
            status = NOT_APPLICABLE
            message = "; ".join(dict.fromkeys(outcome.reason or "" for dummy, outcome in mine))
        else:
            status, message = PASSED, ""
        if waiver:
            message = f"{message}; waiver not needed".lstrip("; ")
        return Result(control, status, seconds, message, waiver=waiver)
    several = len(mine) > 1
    said = list(dict.fromkeys(_sentence(control, check, outcome, several) for check, outcome in bad))
    message = "; ".join(said[:3]) + (f"; and {len(said) - 3} more" if len(said) > 3 else "")
    status = FAILED
    if waiver and waiver.expired(today):
        message = f"{message}; waiver of {waiver.owner} expired on {waiver.expires.isoformat()}"
    elif waiver:
        status = WAIVED
    first = bad[0][1]
    details = "\n\n".join(outcome.details for dummy, outcome in bad if outcome.details)
    return Result(control, status, seconds, message, first.expected, first.found, waiver, details)


def _sentence(control: Control, check: Check, outcome: Outcome, several: bool) -> str:
    subject = outcome.subject or (check.label if several else control.title)
    if outcome.expected is not None:
        return f"{subject}: expected {outcome.expected}, found {outcome.found}"
    if outcome.reason and outcome.reason != outcome.subject:
        return f"{subject}: {outcome.reason}"
    return subject


def count(results: t.Iterable[Result]) -> dict[str, int]:
    """Return how many controls there are, in all and by status."""
    counts = dict.fromkeys(("total", *STATUSES), 0)
    for result in results:
        counts["total"] += 1
        counts[result.status] += 1
    return counts


def summary(counts: t.Mapping[str, int]) -> str:
    """Return the counts in words."""
    words = ", ".join(f"{counts[status]} {status.replace('_', ' ')}" for status in STATUSES if counts[status])
    return f"{counts['total']} control{'' if counts['total'] == 1 else 's'}: {words}"


def gate_message(results: t.Sequence[Result]) -> str:
    """Return the message of a gate that holds, one line per failed control, the most severe first in order of run."""
    failed = [result for result in results if result.status == FAILED]
    failed.sort(key=lambda result: SEVERITIES.index(result.control.severity))
    lines = [summary(count(results)), *(result.line() for result in failed[:_MESSAGE_LINES])]
    if len(failed) > _MESSAGE_LINES:
        lines.append(f"and {len(failed) - _MESSAGE_LINES} more")
    return "\n".join(lines)
