# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import tempfile
import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils import color
from ansible.utils.display import Display

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.events import EventLog
from ansible_collections.hallmark.images.plugins.plugin_utils.guest.connection import FILES, Guest
from ansible_collections.hallmark.images.plugins.plugin_utils.guest.outcome import Outcome
from ansible_collections.hallmark.images.plugins.plugin_utils.guest.run import GuestRun

display = Display()

# Dictionaries of role variables among the run's variables. No task can spread a dictionary over a role's variables, so
# they become variables of the guests.
ROLE_VARIABLES = ("guest_hardening", "guest_seal")
GUEST_SPEC = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 22},
    "user": {"type": "str", "required": True},
    "connection": {"type": "str", "choices": ["ssh", "psrp"], "default": "ssh"},
    "private_key_file": {"type": "path", "no_log": False},
    "known_hosts_file": {"type": "path"},
    "password_file": {"type": "path", "no_log": False},
    "certificate_file": {"type": "path"},
    "proxy_command": {"type": "str", "default": ""},
    "python_interpreter": {"type": "str", "default": "/usr/bin/python3"},
    "variables": {"type": "dict", "default": {}, "no_log": True},
}
ARGUMENT_SPEC = {
    "playbook": {"type": "str", "default": "hallmark.images.guest"},
    "guests": {
        "type": "list",
        "elements": "dict",
        "options": GUEST_SPEC,
        "required_if": [("connection", name, files) for name, files in FILES.items()],
        "required": True,
    },
    "variables": {"type": "dict", "default": {}, "no_log": True},
    "roles_path": {"type": "list", "elements": "path", "default": []},
    "label": {"type": "str"},
    "stage": {"type": "str"},
    "events_file": {"type": "path"},
    "runtime_dir": {"type": "path"},
    "work_dir": {"type": "path"},
    "timeout": {"type": "int", "default": 3600},
    "silence": {"type": "int", "default": 60},
}


class ActionModule(ActionBase):
    """Runs a playbook on guests; see the documentation of the module of the same name."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_async = False
    _supports_check_mode = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the playbook; the result always says why in `msg`."""
        result = super().run(tmp, task_vars)
        options = self.validate_argument_spec(ARGUMENT_SPEC)[1]
        temporary = tempfile.mkdtemp(prefix="hm-") if not (options["runtime_dir"] and options["work_dir"]) else ""
        begun = time.monotonic()
        try:
            run = self._guest_run(options, temporary)
            status, code = run.run()
        except HallmarkError as error:
            return result | {"failed": True, "changed": False, "msg": str(error)}
        finally:
            if temporary:
                shutil.rmtree(temporary, ignore_errors=True)
        if run.signal:
            # Ansible's own handler is back in place: let it end this process as it would have.
            os.kill(os.getpid(), run.signal)
        return result | self._result(run, status, code, time.monotonic() - begun)

    def _guest_run(self, options: dict[str, Any], temporary: str) -> GuestRun:
        """The run that the options describe.

        :raises HallmarkError: they describe none.
        """
        names = [guest["name"] for guest in options["guests"]]
        if not names:
            raise HallmarkError("guests: the list is empty", "name at least one guest")
        if len(set(names)) < len(names):
            raise HallmarkError(
                f"guests: a name stands twice among {', '.join(names)}", "each guest needs its own name"
            )
        if options["timeout"] < 0:
            raise HallmarkError(f"timeout: {options['timeout']} is negative", "seconds, or 0 for no limit")
        if options["silence"] < 5:
            raise HallmarkError(f"silence: {options['silence']} is too short", "at least 5 seconds")
        events = options["events_file"]
        prefix = f"[{options['label'] or names[0]}] "
        return GuestRun(
            playbook=self._playbook(options["playbook"]),
            guests=self._guests(options),
            variables=options["variables"],
            outcome=Outcome(
                on_stage=lambda stage, event, **fields: EventLog(events, options["stage"] or stage).write(
                    event, play=stage, **fields
                )
            ),
            write=lambda line: display.display((prefix + line).rstrip()),
            work_dir=options["work_dir"] or os.path.join(temporary, "work"),
            runtime_dir=options["runtime_dir"] or temporary,
            timeout=options["timeout"],
            silence=options["silence"],
            roles_path=options["roles_path"],
            vault_secrets=[
                (name, secret.bytes) for name, secret in getattr(self._loader._vault, "secrets", None) or ()
            ],
            flags=self._flags(),
            colour=bool(color.ANSIBLE_COLOR),
        )

    @staticmethod
    def _guests(options: dict[str, Any]) -> list[Guest]:
        """The guests; each has the role variables, its own over them.

        :raises HallmarkError: a dictionary of role variables is none.
        """
        common: dict[str, Any] = {}
        for name in ROLE_VARIABLES:
            value = options["variables"].get(name) or {}
            if not isinstance(value, dict):
                raise HallmarkError(
                    f"variables: {name}: {value!r} is no dictionary", "variables of the roles, or false"
                )
            common |= value
        given = [{name: value for name, value in guest.items() if value is not None} for guest in options["guests"]]
        return [Guest(**guest | {"variables": common | guest["variables"]}) for guest in given]

    def _playbook(self, name: str) -> str:
        """The playbook as ansible-playbook takes it: a file's absolute path, else a name in a collection.

        :raises HallmarkError: it is neither.
        """
        path = self._loader.path_dwim(name)
        if os.path.isfile(path):
            return path
        if name.count(".") >= 2 and os.sep not in name:
            return name
        raise HallmarkError(f"playbook: {path} does not exist", "a file, or namespace.collection.playbook")

    def _flags(self) -> tuple[str, ...]:
        """The user's verbosity and --diff hold for the run as well."""
        flags = ["-" + "v" * display.verbosity] if display.verbosity else []
        return (*flags, "--diff") if self._task.diff else tuple(flags)

    @staticmethod
    def _result(run: GuestRun, status: str, code: int, seconds: float) -> dict[str, Any]:
        """The task's result."""
        outcome = run.outcome
        if run.cancelled:
            stage = f" (in stage {list(outcome.stages)[-1]})" if outcome.stages else ""
            status = "timeout" if run.timeout and "did not end" in run.cancelled else "canceled"
            message = run.cancelled + stage
        elif code:
            message = outcome.message()
        else:
            message = f"{len(run.guests)} guest(s), {len(outcome.stages)} stage(s) in {seconds:.1f} s"
        return {
            "failed": bool(code or run.cancelled),
            "changed": any(outcome.stats.get("changed", {}).values()),
            "msg": message,
            "rc": code,
            "status": status,
            "guest_unreachable": outcome.unreachable,
            "seconds": round(seconds, 3),
            "stages": outcome.stages,
            "stats": outcome.stats,
            "stats_data": outcome.stats_data,
        }
