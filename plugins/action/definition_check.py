# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.rendered import check_rendered

ARGUMENT_SPEC = {
    "definition": {"type": "dict", "required": True},
    "sections": {"type": "dict", "required": True, "no_log": True},
}


class ActionModule(ActionBase):
    """Checks a definition before its build; see the documentation of the module of the same name."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_async = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check it; the task fails with all that is wrong."""
        result = super().run(tmp, task_vars)
        options = self.validate_argument_spec(ARGUMENT_SPEC)[1]
        try:
            problems = check_rendered(options["definition"], options["sections"], self._loader)
        except ImportError as error:
            message = f"the Python package {error} is missing in the Python that runs Ansible: pip install {error}"
            return result | {"failed": True, "changed": False, "msg": message}
        message = "\n".join(map(str, problems)) or "the definition is right"
        return result | {"failed": bool(problems), "changed": False, "msg": message}
