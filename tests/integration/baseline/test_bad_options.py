# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action baseline says in one line what is wrong with its options and with the checks it is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONTROL = """
    @pytest.mark.control("x-01", title="Always", severity="high")
    def test_always(host): pass
"""
BAD = [
    ({"profile": "best"}, "", "value of profile must be one of: baseline, default, strict, got: best"),
    ({"gait": True}, "", "Unsupported parameters for (hallmark.images.baseline) module: gait"),
    ({"areas": ["sysctrl"]}, "", "areas: 'sysctrl' is not an area with checks"),
    ({"tests": ["test_nowhere.py"]}, "", "test_nowhere.py is not a file"),
    ({"tests": []}, "", "no checks: areas and tests name no test file"),
    ({"timeout": 0}, "", "timeout: 0 is not a number of seconds above 0"),
    ({"report_name": "a/b"}, "", "report_name: 'a/b' is not a plain file name"),
    ({"waivers": [{"control": "x"}]}, "", "waivers[0].reason: missing"),
    (
        {"waivers": [{"control": "x-99", "reason": "r", "owner": "o", "expires": "2999-01-01"}]},
        CONTROL,
        "waivers[0].control: no check has a control 'x-99'",
    ),
    (
        {"waivers": [{"control": "x-01", "reason": "r", "owner": "o", "expires": "soon"}]},
        CONTROL,
        "waivers[0].expires: 'soon' is not a date; write it as 2027-01-31",
    ),
    ({}, "", "no checks: profile 'default' chooses none of 0 controls"),
    ({}, "def test_x(: pass", "test_app.py:2: SyntaxError: invalid syntax"),
    ({}, "import nowhere_to_be_found", "test_app.py:2: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
    ({}, "\ndef helper():\n    raise OSError('deep')\nhelper()", "OSError: deep"),
    (
        {},
        "@pytest.mark.control('a', titel='x')\ndef test_x(host): pass",
        "test_app.py:2: control 'a': unknown key 'titel'; known: default, refs, severity, tier, title, variable",
    ),
    ({}, "import os\ndef test_x(host): os._exit(9)", "the check process ended before its time, exit status 9"),
    (
        {},
        "def test_x(host): pytest.exit('enough')\ndef test_y(host): pass",
        "not checked to the end: test_app.py::test",
    ),
]


@pytest.mark.parametrize(("options", "checks", "message"), BAD)
def test_bad_input_is_told_in_one_line(
    audit: Callable[..., Any], tmp_path: Path, options: dict[str, Any], checks: str, message: str
) -> None:
    done = audit(checks, {"gate": False, "report_dir": "out", **options})
    assert message in done.output, done.output
    assert "Traceback" not in done.output
    assert done.rc == 2
    assert done.result.get("results") is None
    assert not (tmp_path / "out").exists()
