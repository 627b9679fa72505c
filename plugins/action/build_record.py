# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError, system_error
from ansible_collections.hallmark.images.plugins.plugin_utils.record import manifest, summary

display = Display()

ARGUMENT_SPEC = {
    "build_id": {"type": "str", "required": True},
    "definition": {"type": "dict", "required": True},
    "sections": {"type": "dict", "default": {}, "no_log": True},
    "evidence_dir": {"type": "path", "required": True},
    "source": {"type": "dict", "default": {}},
    "images": {"type": "list", "elements": "dict", "default": []},
    "problem": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """Writes a build's manifest and checksums; see the documentation of the module of the same name."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_async = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the record and show its summary."""
        result = super().run(tmp, task_vars)
        options = self.validate_argument_spec(ARGUMENT_SPEC)[1]
        if self._task.check_mode:
            return result | {"changed": True, "msg": "would write the manifest"}
        try:
            record = manifest.make(options)
            path = manifest.write(options["evidence_dir"], record)
        except HallmarkError as error:
            return result | {"failed": True, "changed": False, "msg": str(error)}
        except OSError as error:
            problem = system_error(error)
            where = "" if error.filename else f"{options['evidence_dir']}: "  # a write does not say of what
            return result | {"failed": True, "changed": False, "msg": where + problem}
        name = options["definition"].get("name", options["build_id"])
        for line in summary.lines(record, os.path.relpath(options["evidence_dir"])):
            display.display(f"[{name}] {line}")
        return result | {"changed": True, "manifest": path, "msg": f"wrote {path}"}
