# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: made of instances and snapshots, listed, deleted."""

from __future__ import annotations

import re
from concurrent.futures import Future
from typing import Any

from emulators.alicloud.api import Reply, Request, action, page, shown_tags
from emulators.alicloud.disks import begin_snapshot, snapshot_of
from emulators.alicloud.errors import ApiError, bad, missing, wrong_status
from emulators.alicloud.lifecycle import disks
from emulators.alicloud.things import Image, Instance, Snapshot
from emulators.alicloud.world import World

NAME = re.compile(r"[^\W\d_][\w:.\-]{1,127}")
STATES = ("Creating", "Waiting", "Available", "UnAvailable", "CreateFailed", "Deprecated")
BOOT = ("BIOS", "UEFI", "UEFI-Preferred")


def visible(request: Request) -> list[Image]:
    """The images that the caller can see in the region: own, public, and those shared with the account."""
    account, world = request.caller.account, request.world
    images = [image for image in world.all(Image, request.region) if world.old(image)]
    return [image for image in images if image.public or account == image.account or account in image.shared]


def usable(request: Request, identifier: str) -> Image:
    """An image that the caller can see.

    :raises ApiError: when there is none with the id.
    """
    for image in visible(request):
        if image.id == identifier:
            return image
    raise ApiError(*Image.MISSING)


def newest(request: Request, family: str) -> Image | None:
    """The caller's own image of a family that was made last and is available."""
    found = [image for image in request.all(Image) if image.family == family and image.state == "Available"]
    return max(found, key=lambda image: image.born, default=None)


def check_name(world: World, account: str, region: str, name: str) -> None:
    """Refuse a name that an image cannot have, or that another has."""
    if not NAME.fullmatch(name) or name.startswith(("http://", "https://")):
        message = (
            "Image names must be between 2 and 128 characters long, using either English or Chinese characters. The "
            "name must start with a letter or a Chinese character, and can include numbers, colons, underscores and "
            "hyphens."
        )
        raise ApiError(400, "InvalidImageName.Malformed", message)
    if any(image.name == name and image.account == account for image in world.all(Image, region)):
        raise ApiError(400, "InvalidImageName.Duplicated", "The specified Image name has already bean used.")


def begin_image(
    world: World,
    image: Image,
    parts: list[tuple[Snapshot, Future[Any] | None]],
    takes: float,
    copied: Image | None = None,
) -> None:
    """Let an image be made in some time, with its snapshots.

    :param parts: its snapshots that are made with it, each with what it waits for.
    :param copied: the image that it is a copy of.
    """
    reason = world.failing()
    image.state, image.begun, image.takes = "Creating", world.now(), takes
    for snapshot, kept in parts:
        begin_snapshot(world, snapshot, takes, kept, reason)
    futures = [kept for _snapshot, kept in parts if kept is not None]

    def end() -> None:
        if copied is not None and image.state == "Creating":  # one that was called off does not count any more
            copied.copies -= 1
        if image.state == "Creating":
            failed = reason is not None or any(future.exception() for future in futures)
            image.state = "CreateFailed" if failed else "Available"

    world.later(takes, end, lambda: all(future.done() for future in futures))


def device(name: str, kind: str, size: int, snapshot: Snapshot | None) -> dict[str, Any]:
    """One disk of an image."""
    return {
        "Device": name,
        "Type": kind,
        "Size": size,
        "SnapshotId": snapshot.id if snapshot else "",
        "Category": snapshot.category if snapshot else "",
        "Encrypted": bool(snapshot and snapshot.encrypted),
        "KMSKeyId": snapshot.key if snapshot else "",
    }


