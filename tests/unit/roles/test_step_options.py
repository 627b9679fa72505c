# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role lets be set of the modules that are its own. That they document it, sanity's validate-modules sees to."""

from __future__ import annotations

import importlib

import pytest

from support.role_vars import ROOT, options_of, role_value, steps_of

STEPS = "ansible_collections.hallmark.images.plugins.module_utils.hardening.steps"
#: Options that are for who uses the module alone.
FOR_OTHERS = {
    "api_mounts": {"live"},
    "kernel_command_line": {"drop_in"},
    "login_defs": {"umask_script"},
    "modprobe_block": {"mode"},
}


def modules_of_one_role() -> dict[str, str]:
    """The role of each module that no other role takes a step of."""
    roles: dict[str, list[str]] = {
        path.stem: [] for path in (ROOT / "plugins/module_utils/hardening/steps").glob("*.py")
    }
    for path in (ROOT / "roles").glob("*/tests/controls.yml"):
        role = path.parts[-3]
        for module in {word for step in steps_of(role) for word in step} & set(roles):
            roles[module].append(role)
    return {module: found[0] for module, found in sorted(roles.items()) if len(found) == 1}


ROLES = modules_of_one_role()


def specification(module: str) -> dict[str, dict]:
    """Options of a module."""
    return importlib.import_module(f"{STEPS}.{module}").OPTIONS


def test_most_modules_are_looked_at():
    assert len(ROLES) > 20


@pytest.mark.parametrize("module", ROLES)
def test_the_role_sets_every_option(module):
    expected = set(specification(module)) - {"root"} - FOR_OTHERS.get(module, set())
    assert set(options_of(ROLES[module], module)) == expected


# The standard's ages are the role's; the module has none of its own.
@pytest.mark.parametrize(("module", "own"), [("account_policy", {"ageing"}), ("search_path", set())])
def test_the_role_agrees_with_the_modules_defaults(module, own):
    role, options = ROLES[module], specification(module)
    given = {name: value for name, value in options_of(role, module).items() if name not in own}
    assert {name: role_value(role, value.strip("{} ")) for name, value in given.items()} == {
        name: options[name]["default"] for name in given
    }
