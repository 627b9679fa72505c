# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control of area accounting: are the packages there, and do they collect."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    marker,
    once,
    os_family,
    output_once,
    parts_of,
)

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)


def _command() -> str:
    return """\
dpkg-query -W -f '${Package} ${db:Status-Status}\\n' acct sysstat 2>/dev/null ||
  rpm -q --qf '%{NAME} installed\\n' psacct sysstat 2>/dev/null
echo '=units'; cd /etc/systemd/system
ls -d *.wants/acct.service *.wants/psacct.service *.wants/sysstat.service 2>/dev/null
echo '=default'; cat /etc/default/sysstat 2>/dev/null
true"""


class Accounting:
    """What the command told."""

    def __init__(self, text: str) -> None:
        packages, units, default = parts_of(text)
        self.packages = set(re.findall(r"^(\S+) installed$", packages, re.MULTILINE))
        self.units = {line.rpartition("/")[2] for line in units.splitlines()}
        values = re.findall(r"^ENABLED=[\"']?(\w+)", default, re.MULTILINE)
        self.is_collecting = not values or values[-1] == "true"


@pytest.fixture
def accounting(host: Any) -> Accounting:
    return once(host, "accounting", lambda: Accounting(output_once(host, _command())))


@control("x-acct-01")
def test_accounts_are_kept(host: Any, accounting: Accounting) -> None:
    acct = "acct" if os_family(host) in ("debian", "ubuntu") else "psacct"
    found = {name: name in accounting.packages for name in (acct, "sysstat")}
    found |= {f"{name} starts at boot": f"{name}.service" in accounting.units for name in (acct, "sysstat")}
    found["sysstat collects"] = accounting.is_collecting
    assert found == dict.fromkeys(found, True)
