# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import yaml

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.pam_stack import OPTIONS, PACKAGE
from ansible_collections.hallmark.images.plugins.modules.pam_stack import DOCUMENTATION
from support.role_vars import options_of, role_value

DOCUMENTED = yaml.safe_load(DOCUMENTATION)["options"]


def stripped(options):
    return {
        name: {
            key: value for key, value in option.items() if key in ("type", "default", "choices", "elements", "required")
        }
        for name, option in options.items()
    }


def test_documentation_equals_the_argument_specification():
    assert stripped(DOCUMENTED) == stripped(OPTIONS)
    assert stripped(DOCUMENTED["packages"]["suboptions"]) == stripped(PACKAGE)


def test_the_role_gives_every_option_but_the_tree():
    assert set(options_of("pam", "pam_stack")) == set(OPTIONS) - {"root"}
    for item in role_value("pam", "__pam_packages"):
        assert set(item) == set(PACKAGE)
        assert item["state"] in PACKAGE["state"]["choices"]
