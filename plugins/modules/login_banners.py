#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login banners that warn, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: login_banners
short_description: Write a warning to the files shown at logins
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Files of one list hold a warning; those of another get it only where they name the operating system.
  - Files of root, readable by everybody. A link to a file of the vendor is replaced by a file.
options:
  text:
    description: The warning. It may neither name an operating system nor have agetty's escapes for that.
    type: str
    required: true
  files:
    description: Files that hold the text.
    type: list
    elements: path
    default: [/etc/issue, /etc/issue.net]
  keep:
    description: Files that keep their own text as long as it does not name the system. They are not made.
    type: list
    elements: path
    default: [/etc/motd]
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: Warn
  hallmark.images.login_banners:
    text: Authorized users only. All activity may be monitored and reported.
"""

RETURN = r"""
changes:
  description: What changed.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/issue, key: content, before: other content, after: written}]
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import login_banners
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(login_banners)


if __name__ == "__main__":
    main()
