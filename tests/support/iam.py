# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS would ask of the IAM policies of whoever made a recorded call, and whether policies allow it.

moto compares actions only. Here each call is turned into what AWS evaluates: an action, an ARN and the condition keys
of each thing that the call makes or names, and the further actions that it takes for granted (tags of a create call, a
role that is passed on, a KMS key). From the Service Authorization Reference of EC2, IAM, KMS and Systems Manager.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from typing import Any

from emulators.common.calls import Call

ACCOUNT = "123456789012"
#: What each action makes.
MAKES = {
    "ImportKeyPair": ("key-pair",),
    "CreateSecurityGroup": ("security-group",),
    "AuthorizeSecurityGroupIngress": ("security-group-rule",),
    "RunInstances": ("instance", "volume", "network-interface"),
    "CreateImage": ("image", "snapshot"),
    "CopyImage": ("image", "snapshot"),
    "RegisterImage": ("image",),
}
#: The start of an id → what it is the id of.
KINDS = {"i": "instance", "ami": "image", "snap": "snapshot", "vol": "volume", "sg": "security-group"}
KINDS |= {"subnet": "subnet", "vpc": "vpc"}
IDENTIFIER = re.compile(r"^(i|ami|snap|vol|sg|subnet|vpc)-[0-9a-f]+$")
TAG = re.compile(r"^TagSpecifications?\.(\d+)\.(?:(ResourceType)|Tags?\.(\d+)\.(Key|Value))$")
#: What EBS does with a key on behalf of the caller ("Requirements for Amazon EBS encryption", EBS user guide).
WITH_KEY = ("CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo")

#: What EC2 asks on behalf of the caller for references to an image ("AMI reference checks", EC2 user guide).
WITH_REFERENCES = ("ec2:DescribeInstances", "ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions")
WITH_REFERENCES += ("imagebuilder:GetContainerRecipe", "imagebuilder:ListContainerRecipes")
WITH_REFERENCES += ("imagebuilder:ListImageRecipes", "ssm:DescribeParameters", "ssm:GetParameters")


@dataclasses.dataclass(frozen=True)
class Demand:
    """One thing that AWS evaluates.

    :ivar context: condition keys and their values.
    """

    action: str
    resource: str = "*"
    context: dict[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} with {self.context}"


def demands(call: Call) -> list[Demand]:
    """All that AWS evaluates for a call."""
    if call.service == "iam":
        return _of_iam(call)
    if call.service == "ssm":
        return [Demand(f"ssm:{call.action}", f"arn:aws:ssm:{call.region}::parameter{call.params['Name']}")]
    if call.service != "ec2":
        return [Demand(f"{call.service}:{call.action}")]
    action = f"ec2:{call.action}"
    if call.action.startswith(("Describe", "GetEbs", "GetImage", "GetSnapshot")):
        also = WITH_REFERENCES if call.action == "DescribeImageReferences" else ()
        return [Demand(item) for item in (action, *also)]  # of these EC2 knows no resources
    found = [*_made(call), *_named(call)]
    if call.action == "RunInstances":
        found += _passed_on(call)
    if "KmsKeyId" in "".join(call.params):
        context = {"kms:ViaService": f"ec2.{call.region}.amazonaws.com"}
        found += [Demand(f"kms:{verb}", f"arn:aws:kms:{call.region}:{ACCOUNT}:key/x", context) for verb in WITH_KEY]
    return found


