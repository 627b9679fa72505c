# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every call the emulator answered, in order."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from typing import Any


@dataclasses.dataclass
class Call:
    """One call.

    :ivar number: its place in the order of arrival, from 1.
    :ivar at: seconds since the emulator started.
    :ivar params: as they were sent: flat names (``TagSpecification.1.ResourceType``) for the query protocol of EC2, STS
        and IAM and for Alibaba Cloud, the document itself for the JSON protocol of SSM and KMS.
    :ivar named: the tags, by then, of those things that it names.
    :ivar status: of the HTTP answer; 0 when the connection was closed instead.
    :ivar error: the error's code, or empty.
    :ivar fault: the kind of the fault that hit it, or empty.
    :ivar seconds: how long the emulator took to answer, time it waited on purpose included.
    """

    number: int
    at: float
    service: str
    region: str
    action: str
    params: dict[str, Any]
    named: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    access_key: str = ""
    user_agent: str = ""
    status: int = 0
    error: str = ""
    fault: str = ""
    seconds: float = 0.0

    @property
    def dry_run(self) -> bool:
        """Whether the client only asked what would be."""
        return str(self.params.get("DryRun", "")).lower() == "true"

    @property
    def mutates(self) -> bool:
        """Whether it changes something when it succeeds."""
        reads = ("Describe", "Get", "List", "AssumeRole", "Search", "Lookup")
        return not self.action.startswith(reads) and not self.dry_run

    def values(self, name: str) -> list[str]:
        """Every value of a parameter, with all that are below it, however deep: ``values("InstanceId")``."""
        return [str(value) for key, value in self.params.items() if key == name or key.startswith(name + ".")]


class CallLog:
    """The calls so far. It reads like a list."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()
        self._start = time.monotonic()

    def begin(self, **fields: Any) -> Call:
        """Write a call down that has arrived."""
        with self._lock:
            call = Call(number=len(self._calls) + 1, at=time.monotonic() - self._start, **fields)
            self._calls.append(call)
            return call

    def actions(self, mutating: bool = False) -> list[str]:
        """The names of the calls in order; all, or only those that change something."""
        return [call.action for call in self if call.mutates or not mutating]

    def of(self, action: str) -> list[Call]:
        """The calls of one action."""
        return [call for call in self if call.action == action]

    def as_dicts(self) -> list[dict[str, Any]]:
        """For JSON."""
        return [dataclasses.asdict(call) for call in self]

    def __iter__(self) -> Iterator[Call]:
        with self._lock:
            return iter(list(self._calls))

    def __len__(self) -> int:
        return len(self._calls)

    def __getitem__(self, place: Any) -> Any:
        with self._lock:
            return self._calls[place]
