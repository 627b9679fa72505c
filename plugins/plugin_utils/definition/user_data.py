# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the user data of a definition: cloud-init ignores what it does not know, and prints the beginning of it."""

from __future__ import annotations

import typing as t

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.userdata import check_cloud_init, own_user_data
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.document import Document
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.problem import Problem
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.references import resolve, why_unreadable
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.schema import defer


def check_user_data(document: Document) -> list[Problem]:
    """Problems with what user data, in the definition or in a file beside it, says; it is never shown."""
    data: t.Any = defer(document.data)
    builder, communicator = data.get("builder"), data.get("communicator")
    if not isinstance(builder, dict):
        return []
    if isinstance(communicator, dict) and communicator.get("type") == "winrm":
        return []  # EC2Launch and its like take it, which have formats of their own
    for key in ("user_data", "user_data_file"):
        value = builder.get(key)
        if not isinstance(value, str):
            continue
        options = {"user_data": value, "user_data_file": ""}
        if key == "user_data_file":
            file = resolve(document, value)
            if why_unreadable(file):
                continue  # a file that is not there is told with all others
            options["user_data_file"] = file
        try:
            check_cloud_init(own_user_data(options))
        except HallmarkError as error:
            return [document.problem(("builder", key), value, error.hint or str(error))]
    return []
