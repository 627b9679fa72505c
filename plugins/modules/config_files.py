#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole list of small files in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_files
short_description: Write a list of small files at once
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Makes each file of a list have its content, owner and permissions, or not exist, in one call for all of them.
  - Meant for drop-in files. Files are replaced in one step and keep their SELinux label.
options:
  files:
    description: The files, worked on in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      state:
        description:
          - V(file) has exactly O(files[].content), V(directory) exists, V(link) points to O(files[].target).
          - V(absent) removes a file or link, never a directory.
        type: str
        choices: [file, directory, link, absent]
        default: file
      content:
        description: Whole text of a file.
        type: str
      target:
        description:
          - Where a link points to. Of V(/usr/lib/FILE) and V(/lib/FILE) the one that exists is taken; so it is with
            C(bin) and C(sbin).
        type: str
      ours:
        description: With V(absent), remove only a file that has this text in it, such as part of its first line.
        type: str
      mode:
        description: Permissions, octal digits in quotes. Files get V(0644), directories V(0755) unless said otherwise.
        type: str
      owner:
        description: Owner of a file or directory.
        type: str
        default: root
      group:
        description: Group of a file or directory.
        type: str
        default: root
      needs:
        description:
          - Path that must exist, or nothing is done for this file, such as a program's own folder.
          - V(/usr/lib/FILE) and V(/lib/FILE) are one; so are the two places of C(bin) and C(sbin).
        type: path
      language:
        description:
          - How the file's settings are written, as those of systemd (V(ini)) or of limits.conf(5) (V(limits)).
          - With it, each setting that a file of a later name in the same folder gives another value is warned of,
            because there the last value counts. That file is left alone.
        type: str
        choices: [ini, limits]
      systemd_reload:
        description: When this file changed, have a running systemd read its configuration again, once for all files.
        type: bool
        default: false
  record:
    description:
      - File that remembers which links of O(files) were made by this module and not by somebody else before.
      - Those that it remembers and O(files) has no longer are removed, while they still point to where they did.
    type: path
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: No core files
  hallmark.images.config_files:
    files:
      - path: /etc/security/limits.d/99-site.conf
        content: "* hard core 0\n"
        mode: "0440"
      - path: /etc/systemd/coredump.conf.d/99-site.conf
        content: "[Coredump]\nStorage=none\n"
        needs: /usr/lib/systemd
"""

RETURN = r"""
changes:
  description: What changed, one item per file.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/security/limits.d/99-site.conf, key: content, before: absent, after: written}]
left_alone:
  description: Files left alone because what they need does not exist.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import config_files
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(config_files)


if __name__ == "__main__":
    main()
