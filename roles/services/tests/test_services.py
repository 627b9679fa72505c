# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area services: what can be started, rights of own services, files of TCP wrappers."""

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

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
UNITS = [must["name"] for must in CONTROLS["x-svc-01"]["must"]]


def _command() -> str:
    folders = "/usr/lib/systemd/system /lib/systemd/system /usr/local/lib/systemd/system /etc/systemd/system"
    return f"""\
for unit in {" ".join(UNITS)}; do
  for folder in {folders}; do
    [ -f $folder/$unit ] && echo "$unit there"
  done
  mask=/etc/systemd/system/$unit
  [ -L $mask ] && stat -c "$unit link $(readlink $mask) %Y" $mask
done 2>/dev/null
[ -d /run/systemd/system ] && systemctl show --property=Id,ActiveState {" ".join(UNITS)} 2>/dev/null
echo '=exposure'
for path in /etc/systemd/system/*.service /usr/local/lib/systemd/system/*.service; do
  unit=${{path##*/}}
  if [ -d /run/systemd/system ] && [ -f $path ] && [ ! -L $path ] &&
    [ "$(systemctl is-enabled $unit 2>/dev/null)" = enabled ]
  then systemd-analyze security --no-pager $unit 2>/dev/null | tail -n 1
  fi
done
echo '=wrappers'; tail -v -n +1 /etc/hosts.allow /etc/hosts.deny 2>/dev/null
echo; echo '=machine'; grep -qs libwrap /usr/sbin/sshd && echo wrapped
echo "btime $(awk '$1 == "btime" {{print $2}}' /proc/stat)"
true"""


class Services:
    """What the command told."""

    def __init__(self, text: str) -> None:
        units, exposure, wrappers, machine = parts_of(text)
        btime = int(machine.partition("btime ")[2] or 0)
        self.is_wrapped = machine.startswith("wrapped")
        links = dict(re.findall(r"^(\S+) link /dev/null (\d+)$", units, re.MULTILINE))
        active = re.findall(r"^(?:Id=(\S+)\nActiveState=active|ActiveState=active\nId=(\S+))$", units, re.MULTILINE)
        running = {name for names in active for name in names}
        #: Per unit that exists what is wrong with it, if anything.
        self.wrong = {}
        for unit in re.findall(r"^(\S+) there$", units, re.MULTILINE):
            # A unit that ran when it was masked goes on until the next boot.
            is_late = unit in running and btime > int(links.get(unit, 0))
            self.wrong[unit] = "not masked" if unit not in links else "masked and still started" if is_late else ""
        self.exposure = {
            unit: float(value) for unit, value in re.findall(r"exposure level for (\S+): ([\d.]+)", exposure)
        }
        texts = files_in(wrappers)
        self.wrappers = {
            path: [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
            for path, text in texts.items()
        }


@pytest.fixture
def services(host: Any) -> Services:
    return once(host, "services", lambda: Services(output_once(host, _command())))


@control("x-svc-01")
def test_unneeded_units_are_masked(services: Services) -> None:
    if not services.wrong:
        not_applicable("none of these units exists")
    assert {unit: state for unit, state in services.wrong.items() if state} == {}


@control("x-svc-02")
def test_own_services_are_sandboxed(services: Services) -> None:
    if not services.exposure:
        not_applicable("no service is enabled that did not come with a package")
    assert {unit: value for unit, value in services.exposure.items() if value >= 9} == {}


@control("x-hosts-01")
def test_wrappers_deny(services: Services) -> None:
    if not services.is_wrapped:
        not_applicable("sshd does not read these files")
    expected = {"/etc/hosts.allow": ["sshd: ALL"], "/etc/hosts.deny": ["ALL: ALL"]}
    assert {path: services.wrappers.get(path, []) for path in expected} == expected
