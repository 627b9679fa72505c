# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control of area time: which clients start at boot, which runs, and whom it asks."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    files_in,
    marker,
    not_applicable,
    once,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.drop_ins import SYSTEMD, systemd_order

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
UNITS = ("chrony.service", "chronyd.service", "systemd-timesyncd.service")
CONTAINER = "/run/systemd/container /.dockerenv /run/.containerenv"


def _command() -> str:
    files = " ".join(f"{folder}/timesyncd.conf {folder}/timesyncd.conf.d/*.conf" for folder in SYSTEMD)
    return f"""\
cd /etc/systemd/system
ls -d *.wants/chrony.service *.wants/chronyd.service *.wants/systemd-timesyncd.service 2>/dev/null
for unit in {" ".join(UNITS)}; do
  [ -e /usr/lib/systemd/system/$unit -o -e /lib/systemd/system/$unit ] && echo "$unit $(readlink $unit)"
done
echo '=active'; [ -d /run/systemd/system ] && systemctl show --property=Id,ActiveState {" ".join(UNITS)} 2>/dev/null
echo '=texts'; tail -v -n +1 {files} 2>/dev/null
echo; echo '=chrony'; cat /etc/chrony.conf /etc/chrony/*.conf /etc/chrony/*/*.conf /etc/chrony/*/*.sources \\
  /etc/chrony.d/* /run/chrony.d/* 2>/dev/null
echo; echo '=marks'; ls -d {CONTAINER} 2>/dev/null
true"""


class Clock:
    """What the command told."""

    def __init__(self, text: str) -> None:
        units, active, texts, self.chrony, marks = parts_of(text)
        wanted = {line.rpartition("/")[2] for line in units.splitlines() if "/" in line.split(" ")[0]}
        there = dict(line.split(" ", 1) for line in units.splitlines() if "/" not in line.split(" ")[0])
        # Other distributions' name of chrony is a second name of the same unit there.
        self.enabled = sorted(
            {name_of(unit) for unit in wanted if unit in there and there[unit].strip() != "/dev/null"}
        )
        blocks = [dict(re.findall(r"^(\w+)=(.*)$", block, re.MULTILINE)) for block in active.split("\n\n")]
        self.has_state = bool(active.strip())
        self.active = sorted(
            {
                name_of(block["Id"])
                for block in blocks
                if block.get("ActiveState") in ("active", "activating", "reloading")
            }
        )
        self.texts = files_in(texts)
        self.is_container = bool(marks.strip())

    def servers(self, client: str) -> list[str]:
        """Whom a client asks."""
        if client == "chrony":
            return re.findall(r"^\s*(?:server|pool|peer|refclock)\s+(\S+)", self.chrony, re.MULTILINE)
        held: dict[str, list[str]] = {}
        for path in systemd_order(self.texts, "timesyncd.conf"):
            for line in self.texts[path].splitlines():
                key, equals, value = line.partition("=")
                if equals and key.strip() in ("NTP", "FallbackNTP"):
                    # Lists grow from file to file; an empty value forgets what came before.
                    held[key.strip()] = held.get(key.strip(), []) + value.split() if value.strip() else []
        return [server for servers in held.values() for server in servers]


def name_of(unit: str) -> str:
    """Name of a client's unit without what differs between systems."""
    return "chrony" if unit.startswith("chrony") else "systemd-timesyncd"


@pytest.fixture
def clock(host: Any) -> Clock:
    return once(host, "time", lambda: Clock(output_once(host, _command())))


@control("x-time-01")
def test_one_client_keeps_the_clock(clock: Clock) -> None:
    if clock.is_container:
        not_applicable("a container has its host's clock")
    assert len(clock.enabled) == 1, f"exactly one client should start at boot: {clock.enabled or 'none does'}"
    found = {"servers": clock.servers(clock.enabled[0]) or "none", "running": clock.active}
    expected = {"servers": "some" if found["servers"] == "none" else found["servers"], "running": clock.enabled}
    if not clock.has_state:
        del found["running"], expected["running"]
    assert found == expected
