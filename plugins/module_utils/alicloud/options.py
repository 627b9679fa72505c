# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of alicloud_builder, and what they must be."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import disks, launching, names, network
from ansible_collections.hallmark.images.plugins.module_utils.build import reach
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

INSTANCE_TYPE = re.compile(r"^ecs\.[a-z0-9-]+(\.[a-z0-9-]+)+$")
#: Options that say the same in two ways, or contradict each other.
ONLY_ONE = (
    ("vpc_id", "vswitch_ids"),
    ("vswitch_cidr", "vswitch_ids"),
    ("eip", "eip_id"),
    ("assign_public_ip", "eip"),
    ("assign_public_ip", "eip_id"),
)
#: MBit/s (ECS API reference, RunInstances, InternetMaxBandwidthOut).
BANDWIDTH = (1, 200)

#: Options of alicloud_builder besides those that all builders and all modules of this platform have.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **reach.ARGUMENT_SPEC,
    "user": {"type": "str", "default": "root"},
    "source": {
        "type": "dict",
        "options": {
            "id": {"type": "str"},
            "family": {"type": "str"},
            "name": {"type": "str"},
            "owner": {"type": "str"},
            "filters": {"type": "dict"},
            "most_recent": {"type": "bool", "default": False},
            "include_deprecated": {"type": "bool", "default": False},
        },
    },
    **names.ARGUMENT_SPEC,
    "instance_types": {"type": "list", "elements": "str", "default": ["ecs.e-c1m2.large", "ecs.c6.large"]},
    "market": {"type": "str", "choices": list(launching.MARKETS), "default": "on-demand"},
    "spot_max_price": {"type": "str"},
    "availability_zones": {"type": "list", "elements": "str", "default": []},
    "vpc_id": {"type": "str"},
    "vpc_cidr": {"type": "str", "default": "172.16.0.0/16"},
    "vswitch_ids": {"type": "list", "elements": "str", "default": []},
    "vswitch_cidr": {"type": "str"},
    "assign_public_ip": {"type": "bool"},
    "eip": {"type": "bool", "default": False},
    "eip_id": {"type": "str"},
    "internet_charge_type": {
        "type": "str",
        "choices": ["PayByTraffic", "PayByBandwidth"],
        "default": "PayByTraffic",
    },
    "internet_max_bandwidth_out": {"type": "int", "default": 10},
    "encrypted": {"type": "bool"},
    "kms_key_id": {"type": "str", "no_log": False},
    "root_disk": {"type": "dict", "options": disks.DISK},
    "data_disks": {"type": "list", "elements": "dict", "default": [], "options": disks.DATA_DISK},
    "imds_tokens": {"type": "str", "choices": ["required", "optional"], "default": "required", "no_log": False},
    "instance_ram_role": {"type": "str"},
    "security_enhancement": {"type": "str", "choices": ["Active", "Deactive"], "default": "Deactive"},
    "resource_group_id": {"type": "str"},
    "tags": {"type": "dict", "default": {}},
}


def check(params: dict[str, Any]) -> None:
    """Refuse what can be seen to be wrong before anything is asked.

    :raises HallmarkError: naming option and value.
    """
    reach.check(params)
    for kind in params["instance_types"]:
        if not INSTANCE_TYPE.match(kind):
            raise HallmarkError(f"instance_types: {kind!r}", "an instance type, as ecs.c6.large")
    if not params["instance_types"]:
        raise HallmarkError("instance_types: empty", "at least one, as [ecs.c6.large]")
    for one, other in ONLY_ONE:
        if params[one] and params[other]:
            raise HallmarkError(f"{one}: with {other}", "only one of them")
    names.check(params)
    if params["vswitch_cidr"] and not params["vpc_id"]:
        raise HallmarkError("vswitch_cidr: without vpc_id", "both; a temporary VPC is divided by itself")
    if params["security_group_ids"] and not (params["vpc_id"] or params["vswitch_ids"]):
        raise HallmarkError("security_group_ids: with a temporary VPC", "vpc_id or vswitch_ids of their VPC")
    if params["communicator"] == "winrm" and (
        params["connect_by"] != "public" or not (params["eip"] or params["eip_id"])
    ):
        # Its certificate is made before it is there, so its address must be known by then.
        raise HallmarkError("communicator: winrm: without an elastic IP address", "eip: true, or eip_id")
    network.check_cidr("vpc_cidr", params["vpc_cidr"], 28)
    if params["vswitch_cidr"]:
        network.check_cidr("vswitch_cidr", params["vswitch_cidr"], 29)
    if not BANDWIDTH[0] <= params["internet_max_bandwidth_out"] <= BANDWIDTH[1]:
        raise HallmarkError(
            f"internet_max_bandwidth_out: {params['internet_max_bandwidth_out']}",
            f"MBit/s from {BANDWIDTH[0]} to {BANDWIDTH[1]}",
        )
    price = params["spot_max_price"]
    if price and not re.fullmatch(r"\d+(\.\d{1,3})?", price):
        raise HallmarkError(f"spot_max_price: {price!r}", "a price for an hour, as 0.05")
    reachable = params["eip"] or params["eip_id"] or params["assign_public_ip"] is not False
    if params["connect_by"] == "public" and not (reachable or params["bastion"] or params["ssh_proxy_command"]):
        raise HallmarkError("connect_by: public with assign_public_ip false", "eip, eip_id, or connect_by: private")
