# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What refers to an image, which moto cannot tell."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses._base_response import EC2BaseResponse
from moto.ssm.models import ssm_backends

from emulators.aws.disks import page
from emulators.aws.world import World

DEPTH = 10  # versions of a launch template that EC2 looks at, the latest first


class References(EC2BaseResponse):
    """DescribeImageReferences, and the versions of launch templates that name an image."""

    world: World

    def describe_image_references(self) -> ActionResult:
        self.error_on_dryrun()
        found = []
        for image in self._get_param("ImageIds", []):
            for kind, arn in self._references(image):
                found.append({"ImageId": image, "ResourceType": kind, "Arn": arn})
        return ActionResult(page(self, "ImageReferences", found))

    def describe_launch_template_versions(self) -> ActionResult:
        """moto knows no filters."""
        answer: Any = super().describe_launch_template_versions()
        wanted = [item["Values"] for item in self._get_param("Filters", []) if item["Name"] == "image-id"]
        for images in wanted:
            versions = answer.result["LaunchTemplateVersions"]
            kept = [version for version in versions if version["LaunchTemplateData"].get("ImageId") in images]
            answer.result["LaunchTemplateVersions"] = kept
        return answer

    def _references(self, image: str) -> list[tuple[str, str]]:
        place = f"arn:aws:ec2:{self.region}:{self.current_account}:"
        states = self._instance_states()
        found = [
            ("ec2:Instance", f"{place}instance/{instance.id}")
            for instance in self.ec2_backend.all_instances()
            if instance.image_id == image and instance.state in (states or [instance.state])
        ]
        for template in self.ec2_backend.launch_templates.values():
            if any(version.data.get("ImageId") == image for version in template.versions[-DEPTH:]):
                found.append(("ec2:LaunchTemplate", f"{place}launch-template/{template.id}"))
        parameters = ssm_backends[self.current_account][self.region]._parameters
        for name, versions in dict(parameters).items():
            if versions and versions[-1].value == image and not name.startswith("/aws/"):
                arn = f"arn:aws:ssm:{self.region}:{self.current_account}:parameter/{name.lstrip('/')}"
                found.append(("ssm:Parameter", arn))
        return found + [("imagebuilder:ImageRecipe", arn) for arn in self.world.references.get(image, [])]

    def _instance_states(self) -> list[str]:
        options = [
            option
            for kind in self._get_param("ResourceTypes", [])
            if kind["ResourceType"] == "ec2:Instance"
            for option in kind.get("ResourceTypeOptions", [])
            if option["OptionName"] == "state-name"
        ]
        return [value for option in options for value in option["OptionValues"]]
