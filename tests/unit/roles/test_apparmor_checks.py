# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of area apparmor on made-up machines: it fails when something only complains or runs without rules."""

from __future__ import annotations

import pytest

from support.checks import Area

AREA = Area("apparmor")
ID = "x-mac-01"


def facts(replace=()):
    """A hardened machine, with parts of the answer replaced."""
    answer = """Package: apparmor
Status: install ok installed
--
Package: apparmor-utils
Status: install ok installed
=complain
/etc/apparmor.d/off:profile off flags=(complain) {
/etc/apparmor.d/noted:# profile noted flags=(complain) {
=forced
=disabled
off
=unit
/etc/systemd/system/sysinit.target.wants/apparmor.service
mask -
=running
enabled Y
=loaded
/usr/bin/man (enforce)
free (unconfined)
=status
{"version": "2", "profiles": {"/usr/bin/man": "enforce", "free": "unconfined"}, "processes": {
  "/usr/sbin/a": [{"profile": "a", "pid": "1", "status": "enforce"}],
  "/usr/bin/free": [{"profile": "free", "pid": "2", "status": "unconfined"}]}}
"""
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return AREA.module.AppArmor(answer)


@pytest.mark.parametrize(
    ("replace", "outcome"),
    [
        ([], "passed"),
        ([("utils\nStatus: install ok installed", "utils\nStatus: deinstall ok config-files")], "failed"),
        ([("=forced\n", "/etc/apparmor.d/a:profile a flags=(complain) {\n=forced\n")], "failed"),
        ([("=disabled\noff\n", "=disabled\n")], "failed"),
        ([("=forced\n", "=forced\na\n")], "failed"),
        ([("/etc/systemd/system/sysinit.target.wants/apparmor.service\n", "")], "failed"),
        ([("mask -", "mask /dev/null")], "failed"),
        ([("enabled Y", "enabled N")], "failed"),
        ([("/usr/bin/man (enforce)", "/usr/bin/man (complain)")], "failed"),
        ([("/usr/bin/man (enforce)\nfree (unconfined)\n", "")], "failed"),
        ([('"status": "enforce"', '"status": "unconfined"')], "failed"),
        ([('"processes"', '"others"')], "failed"),
        ([("enabled Y", "/.dockerenv\nenabled Y")], "not applicable"),
    ],
)
def test_profiles(replace, outcome):
    assert AREA.outcomes(facts(replace)) == {ID: outcome}
    assert AREA.failing(facts(replace)) == ({ID} if outcome == "failed" else set())


def test_other_systems():
    assert AREA.outcomes(facts(), "rhel") == {ID: "not applicable"}
