# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply time of hardening, in units of one ping task over the same connection.

A machine is booted, and put back to how it came up before each first run, so that every first run finds a stock
machine; second runs follow each other. Several runs, each in one play, so that the login is not counted; the middle
one counts. Packages are installed before the clock starts, in a snapshot of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]

from support.machine import Machine, booted, playbook  # noqa: E402

#: First areas of the collection: each alone has a limit.
SMALL = ("sysctl", "limits", "login_defs")
PINGS = 5
REPEATS = 3
#: What os_hardening would install on Debian 12.
PACKAGES = (
    "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y "
    "apparmor apparmor-utils auditd libpam-pwquality >/dev/null"
)
# Notes when each task starts and ends, and how many calls of modules it makes on the machine.
CALLBACK = """
import json, os, time
from ansible.plugins.callback import CallbackBase
class CallbackModule(CallbackBase):
    CALLBACK_NAME = "clock"
    def note(self, *what):
        with open(os.environ["CLOCK"], "a") as file:
            file.write(json.dumps([*what, time.monotonic()]) + "\\n")
    def v2_playbook_on_task_start(self, task, is_conditional):
        role = task._role.get_name().rpartition(".")[2] if task._role else ""
        self.note("task", role, task.get_name(), task.action)
    def v2_runner_on_ok(self, result):
        self.note("ran", "", "", "")
    def v2_playbook_on_stats(self, stats):
        self.note("end", "", "", "")
"""
#: Tasks that do nothing on the machine.
LOCAL = (
    "include_role",
    "import_role",
    "validate_argument_spec",
    "set_fact",
    "assert",
    "debug",
    "meta",
    "include_tasks",
)


def play(roles: tuple[str, ...]) -> str:
    """The playbook of one measurement: some pings, then each role."""
    tasks = [{"name": "ping", "ansible.builtin.ping": {}} for dummy in range(PINGS)]
    tasks += [{"name": role, "ansible.builtin.import_role": {"name": f"hallmark.images.{role}"}} for role in roles]
    return json.dumps([{"hosts": "all", "gather_facts": False, "become": True, "tasks": tasks}])


class Measured:
    """One run: seconds of a ping, of each role with all of its tasks, and of each task that calls a module."""

    def __init__(self, lines: list[str]) -> None:
        events = [json.loads(line) for line in lines]
        ran = {index for index, event in enumerate(events) if event[0] == "ran"}
        tasks = [(index, event) for index, event in enumerate(events) if event[0] != "ran"]
        pings: list[float] = []
        self.roles: dict[str, float] = {}
        self.calls: dict[str, float] = {}
        for (index, event), (following, after) in pairwise(tasks):
            dummy, role, name, action, start = event
            seconds = after[-1] - start
            if not role and name == "ping":
                pings.append(seconds)
                continue
            self.roles[role] = self.roles.get(role, 0.0) + seconds
            if action.rpartition(".")[2] not in LOCAL and ran.intersection(range(index, following)):
                self.calls[name] = seconds
        self.ping = median(pings)


def measure(machine: Machine, roles: tuple[str, ...], first: bool) -> Measured:
    """Apply roles once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "clock.py").write_text(CALLBACK)
        (folder / "play.yml").write_text(play(roles))
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "ANSIBLE_CALLBACK_PLUGINS": str(folder),
            "ANSIBLE_CALLBACKS_ENABLED": "clock",
            "CLOCK": str(folder / "clock"),
            "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]),
        }
        command = ["ansible-playbook", "-i", str(machine.inventory), str(folder / "play.yml")]
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        if ("changed=0 " not in done.stdout) is not first:
            raise SystemExit(f"a {'first' if first else 'second'} run was expected:\n{done.stdout}")
        return Measured((folder / "clock").read_text().splitlines())


def snapshot(machine: Machine, state: str) -> None:
    """Keep the machine as it is, or put it back."""
    task = f"{{hallmark.images.qemu_snapshot: {{build_id: {machine.build_id}, name: bench, state: {state}}}}}"
    with tempfile.TemporaryDirectory() as name:
        text = f"- hosts: localhost\n  gather_facts: false\n  tasks:\n    - {task}\n"
        done = playbook(text, Path(name))
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def series(machine: Machine, roles: tuple[str, ...], first: bool) -> list[Measured]:
    """Several first runs, or several second runs after the last first one."""
    found = []
    for dummy in range(REPEATS):
        if first:
            snapshot(machine, "restored")
            machine.ssh("true", check=False)  # the master of the connections from before notices that they are gone
        found.append(measure(machine, roles, first))
    return found


def item(name: str, values: list[float], unit: str, limit: float | None = None, what: str = "") -> dict[str, object]:
    """One result: the middle one of several runs."""
    detail = f"middle of {len(values)} runs, {min(values):.1f}–{max(values):.1f}" + (f"; {what}" if what else "")
    result: dict[str, object] = {"name": name, "value": round(median(values), 2), "unit": unit, "detail": detail}
    return result | ({"limit": limit} if limit is not None else {})


def main() -> None:
    """Print the measured numbers as the README of this folder says."""
    items = []
    with booted() as machine:
        machine.ssh(f"sudo sh -c '{PACKAGES}'")
        snapshot(machine, "present")
        for name, first, limit in (("first", True, 4), ("second", False, 3)):
            runs = series(machine, SMALL, first)
            for role in SMALL:
                values = [run.roles[role] / run.ping for run in runs]
                items.append(item(f"role {role}, {name} run", values, "pings", limit))
        for name, first, limit in (("first", True, 32), ("second", False, 22)):
            runs = series(machine, ("os_hardening",), first)
            items.append(item(f"one ping task, {name} runs", [run.ping for run in runs], "s"))
            values = [sum(run.roles.values()) / run.ping for run in runs]
            items.append(item(f"all areas of os_hardening, {name} run", values, "pings", limit))
            calls = [float(len(run.calls)) for run in runs]
            items.append(item(f"module calls of os_hardening, {name} run", calls, "calls", 25))
            slowest = max(runs[0].calls, key=lambda task: median(run.calls[task] for run in runs))
            values = [run.calls[slowest] / run.ping for run in runs]
            items.append(item(f"slowest task of os_hardening, {name} run", values, "pings", 6, slowest))
            for task in sorted(runs[0].calls, key=runs[0].calls.__getitem__, reverse=True)[:12]:
                print(f"{name} {task}: {runs[0].calls[task] / runs[0].ping:.1f} pings", file=sys.stderr)
    print(json.dumps(items, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
