# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control of area integrity: AIDE, its timer, its database."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    marker,
    not_applicable,
    once,
    output_once,
    parts_of,
)

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)


def _command() -> str:
    return """\
dpkg-query -W -f '${Package} ${db:Status-Status}\\n' aide 2>/dev/null ||
  rpm -q --qf '%{NAME} installed\\n' aide 2>/dev/null
echo '=timers'; cd /etc/systemd/system; ls -d *.wants/*aide*.timer 2>/dev/null
for timer in *.wants/*aide*.timer; do echo "mask ${timer##*/} $(readlink ${timer##*/})"; done
ls -d /etc/cron.daily/*aide* 2>/dev/null; grep -rslE '^[^#]*\\baide\\b' /etc/crontab /etc/cron.d 2>/dev/null
echo '=database'; ls -d /var/lib/aide/aide.db /var/lib/aide/aide.db.gz 2>/dev/null
echo '=machine'; echo "btime $(awk '$1 == "btime" {print $2}' /proc/stat)"
echo "written $(stat -c %Y *.wants/hallmark-aide.timer 2>/dev/null)"
true"""


class Integrity:
    """What the command told."""

    def __init__(self, text: str) -> None:
        package, timers, database, machine = parts_of(text)
        self.is_installed = package.strip() == "aide installed"
        masked = re.findall(r"^mask (\S+) /dev/null$", timers, re.MULTILINE)
        names = [line for line in timers.splitlines() if not line.startswith("mask ")]
        self.jobs = [name for name in names if name.rpartition("/")[2] not in masked]
        self.has_database = bool(database.strip())
        told = dict(line.partition(" ")[::2] for line in machine.splitlines())
        # The role's timer makes the database when it is there at a boot.
        self.waits_for_boot = bool(told["written"]) and int(told["written"]) >= int(told["btime"] or 0)


@pytest.fixture
def integrity(host: Any) -> Integrity:
    return once(host, "integrity", lambda: Integrity(output_once(host, _command())))


@control("x-fim-01")
def test_files_are_compared_every_day(integrity: Integrity) -> None:
    found = {"aide": integrity.is_installed, "daily": bool(integrity.jobs), "database": integrity.has_database}
    if not integrity.has_database and integrity.waits_for_boot:
        del found["database"]  # it is made after the next boot
    assert found == dict.fromkeys(found, True)
    if "database" not in found:
        not_applicable("the database is made after the next boot")
