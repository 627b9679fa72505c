# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.plugin_utils.hardening.areas import MODULE, Area, secrets_of

ARGUMENT_SPEC = {
    "steps": {"type": "list", "elements": "dict", "default": []},
    "areas": {"type": "list", "elements": "str", "default": []},
    "packages_of": {"type": "list", "elements": "str", "default": []},
    "validate_only": {"type": "bool", "default": False},
    "root": {"type": "path", "default": "/"},
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
}


class ActionModule(ActionBase):
    """Takes hardening steps; see the documentation of the module of the same name.

    Steps go to the machine in one call. When packages lack, they are installed and the steps of their areas go again.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Take the steps; returns what the module's documentation says."""
        result = super().run(tmp, task_vars)
        options = self.validate_argument_spec(ARGUMENT_SPEC)[1]
        self._task_vars, self._secrets, self._root = task_vars or {}, options["secrets"], options["root"]
        try:
            areas, others = (
                [Area(name, self._loader, self._templar, self._task_vars) for name in options[key]]
                for key in ("areas", "packages_of")
            )
            if options["validate_only"]:
                problems = [problem for area in areas for problem in area.problems()]
                message = "; ".join(problems) or "the variables of all areas are right"
                return result | {"changed": False, "failed": bool(problems), "msg": message}
            steps = options["steps"] + [step for area in areas for step in area.steps()]
            # In check mode each area foretells its own.
            if not self._task.check_mode:
                steps += [step for area in others for step in area.probes()]
        except HallmarkError as error:
            return result | {"failed": True, "changed": False, "msg": str(error)}
        return result | self._take(steps)

    def _take(self, steps: list[dict[str, Any]]) -> dict[str, Any]:
        if not steps:
            return {"changed": False, "changes": [], "results": []}
        first = self._harden(steps)
        if first.get("failed") or self._task.check_mode:
            return first
        if not first["missing_packages"] and not first["unwanted_packages"]:
            return first
        changes = []
        for names, state in ((first["missing_packages"], "present"), (first["unwanted_packages"], "absent")):
            done = self._packages(first["package_manager"], names, state) if names else {}
            if done.get("failed"):
                message = f"packages {', '.join(names)}: {done.get('msg')}"
                changes = first["changes"] + changes
                return {**first, "failed": True, "msg": message, "changes": changes, "changed": bool(changes)}
            before, after = ("absent", "installed") if state == "present" else ("installed", "absent")
            change = {"area": "", "key": "package", "before": before, "after": after}
            changes += [{**change, "path": name} for name in names]
        again = [step for step in steps if step.get("area", "") in first["waiting"] or step.get("probe")]
        second = self._harden(again)
        for key in ("missing_packages", "unwanted_packages"):
            if second.get(key):
                second |= {"failed": True, "msg": f"still in {key} after a try: {', '.join(second[key])}"}
        for key, between in (("changes", changes), ("diff", []), ("results", []), ("warnings", [])):
            second[key] = first.get(key, []) + between + second.get(key, [])
        return second | {"changed": True}

    def _harden(self, steps: list[dict[str, Any]]) -> dict[str, Any]:
        secrets = self._secrets + secrets_of(steps)
        more = {"secrets": secrets} if secrets else {}
        if self._root != "/":
            more["root"] = self._root
        return self._call(MODULE, steps=steps, **more)

    def _packages(self, manager: dict[str, Any], names: list[str], state: str) -> dict[str, Any]:
        """Install or remove packages. Lists are fetched only when they are not there or old: an image has none."""
        more: dict[str, Any] = {"update_cache": state == "present" and not manager["fresh"]}
        if state == "present":
            # What a package merely recommends is one more thing that can be attacked.
            more["install_recommends" if manager["name"] == "apt" else "install_weak_deps"] = False
        return self._call(f"ansible.builtin.{manager['name']}", name=names, state=state, **more)

    def _call(self, module: str, **arguments: Any) -> dict[str, Any]:
        return self._execute_module(module_name=module, module_args=arguments, task_vars=self._task_vars)
