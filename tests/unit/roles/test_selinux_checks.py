# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of area selinux on made-up machines."""

from __future__ import annotations

import pytest

from support.checks import Area

SELINUX = Area("selinux")


def outcome(system="rhel", replace=()):
    answer = "# comment\n#SELINUX=disabled\nSELINUX=enforcing\nSELINUXTYPE=targeted\n"
    answer += "=policies\n/etc/selinux/targeted/policy/policy.33\n=enforce\n1\n=words\nro quiet\n=marks\n"
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return SELINUX.outcomes(SELINUX.module.SELinux(answer), system)["ds-selinux-01"]


@pytest.mark.parametrize("system", ["rhel", "amzn", "alinux", "anolis"])
def test_an_enforcing_system_passes(system):
    assert outcome(system) == "passed"


DISABLED = ("\nSELINUX=enforcing", "\nSELINUX=disabled")
STOPPED = ("=enforce\n1", "=enforce\n")


@pytest.mark.parametrize(
    ("replace", "expected"),
    [
        ([("\nSELINUX=enforcing", "\nSELINUX=permissive")], "failed"),
        ([("TYPE=targeted", "TYPE=mls")], "failed"),
        ([("=enforce\n1", "=enforce\n0")], "failed"),
        ([STOPPED], "failed"),
        ([DISABLED], "failed"),  # from the next boot on
        ([("ro quiet", "ro enforcing=0")], "failed"),
        ([("ro quiet", "ro selinux=0")], "failed"),
        ([DISABLED, STOPPED], "not applicable"),
        ([("/etc/selinux/targeted/policy/policy.33\n", "")], "not applicable"),
        ([("=marks\n", "=marks\n/.dockerenv\n")], "not applicable"),
    ],
)
def test_a_system_that_does_not_enforce_fails(replace, expected):
    assert outcome(replace=replace) == expected


@pytest.mark.parametrize("system", ["debian", "ubuntu"])
def test_where_it_is_not_at_home_it_does_not_apply(system):
    assert outcome(system) == "not applicable"
