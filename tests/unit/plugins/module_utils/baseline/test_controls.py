# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.controls import (
    BaselineError,
    Control,
    in_profile,
    read_controls,
)

ROLE, OWN = "/c/roles/sysctl/tests/test_sysctl.py", "/d/tests/test_app.py"
AREAS = {ROLE: "sysctl", OWN: None}
NAMES = {ROLE: "roles/sysctl/tests/test_sysctl.py", OWN: "tests/test_app.py"}
GOOD = {"title": "ICMP rate limit", "severity": "high", "tier": "baseline"}


def collected(path: str = ROLE, name: str = "test_one", mark: Any = "default", **more: Any) -> dict[str, Any]:
    if mark == "default":
        mark = {"args": ["sysctl-05"], "kwargs": GOOD}
    return {
        "nodeid": f"{path}::{name}{more.get('param') or ''}", "path": path, "line": 7, "name": name, "param": None,
        "doc": "", "mark": mark, **more,
    }  # fmt: skip


def read(*tests: dict[str, Any]) -> tuple[dict[str, Control], list[Any]]:
    return read_controls(tests, AREAS, NAMES)


def test_a_mark_becomes_a_control() -> None:
    fields = {**GOOD, "default": "off", "variable": "sysctl_x", "refs": ["CIS 3.3.1"]}
    controls, checks = read(collected(mark={"args": ["sysctl-05"], "kwargs": fields}))
    assert controls["sysctl-05"] == Control(
        "sysctl-05", "ICMP rate limit", "high", "baseline", "off", "sysctl_x", ("CIS 3.3.1",), "sysctl"
    )
    assert [check.control for check in checks] == ["sysctl-05"]


def test_a_parametrised_check_may_serve_one_control() -> None:
    controls, checks = read(collected(param="a"), collected(param="b"))
    assert len(controls) == 1
    assert [check.label for check in checks] == ["a", "b"]


def test_an_own_check_without_mark_goes_by_its_name() -> None:
    controls, dummy = read(collected(OWN, mark=None, doc="The app runs", param="x"), collected(OWN, "test_two", None))
    first, second = list(controls.values())
    assert (first.id, first.title, first.severity) == ("tests/test_app.py::test_one[x]", "The app runs", "medium")
    assert (second.title, second.area) == ("test_two", None)


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (None, "test_one has no control mark"),
        ({"args": [], "kwargs": GOOD}, "takes the control's id first"),
        ({"args": ["a", "b"], "kwargs": GOOD}, "takes the control's id first"),
        ({"args": [5], "kwargs": GOOD}, "takes the control's id first"),
        ({"args": ["a"], "kwargs": {**GOOD, "titel": "x"}}, "unknown key 'titel'"),
        ({"args": ["a"], "kwargs": {**GOOD, "title": ""}}, "title is missing"),
        ({"args": ["a"], "kwargs": {"title": "x", "tier": "extra"}}, "severity is missing"),
        ({"args": ["a"], "kwargs": {**GOOD, "severity": "High"}}, "severity is 'High'; possible: critical"),
        ({"args": ["a"], "kwargs": {**GOOD, "tier": "more"}}, "tier is 'more'"),
        ({"args": ["a"], "kwargs": {**GOOD, "default": True}}, "default is True"),
        ({"args": ["a"], "kwargs": {**GOOD, "refs": "CIS"}}, "refs is 'CIS'"),
    ],
)
def test_a_wrong_mark_is_one_line_with_file_and_line(mark: Any, message: str) -> None:
    with pytest.raises(BaselineError, match=f"^roles/sysctl/tests/test_sysctl.py:7: .*{message}") as error:
        read(collected(mark=mark))
    assert "\n" not in str(error.value)


def test_an_id_used_for_two_things_is_refused() -> None:
    other = {"args": ["sysctl-05"], "kwargs": {**GOOD, "title": "Something else"}}
    with pytest.raises(BaselineError, match="'sysctl-05' is already described"):
        read(collected(), collected(name="test_two", mark=other))
    with pytest.raises(BaselineError, match=r"tests/test_app.py:7: .*already described, .* roles/sysctl"):
        read(collected(), collected(OWN))


def control(tier: str, default: str = "on", area: str | None = "sysctl") -> Control:
    return Control("x", "X", "low", tier, default, None, (), area)


@pytest.mark.parametrize(
    ("profile", "chosen"),
    [
        ("baseline", ["baseline on", "baseline off"]),
        ("default", ["baseline on", "baseline off", "parity on", "extra on"]),
        ("strict", ["baseline on", "baseline off", "parity on", "parity off", "extra on", "extra off"]),
    ],
)
def test_profiles(profile: str, chosen: list[str]) -> None:
    tiers = ("baseline", "parity", "extra")
    found = [f"{t} {d}" for t in tiers for d in ("on", "off") if in_profile(control(t, d), profile)]
    assert found == chosen
    assert in_profile(control("extra", "off", area=None), profile), "a definition's own checks always run"
