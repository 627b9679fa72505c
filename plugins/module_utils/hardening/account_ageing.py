# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ages of passwords in shadow(5), all in days. Today is the day's number since 1970."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.account_files import (
    CHANGED,
    INACTIVE,
    LEAST,
    MOST,
    NAME,
    WARN,
    Table,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError

_NEVER = 99999  # no password gets that old; useradd's own default
_OLDEST_TODAY = 19700  # in December 2023: a clock before that is not set
_FIELDS = (("min", LEAST, "minimum age"), ("max", MOST, "maximum age"), ("warn", WARN, "days of warning"))


def set_ages(table: Table, row: list[str], options: dict, today: int) -> None:
    """Age one password as `ageing` and `inactive_days` say.

    One that this would make too old at once is good for its full time from today on, unless `ageing_overdue` is
    `expire`; one that was too old before stays so.
    """
    was_over = _is_over(row, today)
    ageing = options["ageing"]
    for key, field, what in _FIELDS:
        days = ageing.get(key)
        if days is not None:
            if days < 0:
                raise HardeningError(f"ageing: {key}: {days} is no number of days; leave {key} out to keep what is set")
            table.set(row, field, str(days), what)
    if options["inactive_days"] >= 0:
        table.set(row, INACTIVE, str(options["inactive_days"]), "days until closed")
    has_no_date = not row[CHANGED] and ageing.get("max") is not None  # such a password never gets old
    is_newly_over = not was_over and _is_over(row, today)
    if has_no_date or (is_newly_over and options["ageing_overdue"] == "renew"):
        table.set(row, CHANGED, str(today), "last change")


def end_age(table: Table, row: list[str]) -> None:
    """Let an account that has no password never be closed for its password's age: it could not renew it."""
    if 0 <= _days(row[MOST]) < _NEVER:
        table.set(row, MOST, str(_NEVER), "maximum age")


def correct_future(table: Table, today: int) -> list[str]:
    """Bring back last changes that are in the future, such as a builder's wrong clock leaves.

    Returns the names left alone because it is this machine's clock that is wrong: all passwords would be decades old.
    """
    late = [row for row in table.rows if _days(row[CHANGED]) > today]
    if today < _OLDEST_TODAY:
        return [row[NAME] for row in late]
    for row in late:
        table.set(row, CHANGED, str(today), "last change")
    return []


def _days(field: str) -> int:
    return int(field) if field.isdigit() else -1


def _is_over(row: list[str], today: int) -> bool:
    """Whether the password is too old; 0 as its last change asks for a new one at the next login, which is no age."""
    last, most = _days(row[CHANGED]), _days(row[MOST])
    return last > 0 and most >= 0 and last + most < today
