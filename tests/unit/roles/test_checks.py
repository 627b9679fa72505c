# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the hardening areas: complete, and each fails when, and only when, its own control is broken."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
import yaml

from support.checks import AREAS
from support.role_vars import ROOT

RECORDED = json.loads((Path(__file__).parent / "catalogue_ids.json").read_text())
CATALOGUE = ROOT.parent / "shared/controls.yml"
OWN = "/etc/sysctl.d/zz-hallmark.conf"


@functools.cache
def catalogue():
    """The catalogue's controls."""
    return yaml.safe_load(CATALOGUE.read_text())


@pytest.mark.parametrize("area", AREAS)
def test_every_control_of_the_catalogue_has_a_check(area, areas):
    assert {mark.args[0]: mark.kwargs["tier"] for mark, _test, _param in areas[area].tests()} == RECORDED[area]
    if CATALOGUE.exists():
        found = {item["id"]: item["tier"] for item in catalogue() if item["area"].removeprefix("extra:") == area}
        assert found == RECORDED[area]


@pytest.mark.parametrize("area", AREAS)
def test_checks_name_a_variable_of_their_role(area):
    specification = yaml.safe_load((ROOT / f"roles/{area}/meta/argument_specs.yml").read_text())
    known = specification["argument_specs"]["main"]["options"]
    controls = yaml.safe_load((ROOT / f"roles/{area}/tests/controls.yml").read_text())
    assert [item["id"] for item in controls if item["variable"] not in known] == []
    assert [item["id"] for item in controls if not item["title"] or (not item["refs"] and item["id"][:2] != "x-")] == []


@pytest.mark.parametrize("area", AREAS)
def test_the_role_is_a_handful_of_module_calls_without_a_loop(area):
    tasks = yaml.safe_load((ROOT / f"roles/{area}/tasks/main.yml").read_text())
    assert [task["name"] for task in tasks if "loop" in task or any(key.startswith("with_") for key in task)] == []
    always = [task for task in tasks if task["when"] == f"{area}_enabled"]
    assert 1 <= len(always) <= 2
