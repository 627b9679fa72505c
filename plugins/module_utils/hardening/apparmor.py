# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AppArmor's profiles: which of them only complain, made to enforce in their files and in the running kernel."""

from __future__ import annotations

import os
import re
from typing import Callable, List, Tuple

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.kernel import is_live
from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import family

#: Runs a program: its exit code, output and errors.
Run = Callable[[List[str]], Tuple[int, str, str]]
FOLDER = "/etc/apparmor.d"
FORCED = f"{FOLDER}/force-complain"
LOADED = "/sys/kernel/security/apparmor/profiles"
_UNIT = "/usr/lib/systemd/system/apparmor.service"
_WANTED = "/etc/systemd/system/sysinit.target.wants/apparmor.service"
# Flags before the block of a profile or hat, e.g. `profile ping /bin/ping flags=(complain, attach_disconnected) {`.
_FLAGS = re.compile(r"[ \t]*(?:flags[ \t]*=[ \t]*)?\(([^()]*)\)(?=[ \t]*\{)")
_BLOCK = re.compile(r"[ \t]*(?:profile\b|hat\b|\^|/|@\{|\")")


def without_complain(text: str) -> str:
    """A profile's text in which every block enforces its rules; equal to `text` when they all do."""

    def enforce(found: re.Match[str]) -> str:
        words = re.split(r"[,\s]+", found[1].strip())
        if "complain" not in words:
            return found[0]
        kept = [word for word in words if word != "complain"]
        return f" flags=({', '.join(kept)})" if kept else ""

    lines = text.split("\n")
    for number, line in enumerate(lines):
        if "complain" in line and _BLOCK.match(line):
            lines[number] = _FLAGS.sub(enforce, line)
    return "\n".join(lines)


def is_profile(name: str) -> bool:
    """Whether a file of the folder is loaded: what packages and editors leave behind is not (apparmor_parser(8))."""
    ends = (".dpkg-new", ".dpkg-old", ".dpkg-dist", ".dpkg-bak", ".rpmnew", ".rpmsave", ".orig", ".rej", "~", ".new")
    return not name.startswith((".", "#", "README")) and not name.endswith(ends)


def complaining(loaded: str) -> list[str]:
    """Names of profiles in the kernel's list (`name (mode)`, one a line) that only complain."""
    suffix = " (complain)"
    return sorted(line[: -len(suffix)] for line in loaded.splitlines() if line.endswith(suffix))


def missing_packages(status: str, names: list[str]) -> list[str]:
    """Those of `names` that dpkg's status file does not call installed."""
    text = f"\n{status}"
    states = ("install ok installed", "hold ok installed")
    return [name for name in names if not any(f"\nPackage: {name}\nStatus: {state}\n" in text for state in states)]


def set_all(tree: Tree, options: dict, run: Run) -> dict:
    """Do what module apparmor_profiles promises; `options` are its own. Changes are in `tree`."""
    report: dict = {"left_alone": "", "missing_packages": [], "warnings": []}
    if family(tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or "") not in ("debian", "ubuntu"):
        report["left_alone"] = "AppArmor is not at home on this system"
        return report
    report["missing_packages"] = missing_packages(tree.read("/var/lib/dpkg/status") or "", options["packages"])
    off, exempt = set(tree.names(f"{FOLDER}/disable")), set(options["exempt"])
    changed, files = [], []
    for name in tree.names(FOLDER):
        path = f"{FOLDER}/{name}"
        if not is_profile(name) or name in off or name in exempt or not os.path.isfile(tree.real(path)):
            continue
        files.append(path)
        text = tree.read(path) or ""
        new = without_complain(text)
        if new != text:
            tree.write(path, new, keys=[("mode", "complain", "enforce")])
            changed.append(path)
    for name in tree.names(FORCED):
        if name not in exempt and tree.remove(f"{FORCED}/{name}") and f"{FOLDER}/{name}" in files:
            changed.append(f"{FOLDER}/{name}")
    unit = tree.found(_UNIT)
    if unit and not tree.exists(_WANTED):
        tree.link(_WANTED, unit)
    live = is_live(tree.root) if options["live"] == "auto" else options["live"] == "true"
    if live and tree.exists(LOADED):
        report["warnings"] = _load(tree, sorted(set(changed)), files, run)
    return report


def _load(tree: Tree, changed: list[str], files: list[str], run: Run) -> list[str]:
    before = complaining(tree.read(LOADED) or "")
    if not before and not changed:
        return []
    if tree.check_mode:
        if before:
            tree.note("kernel", f"{len(before)} profiles complain", "they enforce", "profiles")
        return []
    for some in (changed, files):  # a profile may be named otherwise than its file, so all of them when need be
        if some and (some is changed or complaining(tree.read(LOADED) or "")):
            run(["apparmor_parser", "--replace", "--skip-bad-cache", *some])
    after = complaining(tree.read(LOADED) or "")
    if after != before:
        tree.note("kernel", f"{len(before)} profiles complain", f"{len(after)} do", "profiles")
    return [f"profiles that still only complain: {', '.join(after)}; load their files again"] if after else []
