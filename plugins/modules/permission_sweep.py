#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owners and permissions of a whole system in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: permission_sweep
short_description: Set owners and permissions of files, programs, logs and homes, and sweep the whole system
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Gives files of a list their owner, group and mode, takes write permission from programs, closes logs and the dot
    files of homes, and goes once through all local file systems for what everybody may write and what nobody owns.
  - Only file systems on disks are looked at, each once. Links are not followed, and what has several names is changed
    once. Folders of containers are left out.
options:
  files:
    description: Files and folders, worked on in this order. Those that do not exist are left out.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path. Its last part may have wildcards, which match dot files only after a dot.
        type: path
        required: true
      owner:
        description: Owner.
        type: str
      group:
        description: Group.
        type: str
      mode:
        description: Permissions, octal digits in quotes.
        type: str
      mode_max:
        description: Most permissions, octal digits in quotes. Stricter ones stay.
        type: str
      families:
        description: Families of systems that this item is for, see RV(family); all when empty.
        type: list
        elements: str
        default: []
  leave:
    description: Paths in O(files) that are not touched.
    type: list
    elements: path
    default: []
  programs:
    description: Folders whose programs only their owners may write. Links in them count as what they point to.
    type: list
    elements: path
    default: []
  world_writable:
    description:
      - What to do with files that everybody may write and with folders that, besides, are not sticky.
      - V(fix) takes that permission from files and makes folders sticky.
    type: str
    choices: [fix, report, ignore]
    default: fix
  unowned:
    description: What to do with files whose owner or group has no name. V(root) gives them to root.
    type: str
    choices: [root, report, ignore]
    default: report
  skip:
    description: Folders that the sweep for these two does not enter, besides those of containers.
    type: list
    elements: path
    default: []
  logs:
    description: Folder of log files, whose permissions are at most O(log_mode_max). Not touched when not given.
    type: path
  log_mode_max:
    description: Most permissions of log files. C(wtmp), C(lastlog) and C(btmp) keep what programs of group utmp need.
    type: str
    default: "0640"
  homes:
    description: Dot files in homes are writable by their owners only, and histories private.
    type: bool
    default: false
  su:
    description:
      - Who may use su. In all cases but V(vendor) PAM demands membership of O(su_group), but never of root.
      - V(root_only) takes the program's set-id bit away too, V(group) lets only the group start it, V(vendor) does
        nothing.
      - On Debian the choice is kept in dpkg's database of overrides, elsewhere by a file in tmpfiles.d.
    type: str
    choices: [root_only, group, vendor]
    default: vendor
  su_group:
    description: That group, which is made when it does not exist.
    type: str
    default: sugroup
  boot_modes:
    description:
      - Lines for a file in tmpfiles.d, which give permissions back where programs loosen them again, at every boot and,
        where there is dpkg, after every run of apt. Without lines there is no such file.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - hallmark.images.hardening
attributes:
  diff_mode:
    support: full
    description: Shows changed texts; permissions are in RV(changes).
"""

EXAMPLES = r"""
- name: Close what should be closed
  hallmark.images.permission_sweep:
    files:
      - {path: /etc/shadow, owner: root, group: shadow, mode: "0640", families: [debian, ubuntu]}
      - {path: "/boot/vmlinuz-*", mode_max: "0600"}
    programs: [/usr/local/bin, /usr/bin, /bin]
    logs: /var/log
    homes: true
    su: root_only
"""

RETURN = r"""
changes:
  description: What changed, one item per file.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/shadow, key: attributes, before: "0:42 0644", after: "0:42 0640"}]
failures:
  description: Files that could not be changed, such as on a file system that has no permissions, and why.
  returned: always
  type: list
  elements: dict
  sample: [{path: /boot, reason: Operation not permitted}]
found:
  description:
    - What the sweep found before it changed anything, by kind; C(count) counts all, C(paths) names the first hundred.
  returned: always
  type: dict
  sample: {unowned: {count: 1, paths: [/srv/left-over]}}
odd_dot_files:
  description: Dot files in homes that a person must judge, because they are somebody else's or forward mail.
  returned: always
  type: list
  elements: str
family:
  description: Family of the system, empty when unknown.
  returned: always
  type: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import permission_sweep
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(permission_sweep)


if __name__ == "__main__":
    main()
