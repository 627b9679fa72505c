# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area packages on made-up machines: each fails when, and only when, its control is broken."""

from __future__ import annotations

import pytest

from support.role_vars import role_value

OWN = "/etc/apt/apt.conf.d/99hallmark"
UPDATES = """\
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
Unattended-Upgrade::Automatic-Reboot "false";
Unattended-Upgrade::Origins-Pattern "";
Unattended-Upgrade::Origins-Pattern:: "origin=Debian,label=Debian-Security";
"""
AUTOMATIC = "[commands]\nupgrade_type = security\napply_updates = yes\nreboot = never\n"


def facts(areas, packages="", linux="", unneeded="", apt="", running="6.1.0-10-cloud-amd64", updates="", timers=""):
    """A hardened machine with more of everything."""
    settings = [f'{key} "{value}";' for key, value in role_value("packages", "packages_apt_settings").items()]
    linux = linux or (
        "installed linux-image-6.1.0-10-cloud-amd64 kmod, linux-base\n"
        "installed linux-image-cloud-amd64 linux-image-6.1.0-10-cloud-amd64 (= 6.1)\n"
        "not-installed linux-image-6.1.0-9-cloud-amd64-unsigned \n"
    )
    return areas["packages"].module.Packages(
        f"installed bash\n{packages}=kernel\n{running}\n{linux}=unneeded\n{unneeded}=apt\n"
        + "\n".join([*settings, apt])
        + "\n=files\n"
        + "".join(f"{OWN}:{line}\n" for line in settings)
        + f"=updates\n{updates}=timers\napt-daily-upgrade.timer enabled\n{timers}"
    )


def test_a_hardened_machine_meets_every_control(areas):
    outcomes = areas["packages"].outcomes(facts(areas))
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} == {"x-pkg-02", "x-pkg-04"}
    assert areas["packages"].outcomes(facts(areas), "rocky")["x-pkg-01"] == "not applicable"


OLD = "installed linux-image-6.1.0-9-cloud-amd64 kmod\n"
NEW = "installed linux-image-6.1.0-10-cloud-amd64 kmod\n"


@pytest.mark.parametrize(
    ("more", "controls"),
    [
        ({"packages": "installed xinetd\n"}, {"package-01"}),
        ({"packages": "installed rlinetd\n"}, {"package-01"}),
        ({"packages": "half-installed telnetd\n"}, {"package-02"}),
        ({"packages": "installed rsh-server\n"}, {"package-03"}),
        ({"packages": "installed ypbind\n"}, {"package-05"}),
        ({"packages": "installed nis\n"}, {"package-05", "x-pkg-03"}),
        ({"packages": "installed atftpd\n"}, {"package-06"}),
        ({"packages": "installed prelink\n"}, {"package-09"}),
        ({"packages": "installed nginx\n"}, {"x-pkg-03"}),
        ({"packages": "not-installed nginx\n"}, set()),
        ({"packages": "config-files nginx\n"}, {"x-pkg-05"}),
        ({"unneeded": "Purg mtr-tiny [1]\n"}, {"x-pkg-05"}),
        ({"linux": OLD + NEW}, {"x-pkg-05"}),
        ({"linux": OLD + NEW, "running": "6.1.0-9-cloud-amd64"}, set()),
        ({"linux": OLD + NEW + "installed linux-image-x linux-image-6.1.0-9-cloud-amd64\n"}, set()),
        ({"linux": OLD + NEW + "installed linux-headers-6.1.0-9 linux-image-6.1.0-9-cloud-amd64\n"}, {"x-pkg-05"}),
        ({"apt": 'APT::Get::AllowUnauthenticated "1";'}, {"x-pkg-01"}),
        ({"apt": 'APT::Sandbox::Seccomp "false";'}, {"x-pkg-01"}),
        ({"apt": 'Acquire::AllowWeakRepositories "no";'}, set()),
    ],
)
def test_a_broken_control_fails_alone(areas, more, controls):
    assert areas["packages"].failing(facts(areas, **more)) == controls


