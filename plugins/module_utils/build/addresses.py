# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From where a machine may be reached: networks, and the address of this computer as the machine sees it."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from ansible.module_utils.urls import open_url

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Answers with the address that it was asked from, as one line of text. Amazon's own.
ADDRESS_SERVICE = "https://checkip.amazonaws.com"
ADDRESS_TIMEOUT = 10.0  # s


def check_cidrs(cidrs: list[str]) -> list[str]:
    """Networks in the form that clouds take; a bare address becomes a network of its own.

    :raises HallmarkError: naming the first that is none.
    """
    checked = []
    for cidr in cidrs:
        try:
            checked.append(str(ipaddress.ip_network(cidr, strict=True)))
        except ValueError:
            raise HallmarkError(
                f"source_cidrs: {cidr!r}", "an address or network, as 203.0.113.7/32 or 2001:db8::/48"
            ) from None
    return checked


def own_address(service: str, private: bool, subnet: dict[str, Any]) -> str:
    """The address that a machine will see its controller come from, as a network of one address.

    For a machine reached by its public address it is asked of a service, because only what is outside can see it; for
    one reached by its private address it is the one that this computer's routes would send from.

    :raises HallmarkError: when the service does not answer with an address.
    """
    if private:
        inside = ipaddress.ip_network(subnet["CidrBlock"])[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((str(inside), 9))  # a UDP socket only chooses the route: nothing is sent
            except OSError as error:
                raise HallmarkError(
                    f"source_cidrs: no route to {subnet['CidrBlock']}: {error.strerror}", "CIDRs"
                ) from None
            return f"{probe.getsockname()[0]}/32"
    try:
        with open_url(service, timeout=ADDRESS_TIMEOUT) as answer:
            text = answer.read(256).decode("ascii", "replace").strip()
        return str(ipaddress.ip_network(ipaddress.ip_address(text)))  # one address: a network would let others in
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise HallmarkError(
            f"source_cidrs: missing, and {service} does not tell this computer's address ({reason})",
            "the networks that may connect, as source_cidrs: [203.0.113.7/32]",
        ) from None
