#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One client that keeps the clock, with its servers, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: time_client
short_description: Have one client keep the clock
version_added: 0.1.0
author: Contributors to the hallmark.images project (@hallmark)
description:
  - Enables chrony or systemd-timesyncd, masks the other, and writes down the servers to ask.
  - Nothing is installed. When the client is not there, the result names its package and nothing else happens.
options:
  client:
    description: The client; V(auto) is chrony where it is installed, else systemd-timesyncd.
    type: str
    choices: [auto, chrony, timesyncd]
    default: auto
  servers:
    description:
      - Servers, by name or address, which are preferred to others.
      - Empty leaves those of the distribution. For systemd-timesyncd they are written down where systemd's
        configuration shows them in a comment, and servers of the network (DHCP) come first.
    type: list
    elements: str
    default: []
  live:
    description: Whether to start and stop clients at once; V(auto) does, except in a tree, a chroot, a container.
    type: str
    choices: [auto, "true", "false"]
    default: auto
extends_documentation_fragment:
  - hallmark.images.hardening
"""

EXAMPLES = r"""
- name: Ask the cloud's own server
  hallmark.images.time_client:
    servers: ["169.254.169.123"]
"""

RETURN = r"""
changes:
  description: What changed, one item per file.
  returned: always
  type: list
  elements: dict
  sample: [{path: /etc/systemd/timesyncd.conf.d/zz-hallmark.conf, key: content, before: absent, after: written}]
client:
  description: The client, chrony or timesyncd; empty when it is not installed.
  returned: always
  type: str
missing_packages:
  description: Package of the client when it is not installed.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import time_client
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import run_module


def main() -> None:
    """Run the module."""
    run_module(time_client)


if __name__ == "__main__":
    main()
