# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that are declared before a run and hit the calls they describe."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable
from typing import Any, ClassVar

from emulators.common.calls import Call

#: Kinds that let the call take effect, or prevent it without an answer.
OTHERS = {"drop", "lose", "slow", "fail", "call", "signal"}


@dataclasses.dataclass
class Fault:
    """What goes wrong, and when. Each cloud has its own, with its own errors.

    When; all that are given must hold:

    :ivar action: the name of an action; empty for any.
    :ivar region: of the call; empty for any.
    :ivar where: parameters as sent (`Call.params`) and the values they must have.
    :ivar call: the number of the call in the log.
    :ivar nth: the how-manieth of the calls that match the above, counted from the declaration.
    :ivar every: each k-th of these.
    :ivar times: how often it hits, 0 for always; by default once, with `every` always. With neither `call`, `nth` nor
        `every`, the first `times` calls are hit.

    What (`kind`):

    - ``throttle``, ``internal``, ``unavailable``: that error, without an effect.
    - ``error``: `code`, `message` and `status`, without an effect. Spares calls with DryRun unless `where` names it.
    - ``drop``: the connection is closed, without an effect.
    - ``lose``: the call takes effect and the connection is closed without an answer.
    - ``slow``: the answer comes `seconds` later, after the effect.
    - ``fail``: the call succeeds, and what it creates fails later: an instance ends by itself, an image or a snapshot
      becomes failed. `message` is the reason.
    - ``call``: `function` is called with the call after its effect and before its answer (Python only).
    - ``signal``: process `pid` gets `signal` after the effect and before the answer, and no answer is sent.
    """

    #: Kind → the error it answers with: status, code, message.
    ANSWERS: ClassVar[dict[str, tuple[int, str, str]]]

    kind: str
    action: str = ""
    region: str = ""
    where: dict[str, str] = dataclasses.field(default_factory=dict)
    call: int = 0
    nth: int = 0
    every: int = 0
    times: int | None = None
    code: str = ""
    message: str = ""
    status: int = 0
    seconds: float = 0.0
    function: Callable[[Call], Any] | None = None
    pid: int = 0
    signal: int = 9
    seen: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        kinds = sorted({*self.ANSWERS, *OTHERS})
        if self.kind not in kinds:
            raise ValueError(f"fault: kind {self.kind!r} is none of {', '.join(kinds)}")
        if self.times is None:
            self.times = 0 if self.every else 1
        if self.kind == "error" and not self.code:
            raise ValueError("fault: kind error needs a code, such as the cloud's word for no capacity")
        if self.kind == "call" and self.function is None:
            raise ValueError("fault: kind call needs a function")
        if self.kind == "signal" and not self.pid:
            raise ValueError("fault: kind signal needs a pid")

    def hit(self, call: Call) -> bool:
        """Whether it hits this call; counts it."""
        if (self.action and self.action != call.action) or (self.region and self.region != call.region):
            return False
        if any(str(call.params.get(name)) != str(value) for name, value in self.where.items()):
            return False
        if self.kind in ("error", "fail") and call.dry_run and "DryRun" not in self.where:
            return False
        self.seen += 1
        if (self.call and self.call != call.number) or (self.nth and self.nth != self.seen):
            return False
        if (self.every and self.seen % self.every) or (self.times and self.hits >= self.times):
            return False
        self.hits += 1
        return True

    def answer(self) -> tuple[int, str, str] | None:
        """Status, code and message of the error that the kind answers with, or None when it lets the call pass."""
        if self.kind not in self.ANSWERS:
            return None
        status, code, message = self.ANSWERS[self.kind]
        return self.status or status, self.code or code, self.message or message or "A declared fault."

    def send_signal(self) -> None:
        """End, or stop, the process it names."""
        os.kill(self.pid, self.signal)


class Faults:
    """The declared faults. At most one hits a call: the first that was declared."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Declare one."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._faults.clear()

    def for_call(self, call: Call) -> Fault | None:
        """The fault that hits a call. Every fault counts the calls it matches, hit or not."""
        with self._lock:
            hits = [fault for fault in self._faults if fault.hit(call)]
            for extra in hits[1:]:
                extra.hits -= 1
        return hits[0] if hits else None
