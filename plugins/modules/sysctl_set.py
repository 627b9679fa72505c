#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole set of kernel parameters in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sysctl_set
short_description: Set many kernel parameters at once, now and for every boot
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Writes all parameters into one file of C(/etc/sysctl.d), makes lines of other files in C(/etc) that say something
    else into comments, and brings the running kernel to the same values, writing only what differs and reading back.
  - In an image tree, a chroot, or a container, only files are written; see O(live).
options:
  settings:
    description:
      - Parameters and their values. A name may hold wildcards (C(net.ipv4.conf.*.rp_filter)).
      - A parameter whose value is null is left out. The value C(max) of C(vm.mmap_rnd_bits) and
        C(vm.mmap_rnd_compat_bits) is the most that the kernel can.
      - Written and applied in the order given.
    type: dict
    required: true
  path:
    description:
      - The file. It holds these parameters and nothing else.
      - Its name must sort after the vendors' files, some of which begin with C(99-). A parameter to which a file of a
        later name gives another value is warned of.
    type: path
    default: /etc/sysctl.d/zz-hallmark.conf
  mode:
    description: Permissions of the file, octal digits in quotes.
    type: str
    default: "0440"
  live:
    description:
      - Whether to change the running kernel. V(auto) does, except in an image tree, a chroot, a container, and where
        C(/proc/sys) is read-only.
    type: str
    choices: [auto, "true", "false"]
    default: auto
  disable_rivals:
    description: Make other values for the same parameters in C(/etc/sysctl.conf) and C(/etc/sysctl.d) into comments.
    type: bool
    default: true
  ufw:
    description: With O(disable_rivals), look into C(/etc/ufw/sysctl.conf) as well, which ufw loads when it starts.
    type: bool
    default: true
  lock_modules:
    description:
      - Forbid the loading of kernel modules at the end of every boot, by a systemd unit.
      - When false, that unit is removed. Without this option it is left as it is.
    type: bool
  ignore_missing:
    description: Leave out parameters that the running kernel does not have. When false they are an error.
    type: bool
    default: true
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: Neither route nor answer broadcast pings
  hallmark.images.sysctl_set:
    settings:
      net.ipv4.ip_forward: 0
      net.ipv4.icmp_echo_ignore_broadcasts: 1
      net.ipv4.conf.*.rp_filter: 1
"""

RETURN = r"""
changes:
  description: What changed, one item per parameter and place.
  returned: always
  type: list
  elements: dict
  sample: [{path: /proc/sys, key: net.ipv4.ip_forward, before: "1", after: "0"}]
live:
  description: Whether the running kernel was looked at.
  returned: always
  type: bool
missing:
  description: Parameters left out because the running kernel does not have them.
  returned: always
  type: list
  elements: str
next_boot:
  description: Parameters that the kernel takes back only at the next boot.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import sysctl_set
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(sysctl_set)


if __name__ == "__main__":
    main()
