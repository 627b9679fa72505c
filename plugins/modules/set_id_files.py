#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set-id programs and file capabilities of a whole system in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: set_id_files
short_description: Take set-id bits away for good, and tell which programs have them
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Takes the setuid and setgid bits from programs of a list, so that package upgrades do not bring them back.
  - Goes once through all local file systems and compares set-id programs and file capabilities with what the release is
    known to ship. Links in the names of folders are followed, so C(/bin/su) and C(/usr/bin/su) are one.
options:
  deny:
    description: Programs that lose both bits where they exist.
    type: list
    elements: path
    default: []
  allow:
    description: Programs that keep what they have, though they are denied or not known.
    type: list
    elements: path
    default: []
  known:
    description: More programs that are known, besides those of the release.
    type: list
    elements: path
    default: []
  unknown:
    description:
      - What to do with set-id programs that are not known. V(ignore) does not look for them.
      - V(strip) takes their bits too, but only on a system whose release is known.
    type: str
    choices: [report, strip, ignore]
    default: report
  capabilities:
    description: What to do with capabilities that are not known, as O(unknown).
    type: str
    choices: [report, strip, ignore]
    default: report
  persist:
    description:
      - Package upgrades do not bring the bits back. dpkg gets lines in its database of overrides, in one step;
        elsewhere a file in tmpfiles.d takes the bits away again at every boot.
    type: bool
    default: true
  skip:
    description: Folders that are not entered, besides those of containers.
    type: list
    elements: path
    default: []
extends_documentation_fragment:
  - hallmark.images.hardening
attributes:
  diff_mode:
    support: full
    description: Shows changed texts; permissions are in RV(changes).
"""

EXAMPLES = r"""
- name: Programs without need of root's rights
  hallmark.images.set_id_files:
    deny: [/usr/lib/openssh/ssh-keysign, /usr/bin/chfn, /usr/bin/chsh]
  register: found

- name: Say which set-id programs the release does not ship
  ansible.builtin.debug:
    var: found.unknown
"""

RETURN = r"""
changes:
  description: What changed, one item per file.
  returned: always
  type: list
  elements: dict
  sample: [{path: /usr/bin/chfn, key: attributes, before: "0:0 4755", after: "0:0 0755"}]
set_id:
  description: Every set-id program that was found after O(deny) was done.
  returned: always
  type: list
  elements: dict
  sample: [{path: /usr/bin/su, mode: "4755", owner: root, group: root}]
unknown:
  description: Those of them that are not known.
  returned: always
  type: list
  elements: str
unknown_capabilities:
  description: Programs with capabilities that are not known.
  returned: always
  type: list
  elements: dict
  sample: [{path: /usr/local/bin/tool, capabilities: [cap_net_admin]}]
known_release:
  description: Whether it is known what this system ships; if not, every program is unknown.
  returned: always
  type: bool
failures:
  description: Files that could not be changed, and why.
  returned: always
  type: list
  elements: dict
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import set_id_files
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(set_id_files)


if __name__ == "__main__":
    main()
