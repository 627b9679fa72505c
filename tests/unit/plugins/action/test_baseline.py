# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
from typing import Any

import yaml

from ansible_collections.hallmark.images.plugins.action import baseline as action
from ansible_collections.hallmark.images.plugins.module_utils.baseline.controls import Control
from ansible_collections.hallmark.images.plugins.module_utils.baseline.results import Result

DOCUMENTED = importlib.import_module("ansible_collections.hallmark.images.plugins.modules.baseline")


def test_options_are_what_the_documentation_says() -> None:
    documented = yaml.safe_load(DOCUMENTED.DOCUMENTATION)["options"]
    assert documented.keys() == action.ARGUMENTS.keys()
    for name, argument in action.ARGUMENTS.items():
        for key in ("type", "elements", "default", "choices"):
            assert documented[name].get(key) == argument.get(key), f"{name}.{key}"


def test_returned_values_are_documented() -> None:
    documented = yaml.safe_load(DOCUMENTED.RETURN)
    meta: dict[str, Any] = {"error": "", "round_trips": 1, "seconds": 0.5}
    returned = action.ActionModule._outcome([], meta, {}, gate=True)
    assert set(returned) - {"changed", "failed"} == set(documented)
    control = Control("x-01", "X", "low", "extra", "on", None, (), None)
    entry = Result(control, "passed", 0.1).as_dict()
    assert set(documented["results"]["contains"]) == set(entry)
