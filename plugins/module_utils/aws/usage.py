# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What uses an image."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

LOOK = "describe_image_references"
ALIVE = ["pending", "running", "stopping", "stopped"]


def users(connection: Connection, image: str) -> list[str]:
    """What of the account refers to an image: machines, launch templates, parameters, recipes of Image Builder.

    EC2 looks at the latest versions of each launch template; its default version may be older and is looked at here.

    :returns: their kinds and names, for example ``launch-template/lt-0123``.
    :raises HallmarkError: when it cannot be told.
    """
    if not hasattr(connection.client(), LOOK):
        raise HallmarkError("this boto3 cannot ask what uses an image", "one with DescribeImageReferences")
    alive = [{"OptionName": "state-name", "OptionValues": ALIVE}]
    references = connection.pages(
        f"use of {image}",
        LOOK,
        "ImageReferences",
        ImageIds=[image],
        IncludeAllResourceTypes=True,
        ResourceTypes=[{"ResourceType": "ec2:Instance", "ResourceTypeOptions": alive}],
    )
    versions = connection.pages(
        f"use of {image}",
        "describe_launch_template_versions",
        "LaunchTemplateVersions",
        Versions=["$Default"],
        Filters=[{"Name": "image-id", "Values": [image]}],
    )
    found = {reference["Arn"].rpartition(":")[2] for reference in references}
    return sorted(found | {f"launch-template/{version['LaunchTemplateId']}" for version in versions})