def of_snapshots(request: Request) -> list[dict[str, Any]]:
    """The disks of an image that is made of snapshots: of the one named, or of those in the disk mapping."""
    rows = request.get("DiskDeviceMapping") or [{"SnapshotId": request["SnapshotId"]}]
    found: list[dict[str, Any]] = []
    names = iter(f"/dev/xvd{letter}" for letter in "abcdefghijklmnopq")
    for row in rows:
        name = row.get("Device") or next(name for name in names if name not in {one["Device"] for one in found})
        snapshot = request.find(Snapshot, row["SnapshotId"]) if "SnapshotId" in row else None
        if snapshot and snapshot.state != "accomplished":
            raise ApiError(403, "InvalidSnapshotId.NotReady", "The specified snapshot has not completed yet.")
        size = row.get("Size", snapshot.size if snapshot else None)
        if size is None or size < (snapshot.size if snapshot else 5):
            raise bad("DiskDeviceMapping.N.Size")
        found.append(device(name, row.get("DiskType") or (snapshot.type if snapshot else "data"), size, snapshot))
    systems = [one for one in found if one["Type"] == "system"]
    if len(systems) != 1 or not systems[0]["SnapshotId"]:
        message = "The specified snapshot is not of a system disk."  # the code is from memory
        raise ApiError(403, "InvalidSnapshotType.NotSupported", message)
    return found


def source_of(request: Request) -> Instance | None:
    """The instance that an image is to be made of; None when it is to be made of snapshots.

    :raises ApiError: when a call names not exactly one source, or one that is not ready.
    """
    sources = [name for name in ("InstanceId", "SnapshotId", "DiskDeviceMapping") if name in request]
    if not sources:
        raise missing("InstanceId")
    if len(sources) > 1:  # ECS passes over some of them; a client that sends them means something else than it gets
        raise bad(sources[1], f"{sources[0]} was given too.")
    if "InstanceId" not in request:
        return None
    instance = request.find(Instance, request["InstanceId"])
    if instance.state not in ("Running", "Stopped"):
        raise wrong_status()
    return instance


@action(
    "ecs",
    "CreateImage",
    "RegionId! InstanceId SnapshotId ImageName ImageVersion ImageFamily Description Platform Architecture BootMode "
    "DetectionStrategy ResourceGroupId ClientToken DryRun:bool Features.ImdsSupport "
    "DiskDeviceMapping[SnapshotId Size:int Device DiskType] Tag[Key Value]",
    "image/* instance/{InstanceId} snapshot/{SnapshotId}",
)
def create_image(request: Request) -> Reply:
    world, instance = request.world, source_of(request)
    devices = [] if instance else of_snapshots(request)
    name = request.get("ImageName", "")
    if name:
        check_name(world, request.caller.account, request.region, name)
    request.choice("Architecture", ("i386", "x86_64", "arm64"))
    request.choice("BootMode", BOOT)
    request.choice("Features.ImdsSupport", ("v1", "v2"))
    request.tags  # noqa: B018 - checks them
    request.checked()
    parent = world.things.get(instance.image) if instance else None
    like = parent if isinstance(parent, Image) else None
    image = request.make(
        Image,
        name=name,
        description=request.get("Description", ""),
        version=request.get("ImageVersion", ""),
        family=request.get("ImageFamily", ""),
        architecture=request.get("Architecture", like.architecture if like else "x86_64"),
        platform=request.get("Platform", like.platform if like else "Others Linux"),
        system=like.system if like else "linux",
        boot=request.get("BootMode", like.boot if like else "BIOS"),
        imds=request.get("Features.ImdsSupport", like.imds if like else "v1"),
        devices=devices,
        origin=instance.id if instance else "",
    )
    image.name = image.name or image.id
    parts = []
    for disk in disks(world, instance) if instance else []:
        made = snapshot_of(request, disk, name=f"for_{image.id}", description=f"Created for {image.id}", tags={})
        image.devices.append(device(disk.device, disk.type, disk.size, made[0]))
        parts.append(made)
    system = next(one for one in image.devices if one["Type"] == "system")
    if system["SnapshotId"] in world.disks:
        world.disks[image.id] = world.disks[system["SnapshotId"]]
    begin_image(world, image, parts, world.delays.image)
    return {"ImageId": image.id}


