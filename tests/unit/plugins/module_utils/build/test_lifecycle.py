# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build import lifecycle
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import (
    Abandoned,
    ApiError,
    HallmarkError,
)
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Busy, Resource
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter
from support.disks import full_disk


class Denied(ApiError):
    denied = True


class Cloud:
    """What exists, by token, and everything that was asked of it."""

    def __init__(self):
        self.things = {}
        self.calls = []
        self.busy = {}
        self.fail = set()
        self.denied = False
        self.lose_answer = set()
        self.refuse = {}


class Thing(Resource):
    kind = "thing"

    def __init__(self, name, cloud, ledger=None):
        super().__init__(name)
        self.cloud = cloud
        self.ledger = ledger

    def create(self, token):
        if self.ledger:
            assert self.ledger.read().entries[self.key].token == token, "the ledger must know before it is created"
        if self.name in self.cloud.fail:
            raise HallmarkError(f"no {self.name} in stock")
        if self.name in self.cloud.refuse:
            raise ApiError("no", refused=self.cloud.refuse[self.name])
        self.cloud.things[token] = self.name
        if self.name in self.cloud.lose_answer:
            raise KeyboardInterrupt
        return f"id-{self.name}"

    def delete(self, identifier, token):
        self.cloud.calls.append(("delete", self.name, "refused" if self.refused else identifier))
        if self.cloud.denied:
            raise Denied("not allowed")
        if self.cloud.busy.get(self.name, 0) > 0:
            self.cloud.busy[self.name] -= 1
            raise Busy(f"{self.name} is in use")
        self.cloud.things.pop(token, None)


@pytest.fixture
def cloud():
    return Cloud()


@pytest.fixture
def ledger(tmp_path):
    book = Ledger("20261123t171452-k3f9q2", tmp_path)
    book.open(platform="test")
    return book


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(lifecycle, "BUSY_PAUSE", 0)


def build(ledger, cloud, *names):
    for name in names:
        lifecycle.create(ledger, Thing(name, cloud, ledger), Waiter(5))


def restore(cloud):
    return lambda kind, name, spec: Thing(name, cloud)


def test_undo_goes_backwards(ledger, cloud):
    build(ledger, cloud, "key", "disk", "machine")
    assert lifecycle.tear_down(ledger, restore(cloud), by="test") == []
    assert [name for _verb, name, _id in cloud.calls] == ["machine", "disk", "key"]
    assert cloud.things == {}
    assert ledger.read().closed


def test_what_exists_is_not_created_again(ledger, cloud):
    build(ledger, cloud, "key")
    assert lifecycle.create(ledger, Thing("key", cloud), Waiter(5)) == ("id-key", False)
    assert len(cloud.things) == 1


def test_a_lost_answer_is_undone_by_token(ledger, cloud):
    """The call took effect and the process died before it could write the id."""
    cloud.lose_answer.add("machine")
    with pytest.raises(KeyboardInterrupt):
        build(ledger, cloud, "key", "machine")
    assert set(cloud.things.values()) == {"key", "machine"}
    assert lifecycle.tear_down(ledger, restore(cloud), by="test") == []
    assert cloud.calls[0] == ("delete", "machine", None)
    assert cloud.things == {}


@pytest.mark.parametrize(("is_certain", "told"), [(True, "refused"), (False, None)])
def test_who_undoes_is_told_what_was_refused_for_certain(ledger, cloud, is_certain, told):
    cloud.refuse["machine"] = is_certain
    with pytest.raises(ApiError):
        build(ledger, cloud, "key", "machine")
    assert ledger.read().entries["thing/machine"].refused is is_certain
    assert lifecycle.tear_down(ledger, restore(cloud), by="test") == []
    assert cloud.calls == [("delete", "machine", told), ("delete", "key", "id-key")]


def test_what_was_refused_once_can_be_made_later(ledger, cloud):
    cloud.refuse["machine"] = True
    with pytest.raises(ApiError):
        build(ledger, cloud, "machine")
    cloud.refuse.clear()
    build(ledger, cloud, "machine")
    assert not ledger.read().entries["thing/machine"].refused


