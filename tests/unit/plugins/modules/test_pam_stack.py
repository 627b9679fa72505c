# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.pam_stack import PACKAGE
from support.role_vars import role_value


def test_the_roles_packages_are_complete():
    for item in role_value("pam", "__pam_packages"):
        assert set(item) == set(PACKAGE)
        assert item["state"] in PACKAGE["state"]["choices"]
