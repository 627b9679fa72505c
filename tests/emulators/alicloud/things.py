# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there can be in an account. What is done to it is in the module of its actions."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from datetime import datetime
from typing import Any, ClassVar

from emulators.alicloud.world import Thing, moment


@dataclasses.dataclass
class Vpc(Thing):
    """A VPC."""

    KIND = "vpc"
    PRODUCT = "vpc"
    PREFIX = "vpc"
    MISSING = (404, "InvalidVpcId.NotFound", "Specified VPC does not exist.")

    cidr: str = "172.16.0.0/12"


@dataclasses.dataclass
class VSwitch(Thing):
    """A vSwitch."""

    KIND = "vswitch"
    PRODUCT = "vpc"
    PREFIX = "vsw"
    MISSING = (404, "InvalidVSwitchId.NotFound", "Specified virtual switch does not exist.")

    vpc: str = ""
    zone: str = ""
    cidr: str = ""


@dataclasses.dataclass
class Group(Thing):
    """A security group."""

    KIND = "securitygroup"
    PREFIX = "sg"
    MISSING = (404, "InvalidSecurityGroupId.NotFound", "The specified SecurityGroupId does not exist.")

    vpc: str = ""
    rules: list[dict[str, str]] = dataclasses.field(default_factory=list)

    def traits(self) -> dict[str, Any]:
        """See Thing; rules in words."""
        found = super().traits()
        words = [
            f"{rule['Direction']} {rule['IpProtocol'].lower()} {rule['PortRange']} {where(rule)}" for rule in self.rules
        ]
        return {name: value for name, value in found.items() if name != "rules"} | (
            {"rules": sorted(words)} if words else {}
        )


def where(rule: dict[str, str]) -> str:
    """Where a rule lets packets come from, or go to."""
    start = "Source" if rule["Direction"] == "ingress" else "Dest"
    return rule.get(f"{start}CidrIp") or rule.get(f"Ipv6{start}CidrIp") or rule.get(f"{start}GroupId") or ""


@dataclasses.dataclass
class KeyPair(Thing):
    """A key pair; in calls it goes by its name."""

    KIND = "keypair"
    PREFIX = "ssh"
    MISSING = (
        404,
        "InvalidKeyPairName.NotFound",
        'The specified parameter "KeyPairName" does not exist in our records.',
    )

    public: str = ""

    @property
    def arn(self) -> str:
        """See Thing."""
        return f"acs:ecs:{self.region}:{self.account}:keypair/{self.name}"

    @property
    def fingerprint(self) -> str:
        """MD5 of the public key, as Alibaba Cloud shows it: letters and digits without colons."""
        return hashlib.md5(base64.b64decode(self.public.split()[1]), usedforsecurity=False).hexdigest()


@dataclasses.dataclass
class Instance(Thing):
    """An instance.

    :ivar ran: whether it ever ran.
    :ivar released: whether it is being released: it is not listed, but holds what it uses until it is gone.
    :ivar addresses: at which the machine behind it listens.
    """

    KIND = "instance"
    PREFIX = "i"
    MISSING = (404, "InvalidInstanceId.NotFound", "The specified InstanceId does not exist.")
    HIDDEN: ClassVar[set[str]] = Thing.HIDDEN | {"password", "addresses", "private", "public", "started", "ran"}

    image: str = ""
    type: str = ""
    zone: str = ""
    vpc: str = ""
    switch: str = ""
    groups: list[str] = dataclasses.field(default_factory=list)
    key_pair: str = ""
    password: str = ""
    user_data: str = ""
    role: str = ""
    host_name: str = ""
    private: str = ""
    public: str = ""
    eip: str = ""
    addresses: list[str] = dataclasses.field(default_factory=list)
    bandwidth: int = 0
    bandwidth_in: int = 0
    charge: str = "PayByTraffic"
    release: datetime | None = None
    spot: str = "NoSpot"
    spot_price: float = 0.0
    protection: bool = False
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    credit: str = ""
    security: str = ""
    stopped_mode: str = ""
    platform: str = "linux"
    started: datetime | None = None
    ran: bool = False
    released: bool = False

    @property
    def listed(self) -> bool:
        """See Thing."""
        return not self.released

    def traits(self) -> dict[str, Any]:
        """See Thing; the time of its release as ECS writes it."""
        found = super().traits()
        return found | ({"release": moment(self.release)} if self.release else {})


