# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an emulated cloud knows besides its things: time, the machines behind instances, and what was asked before."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from emulators.common.faults import Fault, Faults
from emulators.machines import Machine, Machines


@dataclasses.dataclass
class Event:
    """Something that is to happen once it is due and ready."""

    due: float
    act: Callable[[], None]
    ready: Callable[[], bool]


class Guest:
    """The machine behind an instance. What is done to it happens in the order asked for; no call waits for it."""

    def __init__(self, make: Callable[[], Machine]) -> None:
        self._worker = ThreadPoolExecutor(1, "guest")
        self._made = self._worker.submit(make)

    def do(self, deed: Callable[[Machine], Any]) -> Future[Any]:
        """Do something to the machine when all before is done."""
        return self._worker.submit(lambda: deed(self._made.result()))

    @property
    def console(self) -> str:
        """The machine's console; empty before there is a machine."""
        return self._made.result().console if self._made.done() and not self._made.exception() else ""

    def machine(self, seconds: float = 30) -> Machine:
        """The machine itself."""
        return self._made.result(seconds)

    def close(self) -> None:
        """Do nothing more."""
        self._worker.shutdown(wait=True, cancel_futures=True)


class World:
    """One emulated world: all accounts and regions.

    :param delays: of the cloud; an object whose fields are seconds.
    :ivar lock: held while a call takes effect.
    """

    def __init__(self, delays: Any, machines: Machines | None) -> None:
        self.lock = threading.RLock()
        self.delays = delays
        self.machines = machines
        self.faults = Faults()
        #: Where the disks of images are kept; the emulator makes the folder.
        self.images = Path()
        self.disks: dict[str, Path] = {}
        self.guests: dict[str, Guest] = {}
        self.tokens: dict[tuple[str, ...], tuple[Any, Any]] = {}
        #: How many seconds `now` is ahead of this computer's clock.
        self.ahead = 0.0
        #: The fault that hits the call which takes effect right now.
        self.fault: Fault | None = None
        #: What went wrong behind the emulator, such as a machine that did not start.
        self.problems: list[str] = []
        self._events: list[Event] = []

    def later(self, seconds: float, act: Callable[[], None], ready: Callable[[], bool] | None = None) -> None:
        """Let something happen in some seconds, when it is ready then; at once when nothing is to be waited for."""
        ready = ready or (lambda: True)
        if seconds <= 0 and ready():
            act()
        else:
            self._events.append(Event(self.now() + seconds, act, ready))

    def settle(self) -> None:
        """Let happen what is due. Called, with the lock held, before the world is looked at or changed."""
        now = self.now()
        due = [event for event in self._events if event.due <= now and event.ready()]
        for event in due:
            self._events.remove(event)
            event.act()

    def now(self) -> float:
        """The clock that all delays go by, in seconds."""
        return time.monotonic() + self.ahead

    def failing(self) -> str | None:
        """The reason for which what the running call creates is to fail later, or None."""
        if self.fault is not None and self.fault.kind == "fail":
            return self.fault.message or "A declared fault."
        return None

    # Machines.

    def image_path(self, image: str) -> Path:
        """Where the disk of an image is kept."""
        return self.images / image

    def note_problem(self, what: str, future: Future[Any]) -> None:
        """Write down that something behind the emulator went wrong, once it is known."""

        def look(done: Future[Any]) -> None:
            if not done.cancelled() and done.exception():
                self.problems.append(f"{what}: {type(done.exception()).__name__}: {done.exception()}")

        future.add_done_callback(look)

    def close(self) -> None:
        """End all machines."""
        if self.machines is not None:
            self.machines.close()
        for guest in self.guests.values():
            guest.close()
        if self.machines is not None:
            self.machines.close()  # what was being made when the first round went through
