#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: alicloud_builder
short_description: Launch and remove a temporary ECS instance
version_added: 0.1.0
description:
  - Launches an instance with a key pair made on the controller for it alone, a VPC, vSwitches and a security group of
    its own that admits one port from few addresses, and with metadata that need a token; and waits until SSH answers
    and cloud-init is done. It boots once.
  - The guest's host keys are learned from its console output before the first connection.
  - Everything that is created is tagged in its create call and stands in the ledger of the build first, so that it can
    be removed whatever happens. Alibaba Cloud releases the instance at its deadline (C(AutoReleaseTime)), which is at
    least half an hour after its launch.
  - Check mode resolves source image, zones, types and network, asks the API with C(DryRun) whether the VPC could be
    made, or, in a network that exists, whether the launch would be let through, and makes no call that changes
    anything.
author: Contributors to the hallmark.images project (@hallmark)
requirements:
  - ssh, ssh-keygen
extends_documentation_fragment:
  - hallmark.images.attributes
  - hallmark.images.builder
  - hallmark.images.alicloud
  - hallmark.images.remote_access
  - hallmark.images.alicloud_access
  - hallmark.images.alicloud_disks
options:
  source:
    description: The image to start from. Required with O(state=present).
    type: dict
    suboptions:
      id:
        description: Its id.
        type: str
      family:
        description: Its family, of which the newest image is taken.
        type: str
      name:
        description: Its name; C(*) matches.
        type: str
      owner:
        description:
          - V(system) for images of Alibaba Cloud, V(self), V(others) for shared ones, V(marketplace), or an account id.
          - Required unless id or family is given.
        type: str
      filters:
        description:
          - Further parameters of DescribeImages, of V(Architecture), V(OSType), V(ImageVersion), V(ResourceGroupId),
            V(IsSupportCloudinit) and V(IsSupportIoOptimized).
        type: dict
      most_recent:
        description: Take the newest where several match, which is an error otherwise.
        type: bool
        default: false
      include_deprecated:
        description: Whether deprecated images count.
        type: bool
        default: false
  instance_name:
    description:
      - The instance's name in the console, of 2 to 128 letters, digits and C(.:_-), with a letter first. Made of the
        build's id when missing, as the names of all that is made.
      - Names are for people alone. What belongs to a build is known by its ledger and its tags.
    type: str
  instance_description:
    description: The instance's description, of 2 to 256 characters, without C(http://) or C(https://) in front.
    type: str
  instance_types:
    description:
      - Instance types in the order of preference. The next is tried where there is no stock of one, or of a disk that
        it is to have.
    type: list
    elements: str
    default: [ecs.e-c1m2.large, ecs.c6.large]
  market:
    description: V(spot-first) falls back to on-demand where no spot capacity is to be had for any type and vSwitch.
    type: str
    choices: [on-demand, spot, spot-first]
    default: on-demand
  spot_max_price:
    description: The most to pay for an hour of a spot instance. At most the pay-as-you-go price when missing.
    type: str
  availability_zones:
    description:
      - Zones to stay in, the preferred one first. A temporary VPC has a vSwitch in each.
      - When empty, the zones that have the first type in stock come first, and a temporary VPC reaches into two.
    type: list
    elements: str
    default: []
  vpc_id:
    description:
      - An existing VPC. Its vSwitches in zones that offer a wanted type are tried, those with the most free addresses
        first, unless O(vswitch_cidr) asks for a temporary one.
      - When neither it nor O(vswitch_ids) is given, a temporary VPC is made.
    type: str
  vpc_cidr:
    description: The network of a temporary VPC.
    type: str
    default: 172.16.0.0/16
  vpc_name:
    description: The name of a temporary VPC, of 1 to 128 characters, without C(http://) or C(https://) in front.
    type: str
  vswitch_ids:
    description: Existing vSwitches of one VPC. The next is tried where there is no stock in the zone of one.
    type: list
    elements: str
    default: []
  vswitch_cidr:
    description: The network of a temporary vSwitch in O(vpc_id).
    type: str
  vswitch_name:
    description:
      - The name of each temporary vSwitch, of 1 to 128 characters, without C(http://) or C(https://) in front.
    type: str
  security_group_name:
    description: The name of a temporary security group. As O(instance_name) in its form.
    type: str
  imds_tokens:
    description: Whether the instance metadata need a session token.
    type: str
    choices: [required, optional]
    default: required
  instance_ram_role:
    description: Name of a RAM role for the instance itself.
    type: str
  security_enhancement:
    description: Whether Alibaba Cloud puts its security agent into the machine, V(Active), or not.
    type: str
    choices: [Active, Deactive]
    default: Deactive
  resource_group_id:
    description: Resource group of everything that is made and can be in one.
    type: str
  user_data:
    description: User data for cloud-init in any format it knows. Never logged.
    type: str
  user_data_file:
    description: The same from a file on the controller.
    type: path
  tags:
    description: Further tags for the instance and all that belongs to it, its disks too.
    type: dict
    default: {}
  console_log:
    description: File for the console output. In the build's state folder when missing.
    type: path
"""

EXAMPLES = r"""
- name: Launch a machine that ends with this playbook
  hallmark.images.alicloud_builder:
    region: eu-central-1
    source:
      name: debian_12_*
      owner: system
      most_recent: true
    instance_types: [ecs.c6.large, ecs.c7.large]
    encrypted: true
  register: machine

- name: Remove everything of that build
  hallmark.images.alicloud_builder:
    build_id: "{{ machine.build_id }}"
    state: absent
"""

RETURN = r"""
build_id:
  description: The build that the machine belongs to.
  returned: always
  type: str
  sample: 20261123t171452-k3f9q2
guest:
  description: How to reach the guest.
  returned: when O(state=present), O(wait=true), and not in check mode
  type: dict
  contains:
    name: {description: The machine's name., type: str, returned: always}
    host: {description: Its address., type: str, returned: always}
    port: {description: The port of its SSH or WinRM server., type: int, returned: always}
    user: {description: The user who holds the key or has the password., type: str, returned: always}
    private_key_file: {description: Path of the private key., type: str, returned: with SSH}
    known_hosts_file: {description: Path of a file with the guest's host keys., type: str, returned: with SSH}
    proxy_command: {description: What SSH connects through; empty for nothing., type: str, returned: with SSH}
    connection: {description: V(psrp)., type: str, returned: with WinRM}
    password_file: {description: Path of a file with the password., type: str, returned: with WinRM}
    certificate_file: {description: Path of the guest's certificate., type: str, returned: with WinRM}
host_keys:
  description: The guest's host keys, as type and base64; none with WinRM.
  returned: with RV(guest)
  type: list
  elements: str
instance:
  description: The instance.
  returned: with RV(guest)
  type: dict
  contains:
    id: {description: Its id., type: str, returned: always}
    type: {description: The instance type that was to be had., type: str, returned: always}
    zone: {description: Its availability zone., type: str, returned: always}
    vswitch: {description: Its vSwitch., type: str, returned: always}
    market: {description: V(spot) or V(on-demand)., type: str, returned: always}
    public_ip: {description: Its public address., type: str, returned: always}
    private_ip: {description: Its private address., type: str, returned: always}
runtime_dir:
  description: A folder with a short path, mode 0700, for sockets.
  returned: with RV(guest)
  type: str
console_log:
  description: Path of the file with the console output.
  returned: with RV(guest)
  type: str
plan:
  description:
    - What is, or would be, created, in order; with the machine, its C(source) image, the instance C(types) that are
      tried, its C(disks), and when it is released by itself.
  returned: when O(state=present)
  type: list
  elements: dict
left:
  description: What could not be removed.
  returned: when O(state=absent)
  type: list
  elements: str
state_folder:
  description: Where ledger and key are.
  returned: when O(state=present) and not in check mode
  type: str
expires:
  description: When what is kept ends itself.
  returned: when O(state=kept)
  type: str
kept:
  description: Whether there was anything to keep.
  returned: when O(state=kept)
  type: bool
seconds:
  description: How long it took until the guest was ready.
  returned: when O(state=present) and not in check mode
  type: float
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import connection
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.options import ARGUMENT_SPEC as OWN
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.provider import AlicloudProvider
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.restore import restore
from ansible_collections.hallmark.images.plugins.module_utils.build.run_builder import ARGUMENT_SPEC, run_builder


def main() -> None:
    module = AnsibleModule(
        argument_spec={**ARGUMENT_SPEC, **connection.ARGUMENT_SPEC, **OWN},
        mutually_exclusive=[("user_data", "user_data_file"), ("bastion", "ssh_proxy_command")],
        supports_check_mode=True,
    )
    if connection.FOOTMARK_ERROR:
        module.fail_json(msg=missing_required_lib("footmark"), exception=connection.FOOTMARK_ERROR)
    connection.remember_secrets(module.params)
    run_builder(module, "alicloud", lambda ledger: AlicloudProvider(module.params, ledger, module.check_mode), restore)


if __name__ == "__main__":
    main()