def test_a_half_made_thing_is_removed_before_it_is_made_again(ledger, cloud):
    cloud.lose_answer.add("machine")
    with pytest.raises(KeyboardInterrupt):
        build(ledger, cloud, "machine")
    cloud.lose_answer.clear()
    build(ledger, cloud, "machine")
    assert len(cloud.things) == 1


def test_a_half_made_thing_that_is_busy_is_waited_for(ledger, cloud):
    cloud.lose_answer.add("machine")
    with pytest.raises(KeyboardInterrupt):
        build(ledger, cloud, "machine")
    cloud.lose_answer.clear()
    cloud.busy["machine"] = 2
    build(ledger, cloud, "machine")
    assert len(cloud.things) == 1


def test_a_half_made_thing_that_stays_busy_is_told(ledger, cloud):
    cloud.lose_answer.add("machine")
    with pytest.raises(KeyboardInterrupt):
        build(ledger, cloud, "machine")
    cloud.busy["machine"] = 10**9
    with pytest.raises(HallmarkError, match=r"an earlier run left thing/machine .*: machine is in use"):
        lifecycle.create(ledger, Thing("machine", cloud, ledger), Waiter(0))
    assert len(cloud.things) == 1


def test_what_is_busy_is_tried_again(ledger, cloud):
    build(ledger, cloud, "network", "machine")
    cloud.busy["network"] = 3
    assert lifecycle.tear_down(ledger, restore(cloud), by="test") == []
    assert [name for _verb, name, _id in cloud.calls].count("network") == 4


def test_what_stays_busy_is_told_and_the_ledger_stays_open(ledger, cloud):
    build(ledger, cloud, "network")
    cloud.busy["network"] = 10**9
    left = lifecycle.tear_down(ledger, restore(cloud), by="test", seconds=0)
    assert left == ["thing/network id-network: network is in use"]
    assert not ledger.read().closed
    cloud.busy.clear()
    assert lifecycle.tear_down(ledger, restore(cloud), by="reap") == []
    assert ledger.read().closed


def test_what_is_not_allowed_is_told_after_a_second_try(ledger, cloud):
    build(ledger, cloud, "network")
    cloud.denied = True
    left = lifecycle.tear_down(ledger, restore(cloud), by="test")
    assert left == ["thing/network id-network: not allowed"]
    assert len(cloud.calls) == 2
    assert not ledger.read().closed


def test_nothing_is_created_after_the_tear_down(ledger, cloud):
    build(ledger, cloud, "key")
    lifecycle.tear_down(ledger, restore(cloud), by="janitor")
    with pytest.raises(Abandoned):
        build(ledger, cloud, "machine")
    assert cloud.things == {}


def test_a_full_disk_keeps_nothing_in_place(ledger, cloud, monkeypatch):
    build(ledger, cloud, "key", "disk", "machine")
    with full_disk(monkeypatch):
        (left,) = lifecycle.tear_down(ledger, restore(cloud), by="janitor", seconds=0)
        assert "No space left on device" in left, "somebody has to come back to close the ledger"
        assert cloud.things == {}
    assert not ledger.read().closed
    assert lifecycle.tear_down(ledger, restore(cloud), by="janitor") == []
    assert ledger.read().closed


def test_a_disk_that_is_full_until_something_is_removed_ends_in_a_closed_ledger(ledger, cloud, monkeypatch):
    build(ledger, cloud, "disk", "machine")
    with full_disk(monkeypatch, until=lambda: "disk" not in cloud.things.values()):
        assert lifecycle.tear_down(ledger, restore(cloud), by="janitor", seconds=0) == []
    status = ledger.read()
    assert (status.closing, status.closed, status.open_entries()) == (True, True, [])


def test_a_closed_build_is_closed_once(ledger, cloud):
    build(ledger, cloud, "key")
    lifecycle.tear_down(ledger, restore(cloud), by="module")
    lines = ledger.path.read_text()
    lifecycle.tear_down(ledger, restore(cloud), by="janitor")
    assert ledger.path.read_text() == lines
