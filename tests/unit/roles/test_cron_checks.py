# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area cron on made-up machines: each fails when, and only when, its control is broken."""

from __future__ import annotations

import pytest

HARDENED = """\
/etc/crontab root 600
/etc/cron.daily root 700
/etc/cron.d root 700
/etc/cron.allow root 640
/etc/at.allow root 600
=crontab /usr/bin/crontab
=at /usr/bin/at
=cron says You (nobody) are not allowed to use this program (crontab) See crontab(1) for more information
=at says You do not have permission to use at.
"""


@pytest.mark.parametrize(
    ("old", "new", "controls"),
    [
        ("", "", set()),
        ("crontab root 600", "crontab root 644", {"os-13"}),
        ("crontab root 600", "crontab root 400", set()),
        ("cron.daily root 700", "cron.daily root 710", {"os-13"}),
        ("cron.d root", "cron.d daemon", {"os-13"}),
        ("/etc/cron.allow root 640\n", "", {"x-cron-01"}),
        ("/etc/at.allow root 600\n", "", {"x-cron-01"}),
        ("cron.allow root 640", "cron.allow root 644", {"x-cron-01"}),
        ("cron.allow root", "cron.allow daemon", {"x-cron-01"}),
        ("=crontab", "/etc/cron.deny root 600\n=crontab", {"x-cron-01"}),
        ("You (nobody) are not allowed to use this program", "no crontab for nobody", {"x-cron-01"}),
        ("You do not have permission to use at.", "", {"x-cron-01"}),
    ],
)
def test_a_broken_control_fails_alone(areas, old, new, controls):
    assert old in HARDENED
    assert areas["cron"].failing(areas["cron"].module.Cron(HARDENED.replace(old, new))) == controls


def test_without_cron_and_at_the_list_for_cron_is_still_there(areas):
    bare = "/etc/cron.allow root 640\n=crontab \n=at \n"
    outcomes = areas["cron"].outcomes(areas["cron"].module.Cron(bare))
    assert outcomes == {"os-13": "not applicable", "x-cron-01": "passed"}
    assert areas["cron"].failing(areas["cron"].module.Cron("=crontab \n=at \n")) == {"x-cron-01"}
