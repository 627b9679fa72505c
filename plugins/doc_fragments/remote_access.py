# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How a machine in any cloud is reached (plugins/module_utils/build/reach.py, addresses.py)."""

    DOCUMENTATION = r"""
options:
  ssh_port:
    description: The port of the guest's SSH server, and the one port that is admitted.
    type: int
    default: 22
  wait_for_cloud_init:
    description: Whether the guest is ready only when cloud-init is done, and without errors.
    type: bool
    default: true
  bastion:
    description:
      - A machine that SSH connections go through (a jump host), for the guest's readiness as for all that runs in it.
      - It sees none of what passes through it. Nothing of the user's own SSH set-up is used for it.
      - O(source_cidrs) or O(security_group_ids) must let it in, because nobody tells where it connects from.
    type: dict
    suboptions:
      host:
        description: Its name or address.
        type: str
        required: true
      port:
        description: The port of its SSH server.
        type: int
        default: 22
      user:
        description: The user to log in as there. It needs no shell, only TCP forwarding.
        type: str
        required: true
      private_key_file:
        description: That user's private key, without a passphrase, mode 0600.
        type: path
        required: true
      known_hosts_file:
        description: A file in SSH's format with the bastion's host key. One with another key is not talked to.
        type: path
        required: true
  ssh_proxy_command:
    description:
      - Another way for SSH connections, given to SSH as its C(ProxyCommand). V({instance}) stands for the instance's
        id.
      - O(source_cidrs) or O(security_group_ids) must be given.
    type: str
  source_cidrs:
    description:
      - Networks that may connect.
      - When empty, the controller's own address alone. V(0.0.0.0/0) has to be written out.
    type: list
    elements: str
    default: []
  address_service:
    description:
      - Where the controller's own public address is asked for, as one line of text. Not asked with O(source_cidrs), or
        with O(connect_by=private), when the controller's route to the network tells.
    type: str
    default: https://checkip.amazonaws.com
"""
