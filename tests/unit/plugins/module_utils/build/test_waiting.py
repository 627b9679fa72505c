# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import Abandoned, HallmarkError, Throttled
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import FAILED, GONE, PENDING, READY, State
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter, together


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 100.0
        self.pauses = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


def make(clock, seconds=60, **more):
    return Waiter(seconds, clock=clock, sleep=clock.sleep, jitter=lambda: 0.5, **more)


def states(*items):
    """A probe that reports one state after another, and the last one for ever."""
    left = list(items)

    def probe():
        item = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(item, Exception):
            raise item
        return item

    return probe


def test_ready_at_once_costs_no_pause():
    clock = Clock()
    assert make(clock).wait("disk", states(State(READY))).status == READY
    assert clock.pauses == []


def test_polls_are_short_first_and_back_off_to_the_polite_interval():
    clock = Clock()
    make(clock, interval=2.0).wait("disk", states(*[State(PENDING)] * 9, State(READY)))
    assert clock.pauses[0] == pytest.approx(0.2)
    assert clock.pauses == sorted(clock.pauses)
    assert clock.pauses[-1] == pytest.approx(2.0)


def test_the_budget_is_wall_clock_and_the_last_reason_is_told():
    clock = Clock()
    with pytest.raises(HallmarkError, match=r"machine: not ready within 10 s \(booting\)"):
        make(clock, seconds=10).wait("machine", states(State(PENDING, "booting")))
    assert clock.now - 100 == pytest.approx(10)


def test_failure_is_recognised_at_once():
    clock = Clock()
    with pytest.raises(HallmarkError, match="machine: Kernel panic"):
        make(clock).wait("machine", states(State(PENDING), State(FAILED, "Kernel panic")))
    assert len(clock.pauses) == 1


def test_gone_is_a_failure_unless_it_is_waited_for():
    clock = Clock()
    with pytest.raises(HallmarkError, match="is gone"):
        make(clock).wait("machine", states(State(GONE)))
    assert make(clock).wait("machine", states(State(PENDING), State(GONE)), until=GONE).status == GONE


def test_throttling_is_honoured():
    clock = Clock()
    make(clock).wait("image", states(Throttled("slow down", retry_after=7), State(READY)))
    assert clock.pauses == [pytest.approx(7)]


def test_progress_is_written_once_per_percentage():
    class Log:
        seen = []

        def write(self, event, **fields):
            self.seen.append((event, fields["percent"]))

    clock = Clock()
    make(clock, events=Log()).wait("image", states(State(PENDING, "", 10), State(PENDING, "", 10), State(READY)))
    assert Log.seen == [("progress", 10)]


def test_a_build_that_is_being_torn_down_is_not_waited_for():
    clock = Clock()
    with pytest.raises(Abandoned):
        make(clock, abandoned=lambda: True).wait("machine", states(State(READY)))


@pytest.mark.parametrize(
    ("states_of", "wanted"),
    [
        ({"a": State(READY), "b": State(READY)}, State(READY)),
        ({"a": State(READY), "b": State(PENDING, "", 50)}, State(PENDING, "not complete: b", 75.0)),
        ({"a": State(PENDING), "b": State(PENDING)}, State(PENDING, "not complete: a, b", 0.0)),
        ({"a": State(PENDING), "b": State(FAILED, "is broken")}, State(FAILED, "b is broken")),
        ({"a": State(GONE, "is gone"), "b": State(READY)}, State(FAILED, "a is gone")),
    ],
)
def test_several_states_as_one(states_of, wanted):
    assert together(states_of) == wanted
