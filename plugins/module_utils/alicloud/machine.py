# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import kinds, tags
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import Remote, patiently
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import (
    FAILED,
    GONE,
    PENDING,
    READY,
    Busy,
    State,
)
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter

#: What is said of a spot instance that is taken away.
TAKEN = "is being taken back, as a spot instance may be"


class Machine(Remote):
    """An instance. It ends for good at its release time, whatever became of its build.

    :param requests: gives the parameters of RunInstances to try in turn, the next where there is no capacity for those
        before. Told whether it is only planned, with nothing there yet to refer to.
    :param source: describes the source image, for the plan.
    """

    kind = "machine"

    def __init__(
        self,
        name: str,
        connection: Connection,
        requests: Callable[[bool], list[dict[str, Any]]] = lambda planned: [],
        source: Callable[[], dict[str, Any]] = dict,
        labels: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name, connection, labels)
        self.requests = requests
        self.source = source
        self.made_now = False  # by this process, and it was not seen to run since

    def plan(self) -> dict[str, Any]:
        if self.known:
            return super().plan()
        requests = self.requests(True)
        kinds_tried = list(dict.fromkeys(request["InstanceType"] for request in requests))
        disks = [requests[0]["SystemDisk"], *requests[0].get("DataDisk", [])]
        return {
            **super().plan(),
            "source": self.source(),
            "type": kinds_tried[0],
            "types": kinds_tried,
            "disks": disks,
            "release_time": requests[0]["AutoReleaseTime"],
        }

    def create(self, token: str) -> str:
        what = f"launch machine {self.name}"
        self.shown = False
        full: list[str] = []
        refused = True
        for number, request in enumerate(self.requests(False)):
            try:
                answer = patiently(  # key, network and firewall were made a moment ago
                    self.connection,
                    what,
                    "RunInstances",
                    Amount=1,
                    # The parameters differ, and a token stands for one set of them.
                    ClientToken=f"{token}-{number}",
                    Tag=tags.as_list(self.tags_with(token)),  # of instance, disks and network interface
                    **request,
                )
                self.made_now = True
                return answer["InstanceIdSets"]["InstanceIdSet"][0]
            except ApiError as error:
                refused = error.refused = error.refused and refused
                if not error.elsewhere:
                    raise
                full.append(f"{request['InstanceType']} in {request['VSwitchId']}: {error.code}")
        hint = "more instance_types, availability_zones or vswitch_ids"
        raise ApiError(f"{what}: no capacity ({', '.join(full)})", hint=hint, refused=refused)

    def ask(self, requests: list[dict[str, Any]]) -> None:
        """Ask with DryRun whether it could be launched in one of these ways.

        :raises ApiError: when not.
        """
        labels = tags.as_list(self.labels)
        for number, request in enumerate(requests, 1):
            without = {key: value for key, value in request.items() if key != "KeyPairName"}  # it may not be there yet
            try:
                self.connection.allowed("launch a machine", "RunInstances", Amount=1, Tag=labels, **without)
                break
            except ApiError as error:
                if not error.elsewhere or number == len(requests):
                    raise

    def describe(self, identifier: str) -> dict[str, Any]:
        """What DescribeInstances says of it; empty when it says nothing (yet)."""
        return kinds.MACHINE.look(self.connection, identifier)

    def state(self, identifier: str) -> State:
        instance = self.describe(identifier)
        status = instance.get("Status", "")
        if not status:
            return State(GONE, "is gone") if self.shown else State(PENDING, "does not show yet")
        self.shown = True
        locks = (instance.get("OperationLocks") or {}).get("LockReason") or []
        reasons = [str(lock.get("LockReason", "")) for lock in locks]
        if "Recycling" in reasons:
            return State(FAILED, TAKEN)
        if reasons:
            return State(FAILED, f"is locked ({', '.join(reasons)})")
        if status == "Running":
            self.made_now = False
            return State(READY)
        # What RunInstances makes is Stopped for a moment before it starts.
        if status in ("Pending", "Starting") or (status == "Stopped" and self.made_now):
            return State(PENDING, f"is {status}")
        return State(FAILED, f"is {status}")

    def stop(self, identifier: str, waiter: Waiter) -> None:
        """Shut its guest down and wait until it is.

        :raises HallmarkError: when it is gone instead, or takes too long.
        """

        def is_down(status: str) -> bool:
            return status in ("Stopping", "Stopped")

        if not is_down(self.describe(identifier).get("Status", "")):
            try:
                self.connection.call(
                    f"stop machine {self.name}", "StopInstance", InstanceId=identifier, StoppedMode="KeepCharging"
                )
            except ApiError as error:
                # A retry whose first call took effect although its answer was lost.
                if error.code != "IncorrectInstanceStatus" or not is_down(self.describe(identifier).get("Status", "")):
                    raise

        def probe() -> State:
            status = self.describe(identifier).get("Status", "")
            if not status:
                return State(FAILED, "is gone")
            return State(READY) if status == "Stopped" else State(PENDING, f"is {status}")

        waiter.wait(f"machine {self.name}", probe)

    def find(self, token: str) -> list[str]:
        return kinds.MACHINE.with_token(self.connection, token)

    def delete(self, identifier: str | None, token: str) -> None:
        for instance in self.ids(identifier, token):
            kinds.MACHINE.removed(self.connection, instance)
            if self.describe(instance):
                raise Busy(f"{instance} is being released")
