# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API answers when it does not do what was asked, in the words of this collection."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.build import errors
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError, Throttled

#: Answers that tell nothing about the call itself: the same may succeed a moment later.
PASSING = ("ServiceUnavailable", "InternalError", "UnknownError", "ServiceUnavailableTemporary", "LastTokenProcessing")
#: Capacity that another type, zone or market may have (ECS API reference, RunInstances, "Error codes").
CAPACITY = (
    "OperationDenied.NoStock",
    "OperationDenied.ZoneNotOnSale",
    "Zone.NotOnSale",
    "Zone.NotOpen",
    "ResourceNotAvailable",
    "InvalidResourceType.NotSupported",
    "InvalidInstanceType.ZoneNotSupported",
    "InvalidInstanceType.NotSupportDiskCategory",
    # A disk category that is one, as the options' choices are, but not there, or not with this type.
    "CategoryNotSupported",
    "InvalidDiskCategory.NotSupported",
    "InvalidDiskCategory.ValueNotSupported",
    "InvalidSystemDiskCategory.ValueNotSupported",
    "InvalidDataDiskCategory.ValueNotSupported",
    "OperationDenied.CloudSSDNotSupported",
    "InvalidSpotPriceLimit.LowerThanPublicPrice",
    "InvalidVSwitchId.IpNotEnough",
    # Not capacity but a quota of the account; another family of types, or another market, has one of its own.
    "QuotaExceed.ElasticQuota",
    "QuotaExceeded.ElasticQuota",
    "QuotaExceed.DiskCapacity",  # of a zone
)
#: The code OperationDenied alone says all kinds of things; what it says of capacity.
DENIED_FOR_CAPACITY = ("does not offer the specified disk category", "is out of usage")
DENIED = ("Forbidden.RAM", "Forbidden.RamUser", "Forbidden.SubUser", "NoPermission", "Forbidden.AccessDenied")
DENIED += ("Forbidden.NoPermission",)  # of KMS
#: How the codes of what something else still uses, or what is still changing, begin.
BUSY = (
    "DependencyViolation",
    "IncorrectInstanceStatus",
    "IncorrectEipStatus",
    "IncorrectVpcStatus",
    "IncorrectVSwitchStatus",
    "IncorrectStatus",
    "IncorrectDiskStatus",
    "InvalidDiskStatus",
    "InvalidSnapshotStatus",
    "InvalidOperation.KeyPairInUse",
    "KeyPairs.InUse",
    "ImageUsedByInstance",
    "ImageBoundByUsingResource",
    "SnapshotCreatedImage",
    "SnapshotCreatedDisk",
    "OperationConflict",
    "TaskConflict",
    "OperationDenied.EcsInstanceInUse",
)
#: How codes begin that are about another call with the same client token, which may have made the thing.
UNDER_WAY = ("Idempotent", "LastToken")
#: Codes that say "not found" of the question and not of the thing.
NOT_GONE = ("InvalidAccessKeyId.NotFound", "InvalidAction.NotFound", "InvalidApi.NotFound", "InvalidProduct.NotFound")


class ApiError(errors.ApiError):
    """A call that the API refused; its code is for example ``InvalidImageId.NotFound``."""

    @property
    def gone(self) -> bool:
        """Whether the thing that the call was about does not exist."""
        return ("NotFound" in self.code or "NotExist" in self.code) and self.code not in NOT_GONE

    @property
    def denied(self) -> bool:
        """Whether the credentials do not allow the call."""
        return self.code in DENIED

    @property
    def elsewhere(self) -> bool:
        """Whether the same launch may succeed with another type, zone or market."""
        if self.code == "OperationDenied":
            return any(words in str(self) for words in DENIED_FOR_CAPACITY)
        return self.code in CAPACITY

    @property
    def busy(self) -> bool:
        """Whether the same call may succeed when something else has ended."""
        return self.code.startswith(BUSY)

    @property
    def taken(self) -> bool:
        """Whether there is something of that name already."""
        return self.code.endswith((".AlreadyExist", ".Duplicate", ".Duplicated"))

    @property
    def early(self) -> bool:
        """What was made a moment ago may not show yet, or still be on its way to where it can be used."""
        return self.gone or self.busy


def throttling(code: str) -> bool:
    """Whether a code asks to come back later (``Throttling``, ``Throttling.User``, ``Throttling.Api``)."""
    return code.startswith("Throttling")


def said_no(code: str, status: int) -> bool:
    """Whether a try had no effect, by its answer.

    :param status: of HTTP. With 500 and more the server is in trouble.
    """
    return 400 <= status < 500 and code not in PASSING and not code.startswith(UNDER_WAY)


def from_answer(what: str, action: str, code: str, message: str, refused: bool = False) -> HallmarkError:
    """The error to raise for an answer of the API.

    :param what: what was being done, for example "launch machine builder".
    :param action: the API's name of the call.
    :param refused: whether the call had no effect, for certain.
    """
    text = f"{what}: {code}: {' '.join(message.split())}"
    if throttling(code):
        return Throttled(text)
    if code in DENIED:
        return ApiError(text, code, f"credentials that allow {action}", refused)
    if code.startswith(("InvalidAccessKey", "SignatureDoesNotMatch", "InvalidSecurityToken", "MissingSecurityToken")):
        return ApiError(text, code, "access_key, secret_key and security_token that belong together", refused)
    return ApiError(text, code, refused=refused)
