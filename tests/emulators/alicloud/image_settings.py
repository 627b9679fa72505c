# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to images that there are: copies, attributes, sharing."""

from __future__ import annotations

from emulators.alicloud.api import Reply, Request, action
from emulators.alicloud.errors import ApiError
from emulators.alicloud.images import BOOT, begin_image, check_name, instances_of, usable
from emulators.alicloud.kms import check_key, key_of, service_key
from emulators.alicloud.offers import REGIONS
from emulators.alicloud.things import Image, Snapshot


@action(
    "ecs",
    "CopyImage",
    "RegionId! ImageId! DestinationRegionId DestinationImageName DestinationDescription Encrypted:bool KMSKeyId "
    "EncryptAlgorithm ResourceGroupId ClientToken DryRun:bool Tag[Key Value]",
    "image/{ImageId}",
)
def copy_image(request: Request) -> Reply:
    world, image = request.world, usable(request, request["ImageId"])
    region = request.get("DestinationRegionId", request.region)
    if region not in REGIONS:
        raise ApiError(400, "DestinationRegion.NotFound", "The destination region not found.")
    if image.state != "Available":
        raise ApiError(400, "IncorrectImageStatus", "The image not available.")
    if image.public:
        raise ApiError(403, "ImageNotSupported", "Only custom images can be copied.")  # the code is from memory
    if image.account != request.caller.account and region != request.region:
        message = "The image shared from others can not be copied to another region directly."
        raise ApiError(403, "OperationDenied.SameRegionOnly", message)
    if "KMSKeyId" in request and not request.get("Encrypted"):
        message = "The specified parameter Encrypted must be true when KmsKeyId is not empty."
        raise ApiError(400, "InvalidEncrypted.NotMatchKmsKeyId", message)
    if image.encrypted and not request.get("Encrypted"):
        message = "The image contains encrypted snapshots, which do not support copying to non-encrypted ones."
        raise ApiError(403, "OperationDeined.EncryptedSnapshot", message)
    if any(one.origin == image.id and one.state == "Creating" for one in world.all(Image, region)):
        # The public page does not say whether this holds for copies to different regions too. Packer makes those.
        message = "The same image cannot be copied concurrently. Please wait until the last copy is completed."
        raise ApiError(400, "OperationDenied.ImageCopyConflict", message)
    check_key(world, region, request.get("KMSKeyId"))
    name = request.get("DestinationImageName", "")
    if name:
        check_name(world, request.caller.account, region, name)
    request.tags  # noqa: B018 - checks them
    request.checked()
    encrypted = bool(request.get("Encrypted") or region in world.encrypted_by_default)
    here, request.region = request.region, region  # what it makes is there
    key = request.get("KMSKeyId") or (key_of(request, region) if encrypted else "")
    copy = request.make(
        Image,
        name=name,
        description=request.get("DestinationDescription", ""),
        version=image.version,
        architecture=image.architecture,
        platform=image.platform,
        system=image.system,
        boot=image.boot,
        imds=image.imds,
        origin=image.id,
    )
    copy.name = copy.name or copy.id
    parts = []
    for one in image.devices:
        snapshot = None
        if one["SnapshotId"]:
            snapshot = request.make(
                Snapshot,
                type=one["Type"],
                size=one["Size"],
                category=one["Category"],
                encrypted=encrypted,
                key=key,
                description=f"Copied for {copy.id} from {image.id} in {here}",
                tags={},
            )
            parts.append((snapshot, None))
        more = {"SnapshotId": snapshot.id, "Encrypted": encrypted, "KMSKeyId": key} if snapshot else {}
        copy.devices.append(one | more)
    if image.id in world.disks:
        world.disks[copy.id] = world.disks[image.id]
    image.copies += 1
    begin_image(world, copy, parts, world.delays.copy, image)
    return {"ImageId": copy.id}


@action("ecs", "CancelCopyImage", "RegionId! ImageId!", "image/{ImageId}")
def cancel_copy_image(request: Request) -> Reply:
    copy = request.find(Image, request["ImageId"])
    if not copy.origin.startswith("m-"):
        message = "The specified image is not the target image of a copy action."
        raise ApiError(400, "ImageCreatedNotFromCopy", message)
    if copy.state != "Creating":
        raise ApiError(400, "IncorrectImageStatus", "The image is copied finished.")
    for identifier in copy.snapshots:
        request.world.things.pop(identifier, None)
    copy.state = "CreateFailed"
    source = request.world.things.get(copy.origin)
    if isinstance(source, Image):
        source.copies -= 1
    request.world.drop(copy)
    return {}


