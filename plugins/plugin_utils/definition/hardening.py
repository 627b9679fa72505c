# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the variables under C(hardening) against what the hardening roles declare."""

from __future__ import annotations

import functools
import pathlib
import typing as t

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.document import Document
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.problem import Path, Problem, suggest
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.schema import defer, holds_deferred

_ROLES: t.Final = pathlib.Path(__file__).parents[3] / "roles"
_UMBRELLA: t.Final = "os_hardening"
_LOADER: t.Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_hardening(document: Document) -> list[Problem]:
    """Problems with names and types of role variables: found here, they cost no machine."""
    variables = (document.data or {}).get("hardening")
    if not isinstance(variables, dict):
        return []
    known = role_variables()
    problems = []
    for name, value in variables.items():
        path = ("hardening", name)
        if name not in known:
            right = f"no variable of the hardening roles, {suggest(name, known)}"
            problems.append(document.problem(path, value, right))
        elif not holds_deferred(plain := defer(value)):
            result = ArgumentSpecValidator({name: known[name]}).validate({name: plain})
            if result.error_messages:
                secret = bool(known[name].get("no_log"))
                reason = (
                    f"a value of type {known[name].get('type', 'str')}" if secret else "; ".join(result.error_messages)
                )
                problems.append(document.problem(path, value, " ".join(reason.split()), secret=secret))
    return problems + list(unknown_areas(document, ("hardening", f"{_UMBRELLA}_skip"), variables))


def unknown_areas(document: Document, path: Path, section: dict[str, t.Any]) -> t.Iterator[Problem]:
    """Problems with the names of areas that a key of a section, the last part of its path, lists."""
    names = section.get(path[-1])
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(defer(name), str) and name not in areas():
            yield document.problem((*path, index), name, f"the name of an area, {suggest(name, areas())}")


@functools.cache
def areas() -> tuple[str, ...]:
    """Names of the areas: the roles that bring checks."""
    return tuple(sorted(path.parent.name for path in _ROLES.glob("*/tests")))


@functools.cache
def controls() -> frozenset[str]:
    """Ids of the controls of all areas."""
    files = _ROLES.glob("*/tests/controls.yml")
    return frozenset(control["id"] for file in files for control in yaml.load(file.read_text("utf-8"), _LOADER))


@functools.cache
def role_variables() -> dict[str, dict[str, t.Any]]:
    """Name and argument spec of each variable of the hardening roles: those that bring checks, and the umbrella."""
    variables: dict[str, dict[str, t.Any]] = {}
    for file in sorted(_ROLES.glob("*/meta/argument_specs.yml")):
        role = file.parents[1]
        if role.name == _UMBRELLA or (role / "tests").is_dir():
            specs = yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]
            variables.update(specs.get("main", {}).get("options", {}))
    return variables
