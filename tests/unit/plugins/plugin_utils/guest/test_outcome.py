# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.plugin_utils.guest.outcome import Outcome, failure_text, output_lines


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"event": kind, "event_data": data, "stdout": data.pop("stdout", "")}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"msg": "no such\nfile"}, "no such file"),
        ({"msg": "Task failed: Module failed: bad key"}, "bad key"),
        ({"msg": "non-zero return code", "stderr": "one\n\x1b[31mtwo\x1b[0m\n"}, "non-zero return code (two)"),
        ({"msg": "non-zero return code", "stdout": "only out"}, "non-zero return code (only out)"),
        ({"msg": "", "module_stderr": "Traceback\nValueError: x"}, "ValueError: x"),
        ({}, "it failed without a message"),
        ({"censored": "hidden", "msg": "secret"}, "the result is hidden (no_log)"),
        (
            {"msg": "All items completed", "results": [{"item": "a"}, {"item": "b", "failed": True, "msg": "no"}]},
            "item b: no",
        ),
        ({"results": [{"censored": "hidden", "failed": True}]}, "the result is hidden (no_log)"),
    ],
)
def test_failure_text(result: dict[str, Any], text: str) -> None:
    assert failure_text(result) == text


def test_stages_are_plays_with_hosts_that_ran_a_task() -> None:
    clock = Clock()
    seen = []
    outcome = Outcome(on_stage=lambda *args, **fields: seen.append((*args, fields)), clock=clock)
    outcome.take(event("playbook_on_play_start", name="Provision"))
    outcome.take(event("playbook_on_no_hosts_matched"))
    outcome.take(event("playbook_on_play_start", name="Harden"))
    outcome.take(event("playbook_on_task_start", task="x"))
    clock.now = 2.5
    outcome.take(event("playbook_on_play_start", name="Verify"))
    outcome.take(event("playbook_on_task_start", task="y"))
    clock.now = 3.0
    outcome.take(event("runner_on_failed", task="Check", res={"msg": "no"}))
    outcome.take(event("playbook_on_stats", ok={"web": 1}, artifact_data={"answer": 42}))
    assert outcome.stages == {"harden": 2.5, "verify": 0.5}
    assert seen == [
        ("harden", "start", {}),
        ("harden", "end", {"seconds": 2.5, "ok": True}),
        ("verify", "start", {}),
        ("verify", "end", {"seconds": 0.5, "ok": False}),
    ]
    assert outcome.message() == "verify: Check: no"
    assert outcome.stats == {"ok": {"web": 1}}
    assert outcome.stats_data == {"answer": 42}


def test_unreachable_is_said_so() -> None:
    outcome = Outcome()
    outcome.take(event("playbook_on_play_start", name="Harden"))
    outcome.take(event("runner_on_unreachable", task="Wait", res={"msg": "Connection reset", "unreachable": True}))
    assert outcome.unreachable
    assert outcome.message() == "harden: the guest went away (unreachable) in stage harden: Connection reset"


def test_ignored_failures_are_none() -> None:
    outcome = Outcome()
    outcome.take(event("runner_on_failed", task="Try", ignore_errors=True, res={"msg": "no"}))
    assert outcome.failure == ""


def test_error_outside_of_tasks_names_its_place() -> None:
    outcome = Outcome()
    text = "\x1b[0;31m[ERROR]: couldn't resolve module\x1b[0m\nOrigin: /x/site.yml:3:7\n\n3   tasks:\n"
    outcome.take({"event": "error", "stdout": text})
    assert outcome.message() == "couldn't resolve module (in /x/site.yml:3:7)"


def test_nothing_learned_is_said_as_well() -> None:
    assert "its output is above" in Outcome().message()


def test_output_of_a_censored_result_begins_with_its_status() -> None:
    text = "\x1b[0;31m[ERROR]: Task failed: s3cret\x1b[0m\nOrigin: x\n\n\x1b[0;31mfatal: [web]: FAILED! => {}\x1b[0m\n"
    shown = output_lines(event("runner_on_failed", res={"censored": "hidden"}, stdout=text))
    assert shown == ["\x1b[0;31mfatal: [web]: FAILED! => {}\x1b[0m"]
    assert len(output_lines(event("runner_on_failed", res={"msg": "x"}, stdout=text))) == 4
