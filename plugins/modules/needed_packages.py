#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: needed_packages
short_description: Find out which packages lack
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Says which of the given packages are not installed, by the files they bring or by the package database (dpkg or
    RPM).
  - Installs nothing. As a step of M(hallmark.images.harden), what it reports is installed before the steps after it.
options:
  packages:
    description: The packages to look for.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The package's name.
        type: str
        required: true
      families:
        description:
          - Families of systems that know the package by this name, out of V(debian), V(ubuntu), V(redhat), V(amazon),
            V(alinux), V(anolis) and V(suse).
          - All, when empty.
        type: list
        elements: str
        default: []
      unless:
        description:
          - Files that the package brings. When one of them exists, the database is not asked.
          - V(/usr/lib/FILE) and V(/lib/FILE) are one; so are the two places of C(bin) and C(sbin).
        type: list
        elements: path
        default: []
  names:
    description: More packages, by their names alone; the database is asked for them.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - hallmark.images.hardening
attributes:
  check_mode:
    support: full
    description: It never changes anything.
  diff_mode:
    support: full
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Look for the audit daemon
  hallmark.images.needed_packages:
    packages:
      - {name: auditd, families: [debian, ubuntu], unless: [/usr/sbin/auditd]}
      - {name: audit, families: [redhat, amazon, alinux, anolis], unless: [/usr/sbin/auditd]}
"""

RETURN = r"""
missing_packages:
  description: Names of the packages to install.
  returned: always
  type: list
  elements: str
family:
  description: Family of the system, empty when unknown.
  returned: always
  type: str
changes:
  description: Always empty.
  returned: always
  type: list
  elements: dict
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import needed_packages
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(needed_packages)


if __name__ == "__main__":
    main()
