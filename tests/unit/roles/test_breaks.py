# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No control is forgotten where each is broken on a machine (tests/e2e/test_hardened_machine.py)."""

from __future__ import annotations

import pytest

from support.breaks import BREAKS, CANNOT, off_by_default
from support.checks import AREAS, Area

OFF = {control for controls in off_by_default.OFF.values() for control in controls}


@pytest.mark.parametrize(("default", "broken"), [("on", BREAKS.keys() | CANNOT), ("off", OFF | off_by_default.CANNOT)])
def test_every_control_is_broken_or_said_not_to_be(default, broken):
    marks = [mark for area in AREAS for mark, _test, _param in Area(area).tests()]
    assert broken == {mark.args[0] for mark in marks if mark.kwargs["default"] == default}
