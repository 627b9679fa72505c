# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area packages: what is installed, what apt accepts, and what removed packages left behind."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    marker,
    not_applicable,
    once,
    os_family,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.packages import version_key

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
OTHERS = ("x-pkg-01", "x-pkg-02", "x-pkg-04", "x-pkg-05")
APT = ("debian", "ubuntu")
DROP_IN = re.compile(r"/etc/apt/apt\.conf\.d/99[\w.-]+$")
KERNEL = re.compile(r"linux-image-(?:unsigned-)?(\d.*)")
RPM_KERNELS = ("kernel", "kernel-core", "kernel-uek", "kernel-uek-core")
# What is installed is all that counts: without the lists of what could be, apt takes a tenth of the time.
NO_LISTS = "-o Dir::State::lists=/nonexistent -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
# apt.conf(5): what is true; all other words are false.
TRUE = ("1", "yes", "true", "with", "on", "enable")
FALSE = ("0", "no", "false", "without", "off", "disable")


def _command() -> str:
    units = "apt-daily.timer apt-daily-upgrade.timer dnf-automatic.timer dnf-automatic-install.timer"
    return f"""\
dpkg-query -W -f '${{db:Status-Status}} ${{Package}}\\n' 2>/dev/null
rpm -qa --qf 'installed %{{NAME}} %{{VERSION}}-%{{RELEASE}}.%{{ARCH}}\\n' 2>/dev/null
echo '=kernel'; uname -r
dpkg-query -W -f '${{db:Status-Status}} ${{Package}} ${{Depends}}\\n' 'linux-*' 2>/dev/null
echo '=unneeded'; apt-get -s {NO_LISTS} autoremove --purge 2>/dev/null | grep -E '^(Remv|Purg) '
echo '=apt'; apt-config dump 2>/dev/null
echo '=files'; grep -sE '^[^/#]' /etc/apt/apt.conf.d/99* /dev/null
echo '=updates'; tail -n +1 /etc/dnf/automatic.conf 2>/dev/null
echo '=timers'; for unit in {units}; do echo "$unit $(systemctl is-enabled $unit 2>/dev/null)"; done
true"""


class Packages:
    """What the command told."""

    def __init__(self, text: str) -> None:
        there, kernel, unneeded, apt, files, updates, timers = parts_of(text)
        lines = [line.split(" ") for line in there.splitlines()]
        self.installed = {words[1] for words in lines if words[0] not in ("not-installed", "config-files")}
        self.rests = sorted(words[1] for words in lines if words[0] == "config-files")
        self.running, *rest = kernel.splitlines()
        #: Kernels that are installed, by release.
        self.kernels = {words[2] for words in lines if len(words) == 3 and words[1] in RPM_KERNELS}
        #: Those that a metapackage asks for.
        self.asked: set[str] = set()
        for line in rest:
            status, name, *depends = line.split(" ")
            if status == "installed" and KERNEL.match(name):
                self.kernels.add(KERNEL.match(name)[1])
            elif status == "installed" and not name[-1:].isdigit() and not re.match(r"linux-[a-z-]+-\d", name):
                self.asked |= {found[1] for found in map(KERNEL.match, depends) if found}
        self.unneeded = sorted(line.split()[1] for line in unneeded.splitlines())
        self.apt: dict[str, list[str]] = {}
        for key, value in re.findall(r'^(\S+) "(.*)";$', apt, re.MULTILINE):
            self.apt.setdefault(key.removesuffix("::"), []).append(value)
        self.files = files
        self.updates = dict(re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", updates, re.MULTILINE))
        self.timers = dict(line.split(" ", 1) for line in timers.splitlines())

    def apt_value(self, key: str) -> str:
        """A setting of apt in force, with false and true as the words of the standard."""
        value = self.apt.get(key, ["not set"])[-1]
        return "true" if value.lower() in TRUE else "false" if value.lower() in FALSE else value


@pytest.fixture
def packages(host: Any) -> Packages:
    return once(host, "packages", lambda: Packages(output_once(host, _command())))


ABSENT = [pytest.param(CONTROLS[name]["must"], id=name, marks=control(name)) for name in CONTROLS if name not in OTHERS]


@pytest.mark.parametrize("musts", ABSENT)
def test_not_installed(host: Any, packages: Packages, musts: list[dict]) -> None:
    family = os_family(host)
    unwanted = {name for must in musts if family in must.get("os", [family]) for name in must["names"]}
    assert sorted(unwanted & packages.installed) == []


@control("x-pkg-01")
def test_apt_refuses_what_is_not_signed(host: Any, packages: Packages) -> None:
    if os_family(host) not in APT:
        not_applicable("there is no apt")
    wanted = {must["key"]: must["value"] for must in CONTROLS["x-pkg-01"]["must"]}
    found = {key: packages.apt_value(key) for key in wanted}
    assert found == wanted
    # In force and in a file that is read after the others.
    missing = [key for key in wanted if not re.search(rf"^/etc/apt/apt\.conf\.d/99[^:]*:{key} ", packages.files, re.M)]
    assert missing == []


@control("x-pkg-02")
def test_security_updates_install_themselves(host: Any, packages: Packages) -> None:
    if os_family(host) in APT:
        origins = packages.apt.get("Unattended-Upgrade::Origins-Pattern", [])
        origins += packages.apt.get("Unattended-Upgrade::Allowed-Origins", [])
        found = {
            "unattended-upgrades": "unattended-upgrades" in packages.installed,
            "lists": packages.apt_value("APT::Periodic::Update-Package-Lists"),
            "upgrades": packages.apt_value("APT::Periodic::Unattended-Upgrade"),
            "reboot": packages.apt_value("Unattended-Upgrade::Automatic-Reboot") == "true",
            "timer": packages.timers.get("apt-daily-upgrade.timer"),
            "other origins": [origin for origin in origins if origin and "security" not in origin.lower()],
            "any origin": any(origins),
        }
        expected = {"unattended-upgrades": True, "lists": "true", "upgrades": "true", "reboot": False}
        assert found == expected | {"timer": "enabled", "other origins": [], "any origin": True}
        return
    timers = [name for name, state in packages.timers.items() if "dnf" in name and state == "enabled"]
    found = {
        "dnf-automatic": "dnf-automatic" in packages.installed,
        "timer": bool(timers),
        "applied": packages.updates.get("apply_updates") == "yes" or "dnf-automatic-install.timer" in timers,
        "upgrade_type": packages.updates.get("upgrade_type"),
        "reboot": packages.updates.get("reboot", "never"),
    }
    expected = {"dnf-automatic": True, "timer": True, "applied": True, "upgrade_type": "security", "reboot": "never"}
    assert found == expected


@control("x-pkg-04")
def test_tools_that_show_package_state(host: Any, packages: Packages) -> None:
    if os_family(host) not in APT:
        not_applicable("is for Debian and Ubuntu")
    wanted = CONTROLS["x-pkg-04"]["must"][0]["names"]
    assert [name for name in wanted if name not in packages.installed] == []


@control("x-pkg-05")
def test_nothing_is_left_behind(packages: Packages) -> None:
    newest = max(packages.kernels, key=version_key, default="")
    # A kernel that runs cannot go before the next boot, and one that a metapackage asks for would come back.
    old = packages.kernels - {newest, packages.running} - packages.asked
    found = {"old kernels": sorted(old), "configuration": packages.rests, "unneeded": packages.unneeded}
    assert found == {"old kernels": [], "configuration": [], "unneeded": []}
