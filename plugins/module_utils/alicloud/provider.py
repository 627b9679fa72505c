# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of alicloud_builder to the resources of one machine."""

from __future__ import annotations

import functools
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import (
    disks,
    kinds,
    launching,
    network,
    options,
    readiness,
    source,
    tags,
    userdata,
    windows,
    windows_userdata,
)
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.machine import TAKEN, Machine
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.resources import (
    Association,
    Eip,
    RemoteKey,
    SecurityGroup,
    Vpc,
    VSwitch,
    grouped,
)
from ansible_collections.hallmark.images.plugins.module_utils.build import addresses, reach, winrm
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.files import Runtime
from ansible_collections.hallmark.images.plugins.module_utils.build.identifiers import runtime_folder
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Resource
from ansible_collections.hallmark.images.plugins.module_utils.build.userdata import own_user_data
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter


class AlicloudProvider:
    """One machine as its options describe it.

    What needs the API is asked when it is first needed: a call that only waits for what another has started makes no
    such question.

    :param params: the options of alicloud_builder.
    :param ledger: the build's.
    :param probe: whether to ask with DryRun if the calls of a launch would be let through.
    :raises HallmarkError: on bad input, before anything is created.
    """

    interval = 5.0  # the API throttles those who poll more eagerly when there are many of them

    def __init__(self, params: dict[str, Any], ledger: Ledger, probe: bool = False) -> None:
        self.params = params
        self.ledger = ledger
        self.name = params["name"]
        own_tags = tags.check_tags("tags", params["tags"])
        options.check(params)
        self.connection = Connection(params)
        build = ledger.build_id
        self.expires = tags.machine_expiry(ledger.read().build, params["expires_after"])
        self.labels = tags.build_tags(build, params["definition"], self.expires, own_tags)
        self.thing = f"hallmark-{build}-{self.name}"
        self.windows = params["communicator"] == "winrm"
        self.own_data = own_user_data(params)
        if self.windows:
            windows_userdata.own_script(self.own_data)
        else:
            userdata.compose(self.own_data)
        self.runtime = Runtime(self.name, [f"{runtime_folder(build)}.{self.name}"])
        self.key = RemoteKey(self.name, self.connection, self.thing, ledger.folder, self.labels)
        self.key.resource_group = params["resource_group_id"]
        self.machine = Machine(
            self.name, self.connection, self._requests, lambda: source.summary(self.image), self.labels
        )
        entries = ledger.read().entries
        known = entries.get(self.machine.key)
        self.known = bool(known and known.identifier and not known.gone)
        if not self.known:
            self._plan()
        self.network = self._network()
        self.group = SecurityGroup(
            self.name,
            self.connection,
            self._group,
            winrm.PORT if self.windows else params["ssh_port"],
            lambda: self.cidrs,
            self.labels,
        )
        self.address = Eip(self.name, self.connection, self._eip, self.labels)
        self.association = Association(self.name, self.connection, self._pair)
        for resource in (*self.network, self.group, self.machine):
            resource.known = self.known
        if probe and not self.known:
            self._probe()

    def resources(self) -> list[Resource]:
        """In the order of creation."""
        group = [] if self.params["security_group_ids"] else [self.group]
        address = [self.address] if self.params["eip"] else []
        association = [self.association] if self.params["eip"] or self.params["eip_id"] else []
        key = [] if self.windows else [self.key]  # ECS gives no key to Windows
        return [self.runtime, *key, *self.network, *group, *address, self.machine, *association]

    def worth_another_try(self, error: Exception) -> bool:
        """A spot instance may be taken away at any moment; another may be had."""
        return TAKEN in str(error)

    def wait_ready(self, identifiers: dict[str, str], waiter: Waiter) -> dict[str, Any]:
        """Wait until the guest can be used; how to reach it."""
        identifier = identifiers[self.machine.key]
        console = Path(self.params["console_log"] or self.ledger.folder / f"{self.name}.console.log").absolute()
        inside = windows.WindowsGuest if self.windows else readiness.Guest
        guest = inside(self.machine, identifier, console)
        params = {**self.params, "runtime_dir": self.runtime.paths[0]}
        reached = guest.wait(params, self.key.private, self.known_hosts, waiter)
        return {
            **reached,
            "instance": guest.summary(),
            "runtime_dir": self.runtime.paths[0],
            "console_log": str(console),
        }

    @property
    def known_hosts(self) -> Path:
        """The file of the guest's host keys."""
        return self.ledger.folder / f"{self.name}.known_hosts"

    @functools.cached_property
    def image(self) -> dict[str, Any]:
        """The source image."""
        return source.source_image(self.connection, self.params["source"])

    @functools.cached_property
    def places(self) -> list[network.Place]:
        """The places to try."""
        return network.find_places(self.connection, self.params)

    @functools.cached_property
    def cidrs(self) -> list[str]:
        """The networks that may connect."""
        if self.params["source_cidrs"]:
            return addresses.check_cidrs(self.params["source_cidrs"])
        private = self.params["connect_by"] == "private"
        return [addresses.own_address(self.params["address_service"], private, {"CidrBlock": self.places[0].cidr})]

    def _plan(self) -> None:
        """Everything that can be found wrong without creating anything."""
        params = self.params
        reach.check_communicator(params, self.image["ImageId"], source.is_windows(self.image))
        network.check_architecture(self.connection, params["instance_types"], self.image.get("Architecture", ""))
        if not self.places:
            raise HallmarkError("availability_zones: there is no place for the machine")
        disks.system_disk(params, self.image)
        disks.data_disks(params)
        for group in params["security_group_ids"]:
            found = kinds.FIREWALL.look(self.connection, group)
            if not found or found.get("VpcId") != self.places[0].vpc:
                raise HallmarkError(
                    f"security_group_ids: {group}: not in {self.places[0].vpc}", "a security group of the same VPC"
                )
        if params["eip_id"]:
            found = kinds.EIP.look(self.connection, params["eip_id"])
            if not found or found.get("Status") != "Available":
                was = f"is {found['Status']}" if found else f"not found in {self.connection.region}"
                raise HallmarkError(f"eip_id: {params['eip_id']}: {was}", "an elastic IP address that is Available")
        if not params["security_group_ids"]:
            dummy = self.cidrs

    def _probe(self) -> None:
        """Ask with DryRun whether what a launch begins with would be let through.

        What comes after a thing that is not there yet cannot be asked: the rights to it hang on the tags that it gets.
        """
        if self.network and isinstance(self.network[0], Vpc):
            labels = tags.as_list(self.labels)
            self.connection.allowed("create a VPC", "CreateVpc", product="Vpc", Tag=labels, **self._vpc())
        if self.params["security_group_ids"] and not self.network:
            self.machine.ask(self._requests(True))

    def _network(self) -> list[Vpc | VSwitch]:
        """What of the network is made for this machine."""
        if self.known:
            kept = [item for item in self.ledger.read().open_entries(self.name) if item.kind.startswith("vswitch")]
            places = [network.Place("", "") for dummy in kept]
        else:
            places = [place for place in self.places if not place.vswitch]
        switches = [
            VSwitch(
                self.name,
                self.connection,
                number,
                functools.partial(self._vswitch, place),
                self.labels,
                {} if self.known else {"zone": place.zone, "cidr": place.cidr},
            )
            for number, place in enumerate(places, 1)
        ]
        if self.params["vpc_id"] or self.params["vswitch_ids"]:
            return list(switches)
        return [Vpc(self.name, self.connection, self._vpc, self.labels), *switches]

    def _vpc(self) -> dict[str, Any]:
        return {
            "CidrBlock": self.params["vpc_cidr"],
            "VpcName": self.params["vpc_name"] or self.thing,
            **grouped(self.params["resource_group_id"]),
        }

    def _vswitch(self, place: network.Place) -> dict[str, Any]:
        vpc = place.vpc or self._identifier("vpc")
        name = self.params["vswitch_name"] or self.thing
        return {"VpcId": vpc, "ZoneId": place.zone, "CidrBlock": place.cidr, "VSwitchName": name}

    def _group(self) -> dict[str, Any]:
        return {
            "VpcId": self.places[0].vpc or self._identifier("vpc"),
            "SecurityGroupName": self.params["security_group_name"] or self.thing,
            "Description": f"Temporary, of build {self.ledger.build_id}",
            **grouped(self.params["resource_group_id"]),
        }

    def _eip(self) -> dict[str, Any]:
        return {
            "Name": self.thing,
            "Bandwidth": self.params["internet_max_bandwidth_out"],
            "InternetChargeType": self.params["internet_charge_type"],
            "InstanceChargeType": "PostPaid",
            **grouped(self.params["resource_group_id"]),
        }

    def _pair(self) -> tuple[str, str]:
        return self._pair_address(), self._identifier("machine")

    def _requests(self, planned: bool) -> list[dict[str, Any]]:
        """The parameters of RunInstances to try in turn."""
        made = [switch.kind for switch in self.network if isinstance(switch, VSwitch)]
        new = ["planned" for dummy in made] if planned else [self._identifier(kind) for kind in made]
        groups = self.params["security_group_ids"]
        if not groups:
            groups = ["planned"] if planned else [self._identifier("firewall")]
        given = launching.Given(
            image=self.image,
            vswitches=[place.vswitch for place in self.places if place.vswitch] or new,
            groups=groups,
            key="" if self.windows else self.key.key_name,
            instance_name=self.params["instance_name"] or self.thing,
            expires=self.expires,
            **(self._secrets(planned) if self.windows else {"user_data": userdata.compose(self.own_data)}),
        )
        return launching.requests(self.params, given)

    def _secrets(self, planned: bool) -> dict[str, Any]:
        """Password and user data of a Windows machine, and what is kept of them until it is gone."""
        if planned:
            return {"user_data": self.own_data.encode(), "password": windows.new_password()}
        address = kinds.EIP.look(self.connection, self._pair_address())["IpAddress"]
        made = windows.make_certificate(address, datetime.fromisoformat(self.expires))
        windows.certificate_file(self.known_hosts).write_text(made.pem, encoding="ascii")
        password = windows.new_password()
        winrm.keep_password(Path(self.runtime.paths[0]), password)
        data = windows_userdata.compose_windows(self.own_data, self.expires, made)
        return {"user_data": data, "password": password}

    def _pair_address(self) -> str:
        return self.params["eip_id"] or self._identifier("address")

    def _identifier(self, kind: str) -> str:
        """The id of what this machine has of a kind, from the ledger."""
        entry = self.ledger.read().entries.get(f"{kind}/{self.name}")
        if not entry or not entry.identifier or entry.gone:
            raise HallmarkError(f"machine {self.name}: its {kind} is gone")
        return entry.identifier
