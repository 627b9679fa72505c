# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of area time on made-up machines: it fails unless one client starts, runs and has somebody to ask."""

from __future__ import annotations

import pytest

from support.checks import Area

AREA = Area("time")
ID = "x-time-01"
OURS = "/etc/systemd/timesyncd.conf.d/zz-hallmark.conf"


def facts(replace=()):
    """A hardened machine, with parts of the answer replaced."""
    answer = f"""sysinit.target.wants/systemd-timesyncd.service
systemd-timesyncd.service -
=active
Id=chrony.service
ActiveState=inactive

Id=chronyd.service
ActiveState=inactive

Id=systemd-timesyncd.service
ActiveState=active
=texts
==> /etc/systemd/timesyncd.conf <==
[Time]
#FallbackNTP=a.example

==> {OURS} <==
[Time]
FallbackNTP=a.example b.example

=chrony

=marks
"""
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return AREA.module.Clock(answer)


CHRONY = [
    ("sysinit.target.wants/systemd-timesyncd.service\n", "multi-user.target.wants/chrony.service\n"),
    ("systemd-timesyncd.service -\n=active", "chrony.service \nsystemd-timesyncd.service /dev/null\n=active"),
    ("chrony.service\nActiveState=inactive", "chrony.service\nActiveState=active"),
    ("systemd-timesyncd.service\nActiveState=active", "systemd-timesyncd.service\nActiveState=inactive"),
]
POOL = ("=chrony\n", "=chrony\npool 2.example iburst\n")


@pytest.mark.parametrize(
    ("replace", "outcome"),
    [
        ([], "passed"),
        ([("sysinit.target.wants/systemd-timesyncd.service\n", "")], "failed"),
        ([("systemd-timesyncd.service -\n=active", "systemd-timesyncd.service /dev/null\n=active")], "failed"),
        ([("\nFallbackNTP=a.example b.example", "")], "failed"),
        ([("\n=chrony", "==> /etc/systemd/timesyncd.conf.d/zz.conf <==\nFallbackNTP=\n=chrony")], "failed"),
        ([("\n=chrony", "==> /etc/systemd/timesyncd.conf.d/zz.conf <==\nNTP=c.example\n=chrony")], "passed"),
        (
            [("systemd-timesyncd.service\nActiveState=active", "systemd-timesyncd.service\nActiveState=failed")],
            "failed",
        ),
        ([("chronyd.service\nActiveState=inactive", "chronyd.service\nActiveState=active")], "failed"),
        ([*CHRONY, POOL], "passed"),
        (CHRONY, "failed"),
        ([*CHRONY, POOL, ("service /dev/null", "service -")], "passed"),
        ([("=marks\n", "=marks\n/run/systemd/container\n")], "not applicable"),
    ],
)
def test_one_client(replace, outcome):
    assert AREA.outcomes(facts(replace)) == {ID: outcome}
    assert AREA.failing(facts(replace)) == ({ID} if outcome == "failed" else set())


def test_two_clients():
    both = [
        ("sysinit.target.wants/systemd", "multi-user.target.wants/chrony.service\nsysinit.target.wants/systemd"),
        ("systemd-timesyncd.service -\n=active", "chrony.service \nsystemd-timesyncd.service -\n=active"),
    ]
    assert AREA.failing(facts([*both, POOL])) == {ID}


def test_without_a_running_systemd_the_files_count():
    answer = facts()
    answer.has_state, answer.active = False, []
    assert AREA.failing(answer) == set()
