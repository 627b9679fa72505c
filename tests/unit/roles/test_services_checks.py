# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area services on made-up machines: masks of units that exist, own services, files of TCP wrappers."""

from __future__ import annotations

import pytest

from support.checks import Area
from support.role_vars import role_value

AREA = Area("services")


def facts(replace=()):
    """A hardened machine with one of the units, with parts of the answer replaced."""
    answer = """cups.service there
cups.service there
cups.service link /dev/null 1000
Id=bluetooth.service
ActiveState=inactive

Id=cups.service
ActiveState=inactive
=exposure
=wrappers
==> /etc/hosts.allow <==
# comment

==> /etc/hosts.deny <==

=machine
wrapped
btime 2000
"""
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return AREA.module.Services(answer)


RUNS = ("cups.service\nActiveState=inactive", "cups.service\nActiveState=active")


@pytest.mark.parametrize(
    ("replace", "outcome"),
    [
        ([], "passed"),
        ([("cups.service link /dev/null 1000\n", "")], "failed"),
        ([("link /dev/null", "link /usr/lib/systemd/system/cups.service")], "failed"),
        ([RUNS], "failed"),
        ([RUNS, ("btime 2000", "btime 500")], "passed"),
        ([("cups.service there\n", "")], "not applicable"),
    ],
)
def test_units(replace, outcome):
    assert AREA.outcomes(facts(replace))["x-svc-01"] == outcome
    assert AREA.failing(facts(replace)) == ({"x-svc-01"} if outcome == "failed" else set())


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ("", "not applicable"),
        ("→ Overall exposure level for own.service: 9.6 UNSAFE\n", "failed"),
        ("→ Overall exposure level for own.service: 8.9 EXPOSED\n", "passed"),
    ],
)
def test_own_services(lines, outcome):
    assert AREA.outcomes(facts([("=exposure\n", f"=exposure\n{lines}")]))["x-svc-02"] == outcome


def test_tcp_wrappers():
    assert AREA.outcomes(facts())["x-hosts-01"] == "failed"
    assert AREA.outcomes(facts([("wrapped\n", "")]))["x-hosts-01"] == "not applicable"
    files = {item["path"]: item["content"] for item in role_value("services", "__services_wrappers")}
    ours = [
        ("# comment\n", files["/etc/hosts.allow"]),
        ("hosts.deny <==\n", f"hosts.deny <==\n{files['/etc/hosts.deny']}"),
    ]
    assert AREA.outcomes(facts(ours))["x-hosts-01"] == "passed"


def test_the_role_masks_what_the_control_names_and_nothing_a_machine_needs():
    masked = role_value("services", "services_masked")
    assert masked == AREA.module.UNITS
    files = role_value("services", "__services_files", services_sandboxed=["own.service"])
    wrappers, files = files[:2], files[2:]
    assert [(item["path"], item["state"]) for item in wrappers] == [
        ("/etc/hosts.allow", "absent"),
        ("/etc/hosts.deny", "absent"),
    ]
    written = role_value("services", "__services_files", services_tcp_wrappers=True)[:2]
    assert [old["ours"] in new["content"] for old, new in zip(wrappers, written, strict=True)] == [True, True]
    assert [item["path"].rpartition("/")[2] for item in files[:-1]] == masked
    assert {(item["state"], item["target"]) for item in files[:-1]} == {("link", "/dev/null")}
    assert files[0]["needs"] == f"/usr/lib/systemd/system/{masked[0]}"
    assert files[-1]["path"] == "/etc/systemd/system/own.service.d/50-hallmark-sandbox.conf"
    needed = ("cloud", "network", "resolved", "timesyncd", "getty", "ssh", "dbus", "udev", "chrony")
    assert [unit for unit in masked if any(word in unit for word in needed)] == []
