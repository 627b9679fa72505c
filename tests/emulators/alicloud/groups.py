# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups. Their rules are kept and shown; on loopback addresses nobody enforces them."""

from __future__ import annotations

import ipaddress
import re

from emulators.alicloud.api import Reply, Request, action, page, shown_tags
from emulators.alicloud.errors import ApiError, missing
from emulators.alicloud.names import check_description, check_name
from emulators.alicloud.things import Group, Instance, Vpc

RULE = (
    "IpProtocol PortRange SourceCidrIp DestCidrIp Ipv6SourceCidrIp Ipv6DestCidrIp NicType Policy Priority Description "
    "SourcePortRange"
)
INWARD, OUTWARD = f"{RULE} SourceGroupId SourcePrefixListId", f"{RULE} DestGroupId DestPrefixListId"
GIVEN = "RegionId! SecurityGroupId! ClientToken"


@action(
    "ecs",
    "CreateSecurityGroup",
    "RegionId! VpcId SecurityGroupName Description SecurityGroupType ResourceGroupId ClientToken Tag[Key Value]",
    "securitygroup/* vpc:vpc/{VpcId}",
)
def create_security_group(request: Request) -> Reply:
    request.choice("SecurityGroupType", ("normal", "enterprise"), "normal")
    if "VpcId" not in request:
        raise missing("VpcId")  # classic networks are no longer sold
    vpc = request.find(Vpc, request["VpcId"])
    name = request.get("SecurityGroupName", "")
    check_name("SecurityGroupName", name)
    check_description("SecurityGroupDescription", request.get("Description", ""))
    request.checked()
    group = request.make(Group, vpc=vpc.id, name=name, description=request.get("Description", ""))
    return {"SecurityGroupId": group.id}


@action(
    "ecs",
    "DescribeSecurityGroups",
    "RegionId! VpcId SecurityGroupId SecurityGroupIds:json SecurityGroupName SecurityGroupType NetworkType "
    "FuzzyQuery:bool IsQueryEcsCount:bool ResourceGroupId DryRun:bool PageNumber:int PageSize:int MaxResults:int "
    "NextToken Tag[Key Value]",
    "securitygroup/*",
)
def describe_security_groups(request: Request) -> Reply:
    request.checked()
    found = request.select(
        request.all(Group),
        id=request.get("SecurityGroupIds", request.get("SecurityGroupId")),
        vpc=request.get("VpcId"),
        name=request.get("SecurityGroupName"),
    )

    def show(group: Group) -> Reply:
        return {
            "SecurityGroupId": group.id,
            "SecurityGroupName": group.name,
            "SecurityGroupType": "normal",
            "Description": group.description,
            "VpcId": group.vpc,
            "CreationTime": group.stamp(seconds=True),
            "ResourceGroupId": group.group,
            "EcsCount": sum(group.id in instance.groups for instance in request.world.all(Instance)),
            "Tags": shown_tags(group),
        }

    return page(request, found, "SecurityGroups", "SecurityGroup", show) | {"RegionId": request.region}


@action(
    "ecs",
    "DescribeSecurityGroupAttribute",
    "RegionId! SecurityGroupId! Direction NicType Attribute MaxResults:int NextToken",
    "securitygroup/{SecurityGroupId}",
)
def describe_security_group_attribute(request: Request) -> Reply:
    group = request.find(Group, request["SecurityGroupId"])
    direction = request.choice("Direction", ("ingress", "egress", "all"), "all")
    return {
        "SecurityGroupId": group.id,
        "SecurityGroupName": group.name,
        "Description": group.description,
        "RegionId": group.region,
        "VpcId": group.vpc,
        "InnerAccessPolicy": "Accept",
        "Permissions": {"Permission": [rule for rule in group.rules if direction in ("all", rule["Direction"])]},
    }


