# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action baseline: run the collection's checks, and a definition's own, on the machine of the task.

The checks run in a child process; this action lends it the machine, and decides what the outcomes mean.
"""

from __future__ import annotations

import datetime
import glob
import importlib.util
import os
import time
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.hallmark.images.plugins.module_utils.baseline import reports
from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import parse_os_release
from ansible_collections.hallmark.images.plugins.module_utils.baseline.controls import PROFILES, BaselineError
from ansible_collections.hallmark.images.plugins.module_utils.baseline.results import (
    FAILED,
    Result,
    count,
    gate_message,
    summary,
)
from ansible_collections.hallmark.images.plugins.module_utils.baseline.run import BaselineRun
from ansible_collections.hallmark.images.plugins.module_utils.baseline.shell import Runner, ShellLost
from ansible_collections.hallmark.images.plugins.module_utils.baseline.waivers import read_waivers
from ansible_collections.hallmark.images.plugins.plugin_utils.baseline.session import CheckSession
from ansible_collections.hallmark.images.plugins.plugin_utils.baseline.transports import make_runner

display = Display()

ARGUMENTS: dict[str, t.Any] = {
    "profile": {"type": "str", "default": "default", "choices": list(PROFILES)},
    "areas": {"type": "list", "elements": "str"},
    "waivers": {"type": "list", "elements": "dict", "default": []},
    "tests": {"type": "list", "elements": "str", "default": []},
    "report_dir": {"type": "str"},
    "report_name": {"type": "str", "default": "baseline"},
    "gate": {"type": "bool", "default": True},
    "timeout": {"type": "float", "default": 60.0},
}

#: .../ansible_collections/hallmark/images/plugins/action/baseline.py
_COLLECTION = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(_COLLECTION)))
_ROLES = os.path.join(_COLLECTION, "roles")


class ActionModule(ActionBase):
    """See the documentation of module hallmark.images.baseline."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the checks; the task fails when the gate holds, or when the audit could not be completed."""
        result = super().run(tmp, task_vars)
        self._load_name = (
            "hallmark.images.baseline"  # what messages call it; Ansible would say the Python module's name
        )
        args = self.validate_argument_spec(ARGUMENTS)[1]
        host = to_text((task_vars or {}).get("inventory_hostname") or "host")
        for package, name in (("pytest", "pytest"), ("testinfra", "pytest-testinfra")):
            if importlib.util.find_spec(package) is None:
                raise AnsibleActionFail(f"{name} is missing on the controller: install it for {os.sys.executable}")
        try:
            result.update(self._audit(args, host))
        except BaselineError as error:
            raise AnsibleActionFail(str(error)) from error
        return result

    def _audit(self, args: dict[str, t.Any], host: str) -> dict[str, t.Any]:
        started = time.monotonic()
        if args["timeout"] <= 0:
            raise BaselineError(f"timeout: {args['timeout']:g} is not a number of seconds above 0")
        if os.path.basename(args["report_name"]) != args["report_name"] or args["report_name"] in ("", ".", ".."):
            raise BaselineError(f"report_name: {args['report_name']!r} is not a plain file name")
        waivers = read_waivers(args["waivers"])
        run = BaselineRun(args["profile"], waivers, datetime.datetime.now(datetime.UTC).date())
        run.on_result = lambda done: display.v(f"{host}: {done.status:<14} {done.line()}")
        files = self._files(args, run)
        runner = make_runner(self._connection, self._become(), args["timeout"])
        session = CheckSession(_ROOT, _ROLES, files, host)
        error, machine = "", {}
        try:
            # pytest starts and collects while the machine is being reached.
            machine = self._describe_machine(runner)
            session.run(runner, run.select, run.record)
            run.finish()
        except ShellLost as lost:
            error = f"lost {host} after {len(run.results)} of {run.selected} controls: {lost}"
        finally:
            session.close()
            runner.close()
        seconds = round(time.monotonic() - started, 3)
        meta = {
            "host": host,
            "profile": args["profile"],
            "os": machine,
            "round_trips": runner.round_trips,
            "seconds": seconds,
            "error": error,
            "versions": reports.versions(_COLLECTION),
        }
        paths = {}
        if args["report_dir"]:
            folder = self._loader.path_dwim(args["report_dir"])
            paths = reports.write_reports(folder, args["report_name"], meta, run.results)
        return self._outcome(run.results, meta, paths, args["gate"])

    @staticmethod
    def _outcome(results: list[Result], meta: dict[str, t.Any], paths: dict[str, str], gate: bool) -> dict[str, t.Any]:
        counts = count(results)
        failed = bool(meta["error"]) or (gate and counts[FAILED] > 0)
        message = gate_message(results) if failed else summary(counts)
        return {
            "changed": False,
            "failed": failed,
            "msg": meta["error"] or message,
            "counts": counts,
            "results": [result.as_dict() for result in results],
            "round_trips": meta["round_trips"],
            "seconds": meta["seconds"],
            "report": paths,
        }

    def _files(self, args: dict[str, t.Any], run: BaselineRun) -> list[str]:
        """Return the test files to collect, after telling the run which area each belongs to."""
        known = sorted(os.path.basename(os.path.dirname(path)) for path in glob.glob(f"{_ROLES}/*/tests"))
        areas = known if args["areas"] is None else args["areas"]
        for area in areas:
            if area not in known:
                raise BaselineError(f"areas: {area!r} is not an area with checks; known: {', '.join(known) or 'none'}")
        run.areas = set(areas)
        # A waiver may name a control of an area that is left out now: collect all, to tell it from a misspelt one.
        for area in known if args["waivers"] else areas:
            for path in sorted(glob.glob(f"{_ROLES}/{area}/tests/test_*.py")):
                run.add_file(path, area, f"roles/{area}/tests/{os.path.basename(path)}")
        for name in args["tests"]:
            path = self._loader.path_dwim(name)
            if not os.path.isfile(path):
                raise BaselineError(f"tests: {path} is not a file")
            run.add_file(path, None, name)
        if not run.files:
            raise BaselineError("no checks: areas and tests name no test file")
        return list(run.files)

    def _become(self) -> t.Any:
        """Return the become plugin if it is to be used, by the rule of ActionBase._low_level_execute_command."""
        become = self._connection.become
        user, target = self._get_remote_user(), self.get_become_option("become_user")
        if become and (C.BECOME_ALLOW_SAME_USER or target != user or not any((user, target))):
            return become
        return None

    @staticmethod
    def _describe_machine(runner: Runner) -> dict[str, str]:
        """Reach the machine, and return what it says about itself.

        :raises AnsibleConnectionFailure: it cannot be reached.
        """
        question = b"uname -rm; uname -n; cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release"
        try:
            answer = runner.run(question).stdout.decode("utf-8", "replace")
        except ShellLost as lost:
            raise AnsibleConnectionFailure(f"no shell on the machine: {lost}") from lost
        lines = [*answer.splitlines(), "", ""]
        release = parse_os_release(answer)
        return {
            "name": release.get("PRETTY_NAME", "unknown"),
            "id": release.get("ID", ""),
            "version": release.get("VERSION_ID", ""),
            "kernel": lines[0],
            "hostname": lines[1],
        }
