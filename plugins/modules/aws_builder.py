#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_builder
short_description: Launch and remove a temporary EC2 instance
version_added: 0.1.0
description:
  - Launches an instance with a key pair made on the controller for it alone, a security group that admits one port from
    few addresses, and IMDSv2 required, and waits until SSH answers and cloud-init is done.
  - The guest's host keys are learned from its console output before the first connection.
  - Everything that is created is tagged in its create call and stands in the ledger of the build first, so that it can
    be removed whatever happens. The instance ends itself at its deadline, by a timer in its user data and shutdown
    behaviour terminate.
  - Check mode resolves source image, network, zones and types, looks at those quotas that can be read, asks the API
    with C(DryRun) whether the launch would be let through, and makes no call that changes anything.
author: Contributors to the hallmark.images project (@hallmark)
requirements:
  - ssh, ssh-keygen
extends_documentation_fragment:
  - hallmark.images.attributes
  - hallmark.images.builder
  - hallmark.images.aws
  - hallmark.images.remote_access
  - hallmark.images.aws_access
  - hallmark.images.aws_disks
options:
  source:
    description: The image to start from. Required with O(state=present).
    type: dict
    suboptions:
      id:
        description: Its id. Together with the other suboptions, these must hold for it.
        type: str
      ssm_parameter:
        description: A parameter of Systems Manager that holds its id, for example one of C(/aws/service/debian).
        type: str
      name:
        description: Its name; C(*) and C(?) match.
        type: str
      owners:
        description: Account ids, V(self), V(amazon) or V(aws-marketplace). Required unless the id is known.
        type: list
        elements: str
      filters:
        description: Further filters of DescribeImages, a value or a list of values for each.
        type: dict
      most_recent:
        description: Take the newest where several match, which is an error otherwise.
        type: bool
        default: false
      include_deprecated:
        description: Whether deprecated images count.
        type: bool
        default: false
  instance_types:
    description: Instance types in the order of preference. The next is tried where there is no capacity for one.
    type: list
    elements: str
    default: [t3.small]
  market:
    description:
      - V(spot-first) falls back to on-demand where no spot capacity is to be had for any type and subnet.
      - A spot instance cannot be stopped, so its image is captured while EC2 shuts it down.
    type: str
    choices: [on-demand, spot, spot-first]
    default: on-demand
  spot_max_price:
    description: The most to pay for an hour of a spot instance, in US dollars. The on-demand price when missing.
    type: str
  vpc_id:
    description: The VPC. The default VPC when neither it nor O(vpc_filters) nor O(subnet_ids) is given.
    type: str
  vpc_filters:
    description: Filters of DescribeVpcs, a value or a list of values for each. One VPC must match.
    type: dict
    default: {}
  subnet_ids:
    description: Subnets of one VPC in the order of preference. The next is tried where there is no capacity in one.
    type: list
    elements: str
    default: []
  subnet_filters:
    description:
      - Filters of DescribeSubnets, a value or a list of values for each. Of the subnets found, those with the most free
        addresses come first, and only those in zones that offer a wanted type.
    type: dict
    default: {}
  subnet_order:
    description: Which of the subnets found comes first, the one with the most free addresses or any.
    type: str
    choices: [most-free, random]
    default: most-free
  availability_zones:
    description: Zones to stay in.
    type: list
    elements: str
    default: []
  assign_public_ip:
    description:
      - Whether it gets a public address. When missing, with O(connect_by=public) it does, else the subnet decides.
    type: bool
  connect_by:
    description: The address to connect to.
    type: str
    choices: [public, private]
    default: public
  imds_tokens:
    description: Whether the instance metadata need a session token (IMDSv2).
    type: str
    choices: [required, optional]
    default: required
  imds_hop_limit:
    description: Hops that an answer of the instance metadata may take; V(2) for containers in the guest.
    type: int
    default: 1
  imds_tags:
    description: Whether the guest finds the instance's tags in its metadata.
    type: bool
    default: false
  instance_profile:
    description: Name or ARN of an instance profile.
    type: str
  instance_profile_policy:
    description:
      - An IAM policy document, for a role and an instance profile that are made for this machine and go with it.
      - The machine is launched when EC2 knows the profile, which takes seconds after it was made.
      - Not together with O(instance_profile).
    type: dict
  instance_profile_boundary:
    description: ARN of a permissions boundary for the role of O(instance_profile_policy).
    type: str
  ebs_optimized:
    description: Whether it is EBS-optimised, where the type leaves a choice.
    type: bool
  user_data:
    description:
      - User data for cloud-init in any format it knows. Never logged. The timer that ends the machine is put before it.
    type: str
  user_data_file:
    description: The same from a file on the controller.
    type: path
  tags:
    description: Further tags for the instance and all that belongs to it.
    type: dict
    default: {}
  volume_tags:
    description: Further tags for its volumes alone.
    type: dict
    default: {}
  console_log:
    description: File for the console output. In the build's state folder when missing.
    type: path
  planned_machines:
    description: How many such machines the build will have at once, for the look at quotas in check mode.
    type: int
    default: 1
"""

EXAMPLES = r"""
- name: Launch a machine that ends with this playbook
  hallmark.images.aws_builder:
    region: eu-central-1
    source:
      name: debian-12-amd64-*
      owners: ["136693071363"]
      most_recent: true
    instance_types: [t3.small, t3a.small]
    encrypted: true
  register: machine

- name: Remove everything of that build
  hallmark.images.aws_builder:
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
    subnet: {description: Its subnet., type: str, returned: always}
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
    - What is, or would be, created, in order; with the machine, its C(source) image, and in check mode those C(quotas)
      of the account that can be read, each with C(name), C(region), C(limit), C(used) and C(needed).
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

from ansible_collections.hallmark.images.plugins.module_utils.aws import connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.provider import ARGUMENT_SPEC as OWN
from ansible_collections.hallmark.images.plugins.module_utils.aws.provider import AwsProvider
from ansible_collections.hallmark.images.plugins.module_utils.aws.restore import restore
from ansible_collections.hallmark.images.plugins.module_utils.build.run_builder import ARGUMENT_SPEC, run_builder


def main() -> None:
    module = AnsibleModule(
        argument_spec={**ARGUMENT_SPEC, **connection.ARGUMENT_SPEC, **OWN},
        mutually_exclusive=[("user_data", "user_data_file"), ("bastion", "ssh_proxy_command")],
        required_together=[("access_key", "secret_key")],
        supports_check_mode=True,
    )
    if connection.BOTO3_ERROR:
        module.fail_json(msg=missing_required_lib("boto3"), exception=connection.BOTO3_ERROR)
    connection.remember_secrets(module.params)
    run_builder(module, "aws", lambda ledger: AwsProvider(module.params, ledger, module.check_mode), restore)


if __name__ == "__main__":
    main()
