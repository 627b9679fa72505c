# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.controls import BaselineError, Check, Control
from ansible_collections.hallmark.images.plugins.module_utils.baseline.results import (
    Outcome,
    Result,
    conclude,
    count,
    gate_message,
    summary,
)
from ansible_collections.hallmark.images.plugins.module_utils.baseline.run import BaselineRun
from ansible_collections.hallmark.images.plugins.module_utils.baseline.waivers import Waiver

TODAY = datetime.date(2026, 11, 23)
CONTROL = Control("sysctl-05", "ICMP rate limit", "high", "baseline", "on", None, (), "sysctl")
WAIVER = Waiver("sysctl-05", "a router", "net@example.com", datetime.date(2027, 1, 31))
EXPIRED = dataclasses.replace(WAIVER, expires=datetime.date(2026, 11, 22))

PASSED: dict[str, Any] = {"status": "passed"}
WRONG = {"status": "failed", "expected": "100", "found": "1000", "details": "traceback"}
NOT_HERE = {"status": "not_applicable", "reason": "no IPv6"}


def of(*outcomes: dict[str, Any], waiver: Waiver | None = None) -> Result:
    checks = [Check(f"n{i}", CONTROL.id, f"label{i}") for i in range(len(outcomes))]
    table = {f"n{i}": Outcome(nodeid=f"n{i}", seconds=0.5, **outcome) for i, outcome in enumerate(outcomes)}
    return conclude(CONTROL, checks, table, waiver, TODAY)


@pytest.mark.parametrize(
    ("outcomes", "waiver", "status", "message"),
    [
        ([PASSED], None, "passed", ""),
        ([WRONG], None, "failed", "ICMP rate limit: expected 100, found 1000"),
        ([{**WRONG, "subject": "net.x"}], None, "failed", "net.x: expected 100, found 1000"),
        ([PASSED, WRONG], None, "failed", "label1: expected 100, found 1000"),
        ([{"status": "failed", "reason": "not true: f.exists"}], None, "failed", "ICMP rate limit: not true: f.exists"),
        ([{"status": "failed", "subject": "no file", "reason": "no file"}], None, "failed", "no file"),
        ([NOT_HERE], None, "not_applicable", "no IPv6"),
        ([NOT_HERE, NOT_HERE], None, "not_applicable", "no IPv6"),
        ([NOT_HERE, PASSED], None, "passed", ""),
        ([NOT_HERE, WRONG], None, "failed", "label1: expected 100, found 1000"),
        ([WRONG], WAIVER, "waived", "ICMP rate limit: expected 100, found 1000"),
        ([PASSED], WAIVER, "passed", "waiver not needed"),
        ([NOT_HERE], WAIVER, "not_applicable", "no IPv6; waiver not needed"),
        (
            [WRONG],
            EXPIRED,
            "failed",
            "ICMP rate limit: expected 100, found 1000; waiver of net@example.com expired on 2026-11-22",
        ),
    ],
)
def test_outcomes_become_a_result(outcomes: list[Any], waiver: Waiver | None, status: str, message: str) -> None:
    result = of(*outcomes, waiver=waiver)
    assert (result.status, result.message) == (status, message)
    assert result.seconds == 0.5 * len(outcomes)
    plain = result.as_dict()
    assert (plain["control"], plain["title"], plain["severity"]) == ("sysctl-05", "ICMP rate limit", "high")
    assert bool(plain["waiver"]) == bool(waiver)


def test_expected_and_found_are_of_the_first_failure() -> None:
    result = of(PASSED, WRONG, {**WRONG, "found": "5"})
    assert (result.expected, result.found) == ("100", "1000")


def test_many_failures_of_one_control_stay_one_line() -> None:
    message = of(*[WRONG] * 9).message
    assert message.endswith("; and 6 more")
    assert message.count("expected") == 3


def test_a_missing_outcome_is_never_a_pass() -> None:
    with pytest.raises(KeyError):
        conclude(CONTROL, [Check("n0", "sysctl-05", "a")], {}, None, TODAY)


def test_the_gate_names_twenty_and_counts_the_rest() -> None:
    low = dataclasses.replace(CONTROL, id="low-01", severity="low")
    failed = [Result(low, "failed", 0, "x")] + [
        Result(dataclasses.replace(CONTROL, id=f"c-{i:02}"), "failed", 0, "x: expected 1, found 2") for i in range(24)
    ]
    lines = gate_message([*failed, of(PASSED)]).splitlines()
    assert lines[0] == "26 controls: 1 passed, 25 failed"
    assert lines[1] == "c-00: x: expected 1, found 2 (high)"
    assert len(lines) == 22
    assert lines[-1] == "and 5 more"


def test_counts() -> None:
    counts = count([of(PASSED), of(WRONG), of(WRONG, waiver=WAIVER), of(NOT_HERE)])
    assert counts == {"total": 4, "passed": 1, "failed": 1, "waived": 1, "not_applicable": 1}
    assert summary(counts) == "4 controls: 1 passed, 1 failed, 1 waived, 1 not applicable"


ROLE, OTHER = "/c/roles/sysctl/tests/test_sysctl.py", "/c/roles/pam/tests/test_pam.py"


def collected(path: str, control: str, **fields: Any) -> dict[str, Any]:
    kwargs = {"title": "T", "severity": "low", "tier": "baseline", **fields}
    return {
        "nodeid": f"{path}::{control}", "path": path, "line": 1, "name": "test_x", "param": None, "doc": "",
        "mark": {"args": [control], "kwargs": kwargs},
    }  # fmt: skip


def make_run(waivers: dict[str, Waiver] | None = None, profile: str = "default") -> BaselineRun:
    run = BaselineRun(profile, waivers or {}, TODAY)
    run.add_file(ROLE, "sysctl", "roles/sysctl/tests/test_sysctl.py")
    run.add_file(OTHER, "pam", "roles/pam/tests/test_pam.py")
    run.areas = {"sysctl"}
    return run


def test_a_run_chooses_by_area_and_profile_and_waits_for_all() -> None:
    run = make_run()
    seen: list[str] = []
    run.on_result = lambda result: seen.append(result.control.id)
    tests = [
        collected(ROLE, "sysctl-01"),
        collected(ROLE, "sysctl-02", tier="extra", default="off"),
        collected(OTHER, "pam-01"),
        collected(ROLE, "sysctl-03"),
    ]
    assert run.select(tests) == [f"{ROLE}::sysctl-01", f"{ROLE}::sysctl-03"]
    run.record(Outcome(f"{ROLE}::sysctl-01", "passed", 0.1))
    assert seen == ["sysctl-01"]
    with pytest.raises(BaselineError, match="not checked to the end: sysctl-03"):
        run.finish()
    run.record(Outcome(f"{ROLE}::sysctl-03", "passed", 0.1))
    run.finish()


def test_a_waiver_may_name_a_control_of_another_area_but_no_unknown_one() -> None:
    tests = [collected(ROLE, "sysctl-01"), collected(OTHER, "pam-01")]
    make_run({"pam-01": WAIVER}).select(tests)
    with pytest.raises(BaselineError, match=r"waivers\[1\]\.control: no check has a control 'pam-99'"):
        make_run({"pam-01": WAIVER, "pam-99": WAIVER}).select(tests)


def test_choosing_nothing_is_an_error() -> None:
    with pytest.raises(BaselineError, match="no checks: profile 'baseline' chooses none of 1"):
        make_run(profile="baseline").select([collected(ROLE, "sysctl-02", tier="extra")])