@action(
    "ecs",
    "ModifyImageAttribute",
    "RegionId! ImageId! ImageName ImageFamily Description Status BootMode Features.ImdsSupport LicenseType DryRun:bool",
    "image/{ImageId}",
)
def modify_image_attribute(request: Request) -> Reply:
    image = request.find(Image, request["ImageId"])
    state = request.choice("Status", ("Deprecated", "Available"))
    request.choice("Features.ImdsSupport", ("v1", "v2"))
    if image.state not in ("Available", "Deprecated"):
        raise ApiError(403, "ImageStatus.NotAvailable", "The specified image status is not available.")
    if request.get("BootMode", BOOT[0]) not in BOOT:
        raise ApiError(400, "InvalidBootMode.NotSupport", "The specified parameter BootMode is not supported.")
    if request.get("BootMode", image.boot) != image.boot and instances_of(request.world, image):
        message = "The boot mode of the image cannot be modified because it has associated instances."
        raise ApiError(403, "OperationDeined.ImageUsingByInstance", message)
    if (image.imds, request.get("Features.ImdsSupport")) == ("v2", "v1"):
        message = "The specified parameter Features.ImdsSupport can not be set to v1 from v2."
        raise ApiError(403, "InvalidOperation.FeaturesImdsSupportNotMatch", message)
    if state == "Deprecated" and image.shared:
        message = "The specified image has been shared to others, please remove shared accounts first."
        raise ApiError(403, "ImageUseShared", message)
    if request.get("ImageName", image.name) != image.name:
        check_name(request.world, image.account, image.region, request["ImageName"])
    request.checked()
    names = {
        "ImageName": "name",
        "ImageFamily": "family",
        "Description": "description",
        "BootMode": "boot",
        "Features.ImdsSupport": "imds",
        "Status": "state",
    }
    for name, attribute in names.items():
        if name in request:
            setattr(image, attribute, request[name])
    return {}


@action(
    "ecs",
    "ModifyImageSharePermission",
    "RegionId! ImageId! AddAccount[] RemoveAccount[] LaunchPermission IsPublic:bool DryRun:bool",
    "image/{ImageId}",
)
def modify_image_share_permission(request: Request) -> Reply:
    image = request.find(Image, request["ImageId"])
    # ECS passes over all but the first ten.
    added, removed = request.get("AddAccount", [])[:10], request.get("RemoveAccount", [])[:10]
    for account in (*added, *removed):
        if not (account.isdigit() and len(account) == 16):
            message = 'The specified parameter "AddAccount.n" or "RemoveAccount.n" does not exist.'
            raise ApiError(404, "InvalidAccount.NotFound", message)
    if image.account in added:
        raise ApiError(404, "InvalidAccount.Forbbiden", "The specified Account does not yourself.")
    if added and any(one["KMSKeyId"] == service_key(image.region) for one in image.devices):
        message = (
            "The specified service key encrypted image is not supported for this operation. Please switch to a CMK "
            "(Customer Master Key) encrypted image and retry."
        )
        raise ApiError(403, "InvalidOperation.ServiceKeyEncryptedImageUnsupported", message)
    if added and image.encrypted and len(image.snapshots) > 1:
        message = "The encrypted image contains multiple snapshots, which do not support share."
        raise ApiError(403, "OperationDeined.FullImage", message)
    if added and image.state == "Deprecated":
        message = "The specified image cannot be shared when it is deprecated."
        raise ApiError(403, "OperationDenied.InvalidImageStatus", message)
    shared = [account for account in dict.fromkeys([*image.shared, *added]) if account not in removed]
    if len(shared) > 50:
        raise ApiError(403, "QuotaExceed.ShareImageUser", "The shared Image user Quota exceeds.")
    if request.get("IsPublic"):
        raise ApiError(403, "CurrentRegion.NotSupportPublicImage", "Public image is not supported for current region.")
    request.checked()
    image.shared = shared
    return {}


@action("ecs", "DescribeImageSharePermission", "RegionId! ImageId! PageNumber:int PageSize:int", "image/{ImageId}")
def describe_image_share_permission(request: Request) -> Reply:
    image = request.find(Image, request["ImageId"])
    number, size = request.get("PageNumber", 1), request.get("PageSize", 10)
    accounts = [{"AliyunId": account} for account in image.shared][(number - 1) * size : number * size]
    return {
        "ImageId": image.id,
        "RegionId": image.region,
        "PageNumber": number,
        "PageSize": size,
        "TotalCount": len(image.shared),
        "Accounts": {"Account": accounts},
        "ShareGroups": {"ShareGroup": []},
    }
