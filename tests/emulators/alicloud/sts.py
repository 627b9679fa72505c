# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""STS: sessions of RAM roles, and who one is."""

from __future__ import annotations

import json
import re

from emulators.alicloud.api import Reply, Request, action
from emulators.alicloud.errors import ApiError
from emulators.alicloud.world import moment


@action(
    "sts",
    "AssumeRole",
    "RegionId RoleArn! RoleSessionName! DurationSeconds:int Policy ExternalId SourceIdentity",
    "{RoleArn}",
)
def assume_role(request: Request) -> Reply:
    accounts, name = request.world.accounts, request["RoleSessionName"]
    seconds = request.get("DurationSeconds", 3600)
    if not re.fullmatch(r"[\w.@\-]{2,64}", name, re.ASCII):
        raise ApiError(400, "InvalidParameter.RoleSessionName", "The parameter RoleSessionName is wrongly formed.")
    if not 900 <= seconds <= 3600 * 12:
        raise ApiError(400, "InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is 15min/1hr.")
    if not re.fullmatch(r"acs:ram::\d+:role/[\w.\-]+", request["RoleArn"]):
        raise ApiError(400, "InvalidParameter.RoleArn", "The parameter RoleArn is wrongly formed.")
    role = accounts.roles.get(request["RoleArn"])
    if role is None:
        raise ApiError(404, "EntityNotExist.Role", "The specified Role not exists .")
    try:
        policy = json.loads(request["Policy"]) if "Policy" in request else None
        session = accounts.session(role, seconds, request.world.time(), name, policy)
    except ValueError:
        raise ApiError(400, "InvalidParameter.PolicyGrammar", "The parameter Policy is wrongly formed.") from None
    assert session.ends is not None
    return {
        "AssumedRoleUser": {"Arn": f"{role.arn}/{name}", "AssumedRoleId": f"3{role.account[1:]}:{name}"},
        "Credentials": {
            "AccessKeyId": session.key,
            "AccessKeySecret": session.secret,
            "SecurityToken": session.token,
            "Expiration": moment(session.ends, seconds=True),
        },
    }


@action("sts", "GetCallerIdentity", "RegionId")
def get_caller_identity(request: Request) -> Reply:
    caller = request.caller
    assumed = bool(caller.token)
    kind = "assumed-role" if assumed else "user"
    return {
        "AccountId": caller.account,
        "Arn": f"acs:ram::{caller.account}:{kind}/{caller.name}",
        "IdentityType": "AssumedRoleUser" if assumed else "RAMUser",
        "PrincipalId": caller.name,
        "UserId": caller.name,
    }
