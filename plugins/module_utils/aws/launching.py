# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of aws_builder to the arguments of RunInstances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import disks
from ansible_collections.hallmark.images.plugins.module_utils.aws.network import OFFERED

#: Which markets are tried in turn; true for spot.
MARKETS = {"on-demand": (False,), "spot": (True,), "spot-first": (True, False)}


@dataclass(frozen=True)
class Given:
    """What a launch refers to.

    :ivar image: the source image, as DescribeImages describes it.
    :ivar subnets: those to try, the best first.
    :ivar groups: ids of security groups.
    :ivar key: name of the key pair.
    :ivar user_data: for cloud-init.
    :ivar profile: name or ARN of an instance profile; None for none.
    """

    image: dict[str, Any]
    subnets: list[dict[str, Any]]
    groups: list[str]
    key: str
    user_data: bytes
    profile: str | None


def requests(params: dict[str, Any], given: Given) -> list[dict[str, Any]]:
    """The argument sets to try in turn: each market, in it each type, for that each subnet in a zone that offers it.

    :param params: the options of aws_builder.
    :raises HallmarkError: on disks that EBS would refuse.
    """
    shared: dict[str, Any] = {
        "ImageId": given.image["ImageId"],
        "KeyName": given.key,
        "UserData": given.user_data,
        "InstanceInitiatedShutdownBehavior": "terminate",
        "BlockDeviceMappings": disks.builder_mappings(params, given.image),
        "MetadataOptions": {
            "HttpTokens": params["imds_tokens"],
            "HttpEndpoint": "enabled",
            "HttpPutResponseHopLimit": params["imds_hop_limit"],
            **({"InstanceMetadataTags": "enabled"} if params["imds_tags"] else {}),
        },
    }
    if given.profile:
        shared["IamInstanceProfile"] = {"Arn" if given.profile.startswith("arn:") else "Name": given.profile}
    if params["ebs_optimized"] is not None:
        shared["EbsOptimized"] = params["ebs_optimized"]
    found = []
    for spot in MARKETS[params["market"]]:
        for kind in params["instance_types"]:
            for subnet in given.subnets:
                if kind not in subnet[OFFERED]:
                    continue
                interface = _interface(params, subnet, given.groups)
                request = {**shared, "InstanceType": kind, "NetworkInterfaces": [interface]}
                if spot:
                    request["InstanceMarketOptions"] = _spot(params["spot_max_price"])
                found.append(request)
    return found


def _spot(price: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
    if price:
        options["MaxPrice"] = price
    return {"MarketType": "spot", "SpotOptions": options}


def _interface(params: dict[str, Any], subnet: dict[str, Any], groups: list[str]) -> dict[str, Any]:
    interface: dict[str, Any] = {
        "DeviceIndex": 0,
        "SubnetId": subnet["SubnetId"],
        "Groups": groups,
        "DeleteOnTermination": True,
    }
    public = params["assign_public_ip"]
    if public is None and params["connect_by"] == "public":
        public = True
    if public is not None:
        interface["AssociatePublicIpAddress"] = public
    return interface
