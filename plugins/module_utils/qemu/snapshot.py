# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of a running machine, its memory included: a machine that was booted once is as new as often as needed."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.qemu import qmp
from ansible_collections.hallmark.images.plugins.module_utils.qemu.machines import running

NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")
TIMEOUT = 300.0  # s; the memory of a machine is written to, or read from, a disk


class Snapshots:
    """The snapshots of one running machine.

    :param ledger: of its build.
    :param machine: its name in the build.
    :raises HallmarkError: when it does not run.
    """

    def __init__(self, ledger: Ledger, machine: str) -> None:
        self.machine = machine
        found = running(ledger, machine)
        if not found:
            raise HallmarkError(f"machine {machine!r} of build {ledger.build_id} does not run", "launch it first")
        self.socket = found[1]

    def names(self) -> list[str]:
        """Those that hold the state of the whole machine."""
        return table_names(self._monitor("info snapshots"))

    def save(self, name: str) -> None:
        """Keep the machine's present state, disks and memory, under a name."""
        self._do("savevm", name)

    def restore(self, name: str) -> None:
        """Put the machine back to a snapshot; it runs on from there."""
        self._do("loadvm", name)

    def delete(self, name: str) -> None:
        """Forget a snapshot."""
        self._do("delvm", name)

    def _do(self, command: str, name: str) -> None:
        # These commands print nothing when they succeed.
        said = self._monitor(f"{command} {name}").strip()
        if said:
            raise HallmarkError(f"machine {self.machine}: {command} {name}: {said.splitlines()[-1]}")

    def _monitor(self, line: str) -> str:
        return qmp.execute(self.socket, "human-monitor-command", {"command-line": line}, timeout=TIMEOUT)


def table_names(text: str) -> list[str]:
    """Names in the answer to ``info snapshots`` (QEMU, Human Monitor Protocol): a table of ID, TAG, VM SIZE and more.

    Snapshots of single disks follow in tables of their own and are left out.
    """
    whole = text.partition("List of partial")[0].splitlines()
    rows = [line.split() for line in whole[2:]]
    return [words[1] for words in rows if len(words) > 1]


def check_name(name: str) -> str:
    """Return the name when a snapshot may have it.

    :raises HallmarkError: when it may not: it becomes a word of a monitor command.
    """
    if not NAME.match(name):
        raise HallmarkError(f"name: {name!r}", "a letter, then letters, digits, _ and -, at most 32")
    return name


def run_snapshot(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """What module ``qemu_snapshot`` does; its result.

    :raises HallmarkError: on bad input, or when QEMU refuses.
    """
    name = check_name(params["name"])
    snapshots = Snapshots(Ledger(params["build_id"]), params["machine"])
    there = name in snapshots.names()
    state = params["state"]
    if state == "restored" and not there:
        known = ", ".join(snapshots.names()) or "none"
        raise HallmarkError(f"name: machine {params['machine']} has no snapshot {name!r}", f"one of: {known}")
    changed = {"present": not there, "restored": True, "absent": there}[state]
    if changed and not check_mode:
        {"present": snapshots.save, "restored": snapshots.restore, "absent": snapshots.delete}[state](name)
    before, after = (f"{name}\n" if there else ""), ("" if state == "absent" else f"{name}\n")
    return {"changed": changed, "diff": {"before": before, "after": after}, "msg": f"snapshot {name} is {state}"}