def rule_from(fields: dict[str, str], direction: str) -> dict[str, str]:
    """A rule from the parameters of a call, or one row of Permissions.

    :raises ApiError: when it is not a rule.
    """
    start = "Source" if direction == "ingress" else "Dest"
    for name in ("IpProtocol", "PortRange"):
        if name not in fields:
            raise missing(name)
    if fields["IpProtocol"].lower() not in ("tcp", "udp", "icmp", "icmpv6", "gre", "all"):
        message = "The specified parameter IpProtocol is not valid."
        raise ApiError(400, "InvalidIpProtocol.ValueNotSupported", message)
    ports = re.fullmatch(r"(-1|\d+)/(-1|\d+)", fields["PortRange"])
    whole = fields["PortRange"] == "-1/-1"
    with_ports = fields["IpProtocol"].lower() in ("tcp", "udp")
    if not ports or whole == with_ports or (with_ports and not 1 <= int(ports[1]) <= int(ports[2]) <= 65535):
        raise ApiError(400, "InvalidPortRange.Malformed", "The specified parameter PortRange is not valid.")
    other = "Dest" if start == "Source" else "Source"
    for name in (f"{start}CidrIp", f"{other}CidrIp", f"Ipv6{start}CidrIp", f"Ipv6{other}CidrIp"):
        if name in fields:
            try:
                ipaddress.ip_network(fields[name])
            except ValueError:
                raise ApiError(
                    400, f"Invalid{name}.Malformed", f"The specified parameter {name} is not valid."
                ) from None
    if not {f"{start}CidrIp", f"Ipv6{start}CidrIp", f"{start}GroupId", f"{start}PrefixListId"} & set(fields):
        raise missing(f"{start}CidrIp")
    if not re.fullmatch(r"100|[1-9]\d?", fields.get("Priority", "1")):
        raise ApiError(400, "InvalidPriority.ValueNotSupported", "The specified parameter Priority is not valid.")
    if fields.get("Policy", "accept").lower() not in ("accept", "drop"):
        raise ApiError(400, "InvalidPolicy.Malformed", "The specified parameter Policy is not valid.")
    rule = {"Policy": "Accept", "Priority": "1", "NicType": "intranet", "Description": ""} | fields
    return rule | {
        "Direction": direction,
        "IpProtocol": fields["IpProtocol"].upper(),
        "Policy": rule["Policy"].capitalize(),
    }


def rules_of(request: Request, direction: str) -> list[dict[str, str]]:
    """The rules that a call names, in rows or without."""
    single = {name: request[name] for name in (*INWARD.split(), *OUTWARD.split()) if name in request}
    return [rule_from(fields, direction) for fields in request.get("Permissions", [single])]


def change_rules(request: Request, direction: str, add: bool) -> Reply:
    """Add rules, or take them away. A rule that is there already, or no longer, is passed over."""
    group = request.find(Group, request["SecurityGroupId"])
    rules = rules_of(request, direction)
    for rule in rules:
        named = rule.get("SourceGroupId") or rule.get("DestGroupId")
        if named:
            request.find(Group, named)
    request.checked()
    for rule in rules:
        key = {name: value for name, value in rule.items() if name not in ("Description", "CreateTime", "NicType")}
        there = [one for one in group.rules if all(one.get(name) == value for name, value in key.items())]
        if add and not there:
            group.rules.append(rule | {"CreateTime": group.stamp(seconds=True)})
        elif not add:
            group.rules = [one for one in group.rules if one not in there]
    return {}


@action("ecs", "AuthorizeSecurityGroup", f"{GIVEN} {INWARD} Permissions[{INWARD}]", "securitygroup/{SecurityGroupId}")
def authorize_security_group(request: Request) -> Reply:
    return change_rules(request, "ingress", add=True)


@action(
    "ecs",
    "AuthorizeSecurityGroupEgress",
    f"{GIVEN} {OUTWARD} Permissions[{OUTWARD}]",
    "securitygroup/{SecurityGroupId}",
)
def authorize_security_group_egress(request: Request) -> Reply:
    return change_rules(request, "egress", add=True)


@action("ecs", "RevokeSecurityGroup", f"{GIVEN} {INWARD} Permissions[{INWARD}]", "securitygroup/{SecurityGroupId}")
def revoke_security_group(request: Request) -> Reply:
    return change_rules(request, "ingress", add=False)


@action("ecs", "DeleteSecurityGroup", "RegionId! SecurityGroupId!", "securitygroup/{SecurityGroupId}")
def delete_security_group(request: Request) -> Reply:
    group = request.find(Group, request["SecurityGroupId"])
    if any(group.id in instance.groups for instance in request.world.all(Instance)):
        raise ApiError(403, "DependencyViolation", "There is still instance(s) in the specified security group.")
    named = {
        rule.get(name)
        for other in request.world.all(Group)
        for rule in other.rules
        if other is not group
        for name in ("SourceGroupId", "DestGroupId")
    }
    if group.id in named:
        raise ApiError(403, "DependencyViolation", "The specified security group has been authorized in another one.")
    request.world.drop(group)
    return {}


@action(
    "ecs",
    "JoinSecurityGroup",
    "RegionId SecurityGroupId! InstanceId!",
    "instance/{InstanceId} securitygroup/{SecurityGroupId}",
)
def join_security_group(request: Request) -> Reply:
    instance, group = request.find(Instance, request["InstanceId"]), request.find(Group, request["SecurityGroupId"])
    if instance.vpc != group.vpc:
        message = "Specified security group and instance are not in the same VPC."
        raise ApiError(400, "InvalidParameter.Mismatch", message)
    if group.id in instance.groups:
        message = "The specified instance already exists in the specified security group."
        raise ApiError(403, "InvalidInstanceId.AlreadyExists", message)
    instance.groups.append(group.id)
    return {}
