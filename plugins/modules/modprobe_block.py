#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A block list of kernel modules in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: modprobe_block
short_description: Have kernel modules never be loaded
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Writes one file of modprobe rules with an C(install) and a C(blacklist) line for each module.
  - File systems that are mounted or stand in C(/etc/fstab) are left out, and so is vfat where the system may be started
    by UEFI firmware, and squashfs where snapd is installed.
  - Takes blocked modules that nothing uses out of the running kernel, and makes the initramfs anew where it holds
    drivers that the list could stop.
options:
  path:
    description:
      - The file. It holds these rules and nothing else.
      - The default is the file whose name linux-baseline asks for, and which the dev-sec role wrote.
      - Of several C(install) lines for one module modprobe takes the first. One of a file of an earlier name that does
        something is warned of.
    type: path
    default: /etc/modprobe.d/dev-sec.conf
  mode:
    description: Permissions of the file, octal digits in quotes.
    type: str
    default: "0644"
  modules:
    description: The modules to block.
    type: list
    elements: str
    required: true
  allow:
    description: Modules to leave out whatever the other lists say.
    type: list
    elements: str
    default: []
  keep_vfat:
    description:
      - Whether to leave vfat out. V(auto) does where fstab, C(/boot/efi), grub for EFI, shim or systemd-boot say that
        the system may be started by UEFI firmware.
      - V(false) blocks it even then; such a machine may no longer mount its EFI partition.
    type: str
    choices: [auto, "true", "false"]
    default: auto
  install_command:
    description: What is run in place of loading a module.
    type: str
    choices: [/bin/true, /bin/false]
    default: /bin/true
  blacklist:
    description: Write C(blacklist) lines too, which stop the aliases by which hardware asks for a module.
    type: bool
    default: true
  unload:
    description: Take blocked modules that nothing uses out of the running kernel.
    type: bool
    default: true
  rebuild_initramfs:
    description:
      - Whether to make the initramfs of all kernels anew when it is older than the list.
      - V(auto) does when a kernel ships a blocked driver of hardware, V(always) in any case, V(never) in none.
      - Never done for a tree below another O(root).
    type: str
    choices: [auto, always, never]
    default: auto
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: Neither rare file systems nor USB disks
  hallmark.images.modprobe_block:
    modules: [cramfs, hfsplus, udf, vfat, usb-storage, uas]
"""

RETURN = r"""
changes:
  description: What changed, one item per module and image.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/modprobe.d/dev-sec.conf, key: udf, before: null, after: install /bin/true; blacklist}]
blocked:
  description: The modules on the list.
  returned: always
  type: list
  elements: str
exempt:
  description: Modules that were left out, each with the reason.
  returned: always
  type: dict
  sample: {vfat: "UEFI: /boot/efi exists"}
initramfs:
  description: V(fine), V(made anew), V(left alone), or V(old) where this module cannot make it anew (an image tree).
  returned: always
  type: str
still_loaded:
  description: Blocked modules that are in use now; they are gone after the next boot.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import modprobe_block
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(modprobe_block)


if __name__ == "__main__":
    main()
