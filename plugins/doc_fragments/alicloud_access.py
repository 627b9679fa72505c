# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How a machine on Alibaba Cloud is reached, and by whom (plugins/module_utils/alicloud/options.py)."""

    DOCUMENTATION = r"""
options:
  communicator:
    description:
      - V(ssh) for Linux, V(winrm) for Windows Server 2016 and later. Another kind of source image is refused.
      - With V(winrm), the password of Administrator and the certificate of WinRM over HTTPS on port 5986 are made on
        the controller and given to the machine when it is launched, because Alibaba Cloud tells nothing of the console
        of Windows. They are never logged; the password is kept in a file of mode 0600 as long as the machine is there.
        O(eip) or O(eip_id) is needed, because the certificate is for that address. O(user_data) are then a script that
        begins with V([powershell]). O(ssh_port), O(user), O(wait_for_cloud_init), O(bastion) and O(ssh_proxy_command)
        are for V(ssh) only. No machine of Alibaba Cloud's has been reached this way yet.
    type: str
    choices: [ssh, winrm]
    default: ssh
  user:
    description: The image's default user, who gets the key and may use sudo without a password.
    type: str
    default: root
  security_group_ids:
    description: Existing security groups, of the VPC that the machine is in, to use instead of a temporary one.
    type: list
    elements: str
    default: []
  assign_public_ip:
    description:
      - Whether it gets a public address of its own. When missing, with O(connect_by=public) it does, unless it gets an
        elastic one.
    type: bool
  connect_by:
    description: The address to connect to.
    type: str
    choices: [public, private]
    default: public
  eip:
    description: Give it a temporary elastic IP address.
    type: bool
    default: false
  eip_id:
    description: Allocation id of an elastic IP address to give it for as long as it is there.
    type: str
  internet_charge_type:
    description: What is paid for with a public address.
    type: str
    choices: [PayByTraffic, PayByBandwidth]
    default: PayByTraffic
  internet_max_bandwidth_out:
    description: Mbit/s of a public address.
    type: int
    default: 10
"""
