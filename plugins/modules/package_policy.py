#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that must not be there, old kernels and rests of packages, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: package_policy
short_description: Remove unwanted packages, old kernels and rests of packages
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Reads the package database once, and calls apt or dnf once, only when something is to go.
  - A package that another installed package needs stays, with a warning. What apt would do beyond what was asked for is
    refused.
  - The running kernel, the newest and those that another package asks for always stay.
options:
  absent:
    description: Names of packages that must not be installed. Names unknown to the system cost nothing.
    type: list
    elements: str
    default: []
  report:
    description: Names of packages that are only reported, with a warning, when they are installed.
    type: list
    elements: str
    default: []
  keep:
    description: Names of packages that stay although another list names them, and whose configuration stays.
    type: list
    elements: str
    default: []
  present:
    description:
      - Names of packages that should be installed, per family of systems. This module installs nothing; it returns
        which of them are missing.
      - Families are V(debian), V(ubuntu), V(redhat) (with Rocky, Alma, CentOS, Fedora), V(amazon), V(alinux),
        V(anolis), V(suse).
    type: dict
    default: {}
  old_kernels:
    description: Remove kernels that are neither the newest nor running.
    type: bool
    default: false
  residual:
    description: Remove the configuration of packages that are gone. On Debian and Ubuntu.
    type: bool
    default: false
  autoremove:
    description:
      - Remove packages that were installed for others and that nothing needs any more. On Debian and Ubuntu.
      - Those that a machine may need to boot or to be reached are marked as wanted instead.
    type: bool
    default: false
  root:
    description: Top of the tree to work on. Its own package tools are called, with chroot.
    type: path
    default: /
attributes:
  check_mode:
    support: full
    description: Says what it would change.
  diff_mode:
    support: none
    description: There are no files to show.
"""

EXAMPLES = r"""
- name: No server for clear-text logins
  hallmark.images.package_policy:
    absent: [telnetd, telnet-server, rsh-server]
    old_kernels: true
"""

RETURN = r"""
changes:
  description: What changed, one item per package.
  returned: always
  type: list
  elements: dict
  sample: [{path: /var/lib/dpkg/status, key: telnetd, before: installed, after: not-installed}]
manager:
  description: Kind of the package database, V(apt) or V(rpm); empty when there is none.
  returned: always
  type: str
kept:
  description: Packages of O(absent) that stay, and which package needs them.
  returned: always
  type: dict
  sample: {rpcbind: nfs-utils}
found:
  description: Packages of O(report) that are installed.
  returned: always
  type: list
  elements: str
missing_packages:
  description: Packages of O(present) for this family that are not installed.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import package_policy
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(package_policy)


if __name__ == "__main__":
    main()
