#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every repository of dnf and yum, and the package manager's own settings, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: repo_policy
short_description: Bring all repositories of dnf and yum to one policy
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Sets keys in every section of every C(.repo) file and in the package manager's own configuration, in place. A key
    that is absent is added, because a repository without it does what the main section says.
  - Reads C(/etc/dnf/dnf.conf), C(/etc/yum.conf), C(/etc/yum/pluginconf.d/rhnplugin.conf) and the folders that dnf
    reads. Links are followed, and a file with two names is worked on once. Where none of these exist, nothing is done.
  - A value that dnf understands as the wanted one (V(True) for V(1)) is left as it is.
options:
  main:
    description: Settings of the package manager itself, section C([main]).
    type: dict
    default: {}
  repositories:
    description: Settings of every repository that O(exempt) does not name.
    type: dict
    default: {}
  exempt:
    description: Ids of repositories that keep their own settings; shell wildcards.
    type: list
    elements: str
    default: []
  disable:
    description: Ids of repositories that are switched off; shell wildcards.
    type: list
    elements: str
    default: []
  disable_clear_text:
    description:
      - Switch off a repository that is fetched without encryption and whose packages are not checked, which only one in
        O(exempt) can be.
    type: bool
    default: false
  remove_files:
    description: Names of C(.repo) files that are removed.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: Accept only signed packages
  hallmark.images.repo_policy:
    main: {gpgcheck: 1, localpkg_gpgcheck: 1}
    repositories: {gpgcheck: 1}
    exempt: [site-unsigned]
    disable: ["*debug*", "*media*"]
"""

RETURN = r"""
changes:
  description: What changed, one item per key.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/yum.repos.d/a.repo, key: "[a] gpgcheck", before: "0", after: "1"}]
repositories:
  description: Ids of all repositories.
  returned: always
  type: list
  elements: str
exempt:
  description: Ids of the repositories that were left alone.
  returned: always
  type: list
  elements: str
disabled:
  description: Ids of the repositories that this call switched off.
  returned: always
  type: list
  elements: str
unverified:
  description: Ids of the repositories in use whose packages are not checked.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import repo_policy
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(repo_policy)


if __name__ == "__main__":
    main()
