# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the section C(data_disks) as the module of this name will: found here, it costs no machine."""

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hallmark.images.plugins.module_utils.hardening.data_disks import check
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.data_disks import OPTIONS
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.document import Document
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.problem import Problem
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.schema import defer, holds_deferred


def check_data_disks(document: Document) -> list[Problem]:
    """Problems with disks of the right shape: names and paths that are there twice, paths that the system needs.

    What the templates in a definition will give is not known here, so a list with any is left to the module.
    """
    disks = defer((document.data or {}).get("data_disks"))
    if not isinstance(disks, list) or holds_deferred(disks):
        return []
    result = ArgumentSpecValidator({"disks": OPTIONS["disks"]}).validate({"disks": disks})
    reason = "; ".join(result.error_messages)
    if not reason:
        try:
            check(result.validated_parameters["disks"])
        except HardeningError as error:
            reason = str(error).removeprefix("disks: ")
    names = [disk["name"] for disk in disks]
    return [document.problem(("data_disks",), names, reason)] if reason else []
