# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every role owes its users, whatever it does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.hallmark.images.plugins.module_utils.hardening import sequence
from support.role_vars import steps_of

ROLES = sorted(path.parent for path in (Path(__file__).resolve().parents[2] / "roles").glob("*/tasks"))
AREAS = [role for role in ROLES if (role / "tests").exists()]

every_role = pytest.mark.parametrize("role", [pytest.param(role, id=role.name) for role in ROLES])
every_area = pytest.mark.parametrize("role", [pytest.param(role, id=role.name) for role in AREAS])


def options_of(role: Path) -> dict[str, dict]:
    """Options of the role's entry point as its argument specification declares them."""
    specification = yaml.safe_load((role / "meta/argument_specs.yml").read_text())
    return specification["argument_specs"]["main"].get("options", {})


def defaults_of(role: Path) -> dict[str, object]:
    """The role's defaults."""
    path = role / "defaults/main.yml"
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


@every_role
def test_describes_itself(role: Path) -> None:
    meta = yaml.safe_load((role / "meta/main.yml").read_text())["galaxy_info"]
    assert {"author", "description", "license", "min_ansible_version"} - set(meta) == set()
    assert (role / "README.md").stat().st_size > 0


@every_role
def test_defaults_equal_the_specification(role: Path) -> None:
    declared = {name: option["default"] for name, option in options_of(role).items() if "default" in option}
    assert declared == defaults_of(role)


@every_role
def test_variables_carry_the_name_of_the_role(role: Path) -> None:
    assert [name for name in options_of(role) if not name.startswith(f"{role.name}_")] == []


@every_role
def test_readme_explains_every_variable(role: Path) -> None:
    readme = (role / "README.md").read_text()
    assert [name for name in options_of(role) if f"`{name}`" not in readme] == []


@every_role
def test_every_area_is_part_of_the_umbrella(role: Path) -> None:
    groups = yaml.safe_load((role.parent / "os_hardening/vars/main.yml").read_text())["__os_hardening_groups"]
    areas = [area for group in groups for area in group["areas"]]
    readme = (role.parent / "os_hardening/README.md").read_text()
    if (role / "tests").exists():
        assert role.name in areas
        assert f"[{role.name}](../{role.name}/README.md)" in readme
    assert set(areas) <= {other.name for other in ROLES}


@every_area
def test_an_area_is_one_task(role: Path) -> None:
    (task,) = yaml.safe_load((role / "tasks/main.yml").read_text())
    assert set(task) == {"name", "hallmark.images.harden", "become", "when"}
    assert task["name"]
    assert task["become"] is True
    assert task["when"] == f"{role.name}_enabled"
    assert list(task["hallmark.images.harden"]) == ["steps"]
    assert task["hallmark.images.harden"]["steps"] != []


@every_area
def test_steps_of_an_area_are_modules_with_their_options(role: Path) -> None:
    for step in steps_of(role.name):
        (module,) = set(step) - {"when"}
        assert module in sequence.STEPS
        assert set(step[module]) - set(sequence.load(module).OPTIONS) == set()
        assert "root" not in step[module]  # a role works on the machine itself
