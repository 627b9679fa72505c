# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import tags
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.errors import CAPACITY, ApiError
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import Remote, insist, patiently
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import (
    FAILED,
    GONE,
    PENDING,
    READY,
    Busy,
    State,
)
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter


class Machine(Remote):
    """An instance. It ends for good when its guest powers off.

    :param requests: gives the argument sets of RunInstances to try in turn, the next where there is no capacity for the
        one before. Told whether it is only planned, with nothing there yet to refer to.
    :param source: describes the source image, for the plan.
    :param volume_labels: further tags of its volumes alone.
    """

    kind = "machine"

    def __init__(
        self,
        name: str,
        connection: Connection,
        requests: Callable[[bool], list[dict[str, Any]]] = lambda planned: [],
        source: Callable[[], dict[str, Any]] = dict,
        labels: dict[str, str] | None = None,
        volume_labels: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name, connection, labels)
        self.requests = requests
        self.source = source
        self.volume_labels = volume_labels or {}
        self.quotas: list[dict[str, Any]] = []  # those that were read when it was planned

    def plan(self) -> dict[str, Any]:
        if self.known:
            return super().plan()
        first = self.requests(True)[0]
        disks = [item["DeviceName"] for item in first["BlockDeviceMappings"] if "Ebs" in item]
        quotas = {"quotas": self.quotas} if self.quotas else {}
        return {**super().plan(), "source": self.source(), "type": first["InstanceType"], "disks": disks, **quotas}

    def create(self, token: str) -> str:
        what = f"launch machine {self.name}"
        labels = self.tags_with(token)
        self.shown = False
        full: list[str] = []
        refused = True
        for number, request in enumerate(self.requests(False)):
            try:
                answer = patiently(  # key and security group were made a moment ago
                    self.connection,
                    what,
                    "run_instances",
                    MinCount=1,
                    MaxCount=1,
                    # The parameters differ, and a token stands for one set of them.
                    ClientToken=f"{token}-{number}",
                    TagSpecifications=self.specifications(labels, request),
                    **request,
                )
                return answer["Instances"][0]["InstanceId"]
            except ApiError as error:
                refused = error.refused = error.refused and refused
                if error.code not in CAPACITY:
                    raise
                full.append(f"{request['InstanceType']}: {error.code}")
        hint = "more instance_types or subnet_ids"
        raise ApiError(f"{what}: no capacity ({', '.join(full)})", hint=hint, refused=refused)

    def specifications(self, labels: dict[str, str], request: dict[str, Any]) -> list[dict[str, Any]]:
        """The tags of everything that one argument set of RunInstances makes."""
        kinds = ["instance", "network-interface"]
        if "InstanceMarketOptions" in request:
            kinds.append("spot-instances-request")
        volumes = tags.specifications({**self.volume_labels, **labels}, "volume")
        return tags.specifications(labels, *kinds) + volumes

    def ask(self, request: dict[str, Any]) -> None:
        """Ask with DryRun whether it could be launched so.

        :raises ApiError: when not.
        """
        # The key may not be there yet, and the interface names the group, which may not be either.
        without = {key: value for key, value in request.items() if key not in ("KeyName", "NetworkInterfaces")}
        self.connection.allowed(
            "launch a machine",
            "run_instances",
            MinCount=1,
            MaxCount=1,
            SubnetId=request["NetworkInterfaces"][0]["SubnetId"],
            TagSpecifications=self.specifications(self.labels, request),
            **without,
        )

    def describe(self, identifier: str) -> dict[str, Any]:
        """What DescribeInstances says of it; empty when it says nothing (yet)."""
        try:
            answer = self.connection.call(f"machine {self.name}", "describe_instances", InstanceIds=[identifier])
        except ApiError as error:
            if not error.gone:
                raise
            return {}
        found = [instance for group in answer["Reservations"] for instance in group["Instances"]]
        return found[0] if found else {}

    def state(self, identifier: str) -> State:
        instance = self.describe(identifier)
        status = instance.get("State", {}).get("Name", "")
        if not status:
            return State(GONE, "is gone") if self.shown else State(PENDING, "does not show yet")
        self.shown = True
        if status == "running":
            return State(READY)
        reason = instance.get("StateReason", {}).get("Message") or instance.get("StateTransitionReason") or ""
        if status == "pending":
            return State(PENDING, "is starting")
        return State(FAILED, f"is {status}" + (f" ({reason})" if reason else ""))

    def is_spot(self, identifier: str) -> bool:
        """Whether it is of the spot market; such a one cannot be stopped."""
        return self.describe(identifier).get("InstanceLifecycle") == "spot"

    def begin_stop(self, identifier: str, connection: Connection) -> None:
        """The call that shuts its guest down; a rehearsal only asks whether it may be made."""
        connection.call(f"stop machine {self.name}", "stop_instances", InstanceIds=[identifier])

    def stop(self, identifier: str, waiter: Waiter) -> None:
        """Shut its guest down and wait until it is.

        :raises HallmarkError: when it ends for good instead, or takes too long.
        """
        self.begin_stop(identifier, self.connection)

        def probe() -> State:
            status = self.describe(identifier).get("State", {}).get("Name", "")
            if status in ("terminated", "shutting-down"):
                return State(FAILED, f"is {status}")
            return State(READY) if status == "stopped" else State(PENDING, f"is {status or 'not to be seen'}")

        waiter.wait(f"machine {self.name}", probe)

    def find(self, token: str) -> list[str]:
        filters = [tags.by_tag(tags.TOKEN, token)]
        found = self.connection.pages("find machine", "describe_instances", "Reservations", Filters=filters)
        return [instance["InstanceId"] for group in found for instance in group["Instances"]]

    def delete(self, identifier: str | None, token: str) -> None:
        for instance in self.ids(identifier, token):
            if self._is_over(instance):
                continue
            answer = insist(
                self.connection, f"terminate machine {self.name}", "terminate_instances", InstanceIds=[instance]
            )
            ending = answer["TerminatingInstances"] if answer else []
            if ending and ending[0]["CurrentState"]["Name"] != "terminated":
                raise Busy(f"{instance} is {ending[0]['CurrentState']['Name']}")

    def _is_over(self, instance: str) -> bool:
        """Whether it is known to be terminated; it may have lost the tags by then that a right to end it hangs on."""
        try:
            return self.describe(instance).get("State", {}).get("Name") == "terminated"
        except ApiError as error:
            if not error.denied:
                raise
            return False  # what may not be seen may still be allowed to be ended
