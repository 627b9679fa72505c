# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import yaml

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.apparmor_profiles import OPTIONS
from ansible_collections.hallmark.images.plugins.modules import apparmor_profiles
from support.role_vars import options_of


def test_documentation_names_every_option_with_its_default():
    described = yaml.safe_load(apparmor_profiles.DOCUMENTATION)["options"]
    assert set(described) == set(OPTIONS)
    for name, option in OPTIONS.items():
        found = described[name]
        assert (found["type"], found.get("default")) == (option["type"], option.get("default")), name
        assert (found.get("choices"), found.get("elements")) == (option.get("choices"), option.get("elements")), name
        assert found.get("required", False) == option.get("required", False), name


def test_the_role_sets_every_option():
    assert set(options_of("apparmor", "apparmor_profiles")) == set(OPTIONS) - {"root"}
