# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build import janitor
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.reaping import reap, verdict
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Resource

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(hours=1), NOW - timedelta(hours=1)


class Thing(Resource):
    kind = "thing"

    def create(self, token):
        return token

    def delete(self, identifier, token):
        pass


def restore(kind, name, spec):
    return Thing(name)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "hallmark"


@pytest.fixture
def dead():
    """Pid and start time of a process that is no more."""
    child = subprocess.Popen(["sleep", "60"])
    found = child.pid, janitor.start_time(child.pid)
    child.kill()
    child.wait()
    return found


def build(home, expires=LATER, controller=(0, 0), watcher=None, name="20261123t171452-k3f9q2", platform="qemu"):
    ledger = Ledger(name, home)
    ledger.open(
        platform=platform, expires=expires.isoformat(), controller=controller[0], controller_started=controller[1]
    )
    ledger.intent("thing", "one", "token", {})
    if watcher:
        (ledger.folder / "janitor").write_text(f"{watcher[0]} {watcher[1]}\n")
    return ledger


def me():
    return os.getpid(), janitor.start_time(os.getpid())


def test_a_build_whose_controller_lives_is_left_alone(home):
    ledger = build(home, controller=me())
    assert verdict(ledger, ledger.read(), NOW) == ""


def test_one_whose_janitor_lives_is_left_to_it(home, dead):
    ledger = build(home, controller=dead, watcher=me())
    assert verdict(ledger, ledger.read(), NOW) == ""


def test_one_without_either_is_dead(home, dead):
    ledger = build(home, controller=dead, watcher=dead)
    assert verdict(ledger, ledger.read(), NOW) == "its controller and its janitor are gone"


def test_a_pid_that_is_somebody_elses_now_is_not_the_controller(home):
    ledger = build(home, controller=(os.getpid(), 1))
    assert verdict(ledger, ledger.read(), NOW) != ""


def test_what_is_kept_or_outlives_its_playbook_goes_when_it_expires(home, dead):
    for name, controller in (("20261123t171452-aaaaaa", dead), ("20261123t171452-bbbbbb", (0, 0))):
        ledger = build(home, controller=controller, name=name)
        ledger.append("keep")
        assert verdict(ledger, ledger.read(), NOW) == ""
        assert "it expired" in verdict(ledger, ledger.read(), LATER + timedelta(seconds=1))


def test_reap_tears_down_the_dead_and_says_what_it_did(home, dead):
    build(home, controller=dead, name="20261123t171452-dddddd")
    alive = build(home, expires=datetime.now(UTC) + timedelta(hours=1), controller=me(), name="20261123t171452-llllll")
    (found,) = reap({"qemu": restore}, "", 30, check_mode=False)
    assert (found["build"], found["action"], found["removed"]) == ("20261123t171452-dddddd", "removed", ["thing/one"])
    assert Ledger("20261123t171452-dddddd", home).read().closed
    assert not alive.read().closed


def test_check_mode_only_says(home, dead):
    ledger = build(home, controller=dead)
    assert len(reap({"qemu": restore}, "", 30, check_mode=True)) == 1
    assert not ledger.read().closing


def test_one_build_can_be_asked_for_dead_or_not(home):
    ledger = build(home, controller=me())
    assert reap({"qemu": restore}, ledger.build_id, 30, check_mode=False)[0]["reason"] == "it was asked for"
    assert ledger.read().closed


def test_a_build_that_is_not_known_is_one_clear_error(home):
    with pytest.raises(HallmarkError, match="20261123t171452-zzzzzz has no ledger on this computer"):
        reap({"qemu": restore}, "20261123t171452-zzzzzz", 30, check_mode=False)


def test_a_platform_that_is_not_known_is_told_and_nothing_is_touched(home, dead):
    ledger = build(home, controller=dead, platform="mars")
    (found,) = reap({"qemu": restore}, "", 30, check_mode=False)
    assert (found["action"], found["left"]) == ("failed", ["thing/one"])
    assert not ledger.read().closing


def test_closed_ledgers_are_forgotten_after_their_time(home):
    ledger = build(home)
    ledger.append("gone", kind="thing", name="one")
    ledger.append("closed")
    assert reap({"qemu": restore}, "", 30, check_mode=False) == []
    assert reap({"qemu": restore}, "", 0, check_mode=False)[0]["action"] == "forgotten"
    assert not ledger.folder.exists()
