# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
import time
from collections.abc import Callable

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import Abandoned, HallmarkError, Throttled
from ansible_collections.hallmark.images.plugins.module_utils.build.events import EventLog
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import (
    FAILED,
    GONE,
    PENDING,
    READY,
    State,
)

FIRST_POLL = 0.2
GROWTH = 1.5


class Waiter:
    """Waits for states. One per stage: the deadline is a budget of wall-clock seconds for everything it waits for.

    Polls are short at first and back off to the platform's polite interval, with jitter so that fifty builds
    started together do not poll in step.

    :param seconds: the budget.
    :param interval: the polite interval in seconds, the longest pause between two polls.
    :param events: gets ``progress`` events; None for none.
    :param abandoned: asked before each poll; true when the controller is gone or the build is being torn down.
    :param clock, sleep, jitter: replaced by tests.
    """

    def __init__(
        self,
        seconds: float,
        interval: float = 2.0,
        events: EventLog | None = None,
        abandoned: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.seconds = seconds
        self.interval = interval
        self.events = events
        self.abandoned = abandoned
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._deadline = clock() + seconds

    def left(self) -> float:
        """Seconds left of the budget, never below 0."""
        return max(0.0, self._deadline - self._clock())

    def wait(self, what: str, probe: Callable[[], State], until: str = READY) -> State:
        """Poll until the probe reports the wanted status.

        :param what: the subject of error messages and events, for example "machine builder".
        :param probe: returns the present state; may raise Throttled.
        :param until: the status to wait for, ``ready`` or ``gone``.
        :raises HallmarkError: at once when the state is failed (or gone while something else is waited for), and
            when the budget is used up.
        :raises Abandoned: when the controller is gone or the build is being torn down by another process.
        """
        pause = FIRST_POLL
        state = State("pending", "not polled yet")
        told: float | None = None
        while True:
            if self.abandoned():
                raise Abandoned(f"{what}: nobody waits for this build any more, or it is being torn down")
            try:
                state = probe()
            except Throttled as error:
                pause = max(pause * 2, error.retry_after or 0)
            if state.status == until:
                return state
            if state.status in (FAILED, GONE):
                raise HallmarkError(f"{what}: {state.reason or 'is gone'}")
            if self.events and state.percent is not None and state.percent != told:
                told = state.percent
                self.events.write("progress", what=what, percent=state.percent)
            left = self.left()
            if left <= 0:
                raise HallmarkError(
                    f"{what}: not {until} within {self.seconds:g} s" + (f" ({state.reason})" if state.reason else "")
                )
            self._sleep(min(left, pause * (0.75 + 0.5 * self._jitter())))
            pause = min(self.interval, pause * GROWTH)


def together(states: dict[str, State]) -> State:
    """Several states as one: failed as soon as one is, ready when all are.

    :param states: by what they are of, as messages say it.
    """
    for what, state in states.items():
        if state.status not in (READY, PENDING):
            return State(FAILED, f"{what} {state.reason}")
    if all(state.status == READY for state in states.values()):
        return State(READY)
    told = [100.0 if state.status == READY else state.percent or 0.0 for state in states.values()]
    missing = [what for what, state in states.items() if state.status != READY]
    return State(PENDING, f"not complete: {', '.join(missing)}", round(sum(told) / len(told), 1))
