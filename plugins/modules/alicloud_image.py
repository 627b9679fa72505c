#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: alicloud_image
short_description: Capture an ECS instance as a custom image, copy it and share it
version_added: 0.1.0
description:
  - Stops the machine, makes an image of its disks, and waits until it is complete. Until it is published it is private
    and carries an expiry tag, so that it can be removed whatever happens.
  - Publishing copies it to other regions, all at once, waits until every copy is complete, and only then shares the
    images, lets them take the place of older ones, and moves their family to them.
  - Images are tagged in their create calls, their snapshots as soon as the image is complete, in every region.
author: Contributors to the hallmark.images project (@hallmark)
extends_documentation_fragment:
  - hallmark.images.attributes
  - hallmark.images.image
  - hallmark.images.alicloud
options:
  description:
    description: The image's description.
    type: str
    default: ""
  version:
    description: The image's version.
    type: str
  boot_mode:
    description: How machines of the image boot. Without it, as the source image says.
    type: str
    choices: [BIOS, UEFI, UEFI-Preferred]
  imds_v2:
    description: Mark the image as one whose machines can have their metadata served with a session token only.
    type: bool
    default: true
  resource_group_id:
    description: Resource group of the images.
    type: str
  tags:
    description: Further tags for images and snapshots.
    type: dict
    default: {}
  snapshot_tags:
    description: Further tags for the snapshots alone.
    type: dict
    default: {}
  family:
    description:
      - Image family. The images join it last of all when they are published, so that it never stands for one that was
        not checked.
    type: str
  deprecate_previous:
    description:
      - Mark the account's other images of O(family) as deprecated, in every region, when all else has succeeded. Those
        that are shared cannot be and stay as they are.
    type: bool
    default: false
  system_disk_only:
    description: Leave the machine's data disks out of the image, which is then made of a snapshot of the system disk.
    type: bool
    default: false
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
      name:
        description: The copy's name. Without it, O(name).
        type: str
      encrypted:
        description: Whether the copy is encrypted. Copies of encrypted images always are.
        type: bool
        default: false
      kms_key_id:
        description: The KMS key of that region to encrypt with.
        type: str
  encrypted:
    description: What M(hallmark.images.alicloud_builder) was given, for telling at once a share that cannot work.
    type: bool
  kms_key_id:
    description: What M(hallmark.images.alicloud_builder) was given, for telling at once a share that cannot work.
    type: str
  data_disks:
    description: What M(hallmark.images.alicloud_builder) was given, for telling at once a share that cannot work.
    type: list
    elements: dict
    default: []
  source:
    description:
      - What M(hallmark.images.alicloud_builder) was given, for telling at once a share that cannot work.
      - Looked at in check mode only, for disks that are encrypted in the source image.
    type: dict
  keep_in_build_region:
    description:
      - Whether the image stays in the build's region. With V(false), O(copies) are all that is published, and the image
        that they are made of is removed when they are.
    type: bool
    default: true
  replace:
    description:
      - Whether the image takes the place of the account's own image of the same name, in every region.
      - The old image, its shares and its snapshots go when everything else has succeeded, and never while a machine of
        the account uses it. Without it a name that is taken is an error.
    type: bool
    default: false
  launch_users:
    description: Account ids that may use the images, at most 50.
    type: list
    elements: str
    default: []
  unshare_users:
    description: Account ids that may no longer use the images.
    type: list
    elements: str
    default: []
  shutdown_timeout:
    description: Seconds that the machine may take to stop.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Capture a machine and share the image
  hallmark.images.alicloud_image:
    region: cn-hangzhou
    build_id: "{{ machine.build_id }}"
    name: web-2026.11
    family: web
    copies:
      - {region: cn-beijing}
    launch_users: ["1234567890123456"]
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
    boot_mode: {description: Its boot mode., type: str, returned: always}
    family: {description: "Its image family, once it is published.", type: str, returned: always}
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

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import connection
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.image import ARGUMENT_SPEC as OWN
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.image import AlicloudImage
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.restore import restore
from ansible_collections.hallmark.images.plugins.module_utils.build.run_image import ARGUMENT_SPEC, run_image


def main() -> None:
    module = AnsibleModule(
        argument_spec={**ARGUMENT_SPEC, **connection.ARGUMENT_SPEC, **OWN},
        required_together=[("access_key", "secret_key")],
        supports_check_mode=True,
    )
    if connection.FOOTMARK_ERROR:
        module.fail_json(msg=missing_required_lib("footmark"), exception=connection.FOOTMARK_ERROR)
    connection.remember_secrets(module.params)
    run_image(module, lambda ledger: AlicloudImage(module.params, ledger, module.check_mode), restore)


if __name__ == "__main__":
    main()
