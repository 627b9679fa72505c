# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of aws_builder to the resources of one machine."""

from __future__ import annotations

import base64
import functools
import re
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import (
    disks,
    launching,
    network,
    profile,
    quotas,
    readiness,
    source,
    tags,
    userdata,
    windows,
    windows_userdata,
)
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.machine import Machine
from ansible_collections.hallmark.images.plugins.module_utils.aws.resources import RemoteKey, SecurityGroup
from ansible_collections.hallmark.images.plugins.module_utils.build import addresses, reach, winrm
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.files import Runtime
from ansible_collections.hallmark.images.plugins.module_utils.build.identifiers import runtime_folder
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Resource
from ansible_collections.hallmark.images.plugins.module_utils.build.userdata import own_user_data
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter

INSTANCE_TYPE = re.compile(r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$")
#: Options that say the same in two ways.
ONLY_ONE = (
    ("vpc_id", "subnet_ids"),
    ("vpc_filters", "subnet_ids"),
    ("subnet_filters", "subnet_ids"),
    ("vpc_filters", "vpc_id"),
    ("security_group_filters", "security_group_ids"),
    ("instance_profile_policy", "instance_profile"),
)
#: Reasons of EC2 for which a machine ends that another in its place may not meet ("Instance state reason codes").
PASSING = ("Server.SpotInstance", "instance-terminated-by-price", "Server.InsufficientInstanceCapacity")
#: A public key of the right form whose private half nobody has, for asking whether one may be imported.
SOME_KEY = b"ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(32))

#: Options of aws_builder besides those that all builders and all modules of this platform have.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **reach.ARGUMENT_SPEC,
    "source": {
        "type": "dict",
        "options": {
            "id": {"type": "str"},
            "ssm_parameter": {"type": "str"},
            "name": {"type": "str"},
            "owners": {"type": "list", "elements": "str"},
            "filters": {"type": "dict"},
            "most_recent": {"type": "bool", "default": False},
            "include_deprecated": {"type": "bool", "default": False},
        },
    },
    "instance_types": {"type": "list", "elements": "str", "default": ["t3.small"]},
    "market": {"type": "str", "choices": list(launching.MARKETS), "default": "on-demand"},
    "spot_max_price": {"type": "str"},
    "vpc_id": {"type": "str"},
    "subnet_ids": {"type": "list", "elements": "str", "default": []},
    "vpc_filters": {"type": "dict", "default": {}},
    "subnet_filters": {"type": "dict", "default": {}},
    "subnet_order": {"type": "str", "choices": ["most-free", "random"], "default": "most-free"},
    "availability_zones": {"type": "list", "elements": "str", "default": []},
    "assign_public_ip": {"type": "bool"},
    "security_group_filters": {"type": "dict", "default": {}},
    "encrypted": {"type": "bool"},
    "kms_key_id": {"type": "str", "no_log": False},
    "root_disk": {"type": "dict", "options": disks.DISK},
    "data_disks": {"type": "list", "elements": "dict", "default": [], "options": disks.DATA_DISK},
    "no_devices": {"type": "list", "elements": "str", "default": []},
    "imds_tokens": {"type": "str", "choices": ["required", "optional"], "default": "required", "no_log": False},
    "imds_hop_limit": {"type": "int", "default": 1},
    "imds_tags": {"type": "bool", "default": False},
    "instance_profile": {"type": "str"},
    "instance_profile_policy": {"type": "dict"},
    "instance_profile_boundary": {"type": "str"},
    "ebs_optimized": {"type": "bool"},
    "tags": {"type": "dict", "default": {}},
    "volume_tags": {"type": "dict", "default": {}},
    "planned_machines": {"type": "int", "default": 1},
}


