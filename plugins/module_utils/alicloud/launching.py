# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of alicloud_builder to the parameters of RunInstances."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import disks
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.resources import grouped

#: Which markets are tried in turn; true for spot.
MARKETS = {"on-demand": (False,), "spot": (True,), "spot-first": (True, False)}
#: A release time must be at least half an hour away (ECS API reference, RunInstances, AutoReleaseTime).
SOONEST = timedelta(minutes=31)


@dataclass(frozen=True)
class Given:
    """What a launch refers to.

    :ivar image: the source image, as DescribeImages describes it.
    :ivar vswitches: ids of those to try, the best first.
    :ivar groups: ids of security groups.
    :ivar key: name of the key pair; empty for none.
    :ivar instance_name: its name in the console.
    :ivar user_data: for cloud-init.
    :ivar expires: when it ends, ISO 8601.
    :ivar password: of the administrator of Windows; empty for none.
    """

    image: dict[str, Any]
    vswitches: list[str]
    groups: list[str]
    key: str
    instance_name: str
    user_data: bytes
    expires: str
    password: str = ""


def requests(params: dict[str, Any], given: Given) -> list[dict[str, Any]]:
    """The parameter sets to try in turn: each market, in it each type, for that each place.

    :param params: the options of alicloud_builder.
    :raises HallmarkError: on disks that ECS would refuse.
    """
    shared: dict[str, Any] = {
        "ImageId": given.image["ImageId"],
        "InstanceName": given.instance_name,
        "Description": params["instance_description"],
        "SecurityGroupIds": given.groups,
        "KeyPairName": given.key or None,
        "Password": given.password or None,
        "UserData": base64.b64encode(given.user_data).decode("ascii"),
        "InstanceChargeType": "PostPaid",
        "IoOptimized": "optimized",
        "SystemDisk": disks.system_disk(params, given.image),
        "DataDisk": disks.data_disks(params) or None,
        "HttpEndpoint": "enabled",
        "HttpTokens": params["imds_tokens"],
        "RamRoleName": params["instance_ram_role"],
        "SecurityEnhancementStrategy": params["security_enhancement"],
        "AutoReleaseTime": release_time(given.expires),
        **grouped(params["resource_group_id"]),
        **_internet(params),
    }
    shared = {name: value for name, value in shared.items() if value is not None}
    return [
        {**shared, **(_spot(params["spot_max_price"]) if spot else {}), "InstanceType": kind, "VSwitchId": vswitch}
        for spot in MARKETS[params["market"]]
        for kind in params["instance_types"]
        for vswitch in given.vswitches
    ]


def release_time(expires: str, now: datetime | None = None) -> str:
    """When Alibaba Cloud releases the machine by itself, as RunInstances takes it: to the minute, rounded up."""
    soonest = (now or datetime.now(UTC)) + SOONEST
    moment = max(datetime.fromisoformat(expires).astimezone(UTC), soonest) + timedelta(seconds=59)
    return f"{moment:%Y-%m-%dT%H:%M:00Z}"


def public_address(params: dict[str, Any]) -> bool:
    """Whether the machine gets a public address of its own, other than an elastic one."""
    if params["eip"] or params["eip_id"]:
        return False
    wanted = params["assign_public_ip"]
    return params["connect_by"] == "public" if wanted is None else wanted


def _internet(params: dict[str, Any]) -> dict[str, Any]:
    if not public_address(params):
        return {}
    return {
        "InternetChargeType": params["internet_charge_type"],
        "InternetMaxBandwidthOut": params["internet_max_bandwidth_out"],
    }


def _spot(price: str | None) -> dict[str, Any]:
    limit = {"SpotStrategy": "SpotWithPriceLimit", "SpotPriceLimit": price} if price else {}
    return {"SpotStrategy": "SpotAsPriceGo", "SpotInterruptionBehavior": "Terminate", **limit}
