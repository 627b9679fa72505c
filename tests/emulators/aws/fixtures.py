# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""boto3 as the client of the AWS emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulators.aws import AwsEmulator
from emulators.common.fixtures import eventually, key

__all__ = ["SESSION", "Client", "ec2", "eventually", "key", "start", "tags"]

SESSION = boto3.Session(aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret")


class Client:
    """boto3's client of one service in one region, without retries, so that a test sees every answer.

    Attributes are those of boto3's client.
    """

    def __init__(
        self, aws: AwsEmulator, service: str = "ec2", region: str = "us-east-1", session: boto3.Session = SESSION
    ) -> None:
        config = Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=5)
        self.boto = session.client(service, region_name=region, endpoint_url=aws.endpoint_url, config=config)
        self.aws = aws

    def __getattr__(self, name: str) -> Any:
        return getattr(self.boto, name)

    def refused(self, name: str, **parameters: Any) -> str:
        """The error code of a call that must fail."""
        with pytest.raises(ClientError) as caught:
            getattr(self.boto, name)(**parameters)
        return caught.value.response["Error"]["Code"]

    def launch(self, image: str = "", **parameters: Any) -> str:
        """Launch an instance; its id."""
        given = {"ImageId": image or self.aws.image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        return self.boto.run_instances(**given | parameters)["Instances"][0]["InstanceId"]

    def instance(self, identifier: str) -> dict[str, Any]:
        """What DescribeInstances says of an instance."""
        return self.boto.describe_instances(InstanceIds=[identifier])["Reservations"][0]["Instances"][0]

    def state(self, identifier: str) -> str:
        """The state of an instance."""
        return self.instance(identifier)["State"]["Name"]

    def image(self, identifier: str) -> dict[str, Any]:
        """What DescribeImages says of an image."""
        return self.boto.describe_images(ImageIds=[identifier])["Images"][0]

    def snapshot(self, identifier: str) -> dict[str, Any]:
        """What DescribeSnapshots says of the one snapshot of an image."""
        (device,) = self.image(identifier)["BlockDeviceMappings"]
        return self.boto.describe_snapshots(SnapshotIds=[device["Ebs"]["SnapshotId"]])["Snapshots"][0]


def tags(*kinds: str, **values: str) -> list[dict[str, Any]]:
    """TagSpecifications with the same tags for some types of resource."""
    pairs = [{"Key": key, "Value": value} for key, value in values.items()]
    return [{"ResourceType": kind, "Tags": pairs} for kind in kinds]


@pytest.fixture
def start() -> Iterator[Callable[..., Client]]:
    """Starts an emulator with the given parameters; its EC2 client. What it could not do fails the test."""
    with ExitStack() as stack:
        started: list[AwsEmulator] = []

        def emulator(**parameters: Any) -> Client:
            started.append(stack.enter_context(AwsEmulator(**parameters)))
            return Client(started[0])

        yield emulator
        problems = [problem for aws in started for problem in aws.problems]
        assert not problems, "\n".join(problems)


@pytest.fixture
def ec2(start: Callable[..., Client]) -> Client:
    """EC2 of an emulator whose states change at once."""
    return start()