class AwsProvider:
    """One machine as its options describe it.

    What needs the API is asked when it is first needed: a call that only waits for what another has started makes no
    such question.

    :param params: the options of aws_builder.
    :param ledger: the build's.
    :param probe: whether to ask with DryRun if the calls of a launch would be let through.
    :raises HallmarkError: on bad input, before anything is created.
    """

    interval = 5.0  # the API throttles those who poll more eagerly when there are many of them

    def __init__(self, params: dict[str, Any], ledger: Ledger, probe: bool = False) -> None:
        self.params = params
        self.ledger = ledger
        self.name = params["name"]
        self.own_tags = tags.check_tags("tags", params["tags"])
        volume_tags = tags.check_tags("volume_tags", params["volume_tags"], self.own_tags)
        self._check()
        self.connection = Connection(params)
        build = ledger.build_id
        expires = tags.machine_expiry(ledger.read().build, params["expires_after"])
        labels = tags.build_tags(build, params["definition"], expires, self.own_tags)
        labels["Name"] = self.own_tags.get("Name", f"hallmark {params['definition']} {self.name}".replace("  ", " "))
        self.windows = params["communicator"] == "winrm"
        compose = windows_userdata.compose_windows if self.windows else userdata.compose
        self.user_data = compose(own_user_data(params), expires)
        self.runtime = Runtime(self.name, [f"{runtime_folder(build)}.{self.name}"])
        thing = f"{profile.PREFIX}{build}-{self.name}"
        algorithm = "rsa" if self.windows else "ed25519"
        self.key = RemoteKey(self.name, self.connection, thing, ledger.folder, labels, algorithm)
        self.group = SecurityGroup(
            self.name,
            self.connection,
            f"{thing}-{params['communicator']}",
            lambda: self.subnets[0]["VpcId"],
            winrm.PORT if self.windows else params["ssh_port"],
            lambda: self.cidrs,
            labels,
        )
        if params["imds_tags"]:
            tags.check_for_metadata(labels)
        self.role, self.profile = None, None
        if params["instance_profile_policy"]:
            profile.check_labels(labels)
            policy = profile.check_policy(params["instance_profile_policy"])
            boundary = params["instance_profile_boundary"]
            self.role = profile.Role(self.name, self.connection, thing, policy, boundary, labels)
            self.profile = profile.Profile(self.name, self.connection, thing, self._launch_allowed, labels)
        self.machine = Machine(
            self.name, self.connection, self._requests, lambda: source.summary(self.image), labels, volume_tags
        )
        known = ledger.read().entries.get(self.machine.key)
        if known and known.identifier and not known.gone:
            self.group.known = self.machine.known = True
        else:
            self._plan(probe)

    def resources(self) -> list[Resource]:
        """In the order of creation."""
        group = [self.group] if self.own_group else []
        temporary = [self.role, self.profile] if self.role and self.profile else []
        return [self.runtime, self.key, *group, *temporary, self.machine]

    def worth_another_try(self, error: Exception) -> bool:
        """A spot instance may be taken away at any moment, and what was accepted may find no room after all; another
        may be had."""
        return any(reason in str(error) for reason in PASSING)

    def wait_ready(self, identifiers: dict[str, str], waiter: Waiter) -> dict[str, Any]:
        """Wait until the guest can be used; how to reach it."""
        identifier = identifiers[self.machine.key]
        console = Path(self.params["console_log"] or self.ledger.folder / f"{self.name}.console.log").absolute()
        inside = windows.WindowsGuest if self.windows else readiness.Guest
        guest = inside(self.machine, identifier, console)
        known_hosts = self.ledger.folder / f"{self.name}.known_hosts"
        params = {**self.params, "runtime_dir": self.runtime.paths[0]}
        reached = guest.wait(params, self.key.private, known_hosts, waiter)
        return {
            **reached,
            "instance": guest.summary(),
            "runtime_dir": self.runtime.paths[0],
            "console_log": str(console),
        }

    @functools.cached_property
    def image(self) -> dict[str, Any]:
        """The source image."""
        return source.source_image(self.connection, self.params["source"])

    @functools.cached_property
    def subnets(self) -> list[dict[str, Any]]:
        """The subnets to try."""
        return network.find_subnets(self.connection, self.params)

    @property
    def own_group(self) -> bool:
        """Whether the machine gets a security group of its own, or uses what is there."""
        return not self.params["security_group_ids"] and not self.params["security_group_filters"]

    @functools.cached_property
    def groups(self) -> list[str]:
        """The existing security groups to use."""
        vpc = self.subnets[0]["VpcId"]
        if self.params["security_group_filters"]:
            return network.find_groups(self.connection, vpc, self.params["security_group_filters"])
        network.check_groups(self.connection, vpc, self.params["security_group_ids"])
        return self.params["security_group_ids"]

    @functools.cached_property
    def cidrs(self) -> list[str]:
        """The networks that may connect."""
        if self.params["source_cidrs"]:
            return addresses.check_cidrs(self.params["source_cidrs"])
        private = self.params["connect_by"] == "private"
        return [addresses.own_address(self.params["address_service"], private, self.subnets[0])]

    def _check(self) -> None:
        params = self.params
        reach.check(params)
        for kind in params["instance_types"]:
            if not INSTANCE_TYPE.match(kind):
                raise HallmarkError(f"instance_types: {kind!r}", "an instance type, as t3.small")
        if not params["instance_types"]:
            raise HallmarkError("instance_types: empty", "at least one, as [t3.small]")
        if not 1 <= params["imds_hop_limit"] <= 64:
            raise HallmarkError(f"imds_hop_limit: {params['imds_hop_limit']}", "a number from 1 to 64")
        for one, other in ONLY_ONE:
            if params[one] and params[other]:
                raise HallmarkError(f"{one}: with {other}", "only one of them")
        if params["instance_profile_boundary"] and not params["instance_profile_policy"]:
            raise HallmarkError("instance_profile_boundary: without instance_profile_policy", "both, or neither")

    def _plan(self, probe: bool) -> None:
        """Everything that can be found wrong without creating anything."""
        is_windows = str(self.image.get("Platform", "")).lower() == "windows"
        reach.check_communicator(self.params, self.image["ImageId"], is_windows)
        architecture = self.image.get("Architecture", "")
        requests = self._requests(True)
        network.check_architecture(self.connection, self.params["instance_types"], architecture)
        if self.own_group:
            dummy = self.cidrs
        if probe:
            self.machine.quotas = quotas.check(self.connection, self.params, self.own_group)
            self._probe(requests[0])

    def _probe(self, request: dict[str, Any]) -> None:
        """Ask for each call of a launch whether it would be let through, as it would be made: tags and all."""
        allowed = self.connection.allowed
        name, labels = self.key.key_name, self.key.labels
        pair = tags.specifications(labels, "key-pair")
        allowed(
            "import a key pair", "import_key_pair", KeyName=name, PublicKeyMaterial=SOME_KEY, TagSpecifications=pair
        )
        if self.own_group:
            allowed(
                "create a security group",
                "create_security_group",
                GroupName=self.group.group_name,
                Description="plan",
                VpcId=self.subnets[0]["VpcId"],
                TagSpecifications=tags.specifications(labels, "security-group"),
            )
        self.machine.ask(request)

    def _launch_allowed(self) -> None:
        """Ask whether a machine could be launched with all that there is of it by now.

        :raises ApiError: when not.
        """
        self.machine.ask(self._requests(False)[0])

    def _requests(self, planned: bool) -> list[dict[str, Any]]:
        """The argument sets of RunInstances to try in turn, the profile left out while it is only planned."""
        own = [] if not self.own_group else ["planned"] if planned else [self._group_id()]
        groups = own or self.groups
        name = self.params["instance_profile"]
        if self.profile and not planned:
            name = self.profile.iam_name
        given = launching.Given(self.image, self.subnets, groups, self.key.key_name, self.user_data, name)
        return launching.requests(self.params, given)

    def _group_id(self) -> str:
        entry = self.ledger.read().entries.get(self.group.key)
        if not entry or not entry.identifier or entry.gone:
            raise HallmarkError(f"machine {self.name}: its security group is gone")
        return entry.identifier
