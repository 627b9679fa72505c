# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and descriptions of a machine and what belongs to it, where the user gives them.

They are for people: nothing is ever found by them, so they may be those of other things too.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Of instances, disks and security groups (ECS API reference, RunInstances and CreateSecurityGroup).
NAME = re.compile(r"[^\W\d_][\w.:-]{1,127}")
RIGHT_NAME = "2 to 128 of letters, digits and .:_-, with a letter first"
#: Of VPCs and vSwitches (VPC API reference, CreateVpc and CreateVSwitch).
LONGEST_NAME = 128
LONGEST_DESCRIPTION = 256
ADDRESSES = ("http://", "https://")
#: Options of alicloud_builder that name what it makes; without them, definition and build do.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    name: {"type": "str"}
    for name in ("instance_name", "instance_description", "vpc_name", "vswitch_name", "security_group_name")
}


def check(params: dict[str, Any]) -> None:
    """Refuse names and descriptions that the API would refuse, and names for what is not made.

    :param params: those of ARGUMENT_SPEC; vpc_id, vswitch_ids, vswitch_cidr and security_group_ids.
    :raises HallmarkError: naming option and value.
    """
    check_name("instance_name", params["instance_name"])
    check_name("security_group_name", params["security_group_name"])
    check_network_name("vpc_name", params["vpc_name"])
    check_network_name("vswitch_name", params["vswitch_name"])
    check_description("instance_description", params["instance_description"])
    existing = "vpc_id" if params["vpc_id"] else "vswitch_ids" if params["vswitch_ids"] else ""
    made = not existing or (params["vpc_id"] and params["vswitch_cidr"])
    if params["vpc_name"] and existing:
        raise HallmarkError(f"vpc_name: with {existing}", "only one of them: it names a temporary VPC")
    if params["vswitch_name"] and not made:
        raise HallmarkError(f"vswitch_name: with {existing}", "vswitch_cidr, for a temporary vSwitch, or no name")
    if params["security_group_name"] and params["security_group_ids"]:
        raise HallmarkError(
            "security_group_name: with security_group_ids", "only one of them: it names a temporary security group"
        )


def check_name(key: str, name: str | None) -> None:
    """Refuse what cannot be the name of an instance, a disk or a security group.

    :param key: the option, for the message.
    :param name: None for none.
    :raises HallmarkError: when it cannot.
    """
    if name is not None and not NAME.fullmatch(name):
        raise HallmarkError(f"{key}: {name!r}", RIGHT_NAME)


def check_network_name(key: str, name: str | None) -> None:
    """Refuse what cannot be the name of a VPC or a vSwitch.

    :raises HallmarkError: when it cannot.
    """
    if name is not None and (not 1 <= len(name) <= LONGEST_NAME or name.startswith(ADDRESSES)):
        raise HallmarkError(f"{key}: {name!r}", f"1 to {LONGEST_NAME} characters, without http:// or https:// in front")


def check_description(key: str, text: str | None) -> None:
    """Refuse what cannot be the description of an instance, a disk or an image.

    :raises HallmarkError: when it cannot.
    """
    if text is not None and (not 2 <= len(text) <= LONGEST_DESCRIPTION or text.startswith(ADDRESSES)):
        raise HallmarkError(
            f"{key}: {text!r}", f"2 to {LONGEST_DESCRIPTION} characters, without http:// or https:// in front"
        )
