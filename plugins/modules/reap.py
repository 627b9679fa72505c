#!/usr/bin/python
# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reap
short_description: Remove what dead builds left behind
version_added: 0.1.0
description:
  - Reads the ledgers of all builds on this computer and tears down those that have expired, or whose controlling
    process and janitor are both gone.
  - Ends QEMU machines that this collection started and whose ledger is lost.
  - With O(aws_regions), removes from these regions what carries an expiry tag of this collection whose moment has
    passed, whichever computer it was created from.
  - With O(alicloud_regions), does the same in regions of Alibaba Cloud.
  - Forgets the ledgers of builds that were closed long ago.
author: Contributors to the hallmark.images project (@hallmark)
extends_documentation_fragment:
  - hallmark.images.attributes
options:
  build:
    description: Tear down this build and no other, whether it is dead or not.
    type: str
    default: ""
  keep_days:
    description: Days that the ledger of a closed build stays.
    type: int
    default: 30
  aws_regions:
    description:
      - Regions of AWS to search by tags. Credentials come from boto3's usual chain.
      - Roles and instance profiles, which have no region, are searched as well, where the credentials may list them.
    type: list
    elements: str
    default: []
  aws_profile:
    description: Profile of the AWS configuration files for O(aws_regions).
    type: str
  alicloud_regions:
    description:
      - Regions of Alibaba Cloud to search by tags. Credentials come from the environment or a profile, as those of
        M(hallmark.images.alicloud_builder) do.
    type: list
    elements: str
    default: []
  alicloud_profile:
    description: Profile of the aliyun CLI for O(alicloud_regions).
    type: str
  alicloud_endpoint_url:
    description: Another endpoint for O(alicloud_regions), which must be HTTPS.
    type: str
  alicloud_endpoint_urls:
    description: The same by the name of the service, as M(hallmark.images.alicloud_builder) takes them.
    type: dict
"""

EXAMPLES = r"""
- name: See what would be removed
  hallmark.images.reap:
  check_mode: true

- name: Remove what dead builds left behind
  hallmark.images.reap:

- name: Remove what has expired in an AWS account
  hallmark.images.reap:
    aws_regions: [eu-central-1, eu-west-1]

- name: Remove what has expired in an account of Alibaba Cloud
  hallmark.images.reap:
    alicloud_regions: [eu-central-1, cn-hangzhou]
"""

RETURN = r"""
builds:
  description: The builds that were, or would be, touched.
  returned: always
  type: list
  elements: dict
  contains:
    build: {description: The build id., type: str, returned: always}
    action: {description: "removed, forgotten or failed.", type: str, returned: always}
    reason: {description: Why., type: str, returned: always}
    removed: {description: "Its resources, as kind/name.", type: list, elements: str, returned: always}
    left: {description: What could not be removed., type: list, elements: str, returned: always}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection as Alicloud
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.orphans import (
    remove_expired as remove_expired_of_alicloud,
)
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.restore import restore as restore_alicloud
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.aws.orphans import remove_expired, remove_expired_of_iam
from ansible_collections.hallmark.images.plugins.module_utils.aws.restore import restore as restore_aws
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.reaping import reap
from ansible_collections.hallmark.images.plugins.module_utils.qemu.orphans import end_orphans
from ansible_collections.hallmark.images.plugins.module_utils.qemu.restore import restore

PLATFORMS = {"alicloud": restore_alicloud, "aws": restore_aws, "qemu": restore}


def _of_iam(module: AnsibleModule, connection: Connection) -> list[dict]:
    """Roles and instance profiles; those whose builds make none need no rights to look for them."""
    try:
        return remove_expired_of_iam(connection, module.check_mode)
    except ApiError as error:
        if not error.denied:
            raise
        module.warn(f"roles and instance profiles of builds were not looked for: {error}")
        return []


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "build": {"type": "str", "default": ""},
            "keep_days": {"type": "int", "default": 30},
            "aws_regions": {"type": "list", "elements": "str", "default": []},
            "aws_profile": {"type": "str"},
            "alicloud_regions": {"type": "list", "elements": "str", "default": []},
            "alicloud_profile": {"type": "str"},
            "alicloud_endpoint_url": {"type": "str"},
            "alicloud_endpoint_urls": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    try:
        builds = reap(PLATFORMS, module.params["build"], module.params["keep_days"], module.check_mode)
        if not module.params["build"]:
            builds += end_orphans(module.check_mode)
            for region in module.params["aws_regions"]:
                connection = Connection({"region": region, "profile": module.params["aws_profile"]})
                builds += remove_expired(connection, module.check_mode)
            if module.params["aws_regions"]:
                builds += _of_iam(module, connection)
            for region in module.params["alicloud_regions"]:
                account = {"profile": module.params["alicloud_profile"], "region": region}
                account |= {name: module.params[f"alicloud_{name}"] for name in ("endpoint_url", "endpoint_urls")}
                builds += remove_expired_of_alicloud(Alicloud(account), module.check_mode)
    except HallmarkError as error:
        module.fail_json(msg=str(error))
    failed = [item["build"] for item in builds if item["action"] == "failed"]
    result = {"changed": bool(builds), "builds": builds}
    if failed:
        module.fail_json(msg=f"not everything could be removed of {', '.join(failed)}", **result)
    module.exit_json(msg=f"{len(builds)} builds", **result)


if __name__ == "__main__":
    main()
