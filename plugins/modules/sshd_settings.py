#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of sshd's settings, wherever this system's sshd reads it first, and in sshd_config itself."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sshd_settings
short_description: Set keys of sshd in sshd_config, and in a drop-in file where there are such
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Writes the settings into a marked block of C(/etc/ssh/sshd_config). Where that includes drop-in files, they stand in
    a file of their own as well, and the block is right after the line that includes it; otherwise the block is at the
    top. sshd takes the first value it reads.
  - Lines of C(/etc/ssh/sshd_config) that say something else become comments, and lines again when the settings go.
    Sections that begin with C(Match) are not touched.
  - Keywords that add up, such as C(AllowGroups), are added to what is there. Those that must not be repeated
    (C(HostCertificate), C(HostKey), C(ListenAddress), C(Port), C(Subsystem)) stand in the drop-in file only.
  - Does nothing where there is no sshd.
  - A running sshd is told to read its files again, when it finds no error in them; open sessions stay.
  - Nothing is changed when the installed sshd would not start with the settings, or when they close the account that
    Ansible is logged in with.
options:
  settings:
    description: Keywords of sshd_config(5) and their values. The installed sshd must know the keywords.
    type: dict
    required: true
  optional:
    description: Those keywords of O(settings) that are left out where the installed sshd does not know them.
    type: list
    elements: str
    default: []
  algorithms:
    description:
      - Keywords such as C(Ciphers) and lists of algorithms. Those that the installed sshd does not know are left out.
      - All are left out where the system's crypto-policies choose the algorithms of sshd.
    type: dict
    default: {}
  path:
    description:
      - The drop-in file. Files are read by name, so one that begins with V(00-) beats others.
      - A keyword to which a file of an earlier name gives another value is warned of; that file is left alone.
    type: path
    default: /etc/ssh/sshd_config.d/00-hallmark.conf
  state:
    description: V(absent) takes away the file and the block.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: Trust no host
  hallmark.images.sshd_settings:
    settings:
      IgnoreRhosts: "yes"
      HostbasedAuthentication: "no"
    path: /etc/ssh/sshd_config.d/00-site-trust.conf

- name: Offer strong ciphers only
  hallmark.images.sshd_settings:
    settings:
      DebianBanner: "no"
    optional: [DebianBanner]
    algorithms:
      Ciphers: [chacha20-poly1305@openssh.com, aes256-gcm@openssh.com]
"""

RETURN = r"""
changes:
  description: What changed.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/ssh/sshd_config.d/00-hallmark.conf, key: content, before: absent, after: written}]
left_alone:
  description: The configuration file, when there is none because sshd is not installed.
  returned: always
  type: list
  elements: str
left_out:
  description: Keywords and algorithms left out because the installed sshd does not know them, or is not to choose.
  returned: always
  type: list
  elements: str
  sample: [DebianBanner, "KexAlgorithms: sntrup761x25519-sha512@openssh.com"]
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import sshd_settings
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(sshd_settings)


if __name__ == "__main__":
    main()
