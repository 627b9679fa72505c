# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RAM roles of instances."""

from __future__ import annotations

from emulators.alicloud.api import Reply, Request, action
from emulators.alicloud.errors import ApiError
from emulators.alicloud.things import Instance


def check_role(request: Request) -> None:
    """Refuse a role that the account does not have."""
    name = request.get("RamRoleName")
    if name and f"acs:ram::{request.caller.account}:role/{name}" not in request.world.accounts.roles:
        message = 'The specified parameter "RAMRoleName" does not exist.'
        raise ApiError(404, "InvalidRamRole.NotFound", message)


@action(
    "ecs", "DescribeInstanceRamRole", "RegionId! InstanceIds:json RamRoleName PageNumber:int PageSize:int", "instance/*"
)
def describe_instance_ram_role(request: Request) -> Reply:
    found = request.select(request.all(Instance), id=request.get("InstanceIds"), role=request.get("RamRoleName"))
    sets = [{"InstanceId": instance.id, "RamRoleName": instance.role} for instance in found]
    return {"RegionId": request.region, "TotalCount": len(sets), "InstanceRamRoleSets": {"InstanceRamRoleSet": sets}}


@action(
    "ecs",
    "AttachInstanceRamRole",
    "RegionId! RamRoleName! InstanceIds:json! Policy",
    "instance/{InstanceIds} ram:PassRole:role/{RamRoleName}",
)
def attach_instance_ram_role(request: Request) -> Reply:
    check_role(request)
    instances = [request.find(Instance, identifier) for identifier in request["InstanceIds"]]
    if any(instance.role for instance in instances):  # the code is from memory
        raise ApiError(403, "InvalidOperation.AlreadyAttachRamRole", "The instance has a RAM role already.")
    for instance in instances:
        instance.role = request["RamRoleName"]
    results = [{"InstanceId": one.id, "Code": "200", "Message": "success", "Success": True} for one in instances]
    return {
        "RamRoleName": request["RamRoleName"],
        "TotalCount": len(results),
        "FailCount": 0,
        "AttachInstanceRamRoleResults": {"AttachInstanceRamRoleResult": results},
    }
