# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Family of an operating system from its os-release file.

Ansible's own facts call Anolis no Red Hat, Amazon Linux 2023 major version 2023 and Alibaba Cloud Linux 3
version 3; and they cost a task. The release file says enough.
"""

from __future__ import annotations

_BY_ID = {
    "debian": "debian",
    "ubuntu": "ubuntu",
    "amzn": "amazon",
    "alinux": "alinux",
    "anolis": "anolis",
    "rhel": "redhat",
    "rocky": "redhat",
    "almalinux": "redhat",
    "centos": "redhat",
    "ol": "redhat",
    "fedora": "redhat",
    "sles": "suse",
    "opensuse-leap": "suse",
    "opensuse-tumbleweed": "suse",
    "suse": "suse",
}
_BY_PLATFORM = {"el": "redhat", "f": "redhat", "al2023": "amazon", "al": "alinux", "an": "anolis"}


def fields(os_release: str) -> dict[str, str]:
    """Variables of an os-release text (os-release(5)), quotes taken off."""
    found = {}
    for line in os_release.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            found[key] = value.strip("\"'")
    return found


def family(os_release: str) -> str:
    """One of debian, ubuntu, redhat, amazon, alinux, anolis, suse; empty when it is none of them.

    ID decides, then PLATFORM_ID (a rebuild with an ID of its own keeps it), then the ID_LIKE names in order.
    """
    release = fields(os_release)
    if release.get("ID", "") in _BY_ID:
        return _BY_ID[release["ID"]]
    platform = release.get("PLATFORM_ID", "").split(":")[-1]
    for name in (platform, platform.rstrip("0123456789")):
        if name in _BY_PLATFORM:
            return _BY_PLATFORM[name]
    for name in release.get("ID_LIKE", "").split():
        if name in _BY_ID:
            return _BY_ID[name]
    return ""
