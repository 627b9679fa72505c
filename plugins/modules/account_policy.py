#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy for all accounts of a system, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: account_policy
short_description: Passwords, shells, ages and homes of all accounts at once
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Reads the account files once, changes what differs from the policy, and reports what only a person can decide.
  - The files are written in one step each, under the lock that every program for accounts waits for (lckpwdf(3)); their
    modes, owners and SELinux labels stay.
  - No password hash is ever reported, in a diff neither.
  - System accounts are those with a uid from 1 to C(SYS_UID_MAX) of C(/etc/login.defs), people those from C(UID_MIN) to
    C(UID_MAX). The accounts V(root), V(sync), V(shutdown), V(halt), the default user of cloud-init, V(ec2-user) on
    Amazon Linux and the account that Ansible logged in as are never taken for system accounts.
options:
  shadow_hashes:
    description: Move passwords that stand in C(/etc/passwd) to C(/etc/shadow).
    type: bool
    default: true
  lock_empty:
    description: Lock accounts whose password is empty.
    type: bool
    default: true
  lock_system:
    description: Lock the passwords of system accounts.
    type: bool
    default: true
  nologin_system:
    description: Give system accounts a shell that refuses logins.
    type: bool
    default: true
  nologin_shell:
    description:
      - That shell. When empty it is the system's nologin, by either of its names C(/usr/sbin/nologin) and
        C(/sbin/nologin).
    type: path
    default: ""
  exempt:
    description: More accounts not to take for system accounts, such as V(postgres), nor to change by O(extra_root).
    type: list
    elements: str
    default: []
  ageing:
    description:
      - Ages of passwords of people who have one. What is not given keeps its value; an empty one switches ageing off.
    type: dict
    default: {}
    suboptions:
      min:
        description: Days before a password may be changed again.
        type: int
      max:
        description: Days a password is good for.
        type: int
      warn:
        description: Days of warning.
        type: int
  ageing_root:
    description: Age root's password too.
    type: bool
    default: false
  ageing_exempt:
    description: Accounts whose ages are left alone.
    type: list
    elements: str
    default: []
  ageing_overdue:
    description:
      - What becomes of a password that O(ageing) would make too old at once.
      - V(renew) counts its days from today, V(expire) has its user change it at the next login, which ends logins that
        nobody sits at, with keys too.
    type: str
    choices: [renew, expire]
    default: renew
  ageing_keyless:
    description:
      - End the age of accounts of people, and root, that have no password. Once it is over, nobody could log in there,
        with a key neither.
    type: bool
    default: true
  inactive_days:
    description: Days after the end of a password's age when its account is closed. -1 leaves that alone.
    type: int
    default: -1
  future_changes:
    description: Bring last changes of passwords that are in the future back to today.
    type: bool
    default: true
  home_mode:
    description:
      - Permissions of homes of people, octal digits in quotes. They also get their user as owner. Empty leaves them
        alone.
      - Only the folder itself is changed. A folder of the system, and a home that another account has, has its home
        in, or has around its own, are left alone and reported.
    type: str
    default: "0700"
  home_exempt:
    description: Accounts whose homes are left alone.
    type: list
    elements: str
    default: []
  root_home_mode:
    description: Permissions of root's home. Empty leaves it alone.
    type: str
    default: "0700"
  extra_root:
    description: What becomes of accounts with uid 0 that are not root. V(lock) takes password and shell.
    type: str
    choices: [report, lock, delete]
    default: report
  remove:
    description: System accounts to remove, with a group of the same name that nobody else has. Their files stay.
    type: list
    elements: str
    default: []
  shadow_group_empty:
    description: Take all members out of group V(shadow).
    type: bool
    default: true
  shells:
    description: Take nologin out of C(/etc/shells).
    type: bool
    default: true
  cloud_user:
    description:
      - Have cloud-init make its default user without a password, switch SSH passwords off and close root to SSH, by
        O(cloud_config). Where the default user is root, root is not closed.
      - Lock that user's password where it has one now and does not need it for sudo.
      - When false, O(cloud_config) is removed.
    type: bool
    default: true
  cloud_config:
    description: The drop-in for cloud-init.
    type: path
    default: /etc/cloud/cloud.cfg.d/zz-hallmark-accounts.cfg
extends_documentation_fragment:
  - hallmark.images.hardening
attributes:
  diff_mode:
    support: full
    description: Shows the changed files, without hashes.
"""

EXAMPLES = r"""
- name: Lock what needs no login and age what has a password
  hallmark.images.account_policy:
    exempt: [postgres]
    ageing: {min: 7, max: 60, warn: 7}
    extra_root: lock
"""

RETURN = r"""
changes:
  description: What changed, one item per field and folder.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/passwd, key: games shell, before: /bin/sh, after: /usr/sbin/nologin}]
findings:
  description: What is not as it should be and was left alone.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/passwd, key: "toor, root", problem: have the same uid 0}]
default_user:
  description: Default user of cloud-init, empty when there is none.
  returned: always
  type: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import account_policy
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(account_policy)


if __name__ == "__main__":
    main()
