# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every hardening module is made of: options, and one function that brings a system to them.

Each lives in a file of its own in the folder `steps`, named as its module, with two names: `OPTIONS`, its argument
specification, and `apply(task)`. A module of that name runs it alone; module `harden` runs many in one process,
because starting Python in the machine is what a module call costs most.
"""

from __future__ import annotations

import types

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.kernel import is_live

#: Whoever became root by su may have no administrator's folders in the path; answers of programs are read, so in C.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "LANGUAGE": "C"}


class Task:
    """One step's options and the system it works on.

    `tree`: the files below option `root`, with what changed; `params`: the step's options by name; `check_mode`:
    whether to change nothing; `surveys`: what other steps of the call saw on their walks, None for a step that walks
    alone.
    """

    def __init__(self, module: AnsibleModule, params: dict, check_mode: bool, surveys: dict | None = None) -> None:
        self._module = module
        self.params = params
        self.check_mode = check_mode
        self.surveys = surveys
        self.tree = Tree(params["root"], check_mode)

    def run(self, command: list[str], data: str | None = None, environment: dict | None = None) -> tuple:
        """Run a program; returns its exit status, output and complaints.

        :raises OSError: when there is no such program.
        """
        return self._module.run_command(
            command, data=data, environ_update={**ENVIRONMENT, **(environment or {})}, handle_exceptions=False
        )

    def must(self, command: list[str]) -> str:
        """Run a program that has to succeed; returns its output.

        :raises HardeningError: with the last line of its complaints.
        """
        code, out, err = self.run(command)
        if code:
            lines = (err or out).strip().splitlines()
            raise HardeningError(f"{' '.join(command)} failed: {lines[-1] if lines else f'exit status {code}'}")
        return out

    def warn(self, text: str) -> None:
        """Tell the user something that is no failure."""
        self._module.warn(text)

    def is_live(self) -> bool:
        """Whether the running system is to be changed too: option `live` (auto, true, false), else what there is."""
        wanted = self.params.get("live", "auto")
        return is_live(self.tree.root) if wanted == "auto" else wanted == "true"

    def reload_systemd(self) -> None:
        """Have the running systemd read its units again."""
        if not self.check_mode and is_live(self.tree.root) and self.tree.exists("/run/systemd/system"):
            self.must(["systemctl", "daemon-reload"])


def perform(
    module: AnsibleModule,
    step: types.ModuleType,
    params: dict,
    check_mode: bool | None = None,
    surveys: dict | None = None,
) -> dict:
    """Bring the system to one step's options; returns what a module returns.

    Of a step's report, the list `warnings` goes to the user.

    :param check_mode: whether to change nothing; as the module was called, when None.
    :param surveys: of the call, when several of its steps walk over all files.
    :raises HardeningError: what is wrong, for the user, with what had been changed before.
    """
    task = Task(module, params, module.check_mode if check_mode is None else check_mode, surveys)
    try:
        report = step.apply(task) or {}
    except HardeningError as error:
        error.result = {**task.tree.result(), **error.result}
        raise
    except OSError as error:
        raise HardeningError(str(error), **task.tree.result()) from None
    for warning in report.pop("warnings", ()):
        task.warn(warning)
    return {**task.tree.result(), **report}


def run_module(step: types.ModuleType) -> None:
    """Be the module of one step."""
    module = AnsibleModule(argument_spec=step.OPTIONS, supports_check_mode=True)
    try:
        module.exit_json(**perform(module, step, module.params))
    except HardeningError as error:
        module.fail_json(msg=str(error), **error.result)
