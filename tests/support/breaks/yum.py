# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each control of area yum without touching another, and how to undo it."""

from __future__ import annotations

# A stock Debian has no dnf: its files are made for a moment, good but for one line.
DNF = ["[main]", "gpgcheck=1", "localpkg_gpgcheck=1", "clean_requirements_on_remove=True", "best=True"]
REPOSITORY = ["[test]", "name=test", "baseurl=https://repo.invalid/", "gpgcheck=1"]


def files(dnf: tuple[str, str] = ("", ""), repository: tuple[str, str] = ("", "")) -> tuple[str, str]:
    """Files of dnf of which one line is replaced, and how to remove them."""
    shell = "mkdir -p /etc/dnf /etc/yum.repos.d"
    for lines, (old, new), path in (
        (DNF, dnf, "/etc/dnf/dnf.conf"),
        (REPOSITORY, repository, "/etc/yum.repos.d/test.repo"),
    ):
        words = " ".join(f"'{new if line == old else line}'" for line in lines)
        shell += f"; printf '%s\\n' {words} >{path}"
    return shell, "rm -r /etc/dnf /etc/yum.repos.d"


#: The class of the check file that the machine's answer is read into.
FACTS = "Yum"
#: Nothing can break these alone: who fetches unsigned packages in clear text does not verify them either (ds-yum-02).
CANNOT = {"x-yum-03"}
#: These pass on no hardened machine, because they do not apply to it, but can be broken.
DORMANT = {"ds-yum-01", "ds-yum-02", "ds-yum-03", "x-yum-01"}  # there is no dnf
#: What is run on the hardened machine first.
PREPARE = "cp -p /var/lib/dpkg/status /root/dpkg-status-yum"
BREAKS: dict[str, tuple[str, str]] = {
    "ds-yum-01": files(repository=("[test]", "[test-debuginfo]")),
    "ds-yum-02": files(repository=("gpgcheck=1", "gpgcheck=0")),
    "ds-yum-03": files(dnf=("gpgcheck=1", "gpgcheck=0")),
    "ds-yum-04": (
        "printf '%s\\n' 'Package: prelink' 'Status: install ok installed' 'Maintainer: none <none@localhost>'"
        " 'Architecture: all' 'Version: 1' 'Description: test' '' >>/var/lib/dpkg/status",
        "cp -p /root/dpkg-status-yum /var/lib/dpkg/status",
    ),
    "x-yum-01": files(dnf=("localpkg_gpgcheck=1", "localpkg_gpgcheck=0")),
}
