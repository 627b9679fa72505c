# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an emulator is to tests, whichever cloud it is."""

from __future__ import annotations

import abc
import dataclasses
import json
from pathlib import Path
from typing import Any, ClassVar

from emulators.common.calls import CallLog
from emulators.common.faults import Fault
from emulators.common.http import Answer
from emulators.common.snapshots import Snapshot
from emulators.common.world import World

#: The emulator's own URLs begin with it.
CONTROL = "/_emulator/"


class Emulator(abc.ABC):
    """A cloud on this computer.

    :ivar calls: every call so far.
    """

    FAULT: ClassVar[type[Fault]]
    world: World

    def __init__(self) -> None:
        self.calls = CallLog()

    @property
    def delays(self) -> Any:
        """How long states take; may be changed at any time."""
        return self.world.delays

    @property
    def problems(self) -> list[str]:
        """What went wrong behind the emulator, such as a machine that did not start."""
        return self.world.problems

    def fault(self, kind: str, **fields: Any) -> Fault:
        """Declare a fault; see `Fault`."""
        return self.world.faults.add(self.FAULT(kind, **fields))

    def advance(self, seconds: float) -> None:
        """Let the clock that delays go by jump ahead: what would be reached in that time is reached at once."""
        self.world.ahead += seconds

    @abc.abstractmethod
    def snapshot(self) -> Snapshot:
        """All that the account holds: kind, with its region → id or name → what it is like."""

    @abc.abstractmethod
    def add_image(self, name: str, **fields: Any) -> str:
        """Let there be an image; its id."""

    def machine(self, instance: str) -> Any:
        """The machine behind an instance, once it is made."""
        return self.world.guests[instance].machine()

    def control(self, method: str, name: str, document: dict[str, Any]) -> Any:
        """What the control URLs (``<endpoint>/_emulator/<name>``) do. Every body is JSON.

        - GET calls: the log · GET snapshot · GET problems · GET checkip: the caller's address, as text
        - POST faults: a `Fault` as an object · DELETE faults: forget all
        - POST delays: fields of `Delays` to change · POST images: parameters of `add_image`; answers with the id
        - POST advance: {"seconds": …} lets the clock jump ahead

        :raises ValueError: when there is no such URL.
        """
        match method, name:
            case "GET", "calls":
                return self.calls.as_dicts()
            case "GET", "snapshot":
                return self.snapshot()
            case "GET", "problems":
                return self.problems
            case "POST", "faults":
                document.pop("function", None)
                return {"kind": self.fault(**document).kind}
            case "DELETE", "faults":
                return self.world.faults.clear()
            case "POST", "delays":
                names = {field.name for field in dataclasses.fields(self.delays)}
                if set(document) - names:
                    raise ValueError(f"delays: {sorted(set(document) - names)} is none of {sorted(names)}")
                for field, value in document.items():
                    setattr(self.delays, field, float(value))
                return dataclasses.asdict(self.delays)
            case "POST", "images":
                if "disk" in document:
                    document["disk"] = Path(document["disk"])
                return {"ImageId": self.add_image(**document)}
            case "POST", "advance":
                return self.advance(float(document["seconds"]))
        raise ValueError(f"no control URL {method} {name}")

    def answer_control(self, method: str, target: str, body: bytes, client: str) -> Answer:
        """Answer a request to a control URL."""
        name = target.removeprefix(CONTROL).partition("?")[0]
        if name == "checkip":
            return 200, {"Content-Type": "text/plain"}, f"{client}\n".encode()
        try:
            result = self.control(method, name, json.loads(body or b"{}"))
        except (ValueError, TypeError, KeyError) as problem:
            return 400, {"Content-Type": "application/json"}, json.dumps({"error": str(problem)}).encode()
        return 200, {"Content-Type": "application/json"}, json.dumps(result, default=str).encode()