@dataclasses.dataclass
class Disk(Thing):
    """A disk."""

    KIND = "disk"
    PREFIX = "d"
    MISSING = (404, "InvalidDiskId.NotFound", "The specified disk does not exist.")

    type: str = "data"
    size: int = 0
    category: str = ""
    level: str = ""
    encrypted: bool = False
    key: str = ""
    zone: str = ""
    device: str = ""
    instance: str = ""
    with_instance: bool = True
    snapshot: str = ""
    image: str = ""


@dataclasses.dataclass
class Snapshot(Thing):
    """A snapshot.

    :ivar begun: by the emulator's clock; `takes` seconds later it is complete.
    :ivar reason: why it failed.
    """

    KIND = "snapshot"
    PREFIX = "s"
    MISSING = (404, "InvalidSnapshotId.NotFound", "The specified SnapshotId does not exist.")
    HIDDEN: ClassVar[set[str]] = Thing.HIDDEN | {"begun", "takes", "machine"}

    disk: str = ""
    type: str = "data"
    size: int = 0
    category: str = ""
    encrypted: bool = False
    key: str = ""
    begun: float = 0.0
    takes: float = 0.0
    machine: str = ""

    def progress(self, now: float) -> int:
        """How much of it is there at a time, in percent."""
        if self.state != "progressing":
            return 100 if self.state == "accomplished" else 0
        return min(99, int(100 * (now - self.begun) / self.takes)) if self.takes > 0 else 0


@dataclasses.dataclass
class Image(Thing):
    """An image.

    :ivar alias: of its owner: system, marketplace, or empty for a custom image.
    :ivar devices: its disks: Device, Type, Size, SnapshotId (empty for a disk that begins empty), Category, Encrypted,
        KMSKeyId of the disks it was made of.
    :ivar copies: how many copies of it are being made.
    :ivar origin: the instance, or the image, that it was made of.
    """

    KIND = "image"
    PREFIX = "m"
    MISSING = (404, "InvalidImageId.NotFound", "The specified ImageId does not exist.")
    HIDDEN: ClassVar[set[str]] = Thing.HIDDEN | {"begun", "takes", "copies"}

    alias: str = ""
    public: bool = False
    family: str = ""
    version: str = ""
    architecture: str = "x86_64"
    platform: str = "Others Linux"
    system: str = "linux"
    boot: str = "BIOS"
    imds: str = "v1"
    devices: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    shared: list[str] = dataclasses.field(default_factory=list)
    origin: str = ""
    begun: float = 0.0
    takes: float = 0.0
    copies: int = 0

    @property
    def size(self) -> int:
        """Of its system disk in GiB."""
        return next(int(device["Size"]) for device in self.devices if device["Type"] == "system")

    @property
    def snapshots(self) -> list[str]:
        """The ids of its snapshots."""
        return [device["SnapshotId"] for device in self.devices if device["SnapshotId"]]

    @property
    def encrypted(self) -> bool:
        """Whether one of its disks is."""
        return any(device["Encrypted"] for device in self.devices)

    def progress(self, now: float) -> int:
        """How much of it is there at a time, in percent."""
        if self.state not in ("Creating", "Waiting"):
            return 100 if self.state == "Available" else 0
        return min(99, int(100 * (now - self.begun) / self.takes)) if self.takes > 0 else 0


@dataclasses.dataclass
class Eip(Thing):
    """An EIP."""

    KIND = "eip"
    PRODUCT = "vpc"
    PREFIX = "eip"
    MISSING = (404, "InvalidAllocationId.NotFound", "Specified allocation ID is not found")
    HIDDEN: ClassVar[set[str]] = Thing.HIDDEN | {"address"}

    address: str = ""
    bandwidth: str = "5"
    charge: str = "PayByBandwidth"
    instance: str = ""
