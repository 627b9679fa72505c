#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of login.defs and of the files that must agree with it, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: login_defs
short_description: Set many keys of login.defs in place, and what must agree with them
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Sets keys of C(/etc/login.defs) without replacing the vendor's file. Keys that the installed shadow release does not
    know are left out, because each of them would make useradd complain.
  - Makes C(/etc/adduser.conf), C(/etc/default/useradd), the shells and PAM agree.
options:
  settings:
    description:
      - Keys and values for every system. A null value makes the key a comment, an empty text leaves it as it is.
      - Path keys must not have an empty element, which would be the current directory.
    type: dict
    required: true
  family_settings:
    description:
      - More keys per family of systems, over O(settings).
      - Families are V(debian), V(ubuntu), V(redhat) (with Rocky, Alma, CentOS, Fedora), V(amazon), V(alinux),
        V(anolis), V(suse).
    type: dict
    default: {}
  overrides:
    description: More keys, over both of the others.
    type: dict
    default: {}
  encrypt_method:
    description:
      - Hash of new passwords, for C(ENCRYPT_METHOD).
      - V(auto) is yescrypt on Debian, Ubuntu and Amazon Linux where shadow knows it, sha512 elsewhere.
    type: str
    choices: [auto, yescrypt, sha512]
    default: auto
  inactive_days:
    description: Days after which an account with an expired password is closed, for new accounts. -1 leaves it alone.
    type: int
    default: -1
  shell_umask:
    description:
      - Give shells and PAM sessions, those of cron among them, the value of C(UMASK).
      - When false, this module's lines are taken away.
    type: bool
    default: true
  umask_script:
    description: The script that login shells read.
    type: path
    default: /etc/profile.d/zz-hallmark-umask.sh
  mode:
    description: Permissions of C(/etc/login.defs), octal digits in quotes.
    type: str
    default: "0444"
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: Age passwords and keep new homes private
  hallmark.images.login_defs:
    settings:
      PASS_MAX_DAYS: 60
      HOME_MODE: "0700"
      CHFN_RESTRICT: null
    family_settings:
      debian: {UMASK: "027"}
      redhat: {UMASK: "077"}
"""

RETURN = r"""
changes:
  description: What changed, one item per key and file.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/login.defs, key: PASS_MAX_DAYS, before: "99999", after: "60"}]
family:
  description: Family of the system, empty when unknown.
  returned: always
  type: str
settings:
  description: The keys and values in force.
  returned: always
  type: dict
unknown_keys:
  description: Keys that the installed shadow release does not know.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import login_defs
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(login_defs)


if __name__ == "__main__":
    main()
