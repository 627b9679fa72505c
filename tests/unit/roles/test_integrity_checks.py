# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of area integrity on made-up machines: AIDE, a daily job, and a database once it was due."""

from __future__ import annotations

import pytest

from support.checks import Area
from support.role_vars import packages_of, role_value

AREA = Area("integrity")
ID = "x-fim-01"


def facts(replace=()):
    """A machine with the role switched on that was booted since, with parts of the answer replaced."""
    answer = """aide installed
=timers
timers.target.wants/dailyaidecheck.timer
timers.target.wants/hallmark-aide.timer
mask dailyaidecheck.timer /dev/null
mask hallmark-aide.timer -
=database
/var/lib/aide/aide.db
=machine
btime 2000
written 1000
"""
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return AREA.module.Integrity(answer)


OURS = ("timers.target.wants/hallmark-aide.timer\n", "")
NONE = ("/var/lib/aide/aide.db\n", "")


@pytest.mark.parametrize(
    ("replace", "outcome"),
    [
        ([], "passed"),
        ([("aide installed", "aide config-files")], "failed"),
        ([OURS], "failed"),
        ([OURS, ("dailyaidecheck.timer /dev/null", "dailyaidecheck.timer ")], "passed"),
        ([OURS, ("=database", "/etc/cron.daily/aide\n=database")], "passed"),
        ([NONE], "failed"),
        ([NONE, ("btime 2000", "btime 500")], "not applicable"),
        ([NONE, ("written 1000", "written ")], "failed"),
        ([NONE, ("btime 2000", "btime 500"), ("aide installed\n", "")], "failed"),
    ],
)
def test_the_daily_look(replace, outcome):
    assert AREA.outcomes(facts(replace)) == {ID: outcome}
    assert AREA.failing(facts(replace)) == set()  # off by default


@pytest.mark.parametrize(
    ("system", "files", "variables", "packages"),
    [
        ("debian", [], {}, ["aide", "aide-common"]),
        ("debian", ["/usr/bin/aide"], {}, ["aide-common"]),
        ("ubuntu", ["/usr/bin/aide", "/usr/sbin/aideinit"], {}, []),
        ("rocky", [], {}, ["aide"]),
        ("rocky", ["/usr/sbin/aide"], {}, []),
        ("debian", [], {"integrity_packages": ["my-aide"]}, ["my-aide"]),
    ],
)
def test_packages(tmp_path, system, files, variables, packages):
    assert packages_of("integrity", tmp_path, system, files, **variables) == packages


@pytest.mark.parametrize("system", ["debian", "rocky"])
def test_packages_of_ones_own_are_looked_up(tmp_path, system):
    own = {"integrity_packages": ["my-aide", "other"]}
    assert packages_of("integrity", tmp_path, system, installed=["my-aide"], **own) == ["other"]


def test_off_by_default():
    assert role_value("integrity", "integrity_enabled") is False
