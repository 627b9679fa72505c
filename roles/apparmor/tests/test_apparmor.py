# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control of area apparmor: profiles in files, in the kernel, and programs that run without theirs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    marker,
    not_applicable,
    once,
    os_family,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.apparmor import complaining, without_complain

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
PACKAGES = ("apparmor", "apparmor-utils")
CONTAINER = "/run/systemd/container /.dockerenv /run/.containerenv"


def _command() -> str:
    return f"""\
grep -A 1 -xE 'Package: ({"|".join(PACKAGES)})' /var/lib/dpkg/status 2>/dev/null
echo '=complain'; grep -HE 'complain[^()]*\\)[[:space:]]*\\{{' /etc/apparmor.d/* 2>/dev/null
echo '=forced'; ls -A /etc/apparmor.d/force-complain 2>/dev/null
echo '=disabled'; ls -A /etc/apparmor.d/disable 2>/dev/null
echo '=unit'; ls -d /etc/systemd/system/*.wants/apparmor.service 2>/dev/null
echo "mask $(readlink /etc/systemd/system/apparmor.service)"
echo '=running'; ls -d {CONTAINER} 2>/dev/null
echo "enabled $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)"
echo '=loaded'; cat /sys/kernel/security/apparmor/profiles 2>/dev/null
echo '=status'; aa-status --json 2>/dev/null
true"""


class AppArmor:
    """What the command told."""

    def __init__(self, text: str) -> None:
        parts = parts_of(text)
        packages, complain, forced, disabled, unit, running, self.loaded, status = parts
        self.packages = re.findall(r"^Package: (\S+)\nStatus: \S+ ok installed$", packages, re.MULTILINE)
        off = disabled.split()
        lines = [line.partition(":") for line in complain.splitlines()]
        self.complain = sorted(
            {path for path, _colon, line in lines if is_complaining(line) and path.rpartition("/")[2] not in off}
        )
        self.forced = forced.split()
        self.is_enabled = ".wants/" in unit and "mask /dev/null" not in unit
        self.is_container = running.startswith("/")
        self.is_on = "enabled Y" in running
        told = json.loads(status) if status.strip() else {}
        self.knows_processes = "processes" in told
        # Ubuntu has profiles whose very rules are none.
        free = {name for name, mode in told.get("profiles", {}).items() if mode == "unconfined"}
        self.without = sorted(
            program
            for program, processes in told.get("processes", {}).items()
            if any(item.get("status") == "unconfined" and item.get("profile") not in free for item in processes)
        )


def is_complaining(line: str) -> bool:
    """Whether a line of a profile begins a block that only complains."""
    return not line.lstrip().startswith("#") and without_complain(line) != line


@pytest.fixture
def apparmor(host: Any) -> AppArmor:
    return once(host, "apparmor", lambda: AppArmor(output_once(host, _command())))


@control("x-mac-01")
def test_profiles_are_enforced(host: Any, apparmor: AppArmor) -> None:
    if os_family(host) not in ("debian", "ubuntu"):
        not_applicable("is for other systems than this")
    if apparmor.is_container:
        not_applicable("a container shares its host's kernel and profiles")
    found: dict[str, Any] = {
        "not installed": [name for name in PACKAGES if name not in apparmor.packages],
        "files that only complain": apparmor.complain,
        "forced to complain": apparmor.forced,
        "starts at boot": apparmor.is_enabled,
        "is on": apparmor.is_on,
        "has profiles": bool(apparmor.loaded.strip()),
        "loaded profiles that only complain": complaining(apparmor.loaded),
        "programs without their profile": apparmor.without if apparmor.knows_processes else "aa-status does not say",
    }
    right = {"starts at boot": True, "is on": True, "has profiles": True}
    assert found == {name: right.get(name, []) for name in found}