def show_image(request: Request, image: Image) -> Reply:
    """An image as DescribeImages shows it."""
    own = image.account == request.caller.account
    now = request.world.now()
    mappings = [
        {
            "Device": one["Device"],
            "Type": one["Type"],
            "Size": str(one["Size"]),
            "Format": "",
            "Progress": f"{image.progress(now)}%",
            "Encrypted": one["Encrypted"],
            "KMSKeyId": one["KMSKeyId"] if own else "",
            "SnapshotId": one["SnapshotId"] if own else "",
        }
        for one in image.devices
    ]
    return {
        "ImageId": image.id,
        "ImageName": image.name,
        "ImageVersion": image.version,
        "ImageFamily": image.family,
        "Description": image.description,
        "ImageOwnerAlias": image.alias or ("self" if own else "others"),
        "ImageOwnerId": int(image.account),
        "IsSelfShared": "True" if own and image.shared else "",
        "IsPublic": image.public,
        "IsCopied": image.origin.startswith("m-"),
        "Status": image.state,
        "Progress": f"{image.progress(now)}%",
        "Size": image.size,
        "Architecture": image.architecture,
        "Platform": image.platform,
        "OSType": image.system,
        "OSName": image.platform,
        "BootMode": image.boot,
        "Features": {"ImdsSupport": image.imds, "NvmeSupport": "supported"},
        "Usage": "instance" if instances_of(request.world, image) else "none",
        "IsSupportCloudinit": True,
        "IsSupportIoOptimized": True,
        "IsSubscribed": False,
        "ProductCode": "",
        "CreationTime": image.stamp(seconds=True),
        "ResourceGroupId": image.group,
        "DiskDeviceMappings": {"DiskDeviceMapping": mappings},
        "Tags": shown_tags(image),
    }


def instances_of(world: World, image: Image) -> list[Instance]:
    """The instances that were launched from an image and have not been released."""
    return [instance for instance in world.all(Instance) if instance.image == image.id and instance.listed]


@action(
    "ecs",
    "DescribeImages",
    "RegionId! ImageId:csv ImageName ImageFamily ImageOwnerAlias ImageOwnerId:int Status:csv SnapshotId Usage OSType "
    "Architecture IsPublic:bool ShowExpired:bool IsSupportCloudinit:bool IsSupportIoOptimized:bool InstanceType "
    "ActionType ResourceGroupId DryRun:bool PageNumber:int PageSize:int Tag[Key Value]",
    "image/*",
)
def describe_images(request: Request) -> Reply:
    alias = request.choice("ImageOwnerAlias", ("system", "self", "others", "marketplace", "communityshare"))
    usage = request.choice("Usage", ("instance", "none"))
    for state in request.get("Status", []):
        if state not in STATES:
            raise ApiError(404, "InvalidStatus.NotFound", "The specified Status does not exist.")
    if len(request.get("ImageId", [])) > 100:
        raise bad("ImageId")
    request.checked()
    found = request.select(
        visible(request),
        id=request.get("ImageId"),
        name=request.get("ImageName"),
        family=request.get("ImageFamily"),
        state=request.get("Status", ["Available"]),
        snapshots=request.get("SnapshotId"),
        system=request.get("OSType"),
        architecture=request.get("Architecture"),
        public=request.get("IsPublic"),
        account=str(request["ImageOwnerId"]) if "ImageOwnerId" in request else None,
    )
    shown = [show_image(request, image) for image in reversed(found)]
    shown = [one for one in shown if alias in ("", one["ImageOwnerAlias"]) and usage in ("", one["Usage"])]
    return page(request, shown, "Images", "Image", lambda one: one) | {"RegionId": request.region}


@action("ecs", "DescribeImageFromFamily", "RegionId! ImageFamily!", "image/*")
def describe_image_from_family(request: Request) -> Reply:
    image = newest(request, request["ImageFamily"])
    return {"Image": show_image(request, image)} if image else {}


@action("ecs", "DeleteImage", "RegionId! ImageId! Force:bool DryRun:bool", "image/{ImageId}")
def delete_image(request: Request) -> Reply:
    image, force = request.find(Image, request["ImageId"]), request.get("Force", False)
    if image.copies:
        message = "The image is being copied. Please use the CancelCopyImage API."
        raise ApiError(403, "OperationDenied.ImageCopying", message)
    if image.shared and not force:
        raise ApiError(403, "ImageUseShared", "The specified image has been shared to others.")
    if image.state == "Creating" and not force:
        raise ApiError(403, "ImageIsCreating", "The specified image is being created.")
    if instances_of(request.world, image) and not force:
        raise ApiError(403, "ImageUsingByInstance", "The specified image has been used to create instances.")
    request.checked()
    request.world.drop(image)
    return {}
