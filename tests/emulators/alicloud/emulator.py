# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator as an object."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

# Each of these puts its actions into the table.
from emulators.alicloud import (
    disks,
    eips,
    groups,
    image_settings,
    images,
    instances,
    keypairs,
    kms,
    launches,
    networks,
    offers,
    roles,
    sts,
    tags,
    tls,
)
from emulators.alicloud.accounts import ACCOUNT, Role
from emulators.alicloud.faults import Fault
from emulators.alicloud.gateway import Gateway
from emulators.alicloud.kms import service_key
from emulators.alicloud.metadata import Metadata
from emulators.alicloud.policies import Document, check
from emulators.alicloud.things import Image
from emulators.alicloud.world import Delays, World
from emulators.common.emulator import Emulator
from emulators.common.http import Server
from emulators.common.snapshots import Snapshot
from emulators.machines import Machines

MODULES = (
    disks,
    eips,
    groups,
    image_settings,
    images,
    instances,
    keypairs,
    kms,
    launches,
    networks,
    offers,
    roles,
    sts,
    tags,
)
#: The account that publishes the system's images.
SYSTEM = "1000000000000099"


class AlicloudEmulator(Emulator):
    """Alibaba Cloud on this computer; see the package.

    :param delays: how long states take; by default no time.
    :param machines: what stands behind instances; by default nothing, and their addresses are made up.
    :param region: where the base image is, and where a call without a region goes.
    :param port: of the https endpoint; 0 for a free one.
    :param http_port: of the http endpoint.
    :ivar image: the id of the base image: a Debian 12 of Alibaba Cloud's, with a system disk of 20 GiB.
    :ivar account: the id of the account that its users are in.
    :ivar access_key: of a user who may do everything; `secret_key` belongs to it.
    :ivar ca_file: the certificate of the authority that clients of `endpoint_url` must trust.
    :ivar metadata: the metadata service; see `Metadata`.
    """

    FAULT = Fault
    world: World

    def __init__(
        self,
        delays: Delays | None = None,
        machines: Machines | None = None,
        region: str = "cn-hangzhou",
        port: int = 0,
        http_port: int = 0,
    ) -> None:
        super().__init__()
        self.region, self.account = region, ACCOUNT
        self.port, self.http_port = port, http_port
        self.machines = machines
        self.world = World(delays or Delays(), machines, region)
        self.image = ""
        self.access_key, self.secret_key = self.add_user()

    def __enter__(self) -> AlicloudEmulator:
        # Beside the machines, so that a copy of a disk stays on its file system.
        place = self.machines.folder.parent if self.machines else None
        if place:
            place.mkdir(parents=True, exist_ok=True)
        self.world.images = Path(tempfile.mkdtemp(prefix="hallmark-alicloud-", dir=place))
        self._folder = Path(tempfile.mkdtemp(prefix="hallmark-alicloud-"))
        self.ca_file, context = tls.make(self._folder)
        self.metadata = Metadata(self)
        self._servers = [
            Server(self.port, Gateway(self, secure=True), context),
            Server(self.http_port, Gateway(self, secure=False)),
            self.metadata.server,
        ]
        self.port, self.http_port = (server.server_address[1] for server in self._servers[:2])
        self.image = self.add_image("debian_12_8_x64_20G_alibase_20260101.vhd", owner=SYSTEM, alias="system")
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._ended = threading.Event()
        self._clock = threading.Thread(target=self._tick, daemon=True)
        self._clock.start()
        return self

    def _tick(self) -> None:
        """Let what is due happen although nobody calls: a machine boots, an instance is released at its time."""
        while not self._ended.wait(0.1):
            with self.world.lock:
                self.world.settle()

    def __exit__(self, *_exc: object) -> None:
        self._ended.set()
        self._clock.join()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self.world.close()
        shutil.rmtree(self.world.images, ignore_errors=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def endpoint_url(self) -> str:
        """The https endpoint, for all products and regions."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def http_url(self) -> str:
        """The plain endpoint, which is a forward proxy too (HTTP_PROXY)."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def metadata_url(self) -> str:
        """The metadata service, instead of http://100.100.100.200."""
        return self.metadata.url

    def snapshot(self) -> Snapshot:
        """See Emulator; what belongs to Alibaba Cloud itself is left out."""
        with self.world.lock:
            self.world.settle()
            found: Snapshot = {}
            for thing in self.world.things.values():
                if not (isinstance(thing, Image) and thing.public):
                    found.setdefault(f"{thing.region}/{thing.KIND}", {})[thing.id] = thing.traits()
            return found

    def add_user(self, policy: Document | list[Document] | None = None, account: str = ACCOUNT) -> tuple[str, str]:
        """A user of an account; access key and secret key.

        :param policy: RAM policies; None for all.
        """
        documents = [policy] if isinstance(policy, dict) else policy
        caller = self.world.accounts.add(documents, account)
        return caller.key, caller.secret

    def allow(self, access_key: str, documents: list[Document]) -> None:
        """Give a user exactly these RAM policies from now on."""
        self.world.accounts.callers[access_key].layers = [[check(document) for document in documents]]

    def add_role(self, name: str, policy: Document | list[Document] | None = None) -> Role:
        """A RAM role of the account; its `arn` is what AssumeRole wants."""
        documents = [policy] if isinstance(policy, dict) else policy
        return self.world.accounts.add_role(name, documents)

    def add_key(self, region: str = "") -> str:
        """The id of a new KMS key."""
        key = f"key-{len(self.world.keys):08x}-emulated"
        self.world.keys[key] = region or self.region
        return key

    def encrypt_by_default(self, region: str = "", key: str = "") -> None:
        """Let the account have every new disk and copy of a region encrypted.

        :param key: with which key; without one, with that which ECS keeps.
        """
        region = region or self.region
        self.world.encrypted_by_default[region] = key or service_key(region)

    def sell_out(self, instance_type: str = "*", zone: str = "*") -> None:
        """Let there be no stock of a type in a zone."""
        self.world.sold_out.add((zone, instance_type))

    def sell_out_disks(self, category: str, zone: str) -> None:
        """Let there be no stock of a disk category in a zone."""
        self.world.no_disks.add((zone, category))

    def restock(self) -> None:
        """Let there be stock of everything."""
        self.world.sold_out.clear()
        self.world.no_disks.clear()

    def add_image(
        self,
        name: str,
        region: str = "",
        owner: str = SYSTEM,
        alias: str = "system",
        size: int = 20,
        family: str = "",
        architecture: str = "x86_64",
        system: str = "linux",
        platform: str = "Debian",
        boot: str = "UEFI-Preferred",
        disk: Path | None = None,
        **fields: Any,
    ) -> str:
        """Let there be an image; its id.

        :param alias: the owner's: system, marketplace, or empty for a custom image of the owner.
        :param system: linux or windows.
        :param disk: what a machine launched from it boots; see `emulators.machines.Spec`.
        """
        device = {
            "Device": "/dev/xvda",
            "Type": "system",
            "Size": size,
            "SnapshotId": "",
            "Category": "",
            "Encrypted": False,
            "KMSKeyId": "",
        }
        fields = {
            "name": name,
            "alias": alias,
            "public": alias != "",
            "family": family,
            "architecture": architecture,
            "system": system,
            "platform": platform,
            "boot": boot,
            "imds": "v2",
            "state": "Available",
            "description": name,
            "devices": [device],
        } | fields
        with self.world.lock:
            image = self.world.make(Image, region or self.region, owner, **fields)
            image.born = float("-inf")  # it has been there for long
            if disk is not None:
                self.world.disks[image.id] = disk
            return image.id

    def control(self, method: str, name: str, document: dict[str, Any]) -> Any:
        """See Emulator.

        - POST users: {"policy": …} · answers with access_key and secret_key
        - POST stock: {"instance_type": …, "zone": …} is sold out · DELETE stock: everything is there again
        """
        match method, name:
            case "POST", "users":
                return dict(zip(("access_key", "secret_key"), self.add_user(document.get("policy")), strict=True))
            case "POST", "stock":
                return self.sell_out(**document)
            case "DELETE", "stock":
                return self.restock()
        return super().control(method, name, document)
