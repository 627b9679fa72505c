# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a machine in a cloud is reached: the options that say so, the same for every cloud, and what they must be."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build import addresses, proxies
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.programs import find_tool

MACHINE_NAME = re.compile(r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "connect_by": {"type": "str", "choices": ["public", "private"], "default": "public"},
    "communicator": {"type": "str", "choices": ["ssh", "winrm"], "default": "ssh"},
    "ssh_port": {"type": "int", "default": 22},
    "user": {"type": "str", "default": "admin"},
    "wait_for_cloud_init": {"type": "bool", "default": True},
    "bastion": {"type": "dict", "options": proxies.BASTION},
    "ssh_proxy_command": {"type": "str"},
    "source_cidrs": {"type": "list", "elements": "str", "default": []},
    "address_service": {"type": "str", "default": addresses.ADDRESS_SERVICE},
    "security_group_ids": {"type": "list", "elements": "str", "default": []},
    "user_data": {"type": "str", "no_log": True},
    "user_data_file": {"type": "path"},
    "console_log": {"type": "path"},
}


def check(params: dict[str, Any]) -> None:
    """Refuse what can be seen to be wrong before anything is asked.

    :param params: name, and what ARGUMENT_SPEC has.
    :raises HallmarkError: naming option and value.
    """
    if not MACHINE_NAME.match(params["name"]):
        raise HallmarkError(f"name: {params['name']!r}", "lower-case letters, digits and dashes, at most 32")
    if not 1 <= params["ssh_port"] <= 65535:
        raise HallmarkError(f"ssh_port: {params['ssh_port']}", "a number from 1 to 65535")
    addresses.check_cidrs(params["source_cidrs"])
    for tool in ("ssh", "ssh-keygen"):
        find_tool(tool)
    if params["bastion"]:
        proxies.check_bastion(params["bastion"])
    through = "bastion" if params["bastion"] else "ssh_proxy_command" if params["ssh_proxy_command"] else ""
    if through and params["communicator"] == "winrm":
        raise HallmarkError(f"communicator: winrm: with {through}", "an address that can be reached without")
    if through and not (params["source_cidrs"] or params["security_group_ids"]):
        # The machine does not see this computer's address, and where the other end comes from nobody says.
        raise HallmarkError(
            f"source_cidrs: missing, with {through}", "the address that it connects from, as [10.0.0.5/32]"
        )


def check_communicator(params: dict[str, Any], image: str, windows: bool) -> None:
    """Refuse a communicator that the source image does not have.

    :param image: its id, for the message.
    :raises HallmarkError: when it is of the other kind.
    """
    if windows != (params["communicator"] == "winrm"):
        kind = "Windows" if windows else "not Windows"
        raise HallmarkError(
            f"communicator: {params['communicator']}: {image} is {kind}", "winrm for Windows, ssh for all others"
        )