def request_tags(params: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The tags that a create call gives to each kind of thing."""
    kinds: dict[str, str] = {}
    pairs: dict[tuple[str, str], dict[str, str]] = {}
    for name, value in params.items():
        match = TAG.match(name)
        if match and match[2]:
            kinds[match[1]] = value
        elif match:
            pairs.setdefault((match[1], match[3]), {})[match[4]] = value
    found: dict[str, dict[str, str]] = {kind: {} for kind in kinds.values()}
    for (number, dummy), pair in pairs.items():
        found[kinds[number]][pair["Key"]] = pair["Value"]
    return found


def _arn(region: str, kind: str, name: str) -> str:
    return f"arn:aws:ec2:{region}:{'' if kind in ('image', 'snapshot') else ACCOUNT}:{kind}/{name}"


def _made(call: Call) -> list[Demand]:
    kinds = MAKES.get(call.action, ())
    if call.params.get("InstanceMarketOptions.MarketType") == "spot":
        kinds = (*kinds, "spot-instances-request")
    tags = request_tags(call.params)
    found = []
    for kind in kinds:
        name = call.params.get("KeyName", "new") if kind == "key-pair" else "new"
        context = {f"aws:RequestTag/{key}": value for key, value in tags.get(kind, {}).items()}
        found.append(Demand(f"ec2:{call.action}", _arn(call.region, kind, name), context))
        if context:
            tagging = {"ec2:CreateAction": call.action, **context}
            found.append(Demand("ec2:CreateTags", _arn(call.region, kind, name), tagging))
    return found


def _named(call: Call) -> list[Demand]:
    region = call.params.get("SourceRegion", call.region)
    found = []
    for name, value in call.params.items():
        match = IDENTIFIER.match(str(value))
        kind = KINDS[match[1]] if match else "key-pair" if name == "KeyName" else ""
        if kind and not (kind == "key-pair" and call.action == "ImportKeyPair"):
            context = {f"aws:ResourceTag/{key}": text for key, text in call.named.get(value, {}).items()}
            found.append(Demand(f"ec2:{call.action}", _arn(region, kind, value), context))
    return found


def _passed_on(call: Call) -> list[Demand]:
    found = []
    profile = call.params.get("IamInstanceProfile.Name")
    if profile:
        found.append(_pass_role(profile))
    if call.params.get("InstanceMarketOptions.MarketType") == "spot":  # the first in an account
        role = "role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"
        context = {"iam:AWSServiceName": "spot.amazonaws.com"}
        found.append(Demand("iam:CreateServiceLinkedRole", f"arn:aws:iam::{ACCOUNT}:{role}", context))
    return found


def _pass_role(name: str) -> Demand:
    return Demand("iam:PassRole", _arn_of_iam("role", name), {"iam:PassedToService": "ec2.amazonaws.com"})


def _arn_of_iam(kind: str, name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{kind}/{'hallmark/' if name.startswith('hallmark-') else ''}{name}"


def _of_iam(call: Call) -> list[Demand]:
    profile, role = call.params.get("InstanceProfileName"), call.params.get("RoleName")
    if not profile and not role:
        return [Demand(f"iam:{call.action}")]
    arn = _arn_of_iam("instance-profile", profile) if profile else _arn_of_iam("role", role)
    numbers = [name.removesuffix(".Key") for name in call.params if re.match(r"^Tags\.member\.\d+\.Key$", name)]
    context = {f"aws:RequestTag/{call.params[f'{name}.Key']}": call.params[f"{name}.Value"] for name in numbers}
    found = [Demand(f"iam:{call.action}", arn, context)]
    if context:
        found.append(Demand("iam:TagInstanceProfile" if profile else "iam:TagRole", arn, context))
    if call.action == "AddRoleToInstanceProfile":
        found.append(_pass_role(role))
    return found


def allowed(statements: list[dict[str, Any]], demand: Demand) -> bool:
    """Whether any statement allows it. There are no statements that deny."""
    return any(_matches(statement, demand) for statement in statements)


def _matches(statement: dict[str, Any], demand: Demand) -> bool:
    resources = _list(statement["Resource"])
    return (
        statement["Effect"] == "Allow"
        and demand.action in _list(statement["Action"])
        and any(fnmatch.fnmatchcase(demand.resource, pattern) for pattern in resources)
        and all(
            _holds(operator, values, demand.context.get(key))
            for operator, pairs in statement.get("Condition", {}).items()
            for key, values in pairs.items()
        )
    )


def _holds(operator: str, values: Any, value: str | None) -> bool:
    if operator == "Null":
        return (value is None) == (values == "true")
    if operator == "StringEquals":
        return value in _list(values)
    if operator == "StringLike":
        return value is not None and any(fnmatch.fnmatchcase(value, pattern) for pattern in _list(values))
    raise ValueError(f"the operator {operator} is not known here")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
