# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An AWS account that moto plays: started on a free port, asked for everything that is in it, stopped by its pid."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import botocore.config

REGIONS = ("eu-central-1", "eu-west-1", "us-east-1")
HOME = REGIONS[0]
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
COLLECTIONS = str(Path(__file__).resolve().parents[2] / ".collections")
OFFERED = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false", "AWS_EC2_METADATA_DISABLED": "true"}


def environment_of(url: str, state: Path, keys: dict[str, str] | None = None) -> dict[str, str]:
    """The environment in which modules and playbooks work in the account at `url`; their ledgers are below `state`."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    paths = {"PYTHONPATH": COLLECTIONS, "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS, "XDG_STATE_HOME": str(state)}
    return {**rest, **(keys or KEYS), **paths, "AWS_ENDPOINT_URL": url, "AWS_EC2_METADATA_DISABLED": "true"}


class Account:
    """The server and clients of it.

    :param folder: where its log and the guests' console are.
    """

    def __init__(self, folder: Path) -> None:
        self._clients: dict[tuple[str, str], Any] = {}
        self.console = folder / "console"
        self.console.write_text("booting\n")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "moto.log"
        environment = {**os.environ, **OFFERED, **KEYS, "MOTO_CONSOLE": str(self.console)}
        program = str(Path(__file__).with_name("moto_more.py"))
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, program, str(self.port)], env=environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, "moto does not listen"
                time.sleep(0.1)
        self.source = self.ec2().register_image(
            Name="debian-12-amd64-20261101", Architecture="x86_64", RootDeviceName="/dev/xvda"
        )["ImageId"]

    def ec2(self, region: str = HOME) -> Any:
        """A client that the test itself asks with."""
        return self.client("ec2", region)

    def client(self, service: str, region: str = HOME) -> Any:
        """A client of any service; to make one takes longer than to ask it."""
        if (service, region) not in self._clients:
            self._clients[service, region] = self._make_client(service, region)
        return self._clients[service, region]

    def _make_client(self, service: str, region: str) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            config=botocore.config.Config(retries={"total_max_attempts": 1}),
        )

    def everything(self) -> dict[str, list[str]]:
        """The ids of all that exists, by region and kind; what is terminated is gone."""
        found = {}
        for region in REGIONS:
            ec2 = self.ec2(region)
            groups = [group for page in ec2.describe_instances()["Reservations"] for group in page["Instances"]]
            found[f"{region} instances"] = [i["InstanceId"] for i in groups if i["State"]["Name"] != "terminated"]
            found[f"{region} volumes"] = [item["VolumeId"] for item in ec2.describe_volumes()["Volumes"]]
            found[f"{region} keys"] = [item["KeyName"] for item in ec2.describe_key_pairs()["KeyPairs"]]
            found[f"{region} groups"] = [item["GroupId"] for item in ec2.describe_security_groups()["SecurityGroups"]]
            found[f"{region} images"] = [item["ImageId"] for item in ec2.describe_images(Owners=["self"])["Images"]]
            found[f"{region} snapshots"] = [item["SnapshotId"] for item in ec2.describe_snapshots()["Snapshots"]]
            requests = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
            found[f"{region} spot requests"] = [
                item["SpotInstanceRequestId"] for item in requests if item["State"] in ("open", "active")
            ]
            interfaces = ec2.describe_network_interfaces()["NetworkInterfaces"]
            found[f"{region} interfaces"] = [item["NetworkInterfaceId"] for item in interfaces]
        return {name: sorted(ids) for name, ids in found.items()}

    def stop(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait(10)
