# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area packages without touching another, and how to undo it."""

from __future__ import annotations


def package(name: str, status: str = "install ok installed") -> tuple[str, str]:
    """Have dpkg's database hold one more package, and bring it back."""
    fields = [f"Package: {name}", f"Status: {status}", "Maintainer: none <none@localhost>", "Architecture: all"]
    words = " ".join(f"'{field}'" for field in [*fields, "Version: 1", "Description: test", ""])
    return (
        f"printf '%s\\n' {words} >>/var/lib/dpkg/status",
        "cp -p /root/dpkg-status-packages /var/lib/dpkg/status",
    )


#: The class of the check file that the machine's answer is read into.
FACTS = "Packages"
#: Nothing on a running Debian can break these: none.
CANNOT: set[str] = set()
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT: set[str] = set()
#: What is run on the hardened machine first.
PREPARE = "cp -p /var/lib/dpkg/status /root/dpkg-status-packages"
BREAKS: dict[str, tuple[str, str]] = {
    "package-01": package("openbsd-inetd"),
    "package-02": package("inetutils-telnetd"),
    "package-03": package("rsh-server"),
    "package-05": package("ypserv"),
    "package-06": package("tftpd-hpa"),
    "package-09": package("prelink"),
    "x-pkg-01": (
        """echo 'APT::Get::AllowUnauthenticated "true";' >/etc/apt/apt.conf.d/99zzz-test""",
        "rm /etc/apt/apt.conf.d/99zzz-test",
    ),
    "x-pkg-03": package("rsync"),
    "x-pkg-05": package("left-over", "deinstall ok config-files"),
}
