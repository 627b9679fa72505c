# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build would meet only when its machine runs: tasks and tests that cannot be read, waivers that do not hold."""

from __future__ import annotations

import ast
import datetime
import os
import pathlib
import typing as t
import warnings

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.document import Document, syntax_problem
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.hardening import controls, unknown_areas
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.problem import Problem
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.references import resolve, why_unreadable

PROVISION_FILE: t.Final = "provision.yml"
#: Keys that only plays have.
_OF_PLAYS: t.Final = {"hosts", "import_playbook", "ansible.builtin.import_playbook"}


def check_contents(document: Document, loader: DataLoader) -> list[Problem]:
    """Problems inside the files of a definition, and with the names that its baseline uses."""
    data = document.data or {}
    baseline = data.get("baseline")
    problems = list(_provision_problems(document, data.get("provision", PROVISION_FILE), loader))
    if isinstance(baseline, dict):
        tests = [resolve(document, name) for name in _list(baseline, "tests") if isinstance(name, str)]
        tests = [file for file in tests if not why_unreadable(file)]
        problems += [problem for file in tests for problem in _test_problems(file)]
        problems += _waiver_problems(document, _list(baseline, "waivers"), tests)
        problems += unknown_areas(document, ("baseline", "areas"), baseline)
    return problems


def _list(section: dict[str, t.Any], key: str) -> list[t.Any]:
    return section[key] if isinstance(section.get(key), list) else []


def _provision_problems(document: Document, name: t.Any, loader: DataLoader) -> t.Iterator[Problem]:
    file = resolve(document, name) if isinstance(name, str) else ""
    if not os.path.isfile(file):
        return
    tasks = Document(file)
    try:
        # A plain copy: the parser must not take the tags that ansible-core puts on strings for text of its own.
        text = str(loader.get_text_file_contents(file))
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        yield syntax_problem(tasks, text, error)
        return
    except (AnsibleError, OSError, ValueError, yaml.YAMLError) as error:
        yield Problem(file, f"a file of tasks in YAML ({' '.join(str(error).split())})")
        return
    right = "a list of tasks"
    if not isinstance(root, yaml.SequenceNode):
        if root is not None and root.value != "":  # nothing but a --- is as good as nothing
            yield Problem(file, right, root.start_mark.line + 1)
        return
    for task in root.value:
        line = task.start_mark.line + 1
        if not isinstance(task, yaml.MappingNode):
            yield Problem(file, f"{right}; a task is a mapping, as {{ansible.builtin.package: {{name: nginx}}}}", line)
        elif found := sorted(_OF_PLAYS.intersection(key.value for key, dummy in task.value)):
            yield Problem(file, f"{right}, not of plays: only what stands under tasks", line, key=found[0])


def _test_problems(file: str) -> t.Iterator[Problem]:
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(pathlib.Path(file).read_bytes(), file)
    except SyntaxError as error:
        yield Problem(file, f"no Python: {error.msg}", error.lineno or 1, error.offset or 0)
    except (OSError, ValueError) as error:
        yield Problem(file, f"no Python: {error}")


def _waiver_problems(document: Document, waivers: list[t.Any], tests: list[str]) -> t.Iterator[Problem]:
    seen: set[str] = set()
    for index, waiver in enumerate(waivers):
        control, expires = (waiver.get(key) if isinstance(waiver, dict) else None for key in ("control", "expires"))
        place = ("baseline", "waivers", index)
        if isinstance(control, str):
            if control in seen:
                yield document.problem((*place, "control"), control, "one waiver for each control; it has one already")
            elif control not in controls() and not _is_of_tests(control, tests):
                yield document.problem((*place, "control"), control, "the id of a control, see docs/controls.md")
            seen.add(control)
        today = datetime.datetime.now(datetime.UTC).date()
        if (last := _date(expires)) and last < today:
            right = f"a day that is not over (today is {today}): make good what it waives, or agree on a new day"
            yield document.problem((*place, "expires"), str(expires), right)


def _is_of_tests(control: str, tests: list[str]) -> bool:
    """Whether a definition's own tests name a control; what they are is known only when pytest has read them."""
    texts = [pathlib.Path(file).read_text(encoding="utf-8", errors="replace") for file in tests]
    return any(f"{quote}{control}{quote}" in text for text in texts for quote in "'\"")


def _date(value: t.Any) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        return None
