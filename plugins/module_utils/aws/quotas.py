# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quotas of an account that a build may run into, as far as the credentials may read them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.launching import MARKETS
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Codes of the quotas on vCPUs, for on-demand and for spot, by the letters that an instance type begins with ("Amazon
#: EC2 On-Demand Instances quotas" and "Spot Instance quotas", EC2 user guide). All families of one line share a quota.
VCPUS = {
    ("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"): ("L-1216C47A", "L-34B43A08"),
    ("dl",): ("L-6E869C2A", "L-85EED4F7"),
    ("f",): ("L-74FC7D96", "L-88CF9481"),
    ("g", "gr", "vt"): ("L-DB2E81BA", "L-3819A6DF"),
    ("inf",): ("L-1945791B", "L-B5D1601B"),
    ("p",): ("L-417A185B", "L-7212CCBC"),
    ("trn",): ("L-2C3B7624", "L-6B0D517C"),
    ("x",): ("L-7295265B", "L-E3A00192"),
}
SECURITY_GROUPS = ("vpc", "L-E79EC296")  # of a region
PUBLIC_IMAGES = ("ec2", "L-0E3CBAB9")  # of a region
LETTERS = re.compile(r"^[a-z]+")


@dataclass(frozen=True)
class Quota:
    """One quota and what there is of it.

    :ivar name: of what.
    :ivar limit: how many there may be.
    :ivar used: how many there are.
    :ivar needed: how many more the build makes at once.
    """

    name: str
    region: str
    limit: float
    used: int
    needed: int

    @property
    def fits(self) -> bool:
        """Whether there is room for what is needed."""
        return self.used + self.needed <= self.limit

    def __str__(self) -> str:
        return f"{self.needed} {self.name} needed, {self.used} of {self.limit:g} in use in {self.region}"


def read(connection: Connection, service: str, code: str) -> float | None:
    """The value of a quota; None when it cannot be read, which is no reason not to build."""
    try:
        answer = connection.call("quota", "get_service_quota", "service-quotas", ServiceCode=service, QuotaCode=code)
    except HallmarkError:
        return None
    return float(answer["Quota"]["Value"])


def check(connection: Connection, params: dict[str, Any], groups: bool) -> list[dict[str, Any]]:
    """Refuse to launch where a quota has no room for it.

    :param params: planned_machines, market, instance_types.
    :param groups: whether each machine gets a security group of its own.
    :returns: the quotas that could be read, as dicts of the fields of Quota.
    :raises HallmarkError: naming the quotas that are used up.
    """
    count = params["planned_machines"]
    candidates = [(kind, spot) for spot in MARKETS[params["market"]] for kind in params["instance_types"]]
    own = check_security_groups(connection, count) if groups else []
    return check_machines(connection, candidates, count) + own


def check_machines(connection: Connection, candidates: list[tuple[str, bool]], count: int) -> list[dict[str, Any]]:
    """Refuse to launch where no type has room for its vCPUs in any market.

    :param candidates: types with whether they are spot, in the order in which they are tried.
    :param count: machines that there will be at once.
    :returns: as check.
    :raises HallmarkError: naming each quota that is used up.
    """
    codes = {pair: _code(*pair) for pair in candidates}
    limits = {code: read(connection, "ec2", code) for code in dict.fromkeys(codes.values()) if code}
    if not any(limit is not None for limit in limits.values()):
        return []
    running = _running(connection)
    sizes = _sizes(connection, {kind for kind, spot in [*running, *candidates]})
    found: dict[tuple[str, bool], Quota] = {}
    for kind, spot in candidates:
        code = codes[kind, spot]
        limit = limits.get(code)
        if limit is not None:
            used = sum(sizes.get(other, 0) for other, how in running if how == spot and _code(other, how) == code)
            name = f"vCPUs of {'spot' if spot else 'on-demand'} {kind}"
            found[kind, spot] = Quota(name, connection.region, limit, used, count * sizes.get(kind, 0))
    if all(pair in found and not found[pair].fits for pair in candidates):
        wrong = "; ".join(str(quota) for quota in found.values())
        raise HallmarkError(f"instance_types: quota: {wrong}", "another type or market, or a higher quota")
    return [asdict(quota) for quota in found.values()]


def check_security_groups(connection: Connection, count: int) -> list[dict[str, Any]]:
    """Refuse to launch where there may be no further security groups.

    :param count: those that there will be at once.
    :returns: as check.
    :raises HallmarkError: when the quota is used up.
    """
    limit = read(connection, *SECURITY_GROUPS)
    if limit is None:
        return []
    used = len(connection.pages("security groups", "describe_security_groups", "SecurityGroups"))
    quota = Quota("security groups", connection.region, limit, used, count)
    if not quota.fits:
        raise HallmarkError(f"quota: {quota}", "security_group_ids, or a higher quota")
    return [asdict(quota)]


def check_public_image(connection: Connection) -> None:
    """Refuse to make an image public where there may be no further public one.

    :raises HallmarkError: when the quota is used up.
    """
    limit = read(connection, *PUBLIC_IMAGES)
    if limit is None:
        return
    filters = [{"Name": "is-public", "Values": ["true"]}]
    own = connection.call("public images", "describe_images", Owners=["self"], Filters=filters).get("Images", [])
    quota = Quota("public images", connection.region, limit, len(own), 1)
    if not quota.fits:
        raise HallmarkError(f"launch_groups: quota: {quota}", "fewer public images, or a higher quota")


def _code(kind: str, spot: bool) -> str:
    """The code of the quota that counts a type; empty for families that have one of another sort."""
    match = LETTERS.match(kind)
    letters = match[0] if match else ""
    return next((codes[spot] for families, codes in VCPUS.items() if letters in families), "")


def _running(connection: Connection) -> list[tuple[str, bool]]:
    """The type of every machine that runs, and whether it is spot."""
    filters = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    groups = connection.pages("machines", "describe_instances", "Reservations", Filters=filters)
    machines = [machine for group in groups for machine in group["Instances"]]
    return [(machine["InstanceType"], machine.get("InstanceLifecycle") == "spot") for machine in machines]


def _sizes(connection: Connection, kinds: set[str]) -> dict[str, int]:
    """The vCPUs of each type."""
    wanted = sorted(kinds)
    found = []
    for start in range(0, len(wanted), 100):  # the most that one call takes
        some = wanted[start : start + 100]
        found += connection.call("instance types", "describe_instance_types", InstanceTypes=some)["InstanceTypes"]
    return {item["InstanceType"]: int(item.get("VCpuInfo", {}).get("DefaultVCpus") or 0) for item in found}
