# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a guest on AWS is ready: its host keys come from the console, never from the network they are to secure."""

from __future__ import annotations

from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.build.guests import CloudGuest

#: What types that do not run on Nitro answer to the question for the latest output.
NO_LATEST = ("UnsupportedOperation", "InvalidParameterCombination", "InvalidParameterValue")


class Guest(CloudGuest):
    """The inside of an instance of EC2."""

    latest = True

    def output(self) -> str:
        """What the console shows; the latest, where the type can tell."""
        what = f"console of machine {self.machine.name}"
        latest = {"Latest": True} if self.latest else {}
        try:
            answer = self.machine.connection.call(what, "get_console_output", InstanceId=self.identifier, **latest)
        except ApiError as error:
            if self.latest and error.code in NO_LATEST:
                self.latest = False
                return self.output()
            raise
        return answer.get("Output") or ""

    def address(self, by: str) -> str:
        """Its address; empty for none yet."""
        return self.instance.get("PublicIpAddress" if by == "public" else "PrivateIpAddress", "")

    def summary(self) -> dict[str, Any]:
        """What is returned of the instance."""
        instance = self.instance
        return {
            "id": self.identifier,
            "type": instance.get("InstanceType", ""),
            "zone": instance.get("Placement", {}).get("AvailabilityZone", ""),
            "subnet": instance.get("SubnetId", ""),
            "market": instance.get("InstanceLifecycle", "on-demand"),
            "public_ip": instance.get("PublicIpAddress", ""),
            "private_ip": instance.get("PrivateIpAddress", ""),
        }
