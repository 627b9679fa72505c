# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the Alibaba Cloud emulator that shows tests every answer."""

from __future__ import annotations

import http.client
import json
import ssl
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from emulators.alicloud import AlicloudEmulator
from emulators.alicloud.signing import signature, string_to_sign

Params = dict[str, Any]
PRODUCTS = {"vpc": "2016-04-28", "sts": "2015-04-01", "kms": "2016-01-20", "ecs": "2014-05-26"}


class Refused(Exception):
    """An error that a call was answered with."""

    def __init__(self, status: int, document: dict[str, str]) -> None:
        super().__init__(f"{status} {document['Code']}: {document['Message']}")
        self.status, self.code, self.message = status, document["Code"], document["Message"]


def flat(params: Params) -> dict[str, str]:
    """Parameters as they are sent: lists and rows with numbers, booleans in small letters."""
    found: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, bool):
            found[name] = str(value).lower()
        elif isinstance(value, list):
            for number, entry in enumerate(value, 1):
                rows = entry.items() if isinstance(entry, dict) else [("", entry)]
                for column, cell in rows:
                    found |= flat({f"{name}.{number}" + (f".{column}" if column else ""): cell})
        else:
            found[name] = str(value)
    return found


def pairs(**values: str) -> list[dict[str, str]]:
    """Tags as rows."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


class Client:
    """Calls actions: ``client.CreateVpc(VpcName="a")``, and of another product ``client.vpc_TagResources(…)``.

    :ivar keys: access key, secret key and, of a session, security token.
    """

    def __init__(self, cloud: AlicloudEmulator, region: str = "", keys: tuple[str, ...] = ()) -> None:
        self.cloud, self.region = cloud, region or cloud.region
        self.keys = keys or (cloud.access_key, cloud.secret_key)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        product, _line, action = name.rpartition("_")
        return lambda **params: self.call(action, product or "ecs", **params)

    def call(self, action: str, product: str = "ecs", **params: Any) -> Any:
        """The answer to a call.

        :raises Refused: when it is an error.
        """
        status, document = self.send(self.signed(action, product, **params))
        if status >= 400:
            raise Refused(status, document)
        return document

    def signed(self, action: str, product: str = "ecs", method: str = "POST", **params: Any) -> dict[str, str]:
        """All parameters of a call, signed."""
        common = {
            "Action": action,
            "Version": PRODUCTS[product],
            "Format": "JSON",
            "RegionId": self.region,
            "AccessKeyId": self.keys[0],
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": str(uuid.uuid4()),
            "Timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        if len(self.keys) > 2:
            common["SecurityToken"] = self.keys[2]
        found = common | flat(params)
        return found | {"Signature": signature(self.keys[1], string_to_sign(method, found))}

    def send(self, params: dict[str, str], method: str = "POST", form: bool = False) -> tuple[int, Any]:
        """Status and document of the answer to a request, over TLS."""
        context = ssl.create_default_context(cafile=str(self.cloud.ca_file))
        address = urlsplit(self.cloud.endpoint_url).netloc
        connection = http.client.HTTPSConnection(address, timeout=30, context=context)
        text = urlencode(params)
        if form:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request(method, "/", text, headers)
        else:
            connection.request(method, f"/?{text}")
        with connection.getresponse() as answer:
            return answer.status, json.loads(answer.read())

    def refused(self, name: str, **params: Any) -> str:
        """The error code of a call that must fail."""
        with pytest.raises(Refused) as caught:
            getattr(self, name)(**params)
        return caught.value.code

    def user(self, policy: Any) -> Client:
        """The same for another user of the account."""
        return Client(self.cloud, self.region, self.cloud.add_user(policy))

    # What tests need again and again.

    def network(self, zone: str = "") -> dict[str, str]:
        """A VPC with a vSwitch and a security group, as parameters of RunInstances."""
        vpc = self.CreateVpc(CidrBlock="172.16.0.0/12")["VpcId"]
        zone = zone or self.DescribeZones()["Zones"]["Zone"][0]["ZoneId"]
        switch = self.CreateVSwitch(VpcId=vpc, ZoneId=zone, CidrBlock="172.16.0.0/24")["VSwitchId"]
        group = self.CreateSecurityGroup(VpcId=vpc)["SecurityGroupId"]
        return {"VSwitchId": switch, "SecurityGroupId": group}

    def launch(self, image: str = "", **params: Any) -> str:
        """Launch an instance; its id."""
        network = {} if "VSwitchId" in params else self.network()
        given = {"ImageId": image or self.cloud.image, "InstanceType": "ecs.c6.large"} | network
        return str(self.RunInstances(**given | params)["InstanceIdSets"]["InstanceIdSet"][0])

    def instance(self, identifier: str) -> Any:
        """What DescribeInstances says of an instance; None when it is not listed."""
        found = self.DescribeInstances(InstanceIds=json.dumps([identifier]))["Instances"]["Instance"]
        return found[0] if found else None

    def state(self, identifier: str) -> str:
        """The state of an instance, or gone."""
        found = self.instance(identifier)
        return str(found["Status"]) if found else "gone"

    def image(self, identifier: str) -> Any:
        """What DescribeImages says of an image in whatever state; None when it is not listed."""
        states = "Creating,Waiting,Available,CreateFailed,Deprecated"
        found = self.DescribeImages(ImageId=identifier, Status=states)["Images"]["Image"]
        return found[0] if found else None

    def snapshots(self, image: str) -> Any:
        """What DescribeSnapshots says of the snapshots of an image."""
        mappings = self.image(image)["DiskDeviceMappings"]["DiskDeviceMapping"]
        names = json.dumps([mapping["SnapshotId"] for mapping in mappings])
        return self.DescribeSnapshots(SnapshotIds=names)["Snapshots"]["Snapshot"]


@pytest.fixture
def start_cloud() -> Iterator[Callable[..., Client]]:
    """Starts an emulator with the given parameters; a client of it. What it could not do fails the test."""
    with ExitStack() as stack:
        started: list[AlicloudEmulator] = []

        def emulator(**parameters: Any) -> Client:
            started.append(stack.enter_context(AlicloudEmulator(**parameters)))
            return Client(started[-1])

        yield emulator
        problems = [problem for cloud in started for problem in cloud.problems]
        assert not problems, "\n".join(problems)


@pytest.fixture
def cloud(start_cloud: Callable[..., Client]) -> Client:
    """A client of an emulator whose states change at once."""
    return start_cloud()
