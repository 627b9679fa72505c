# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of area accounting on made-up machines: packages, their services, and sysstat's own switch."""

from __future__ import annotations

import pytest

from support.checks import Area
from support.role_vars import packages_of, role_value

AREA = Area("accounting")
ID = "x-acct-01"


def facts(replace=()):
    """A machine with the role switched on, with parts of the answer replaced."""
    answer = """acct installed
sysstat installed
=units
multi-user.target.wants/acct.service
multi-user.target.wants/sysstat.service
=default
ENABLED="true"
"""
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return AREA.module.Accounting(answer)


@pytest.mark.parametrize(
    ("replace", "outcome"),
    [
        ([], "passed"),
        ([("sysstat installed", "sysstat config-files")], "failed"),
        ([("acct installed\n", "")], "failed"),
        ([("multi-user.target.wants/acct.service\n", "")], "failed"),
        ([("true", "false")], "failed"),
        ([('ENABLED="true"\n', "")], "passed"),
    ],
)
def test_accounts(replace, outcome):
    assert AREA.outcomes(facts(replace)) == {ID: outcome}
    assert AREA.failing(facts(replace)) == set()  # off by default


def test_the_rpm_family_calls_it_otherwise():
    assert AREA.outcomes(facts(), "rhel") == {ID: "failed"}
    assert AREA.outcomes(facts([("acct", "psacct")]), "rhel") == {ID: "passed"}


@pytest.mark.parametrize(
    ("system", "files", "variables", "packages"),
    [
        ("debian", [], {}, ["acct", "sysstat"]),
        ("ubuntu", ["/usr/sbin/accton"], {}, ["sysstat"]),
        ("rocky", [], {}, ["psacct", "sysstat"]),
        ("amzn", ["/usr/bin/sar"], {}, ["psacct"]),
        ("debian", ["/usr/sbin/accton", "/usr/bin/sar"], {}, []),
        ("rocky", ["/usr/sbin/accton", "/usr/bin/sar"], {}, []),
        ("debian", [], {"accounting_packages": ["my-acct"]}, ["my-acct"]),
        ("rocky", ["/usr/sbin/accton"], {"accounting_packages": ["my-acct"]}, ["my-acct"]),
    ],
)
def test_packages(tmp_path, system, files, variables, packages):
    assert packages_of("accounting", tmp_path, system, files, **variables) == packages


@pytest.mark.parametrize("system", ["debian", "rocky"])
def test_packages_of_ones_own_are_looked_up(tmp_path, system):
    own = {"accounting_packages": ["my-acct", "other"]}
    assert packages_of("accounting", tmp_path, system, installed=["my-acct"], **own) == ["other"]


def test_off_by_default():
    assert role_value("accounting", "accounting_enabled") is False
