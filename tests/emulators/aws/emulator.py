# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulator as an object."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

import moto.ec2.urls
import moto.kms.urls
import moto.servicequotas.urls
from moto import settings
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.base_backend import BackendDict
from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ec2.responses import EC2Response
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.ssm.models import Parameter, ssm_backends

from emulators.aws.account import Account, Snapshot
from emulators.aws.disks import Disks
from emulators.aws.faults import Fault
from emulators.aws.gateway import Gateway
from emulators.aws.images import Image
from emulators.aws.instances import Instances
from emulators.aws.keys import Keys
from emulators.aws.networks import Networks
from emulators.aws.quotas import Quotas
from emulators.aws.references import References
from emulators.aws.registrations import Registrations
from emulators.aws.world import Delays, World
from emulators.common.emulator import Emulator
from emulators.common.http import Server
from emulators.machines import Machines

#: The account that publishes Debian's images.
DEBIAN = "136693071363"


class Ec2(Instances, Registrations, References, Disks, Networks, EC2Response):
    """moto's EC2 with ours before it."""


moto.ec2.urls.url_paths = {"{0}/": Ec2.dispatch}
moto.kms.urls.url_paths = {"{0}/$": Keys.dispatch}
moto.servicequotas.urls.url_paths = {"{0}/$": Quotas.dispatch}


class AwsEmulator(Emulator):
    """AWS on this computer; see the package.

    :param delays: how long states take; by default no time.
    :param machines: what stands behind instances; by default nothing, and their addresses are made up.
    :param region: where the base image is.
    :param port: of the endpoint; 0 for a free one.
    :ivar endpoint_url: for boto3, for all services and regions.
    :ivar image: the id of the base image: a Debian 12 of another account, with a root disk of 8 GiB.
    """

    FAULT = Fault
    world: World
    _alive: AwsEmulator | None = None

    def __init__(
        self, delays: Delays | None = None, machines: Machines | None = None, region: str = "us-east-1", port: int = 0
    ) -> None:
        super().__init__()
        self.region = region
        self.port = port
        self.machines = machines
        self.world = World(delays or Delays(), machines)
        self.account = Account(self.world)
        self.image = ""

    def __enter__(self) -> AwsEmulator:
        if AwsEmulator._alive is not None:
            raise RuntimeError("there is one AwsEmulator at a time in a process: moto keeps one world")
        AwsEmulator._alive = self
        # Beside the machines, so that a copy of a disk stays on its file system.
        place = self.machines.folder.parent if self.machines else None
        if place:
            place.mkdir(parents=True, exist_ok=True)
        self.world.images = Path(tempfile.mkdtemp(prefix="hallmark-aws-", dir=place))
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # 1300 of them, for each region
        settings.ENABLE_AMI_VALIDATION = settings.ENABLE_KEYPAIR_VALIDATION = True
        settings.EC2_ENABLE_INSTANCE_TYPE_VALIDATION = True
        BackendDict.reset()
        self.enforce_iam(False)
        Ec2.world = Quotas.world = self.world
        self._server = Server(self.port, Gateway(self, DomainDispatcherApplication(create_backend_app)))
        self.port = self._server.server_address[1]
        with self.world.lock:
            self.account.enter(self.region)
        self.image = self.add_image(
            "debian-12-amd64-20260101-2000", parameter="/aws/service/debian/release/12/latest/amd64"
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.world.close()
        with self.world.lock:
            BackendDict.reset()
        self.enforce_iam(False)
        shutil.rmtree(self.world.images, ignore_errors=True)
        AwsEmulator._alive = None

    @property
    def endpoint_url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def backend(self, region: str = "") -> Any:
        """moto's EC2 of a region."""
        return ec2_backends[DEFAULT_ACCOUNT_ID][region or self.region]

    def snapshot(self) -> Snapshot:
        """All that the account holds: kind, with its region → id or name → what it is like."""
        return self.account.look()

    def enforce_iam(self, enforce: bool) -> None:
        """Check signatures and policies from now on, or no longer. Users and policies are made through IAM before."""
        settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0 if enforce else float("inf")
        ActionAuthenticatorMixin.request_count = 0

    def add_image(
        self,
        name: str,
        region: str = "",
        owner: str = DEBIAN,
        alias: str | None = None,
        size: int = 8,
        root: str = "/dev/xvda",
        platform: str | None = None,
        architecture: str = "x86_64",
        disk: Path | None = None,
        parameter: str = "",
        public: bool = True,
    ) -> str:
        """Let there be an image; its id.

        :param alias: the owner's, such as amazon.
        :param disk: what a machine launched from it boots; see `emulators.machines.Spec`.
        :param parameter: the name of a public SSM parameter that names it.
        """
        with self.world.lock:
            region = region or self.region
            self.account.enter(region)
            backend = self.backend(region)
            image = Image(
                backend,
                name=name,
                owner_id=owner,
                owner_alias=alias,
                public=public,
                architecture=architecture,
                platform=platform,
            )
            image.virtualization_type, image.root_device_name, image.description = "hvm", root, name
            volume = backend.create_volume(size, f"{region}a", volume_type="gp3")
            snapshot = backend.create_snapshot(volume.id, f"of {name}", owner, from_ami=image.id)
            backend.delete_volume(volume.id)
            image.snapshots.append(snapshot)
            ebs = {"SnapshotId": snapshot.id, "VolumeSize": size, "VolumeType": "gp3", "Encrypted": False}
            image.devices[root] = {"DeviceName": root, "Ebs": ebs | {"DeleteOnTermination": True}}
            backend.amis[image.id] = image
            if disk is not None:
                self.world.disks[image.id] = disk
            if parameter:
                fields = dict.fromkeys(("description", "allowed_pattern", "keyid"))
                made = Parameter(
                    DEFAULT_ACCOUNT_ID,
                    parameter,
                    image.id,
                    "String",
                    **fields,
                    last_modified_date=utcnow(),
                    version=1,
                    data_type="aws:ec2:image",
                )
                ssm_backends[DEFAULT_ACCOUNT_ID][region]._parameters[parameter].append(made)
            return image.id

    def control(self, method: str, name: str, document: dict[str, Any]) -> Any:
        """See Emulator; POST iam: {"enforce": true or false}."""
        if (method, name) == ("POST", "iam"):
            return self.enforce_iam(bool(document["enforce"]))
        return super().control(method, name, document)
