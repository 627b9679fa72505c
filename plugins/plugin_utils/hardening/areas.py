# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hardening area as its role's files describe it, without running the role.

The files are the role's: `tasks/main.yml` with one task, module harden and its steps; `defaults/main.yml`;
`vars/main.yml`; `meta/argument_specs.yml`. So what a step is stands in one place, whether the role runs alone or
os_hardening takes the steps of many roles at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sequence import (
    NAMING_PACKAGES,
    STEPS,
    is_wanted,
    load,
)

ROLES = Path(__file__).resolve().parents[3] / "roles"
MODULE = "hallmark.images.harden"


def secrets_of(steps: list[dict[str, Any]]) -> list[str]:
    """Values in the steps' options that their modules declare as secret (no_log)."""
    found = []
    for step in steps:
        for name in set(step).intersection(STEPS):
            secret = [key for key, option in load(name).OPTIONS.items() if option.get("no_log")]
            found += [str(step[name][key]) for key in secret if (step[name] or {}).get(key)]
    return found


class Area:
    """One area: its role's task, defaults, variables and declared options.

    :param name: the role's name.
    :param templar: Ansible's template engine.
    :param task_vars: the variables that the calling task has.
    :raises HallmarkError: when there is no such area.
    """

    def __init__(self, name: str, loader: DataLoader, templar: Any, task_vars: dict[str, Any]) -> None:
        self.name = name
        folder = ROLES / name
        if not (folder / "tests").is_dir():
            known = sorted(path.parent.name for path in ROLES.glob("*/tests"))
            raise HallmarkError(f"areas: {name!r} is no area", f"one of {', '.join(known)}")

        def load(path: str) -> Any:
            file = folder / path
            return loader.load_from_file(str(file), trusted_as_template=True) or {} if file.exists() else {}

        self._task = load("tasks/main.yml")[0]
        self._options = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
        # The order of a role's variables: its defaults are the weakest of all, its own variables are nobody's to set.
        self._values = {**load("defaults/main.yml"), **task_vars, **load("vars/main.yml")}
        self._templar = templar.copy_with_new_env(available_variables=self._values)

    def problems(self) -> list[str]:
        """What is wrong with the role's variables, by its argument specification; one line each."""
        try:
            given = [name for name in self._options if name in self._values]
            values = {name: self._templar.template(self._values[name]) for name in given}
        except AnsibleError as error:
            return [f"role {self.name}: {error}"]
        checked = ArgumentSpecValidator(self._options).validate(values)
        return [f"role {self.name}: {line}" for line in checked.error_messages]

    def steps(self) -> list[dict[str, Any]]:
        """The steps to take now, as module harden takes them; none when the area is switched off.

        :raises HallmarkError: when a variable cannot be evaluated.
        """
        try:
            if not self._templar.evaluate_conditional(self._task["when"]):
                return []
            found = []
            for item in self._task[MODULE]["steps"]:
                if is_wanted({"when": self._templar.template(item.get("when", True))}):
                    names = [key for key in item if key != "when"]
                    found.append({"area": self.name, **{name: self._templar.template(item[name]) for name in names}})
            return found
        except (AnsibleError, HardeningError) as error:
            raise HallmarkError(f"area {self.name}: {error}") from None

    def probes(self) -> list[dict[str, Any]]:
        """Steps that find out which packages the area lacks, and change nothing.

        :raises HallmarkError: when a variable cannot be evaluated.
        """
        return [{**step, "probe": True} for step in self.steps() if set(NAMING_PACKAGES) & set(step)]
