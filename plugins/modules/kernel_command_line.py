#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of every kernel that the boot loader offers, now and later, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_command_line
short_description: Set arguments of every kernel that the boot loader offers
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Gives every kernel, present and future, a list of arguments, and can protect the menu with a password.
  - Arguments that others set, such as those of the serial console, stay.
  - On Debian and Ubuntu they stand in C(/etc/default/grub) and in a drop-in file for GRUB, which holds against files of
    cloud images that take the place of the former; each is on the command line once. Arguments that are new to the menu
    are added to it at once, as C(update-grub) would; when the menu holds others of the same name, C(update-grub) makes
    it anew. The RPM family is served with grubby.
  - Nothing happens to a machine without GRUB, and the running kernel is what it is until the next boot.
options:
  arguments:
    description:
      - Arguments, each C(name) or C(name=value).
      - C(pti) and C(vsyscall) are left out where the processor is not of the x86 kind.
    type: list
    elements: str
    required: true
  absent:
    description:
      - Arguments that this module may have set before and that shall go. Needed on the RPM family only; Debian's
        drop-in file remembers what was set.
    type: list
    elements: str
    default: []
  apparmor:
    description:
      - Add C(apparmor=1 security=apparmor) on Debian and Ubuntu, unless the system is set up for SELinux.
    type: bool
    default: false
  drop_in:
    description: Debian's drop-in file; one for each user of this module.
    type: path
    default: /etc/default/grub.d/zz-hallmark-boot.cfg
  password_hash:
    description:
      - Hash of C(grub-mkpasswd-pbkdf2) that whoever edits an entry or wants GRUB's shell must know the password of.
      - Entries start without it. When empty, a password that this module set is taken away.
    type: str
    default: ""
  superuser:
    description: Name that belongs to the password. On the RPM family it is always C(root).
    type: str
    default: root
extends_documentation_fragment:
  - hallmark.images.hardening
attributes:
  check_mode:
    support: full
    description: Says what it would change; never makes a menu.
  diff_mode:
    support: full
    description: Shows the changed files; the hash is not shown.
"""

EXAMPLES = r"""
- name: Fill memory with zeroes before it is used
  hallmark.images.kernel_command_line:
    arguments: [init_on_alloc=1, slab_nomerge]
    apparmor: true
"""

RETURN = r"""
changes:
  description: What changed, one item per file, and one for the boot loader.
  returned: always
  type: list
  elements: dict
  sample: [{path: boot loader, key: kernel arguments, before: other arguments, after: slab_nomerge}]
arguments:
  description: The arguments that every kernel shall have on this machine.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import kernel_command_line
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(kernel_command_line)


if __name__ == "__main__":
    main()
