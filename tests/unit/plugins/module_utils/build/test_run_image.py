# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing images while something else still uses them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build import labels, run_image
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError, Throttled
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Busy
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter

BUILD = "20261128t210000-abc123"


class Images:
    """Images whose removal goes as it is told to, one answer for each try."""

    interval = 2.0
    searched: tuple[str, ...] = ()

    def __init__(self, *answers):
        self.answers = list(answers)
        self.tries = 0

    def captured(self):
        return True

    def plan(self):
        return ["web"]

    def remove(self):
        self.tries += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def remove(tmp_path):
    def run(images, seconds=30):
        time = Time()
        waiter = Waiter(seconds, images.interval, clock=lambda: time.now, sleep=time.sleep, jitter=lambda: 0.5)
        run_image.remove(Ledger(BUILD, tmp_path), images, waiter)

    return run


def test_what_is_busy_is_tried_again(remove):
    images = Images(Busy("snapshot s-1 is in use"), Throttled("slow down"), Busy("snapshot s-1 is in use"), True)
    remove(images)
    assert images.tries == 4


def test_what_stays_busy_is_one_clear_error(remove):
    images = Images(Busy("snapshot s-1 is in use"))
    wanted = rf"^images of build {BUILD}: not gone within 30 s \(snapshot s-1 is in use\)$"
    with pytest.raises(HallmarkError, match=wanted):
        remove(images)
    assert images.tries > 5


def test_what_cannot_be_is_told_at_once(remove):
    images = Images(HallmarkError("delete image m-1: Forbidden.RAM"))
    with pytest.raises(HallmarkError, match=r"^delete image m-1: Forbidden\.RAM$"):
        remove(images)
    assert images.tries == 1


class Module:
    """A module that was asked for state absent."""

    check_mode = False

    def __init__(self, **changes):
        self.params = {"state": "absent", "build_id": BUILD, "timeout": 0, **changes}

    def exit_json(self, **result):
        raise SystemExit(result)

    def fail_json(self, **result):
        raise SystemExit({"failed": True, **result})


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (True, {"changed": True, "msg": "removed"}),
        (OSError(28, "No space left on device", "/x"), {"failed": True, "msg": "/x: No space left on device"}),
        (OSError(28, "No space left on device"), {"failed": True, "msg": "No space left on device"}),
        (
            Busy("m-1 is in use"),
            {"failed": True, "msg": f"images of build {BUILD}: not gone within 0 s (m-1 is in use)"},
        ),
    ],
)
def test_the_module_ends_with_a_result_and_never_a_traceback(answer, wanted, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(SystemExit) as end:
        run_image.run_image(Module(), lambda ledger: Images(answer), lambda *entry: None)
    result = end.value.code
    assert {key: result[key] for key in wanted} == wanted


def expiry_after(params, tmp_path, monkeypatch, check_mode=False, closing=False, minutes=60):
    """When a build that would expire in an hour expires after a run of the module, in minutes from now."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    ledger = Ledger(BUILD)
    ledger.open(platform="test", expires=labels.expiry(minutes))
    if closing:
        ledger.note("closing", by="test")
    module = Module()
    module.params = {**module.params, "state": "present", **params}
    module.check_mode = check_mode
    seen = []

    def make(book):
        seen.append(book.read().build["expires"])
        raise HallmarkError("enough")

    with pytest.raises(SystemExit):
        run_image.run_image(module, make, lambda *entry: None)
    assert seen == [ledger.read().build["expires"]]  # what the image's tags say is the same
    return round((datetime.fromisoformat(seen[0]) - datetime.now(UTC)).total_seconds() / 60)


def test_a_build_does_not_expire_while_its_image_is_made_tried_and_published(tmp_path, monkeypatch):
    assert expiry_after({"timeout": 14400}, tmp_path, monkeypatch) == 2 * 240 + 180


@pytest.mark.parametrize(
    ("params", "options"),
    [({}, {"check_mode": True}), ({"state": "absent"}, {}), ({}, {"closing": True})],
)
def test_nothing_else_lets_a_build_live_longer(params, options, tmp_path, monkeypatch):
    assert expiry_after({"timeout": 14400, **params}, tmp_path, monkeypatch, **options) == 60


def test_what_has_expired_stays_so(tmp_path, monkeypatch):
    assert expiry_after({"timeout": 14400}, tmp_path, monkeypatch, minutes=-5) == -5


def test_a_machine_ends_after_its_own_time_and_with_its_build_at_the_latest():
    late, soon = labels.expiry(600), labels.expiry(5)
    assert labels.machine_expiry({"expires": soon}, 180) == soon
    assert labels.expiry(179) < labels.machine_expiry({"expires": late}, 180) < labels.expiry(181)
    assert labels.machine_expiry({}, 180) < labels.expiry(181)
