# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers: a control that may fail for a reason, on somebody's word, until a date."""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from .controls import BaselineError

_FIELDS = ("control", "reason", "owner", "expires")


@dataclasses.dataclass(frozen=True)
class Waiver:
    """A checked waiver; it counts up to and including the day C(expires) (UTC)."""

    control: str
    reason: str
    owner: str
    expires: datetime.date

    def expired(self, today: datetime.date) -> bool:
        """Return whether the waiver's last day is over."""
        return today > self.expires

    def as_dict(self) -> dict[str, str]:
        """Return what a report shows."""
        return {"reason": self.reason, "owner": self.owner, "expires": self.expires.isoformat()}


def read_waivers(entries: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, Waiver]:
    """Check waivers and return them by control.

    :raises BaselineError: a key is missing, unknown or empty, a date is none, or a control is named twice.
    """
    waivers: dict[str, Waiver] = {}
    for number, entry in enumerate(entries):
        where = f"waivers[{number}]"
        for key in sorted(set(entry) - set(_FIELDS)):
            raise BaselineError(f"{where}.{key}: unknown key; a waiver has {', '.join(_FIELDS)}")
        for key in _FIELDS:
            value = entry.get(key)
            if value is None or not str(value).strip():
                raise BaselineError(f"{where}.{key}: missing; a waiver has {', '.join(_FIELDS)}")
            if key != "expires" and not isinstance(value, str):
                raise BaselineError(f"{where}.{key}: {value!r} is not a text")
        waiver = Waiver(
            control=entry["control"].strip(),
            reason=" ".join(entry["reason"].split()),
            owner=entry["owner"].strip(),
            expires=_date(entry["expires"], f"{where}.expires"),
        )
        if waiver.control in waivers:
            raise BaselineError(f"{where}.control: {waiver.control!r} has a waiver already")
        waivers[waiver.control] = waiver
    return waivers


def _date(value: t.Any, where: str) -> datetime.date:
    """Return a date from YAML's own date or from text."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.date(value.year, value.month, value.day)
    try:
        # fromisoformat() also takes 20270131 and 2027-W04-7, which a reader may take for something else.
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value.strip()):
            raise ValueError
        return datetime.date.fromisoformat(value.strip())
    except ValueError:
        raise BaselineError(f"{where}: {str(value)!r} is not a date; write it as 2027-01-31") from None
