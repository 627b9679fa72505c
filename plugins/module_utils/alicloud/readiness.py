# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import binascii
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.build.guests import CloudGuest


class Guest(CloudGuest):
    """The inside of an instance of ECS."""

    def output(self) -> str:
        """What the console shows; nothing yet where the machine is only starting."""
        what = f"console of machine {self.machine.name}"
        try:
            answer = self.machine.connection.call(what, "GetInstanceConsoleOutput", InstanceId=self.identifier)
        except ApiError as error:
            if not error.busy:
                raise
            return ""
        try:
            return base64.b64decode(answer.get("ConsoleOutput") or "").decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return ""

    def address(self, by: str) -> str:
        """Its address; empty for none yet."""
        found = addresses(self.instance)
        return found["private" if by == "private" else "public"]

    def summary(self) -> dict[str, Any]:
        """What is returned of the instance."""
        instance, found = self.instance, addresses(self.instance)
        spot = instance.get("SpotStrategy", "NoSpot") not in ("", "NoSpot")
        return {
            "id": self.identifier,
            "type": instance.get("InstanceType", ""),
            "zone": instance.get("ZoneId", ""),
            "vswitch": (instance.get("VpcAttributes") or {}).get("VSwitchId", ""),
            "market": "spot" if spot else "on-demand",
            "public_ip": found["public"],
            "private_ip": found["private"],
        }


def addresses(instance: dict[str, Any]) -> dict[str, str]:
    """The public and the private address of an instance, empty where it has none."""
    elastic = (instance.get("EipAddress") or {}).get("IpAddress") or ""
    public = (instance.get("PublicIpAddress") or {}).get("IpAddress") or []
    private = ((instance.get("VpcAttributes") or {}).get("PrivateIpAddress") or {}).get("IpAddress") or []
    return {"public": elastic or next(iter(public), ""), "private": next(iter(private), "")}
