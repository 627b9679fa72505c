# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area sudo on made-up machines: each fails when, and only when, its own control is broken."""

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.sudoers import drop_in
from support.checks import Area
from support.role_vars import role_value

SUDO = Area("sudo")
MAIN = "/etc/sudoers"
OTHER = "/etc/sudoers.d/zzz"
CLOUD = "/etc/sudoers.d/90-cloud-init-users"
ANSSI = ["noexec", "requiretty", "umask=0077", "ignore_dot", "env_reset"]


def facts(files=None, broken="", user="debian"):
    """A hardened cloud image with other files (None: not there)."""
    texts = {
        MAIN: "Defaults\tenv_reset\nroot\tALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
        CLOUD: "# User rules for debian\ndebian ALL=(ALL) NOPASSWD:ALL\n",
        "/etc/sudoers.d/zz-hallmark": drop_in(role_value("sudo", "__sudo_defaults")),
    } | (files or {})
    answer = "\n".join(f"==> {path} <==\n{text}" for path, text in texts.items() if text is not None)
    cloud = f"==> /etc/cloud/cloud.cfg <==\nsystem_info:\n  default_user:\n    name: {user}\n"
    return SUDO.module.Sudo(f"{answer}\n=broken\n{broken}=cloud\n{cloud}")


def test_a_hardened_machine_meets_what_is_on():
    assert SUDO.outcomes(facts()) == {"x-sudo-01": "passed", "x-sudo-02": "failed", "x-sudo-03": "passed"}


@pytest.mark.parametrize(
    ("files", "met"),
    [
        ({"/etc/sudoers.d/zz-hallmark": None}, False),
        ({OTHER: "Defaults !use_pty\n"}, False),
        ({OTHER: "Defaults:debian !use_pty\n"}, False),
        ({OTHER: "Defaults!/bin/su !use_pty\n"}, False),
        ({"/etc/sudoers.d/00": "Defaults !use_pty\n"}, True),  # the last one counts
        ({"/etc/sudoers.d/zz.conf": "Defaults !use_pty\n"}, True),  # not read
        ({OTHER: "# Defaults !use_pty\n"}, True),
        ({OTHER: "Defaults !logfile\n"}, False),
        ({OTHER: "Defaults logfile=/dev/null\n"}, False),
        ({OTHER: "Defaults timestamp_timeout=-1\n"}, False),
        ({OTHER: "Defaults timestamp_timeout=60\n"}, False),
        ({OTHER: "Defaults timestamp_timeout=0\n"}, True),
        ({OTHER: "Defaults passwd_timeout=0\n"}, False),
        ({OTHER: "Defaults passwd_timeout=5\n"}, False),
        ({OTHER: "Defaults passwd_timeout=0.5, \\\n timestamp_timeout = 5\n"}, True),
        ({MAIN: "root ALL=(ALL) ALL\n"}, False),  # nothing includes the file
    ],
)
def test_settings_of_sudo(files, met):
    assert SUDO.failing(facts(files)) == (set() if met else {"x-sudo-01"})


def test_a_configuration_with_errors_fails():
    assert SUDO.failing(facts(broken="/etc/sudoers.d/x:1:3: syntax error\n")) == {"x-sudo-01"}


@pytest.mark.parametrize(
    ("files", "outcome"),
    [
        ({OTHER: "me ALL=(ALL) NOPASSWD: ALL\n"}, "failed"),
        ({OTHER: "%adm ALL=(ALL) NOPASSWD : /bin/ls\n"}, "failed"),
        ({OTHER: "Defaults !authenticate\n"}, "failed"),
        ({OTHER: "Defaults:me !authenticate\n"}, "failed"),
        ({"/etc/sudoers.d/00": "Defaults !authenticate\n", OTHER: "Defaults authenticate\n"}, "passed"),
        ({OTHER: "# me ALL=(ALL) NOPASSWD: ALL\n"}, "passed"),
    ],
)
def test_who_needs_no_password_is_reported(files, outcome):
    assert SUDO.outcomes(facts(files))["x-sudo-03"] == outcome


def test_the_default_user_is_cloud_inits():
    assert SUDO.outcomes(facts(user="somebody"))["x-sudo-03"] == "failed"


def test_options_of_anssi_can_be_met():
    files = {OTHER: drop_in(ANSSI)}
    assert SUDO.outcomes(facts(files))["x-sudo-02"] == "passed"


def test_without_sudo_no_control_applies():
    outcomes = SUDO.outcomes(SUDO.module.Sudo("\n=broken\n=cloud\n\n"))
    assert set(outcomes.values()) == {"not applicable"}
