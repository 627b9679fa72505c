#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit system's settings, rules and kernel arguments in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_rules
short_description: Set up the audit daemon and its rules at once
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Sets keys of C(/etc/audit/auditd.conf) in place, writes one file of rules from groups of them, and rules for every
    set-id program that one walk over the local file systems finds.
  - Has the kernel audit from its first process on, starts the daemon at every boot, and keeps its files private.
  - Rules are loaded and the daemon is told only on a running system, never in an image tree, a chroot or a container.
  - The daemon itself must be installed (package C(auditd) on Debian, C(audit) elsewhere).
options:
  settings:
    description:
      - Keys and values of C(auditd.conf). A null value makes the key a comment.
      - Keys that the installed daemon does not know are left out, because it would not start.
    type: dict
    default: {}
  rules:
    description: Write rules. When false, this module's file of rules is removed.
    type: bool
    default: true
  groups:
    description:
      - Which groups of rules to write, in C(/etc/audit/rules.d/zz-hallmark.rules).
      - The name sorts last, so that an administrator's exceptions come first and count.
    type: list
    elements: str
    choices:
      - time
      - identity
      - network
      - mac
      - logins
      - session
      - perm_mod
      - access
      - privileged
      - mounts
      - delete
      - scope
      - modules
      - tools
    default:
      - time
      - identity
      - network
      - mac
      - logins
      - session
      - perm_mod
      - access
      - privileged
      - mounts
      - delete
      - scope
      - modules
      - tools
  extra_rules:
    description: More rules, one line each, as auditctl(8) takes them. They come last.
    type: list
    elements: str
    default: []
  sudo_log:
    description: Log file of sudo to watch in group V(scope); empty for none.
    type: str
    default: /var/log/sudo.log
  immutable:
    description: Lock the rules until the next boot.
    type: bool
    default: false
  backlog_limit:
    description: Records that the kernel keeps while the daemon is busy.
    type: int
    default: 8192
  failure_mode:
    description: What the kernel does when it loses a record - 0 nothing, 1 a message, 2 panic.
    type: int
    choices: [0, 1, 2]
    default: 1
  drop_never_task:
    description: Make a vendor's rule C(-a never,task) a comment. It silences all others.
    type: bool
    default: true
  private_files:
    description: Take permissions from logs, rules and tools that go beyond root's needs.
    type: bool
    default: true
  kernel_cmdline:
    description:
      - Start every kernel with C(audit=1) and O(backlog_limit).
      - Runs C(grubby), or C(update-grub) where the menu cannot simply be added to, only when the boot loader lacks
        them.
    type: bool
    default: true
  mask_journald:
    description: Mask journald's own audit socket, which would write every record a second time.
    type: bool
    default: true
  service:
    description: Have the daemon start at every boot, and now when it does not run.
    type: bool
    default: true
  live:
    description:
      - Whether to change the running system. V(auto) does, except in an image tree, a chroot, a container.
    type: str
    choices: [auto, "true", "false"]
    default: auto
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: Record who changed what
  hallmark.images.audit_rules:
    settings:
      max_log_file: 20
      max_log_file_action: ROTATE
    groups: [identity, scope, privileged, modules]
    extra_rules:
      - -w /srv/payroll -p rwa -k payroll
"""

RETURN = r"""
changes:
  description: What changed, one item per key, rule and file.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/audit/auditd.conf, key: max_log_file, before: "8", after: "6"}]
family:
  description: Family of the system, empty when unknown.
  returned: always
  type: str
live:
  description: Whether the running system was looked at.
  returned: always
  type: bool
unknown_keys:
  description: Settings left out because the installed daemon does not know them.
  returned: always
  type: list
  elements: str
programs:
  description: The set-id files that have a rule each.
  returned: always
  type: list
  elements: str
left_out:
  description: Set-id files without a rule because their names hold blanks.
  returned: always
  type: list
  elements: str
next_boot:
  description: Whether the running rules are locked, so that new ones come into force at the next boot.
  returned: always
  type: bool
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import audit_rules
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(audit_rules)


if __name__ == "__main__":
    main()
