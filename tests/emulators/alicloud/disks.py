# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks and snapshots."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from emulators.alicloud.api import Reply, Request, action, page, shown_tags
from emulators.alicloud.errors import ApiError, wrong_status
from emulators.alicloud.things import Disk, Image, Instance, Snapshot
from emulators.alicloud.world import World


def show_disk(disk: Disk) -> Reply:
    """A disk as DescribeDisks shows it."""
    return {
        "DiskId": disk.id,
        "RegionId": disk.region,
        "ZoneId": disk.zone,
        "DiskName": disk.name,
        "Description": disk.description,
        "Type": disk.type,
        "Category": disk.category,
        "PerformanceLevel": disk.level,
        "Size": disk.size,
        "ImageId": disk.image,
        "SourceSnapshotId": disk.snapshot,
        "Portable": disk.type == "data",
        "Status": disk.state,
        "InstanceId": disk.instance,
        "Device": disk.device,
        "DeleteWithInstance": disk.with_instance,
        "Encrypted": disk.encrypted,
        "KMSKeyId": disk.key,
        "CreationTime": disk.stamp(seconds=True),
        "ResourceGroupId": disk.group,
        "Tags": shown_tags(disk),
    }


@action(
    "ecs",
    "DescribeDisks",
    "RegionId! DiskIds:json InstanceId DiskType Category Status Portable:bool Encrypted:bool SnapshotId ZoneId "
    "DiskName KMSKeyId ResourceGroupId DryRun:bool PageNumber:int PageSize:int MaxResults:int NextToken Tag[Key Value]",
    "disk/*",
)
def describe_disks(request: Request) -> Reply:
    kind = request.choice("DiskType", ("all", "system", "data"), "all")
    status = request.choice(
        "Status", ("All", "In_use", "Available", "Attaching", "Detaching", "Creating", "ReIniting"), "All"
    )
    request.checked()
    found = request.select(
        request.all(Disk),
        id=request.get("DiskIds"),
        instance=request.get("InstanceId"),
        type=None if kind == "all" else kind,
        state=None if status == "All" else status,
        category=request.get("Category"),
        zone=request.get("ZoneId"),
        name=request.get("DiskName"),
        encrypted=request.get("Encrypted"),
        key=request.get("KMSKeyId"),
        snapshot=request.get("SnapshotId"),
    )
    return page(request, found, "Disks", "Disk", show_disk)


@action("ecs", "DeleteDisk", "DiskId!", "disk/{DiskId}")
def delete_disk(request: Request) -> Reply:
    disk = request.find(Disk, request["DiskId"])
    if disk.state != "Available":
        message = "The current disk status does not support this operation."
        raise ApiError(403, "IncorrectDiskStatus", message)
    request.world.drop(disk)
    return {}


def begin_snapshot(
    world: World, snapshot: Snapshot, takes: float, kept: Future[Any] | None, reason: str | None
) -> None:
    """Let a snapshot be made: it is complete in some time, when the machine's disk is kept too.

    :param reason: why it is to fail instead.
    """
    snapshot.state, snapshot.begun, snapshot.takes = "progressing", world.now(), takes

    def end() -> None:
        failed = reason or (kept is not None and kept.exception() is not None)
        snapshot.state = "failed" if failed else "accomplished"

    world.later(takes, end, kept.done if kept else None)


def snapshot_of(request: Request, disk: Disk, **fields: Any) -> tuple[Snapshot, Future[Any] | None]:
    """A snapshot of a disk, and the future of the machine's disk that it holds; None without a machine."""
    snapshot = request.make(
        Snapshot,
        disk=disk.id,
        type=disk.type,
        size=disk.size,
        category=disk.category,
        encrypted=disk.encrypted,
        key=disk.key,
        machine=disk.instance,
        **fields,
    )
    world, guest = request.world, request.world.guests.get(disk.instance)
    if guest is None or disk.type != "system":
        return snapshot, None
    target = world.image_path(snapshot.id)
    world.disks[snapshot.id] = target
    kept = guest.do(lambda machine: machine.capture(target))
    world.note_problem(f"capture {disk.instance}", kept)
    return snapshot, kept


