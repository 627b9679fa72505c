# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How a machine on AWS is reached, and by whom (plugins/module_utils/aws/network.py, readiness.py, windows.py)."""

    DOCUMENTATION = r"""
options:
  communicator:
    description:
      - V(ssh) for Linux, V(winrm) for Windows Server 2016 and later. Another kind of source image is refused.
      - With V(winrm), the user data open WinRM over HTTPS on port 5986 with a certificate that the machine makes itself
        and shows on its console; the key is RSA, and the password of Administrator, which EC2 tells encrypted with it,
        is kept in a file of mode 0600 as long as the machine is there. O(user_data) are then scripts for EC2Launch.
        O(ssh_port), O(user), O(wait_for_cloud_init), O(bastion) and O(ssh_proxy_command) are for V(ssh) only.
    type: str
    choices: [ssh, winrm]
    default: ssh
  user:
    description: The image's default user, who gets the key and may use sudo without a password.
    type: str
    default: admin
  security_group_ids:
    description: Existing security groups to use instead of a temporary one.
    type: list
    elements: str
    default: []
  security_group_filters:
    description:
      - Filters of DescribeSecurityGroups, a value or a list of values for each. All groups of the VPC that match are
        used instead of a temporary one.
    type: dict
    default: {}
"""
