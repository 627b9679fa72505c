# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls: what the marks of collected checks say, and which of them a profile asks for."""

from __future__ import annotations

import dataclasses
import typing as t

SEVERITIES = ("critical", "high", "medium", "low")
TIERS = ("baseline", "parity", "extra")
PROFILES = ("baseline", "default", "strict")

_FIELDS = {"title", "severity", "tier", "default", "variable", "refs"}
_REQUIRED = ("title", "severity", "tier")


class BaselineError(Exception):
    """The run cannot go on; the text is the one line for the user."""


@dataclasses.dataclass(frozen=True)
class Control:
    """One requirement; C(area) is the role it belongs to, or None for a definition's own test."""

    id: str
    title: str
    severity: str
    tier: str
    default: str
    variable: str | None
    refs: tuple[str, ...]
    area: str | None
    path: str = dataclasses.field(compare=False, default="")


@dataclasses.dataclass(frozen=True)
class Check:
    """One collected test and the control it serves; C(label) tells it from the control's other checks."""

    nodeid: str
    control: str
    label: str


def read_controls(
    tests: t.Iterable[dict[str, t.Any]], areas: t.Mapping[str, str | None], names: t.Mapping[str, str]
) -> tuple[dict[str, Control], list[Check]]:
    """Turn collected tests into controls by id, and checks in the order of collection.

    :param tests: what the check process reports for each test: C(nodeid), C(path), C(line), C(name), C(param), C(doc)
        and C(mark) (C(args) and C(kwargs) of the closest control mark, or None).
    :param areas: path of each test file -> the role it belongs to, None for a definition's own file.
    :param names: path of each test file -> what to call it in messages and ids.
    :raises BaselineError: a mark is missing or wrong, or two checks claim one control.
    """
    controls: dict[str, Control] = {}
    checks = []
    for test in tests:
        path = test["path"]
        where = f"{names[path]}:{test['line']}"
        control = _control(test, areas[path], names[path], where)
        known = controls.setdefault(control.id, control)
        # Several checks may serve one control. They then say the same about it, and they stand in one file: anything
        # else is an id used twice by accident.
        if known != control or known.path != control.path:
            raise BaselineError(
                f"{where}: control {control.id!r} is already described, differently, in {names[known.path]}"
            )
        checks.append(Check(test["nodeid"], control.id, test["param"] or test["name"]))
    return controls, checks


def _control(test: dict[str, t.Any], area: str | None, name: str, where: str) -> Control:
    mark = test["mark"]
    if mark is None:
        if area is not None:
            raise BaselineError(f"{where}: {test['name']} has no control mark")
        mark = {"args": [f"{name}::{test['name']}" + (f"[{test['param']}]" if test["param"] else "")], "kwargs": {}}
    args, fields = mark["args"], dict(mark["kwargs"])
    if len(args) != 1 or not isinstance(args[0], str) or not args[0].strip():
        raise BaselineError(f"{where}: the control mark takes the control's id first, and named values after it")
    for key in sorted(set(fields) - _FIELDS):
        raise BaselineError(f"{where}: control {args[0]!r}: unknown key {key!r}; known: {', '.join(sorted(_FIELDS))}")
    if area is None:
        fields = {"title": test["doc"] or test["name"], "severity": "medium", "tier": "extra", **fields}
    for key in _REQUIRED:
        if not fields.get(key):
            raise BaselineError(f"{where}: control {args[0]!r}: {key} is missing")
    for key, choices in (("severity", SEVERITIES), ("tier", TIERS), ("default", ("on", "off"))):
        value = fields.setdefault(key, choices[0])
        if value not in choices:
            raise BaselineError(f"{where}: control {args[0]!r}: {key} is {value!r}; possible: {', '.join(choices)}")
    refs = fields.get("refs", ())
    if not isinstance(refs, (list, tuple)) or not all(isinstance(ref, str) for ref in refs):
        raise BaselineError(f"{where}: control {args[0]!r}: refs is {refs!r}; a list of strings is wanted")
    return Control(
        id=args[0],
        title=str(fields["title"]),
        severity=fields["severity"],
        tier=fields["tier"],
        default=fields["default"],
        variable=fields.get("variable"),
        refs=tuple(refs),
        area=area,
        path=test["path"],
    )


def in_profile(control: Control, profile: str) -> bool:
    """Return whether a profile asks for a control; a definition's own tests are part of every profile."""
    if control.area is None or profile == "strict" or control.tier == "baseline":
        return True
    return profile == "default" and control.default == "on"
