# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit daemon and the rules in the running kernel. Never used in an image tree, a chroot or a container."""

from __future__ import annotations

import os
import signal
from typing import Callable, List, Tuple

from ansible_collections.hallmark.images.plugins.module_utils.hardening.audit_rules import parse, parse_all
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

#: Runs a program: its exit code, output and errors.
Run = Callable[[List[str]], Tuple[int, str, str]]
_PID_FILES = ("/run/auditd.pid", "/var/run/auditd.pid")
_LOCKED = "enabled 2"


def one_line(text: str) -> str:
    """A program's complaint as one line."""
    return " ".join(text.split())


def daemon_pid(tree: Tree) -> int:
    """Process id of the running auditd, 0 when none runs."""
    for path in _PID_FILES:
        text = (tree.read(path) or "").strip()
        if text.isdigit() and (tree.read(f"/proc/{text}/comm") or "").strip() == "auditd":
            return int(text)
    return 0


def restart_journald(tree: Tree, socket: str, run: Run) -> None:
    """Have a running journald let go of its audit socket, whose unit was just masked."""
    if tree.check_mode or not tree.exists("/run/systemd/system"):
        return
    # journald's unit would pull the socket up again as long as systemd does not know that it is masked.
    for command in (["daemon-reload"], ["stop", socket], ["restart", "systemd-journald.service"]):
        code, _out, error = run(["systemctl", *command])
        if code:
            raise HardeningError(f"systemctl {' '.join(command)}: {one_line(error)}")


def start(tree: Tree, run: Run) -> None:
    """Start the daemon when it does not run; it loads its rules itself."""
    if daemon_pid(tree) or not tree.exists("/run/systemd/system"):
        return
    if tree.check_mode:
        tree.note("auditd.service", "stopped", "running", "unit")
        return
    run(["systemctl", "start", "auditd.service"])
    if daemon_pid(tree):
        tree.note("auditd.service", "stopped", "running", "unit")


def bring_up(tree: Tree, lines: list[str], new_settings: bool, new_rules: bool, run: Run) -> tuple[bool, list[str]]:
    """Make a running daemon read new settings, and load the rules when the kernel lacks some.

    Returns whether the kernel takes the rules at the next boot only (they are locked), and warnings.
    """
    pid = daemon_pid(tree)
    if not pid:
        return False, [] if tree.check_mode else ["auditd does not run; its rules come into force when it starts"]
    if new_settings and not tree.check_mode:
        # Units of the RPM family refuse a stop by hand; the signal makes every release read its file again.
        os.kill(pid, signal.SIGHUP)

    code, listed, error = run(["auditctl", "-l"])
    if code:
        return False, [f"auditctl -l: {one_line(error)}; the rules come into force at the next boot"]
    before = set(parse_all(listed))
    wanted = {rule for rule in map(parse, lines) if rule}
    if wanted <= before and not new_rules:
        return False, []
    if tree.check_mode:
        tree.note("kernel", f"{len(before)} rules", f"{len(before | wanted)} rules", "audit rules")
        return False, []
    if _LOCKED in run(["auditctl", "-s"])[1]:
        return True, []
    complaints = one_line(run(["augenrules", "--load"])[2])
    after = set(parse_all(run(["auditctl", "-l"])[1]))
    if after != before:
        tree.note("kernel", f"{len(before)} rules", f"{len(after)} rules", "audit rules")
    if wanted - after:
        return False, [f"the kernel did not take {len(wanted - after)} of {len(wanted)} audit rules: {complaints}"]
    return False, []
