#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_image
short_description: Capture an EC2 instance as an AMI, copy it and open it to others
version_added: 0.1.0
description:
  - Stops the machine, makes an image of its disks, and waits until it is complete. Until it is published it is private
    and carries an expiry tag, so that it can be removed whatever happens.
  - Publishing copies it to other regions, all at once, then deprecates and protects the images, and only when
    everything else has succeeded opens them to others.
  - Image and snapshots are tagged in their create calls, in every region.
  - Check mode looks at names and shares, and where there is a machine already, asks with C(DryRun) whether it may be
    stopped and captured.
  - With O(state=absent), images of a build that ran on another computer are found by their tags, in O(region) and the
    regions of O(copies), and removed unless something in the account uses them.
author: Contributors to the hallmark.images project (@hallmark)
extends_documentation_fragment:
  - hallmark.images.attributes
  - hallmark.images.image
  - hallmark.images.aws
options:
  description:
    description: The image's description.
    type: str
    default: ""
  tags:
    description: Further tags for images and snapshots.
    type: dict
    default: {}
  snapshot_tags:
    description: Further tags for the snapshots alone.
    type: dict
    default: {}
  disks:
    description: What the image records of disks, where that is to differ from the machine's.
    type: list
    elements: dict
    default: []
    suboptions:
      device_name:
        description: Device name, for example V(/dev/sdf).
        type: str
        required: true
      size:
        description: Size in GiB.
        type: int
      type:
        description: Volume type.
        type: str
        choices: [gp3, gp2, io1, io2, st1, sc1, standard]
      iops:
        description: Operations per second; for V(gp3), V(io1) and V(io2).
        type: int
      throughput:
        description: MiB per second; for V(gp3).
        type: int
      virtual_name:
        description: An instance store volume instead of an EBS disk, V(ephemeral0) and up.
        type: str
      snapshot_id:
        description: A snapshot to start from, for a disk that the machine does not have.
        type: str
      encrypted:
        description: Whether a disk that the machine does not have is encrypted.
        type: bool
      delete_on_termination:
        description: Whether the disk ends with a machine of the image.
        type: bool
        default: true
  no_devices:
    description: Disks of the machine that do not get into the image.
    type: list
    elements: str
    default: []
  copies:
    description: Regions to copy the image to when it is published.
    type: list
    elements: dict
    default: []
    suboptions:
      region:
        description: The region.
        type: str
        required: true
      encrypted:
        description: Whether the copy is encrypted. Copies of encrypted images always are.
        type: bool
        default: false
      kms_key_id:
        description: The KMS key of that region to encrypt with.
        type: str
  encrypted:
    description: What M(hallmark.images.aws_builder) was given, for telling at once a share that cannot work.
    type: bool
  kms_key_id:
    description: What M(hallmark.images.aws_builder) was given, for telling at once a share that cannot work.
    type: str
  source:
    description:
      - What M(hallmark.images.aws_builder) was given, for telling at once a share that cannot work.
      - Looked at in check mode only, for disks that are encrypted in the source image.
    type: dict
  data_disks:
    description: What M(hallmark.images.aws_builder) was given, for telling at once a share that cannot work.
    type: list
    elements: dict
    default: []
  keep_in_build_region:
    description:
      - Whether the image stays in the build's region. With V(false), O(copies) are all that is published, and the image
        that they are made of is removed when they are.
    type: bool
    default: true
  ena_support:
    description:
      - Mark the image for enhanced networking (ENA), where its source lacks the mark. The guest must have the driver.
      - Has no effect on a spot instance, which cannot be stopped for it.
    type: bool
    default: false
  replace:
    description:
      - Whether the image takes the place of the account's own image of the same name, in every region.
      - The old image and its snapshots go when everything else has succeeded, and never while a machine, a launch
        template, a parameter of Systems Manager or a recipe of Image Builder uses it. From then on whoever undoes the
        build finishes the new image. Without it a name that is taken is an error.
    type: bool
    default: false
  imds_v2:
    description: Whether machines of the image have IMDSv2 only.
    type: bool
    default: true
  launch_users:
    description: Account ids that may launch the images.
    type: list
    elements: str
    default: []
  launch_groups:
    description: V(all) makes the images public.
    type: list
    elements: str
    choices: [all]
    default: []
  launch_organizations:
    description: ARNs of organizations whose accounts may launch the images.
    type: list
    elements: str
    default: []
  launch_organizational_units:
    description: ARNs of organizational units whose accounts may launch the images.
    type: list
    elements: str
    default: []
  snapshot_users:
    description: Account ids that may make volumes of the snapshots, and so copy or re-encrypt the images.
    type: list
    elements: str
    default: []
  snapshot_groups:
    description: V(all) makes the snapshots public.
    type: list
    elements: str
    choices: [all]
    default: []
  deprecate_at:
    description: When the images are deprecated, from their publication (V(+90d), V(+12w), V(+2y)) or as date and time.
    type: str
  deregistration_protection:
    description:
      - Protect the images against deregistration, V(with-cooldown) also for a day after the protection was taken away.
      - With O(state=absent), any value but V(no) takes the protection away first.
    type: str
    choices: ["no", "yes", with-cooldown]
    default: "no"
  shutdown_timeout:
    description: Seconds that the machine may take to stop.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Capture a machine and share the image
  hallmark.images.aws_image:
    region: eu-central-1
    build_id: "{{ machine.build_id }}"
    name: web-2026.11
    copies:
      - {region: eu-west-1}
    launch_users: ["123456789012"]
    deprecate_at: +90d
"""

RETURN = r"""
build_id:
  description: The build that the image belongs to.
  returned: always
  type: str
  sample: 20261123t171452-k3f9q2
images:
  description: The images, that of the build's region first.
  returned: when O(state=present) and not in check mode
  type: list
  elements: dict
  contains:
    id: {description: Its id., type: str, returned: always}
    name: {description: Its name., type: str, returned: always}
    region: {description: The region it is in., type: str, returned: always}
    snapshots: {description: Ids of its snapshots., type: list, elements: str, returned: always}
    architecture: {description: Its architecture., type: str, returned: always}
    boot_mode: {description: "Its boot mode, as inherited from the source image.", type: str, returned: always}
    tpm_support: {description: "Its TPM, as inherited from the source image.", type: str, returned: always}
    ena_support: {description: Whether it has the mark for ENA., type: bool, returned: always}
published:
  description: Whether all images are complete, shared, and no longer temporary.
  returned: when O(state=present) and not in check mode
  type: bool
seconds:
  description: How long it took.
  returned: when O(state=present) and not in check mode
  type: float
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.hallmark.images.plugins.module_utils.aws import connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.image import ARGUMENT_SPEC as OWN
from ansible_collections.hallmark.images.plugins.module_utils.aws.image import AwsImage
from ansible_collections.hallmark.images.plugins.module_utils.aws.restore import restore
from ansible_collections.hallmark.images.plugins.module_utils.build.run_image import ARGUMENT_SPEC, run_image


def main() -> None:
    module = AnsibleModule(
        argument_spec={**ARGUMENT_SPEC, **connection.ARGUMENT_SPEC, **OWN},
        required_together=[("access_key", "secret_key")],
        supports_check_mode=True,
    )
    if connection.BOTO3_ERROR:
        module.fail_json(msg=missing_required_lib("boto3"), exception=connection.BOTO3_ERROR)
    connection.remember_secrets(module.params)
    run_image(module, lambda ledger: AwsImage(module.params, ledger, module.check_mode), restore)


if __name__ == "__main__":
    main()
