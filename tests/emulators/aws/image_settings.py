# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be set on an image once it is there, as EC2 has it and moto does not: deprecation, protection."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses._base_response import EC2BaseResponse


class ImageSettings(EC2BaseResponse):
    """The actions that set something on an image."""

    def enable_image_deprecation(self) -> ActionResult:
        image, at = self._image(), self._get_param("DeprecateAt")
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        if at <= datetime.now(UTC):  # the code is from memory
            raise EC2ClientError(
                "InvalidParameterValue", f"The DeprecateAt value {at:%Y-%m-%dT%H:%M:%SZ} is in the past"
            )
        self.error_on_dryrun()
        rounded = datetime.fromtimestamp(round(at.timestamp() / 60) * 60, UTC)  # EC2 rounds to the nearest minute
        image.deprecation_time = f"{rounded:%Y-%m-%dT%H:%M:%S.000Z}"
        return ActionResult({"Return": True})

    def disable_image_deprecation(self) -> ActionResult:
        image = self._image()
        self.error_on_dryrun()
        image.deprecation_time = None
        return ActionResult({"Return": True})

    def enable_image_deregistration_protection(self) -> ActionResult:
        image = self._image()
        self.error_on_dryrun()
        cooldown = self._get_bool_param("WithCooldown", False)
        image.deregistration_protection = "enabled-with-cooldown" if cooldown else "enabled-without-cooldown"
        return ActionResult({"Return": image.deregistration_protection})

    def disable_image_deregistration_protection(self) -> ActionResult:
        """With a cooldown, EC2 protects for a day more; that is not imitated."""
        image = self._image()
        self.error_on_dryrun()
        image.deregistration_protection = "disabled"
        return ActionResult({"Return": "disabled"})

    def get_image_block_public_access_state(self) -> ActionResult:
        self.error_on_dryrun()
        return ActionResult({"ImageBlockPublicAccessState": getattr(self.ec2_backend, "block_public", "unblocked")})

    def enable_image_block_public_access(self) -> ActionResult:
        self.error_on_dryrun()
        self.ec2_backend.block_public = self._get_param("ImageBlockPublicAccessState")
        return ActionResult({"ImageBlockPublicAccessState": self.ec2_backend.block_public})

    def disable_image_block_public_access(self) -> ActionResult:
        self.error_on_dryrun()
        self.ec2_backend.block_public = "unblocked"
        return ActionResult({"ImageBlockPublicAccessState": "unblocked"})

    def reset_image_attribute(self) -> ActionResult:
        image = self._image()
        self.error_on_dryrun()
        image.launch_permissions = []
        return EmptyResult()

    def _image(self) -> Any:
        return known_image(self.ec2_backend, self._get_param("ImageId"))


def known_image(backend: Any, identifier: str) -> Any:
    """An image that is there."""
    found = backend.describe_images(ami_ids=[identifier])
    if not found:  # moto knows that it was there once
        message = f"The image ID '{identifier}' is no longer available"
        raise EC2ClientError("InvalidAMIID.Unavailable", message)
    return found[0]


def deprecated(image: Any) -> bool:
    """Whether an image's deprecation time has passed."""
    at = getattr(image, "deprecation_time", None)
    return bool(at) and datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.000Z").replace(tzinfo=UTC) <= datetime.now(UTC)