@action(
    "ecs",
    "CreateSnapshot",
    "RegionId DiskId! SnapshotName Description RetentionDays:int Category InstantAccess:bool ResourceGroupId "
    "ClientToken Tag[Key Value]",
    "disk/{DiskId} snapshot/*",
)
def create_snapshot(request: Request) -> Reply:
    disk = request.find(Disk, request["DiskId"])
    if any(one.disk == disk.id and one.state == "progressing" for one in request.world.all(Snapshot)):
        message = "A previous snapshot creation is in process."
        raise ApiError(403, "IncorrectDiskStatus.CreatingSnapshot", message)
    if disk.instance:
        instance = request.find(Instance, disk.instance)
        if instance.state not in ("Running", "Stopped"):
            raise wrong_status()
        if not instance.ran:
            message = "The specified disk has never been used after creation."
            raise ApiError(403, "IncorrectDiskStatus.NeverUsed", message)
    name = request.get("SnapshotName", "")
    if name and (not 2 <= len(name) <= 128 or name.startswith(("auto", "http://", "https://"))):
        raise ApiError(400, "InvalidSnapshotName.Malformed", "The specified parameter SnapshotName is not valid.")
    snapshot, kept = snapshot_of(request, disk, name=name, description=request.get("Description", ""))
    begin_snapshot(request.world, snapshot, request.world.delays.snapshot, kept, request.world.failing())
    return {"SnapshotId": snapshot.id}


def users(world: World, snapshot: Snapshot) -> list[str]:
    """The ids of the images that are made of a snapshot."""
    return [image.id for image in world.all(Image) if snapshot.id in image.snapshots]


@action(
    "ecs",
    "DescribeSnapshots",
    "RegionId! SnapshotIds:json DiskId InstanceId SnapshotName SnapshotType Status Usage SourceDiskType Category "
    "Encrypted:bool KMSKeyId ResourceGroupId DryRun:bool PageNumber:int PageSize:int MaxResults:int NextToken "
    "Tag[Key Value]",
    "snapshot/*",
)
def describe_snapshots(request: Request) -> Reply:
    status = request.choice("Status", ("all", "progressing", "accomplished", "failed"), "all")
    usage = request.choice("Usage", ("image", "disk", "image_disk", "none"))
    source = request.choice("SourceDiskType", ("system", "data"))
    request.checked()
    world = request.world
    found = request.select(
        request.all(Snapshot),
        id=request.get("SnapshotIds"),
        disk=request.get("DiskId"),
        machine=request.get("InstanceId"),
        name=request.get("SnapshotName"),
        state=None if status == "all" else status,
        type=source,
        encrypted=request.get("Encrypted"),
        key=request.get("KMSKeyId"),
    )
    if request.get("SnapshotType", "all") not in ("all", "user"):
        found = []

    def use(snapshot: Snapshot) -> str:
        words = ["image"] if users(world, snapshot) else []
        words += ["disk"] if any(disk.snapshot == snapshot.id for disk in world.all(Disk)) else []
        return "_".join(words) or "none"

    def show(snapshot: Snapshot) -> Reply:
        return {
            "SnapshotId": snapshot.id,
            "SnapshotName": snapshot.name,
            "Description": snapshot.description,
            "Progress": f"{snapshot.progress(world.now())}%",
            "Status": snapshot.state,
            "SourceDiskId": snapshot.disk,
            "SourceDiskType": snapshot.type,
            "SourceDiskSize": str(snapshot.size),
            "SourceStorageType": "disk",
            "SnapshotType": "user",
            "Usage": use(snapshot),
            "Encrypted": snapshot.encrypted,
            "KMSKeyId": snapshot.key,
            "CreationTime": snapshot.stamp(seconds=True),
            "ResourceGroupId": snapshot.group,
            "Tags": shown_tags(snapshot),
        }

    found = [snapshot for snapshot in found if usage in ("", use(snapshot))]
    return page(request, found, "Snapshots", "Snapshot", show)


@action("ecs", "DeleteSnapshot", "RegionId SnapshotId! Force:bool", "snapshot/{SnapshotId}")
def delete_snapshot(request: Request) -> Reply:
    snapshot = request.find(Snapshot, request["SnapshotId"])
    if users(request.world, snapshot):
        message = "The snapshot has been used to create user defined image(s)."
        raise ApiError(403, "SnapshotCreatedImage", message)
    made = any(disk.snapshot == snapshot.id for disk in request.world.all(Disk))
    if made and not request.get("Force"):
        raise ApiError(403, "SnapshotCreatedDisk", "The snapshot has been used to create disk(s).")
    request.world.drop(snapshot)
    return {}