@pytest.mark.parametrize("distribution", ["rhel", "amzn", "alinux", "anolis"])
def test_servers_have_other_names_on_rpm_systems(areas, distribution):
    area, fine = areas["packages"], facts(areas, running="5.14.0-1.el9.x86_64", packages="installed bind-libs 9 1\n")
    assert area.outcomes(fine, distribution)["x-pkg-03"] == "passed"
    for name in ("httpd", "bind", "dovecot", "net-snmp", "openldap-servers", "dhcp-server", "vsftpd", "rsync-daemon"):
        found = area.outcomes(facts(areas, packages=f"installed {name} 1 1.x86_64\n"), distribution)
        assert {control for control, outcome in found.items() if outcome == "failed"} - {"x-pkg-02"} == {"x-pkg-03"}
    for name, control in (("telnet-server", "package-02"), ("ypserv", "package-05"), ("tftp-server", "package-06")):
        assert area.outcomes(facts(areas, packages=f"installed {name} 1 1.x86_64\n"), distribution)[control] == "failed"


def test_the_roles_lists_hold_every_name_of_every_family(areas):
    names = set()
    for control in areas["packages"].module.ABSENT:
        for must in control.values[0]:
            names |= set(must["names"])
    lists = [role_value("packages", f"packages_{name}") for name in ("remove", "remove_more", "servers")]
    assert {"net-snmp", "snmpd"} <= names <= {name for names in lists for name in names}


def test_settings_must_be_in_a_file_that_is_read_late(areas):
    machine = facts(areas)
    machine.files = machine.files.replace(OWN, "/etc/apt/apt.conf.d/10early")
    assert areas["packages"].failing(machine) == {"x-pkg-01"}


@pytest.mark.parametrize(
    ("packages", "controls"),
    [
        ("installed telnet-server 1-1.x86_64\n", {"package-02"}),
        ("installed telnetd-ssl 1-1.x86_64\n", set()),
        ("installed kernel-core 5.14.0-9.el9.x86_64\ninstalled kernel-core 5.14.0-10.el9.x86_64\n", {"x-pkg-05"}),
        ("installed kernel-core 5.14.0-10.el9.x86_64\n", set()),
    ],
)
def test_rpm_systems(areas, packages, controls):
    machine = facts(areas, packages, linux=" \n", running="5.14.0-10.el9.x86_64")
    assert areas["packages"].failing(machine, "rocky") == controls


def test_updates_of_debian(areas):
    def outcome(apt=UPDATES, packages="installed unattended-upgrades\n"):
        return areas["packages"].outcomes(facts(areas, packages, apt=apt))["x-pkg-02"]

    assert outcome() == "passed"
    assert outcome(packages="") == "failed"
    assert outcome(UPDATES + 'Unattended-Upgrade::Origins-Pattern:: "origin=Debian,label=Debian";') == "failed"
    assert outcome(UPDATES + 'Unattended-Upgrade::Automatic-Reboot "true";') == "failed"
    assert outcome(UPDATES.replace('Unattended-Upgrade "1"', 'Unattended-Upgrade "0"')) == "failed"


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ("", "", "passed"),
        ("upgrade_type = security", "upgrade_type = default", "failed"),
        ("reboot = never", "reboot = when-needed", "failed"),
        ("apply_updates = yes", "apply_updates = no", "failed"),
    ],
)
def test_updates_of_rpm_systems(areas, old, new, outcome):
    machine = facts(
        areas,
        "installed dnf-automatic 4-1.noarch\n",
        updates=AUTOMATIC.replace(old, new),
        timers="dnf-automatic.timer enabled\n",
    )
    assert areas["packages"].outcomes(machine, "rocky")["x-pkg-02"] == outcome


def test_tools(areas):
    names = ("needrestart", "debsums", "apt-show-versions", "apt-listchanges")
    machine = facts(areas, "".join(f"installed {name}\n" for name in names))
    assert areas["packages"].outcomes(machine)["x-pkg-04"] == "passed"
    assert areas["packages"].outcomes(machine, "rocky")["x-pkg-04"] == "not applicable"
