#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root's password locked and no getty that logs in by itself, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: console_login
short_description: Lock root's password and take automatic logins out of the gettys
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Nobody gets in at a console of the machine without a password of their own.
  - The gettys themselves stay, with their other options, so the serial console goes on asking for a login.
options:
  lock_root:
    description:
      - Lock root's password, under the lock that tools for accounts use. The hash is kept behind the mark C(!).
      - When false the password is left as it is; C(passwd -u root) unlocks it.
    type: bool
    default: true
  stop_autologin:
    description:
      - Take options that log somebody in by themselves, or let them in without a password, out of the command lines of
        gettys in unit files and drop-ins.
      - Files of packages are shadowed by a changed copy below C(/etc/systemd/system).
    type: bool
    default: true
  enforce_securetty:
    description:
      - Have PAM ask C(/etc/securetty) on which terminals root may log in. When false this module's line is taken away.
      - The list must hold the serial consoles of the machine, or root cannot use them.
    type: bool
    default: false
extends_documentation_fragment:
  - hallmark.images.hardening
attributes:
  diff_mode:
    support: full
    description: Shows the changed unit files; password files are not shown.
"""

EXAMPLES = r"""
- name: Nobody gets in at the console without a password
  hallmark.images.console_login:
"""

RETURN = r"""
changes:
  description: What changed, one item per file.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/shadow, key: "root's password", before: usable, after: locked}]
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import console_login
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(console_login)


if __name__ == "__main__":
    main()
