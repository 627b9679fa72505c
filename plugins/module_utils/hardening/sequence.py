# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module harden does: one step after the other, in one process."""

from __future__ import annotations

import importlib
import os
import time
import types

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import perform

_FOLDER = "ansible_collections.hallmark.images.plugins.module_utils.hardening.steps"
#: Modules that can be steps.
STEPS = (
    "account_policy",
    "api_mounts",
    "apparmor_profiles",
    "audit_rules",
    "config_files",
    "console_login",
    "cron_access",
    "data_disks",
    "home_sweep",
    "kernel_command_line",
    "login_banners",
    "login_defs",
    "modprobe_block",
    "mount_options",
    "needed_packages",
    "package_policy",
    "pam_stack",
    "permission_sweep",
    "repo_policy",
    "search_path",
    "selinux_config",
    "set_id_files",
    "sshd_settings",
    "sudo_defaults",
    "sysctl_set",
    "time_client",
    "ufw_defaults",
)
#: Those of them that may say which packages lack.
NAMING_PACKAGES = ("apparmor_profiles", "needed_packages", "package_policy", "pam_stack", "time_client")
#: Those that look at every file of the system.
WALKING = ("audit_rules", "permission_sweep", "set_id_files")
_FRESH = 3600  # seconds that package lists are good for
_LISTS = "/var/lib/apt/lists"


def _taken_along() -> None:
    """Never called. Ansible sends what it finds imported; `load` imports by name, and only what the steps need."""
    from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import (  # noqa: F401
        account_policy,
        api_mounts,
        apparmor_profiles,
        audit_rules,
        config_files,
        console_login,
        cron_access,
        data_disks,
        home_sweep,
        kernel_command_line,
        login_banners,
        login_defs,
        modprobe_block,
        mount_options,
        needed_packages,
        package_policy,
        pam_stack,
        permission_sweep,
        repo_policy,
        search_path,
        selinux_config,
        set_id_files,
        sshd_settings,
        sudo_defaults,
        sysctl_set,
        time_client,
        ufw_defaults,
    )


def load(name: str) -> types.ModuleType:
    """One step's options and work. Only those in use are read: under emulation, reading all of them takes seconds."""
    return importlib.import_module(f"{_FOLDER}.{name}")


def is_wanted(item: dict) -> bool:
    """Whether a step is to be taken: its key ``when``, a boolean or a word for one, as variables of a command line are.

    :raises HardeningError: when it is neither.
    """
    try:
        return boolean(item.get("when", True))
    except TypeError:
        raise HardeningError(f"steps: when: {item['when']!r} is no boolean; write true or false") from None


class Step:
    """One checked step.

    :param item: a dictionary with a module's name as a key, and perhaps ``area``, ``when``, and ``probe``: whether to
        find out only which packages it needs.
    :raises HardeningError: when there is no such module, or it has not such options.
    """

    def __init__(self, item: dict, root: str = "/") -> None:
        names = [key for key in item if key not in ("area", "when", "probe")]
        if len(names) != 1 or names[0] not in STEPS:
            raise HardeningError(
                f"steps: {', '.join(names) or 'a step without a module'}: "
                f"one module of {', '.join(STEPS)} and its options are a step"
            )
        self.name = names[0]
        self.area = item.get("area", "")
        self.probe = item.get("probe", False)
        self.work = load(self.name)
        checked = ArgumentSpecValidator(self.work.OPTIONS).validate({"root": root, **(item[self.name] or {})})
        if checked.error_messages:
            raise HardeningError(f"{self.title}: {'; '.join(checked.error_messages)}")
        self.params = checked.validated_parameters

    @property
    def title(self) -> str:
        """What an error of it begins with."""
        return f"{self.area}: {self.name}" if self.area else self.name


def take_all(module: AnsibleModule, items: list[dict], root: str = "/") -> dict:
    """Take every step; returns what module harden returns.

    An area whose step reports packages waits for them: its further steps are left for the next call.

    :raises HardeningError: what is wrong, with what had been changed before.
    """
    steps = [Step(item, root) for item in items if is_wanted(item)]
    result: dict = {
        "changed": False,
        "changes": [],
        "diff": [],
        "results": [],
        "missing_packages": [],
        "unwanted_packages": [],
        "waiting": [],
        "package_manager": package_manager(),
    }
    surveys: dict | None = {} if sum(step.name in WALKING for step in steps) > 1 else None
    for step in steps:
        if step.area in result["waiting"]:
            continue
        try:
            if step.probe:
                lacking = perform(module, step.work, step.params, check_mode=True)["missing_packages"]
                _unite(result["missing_packages"], lacking)
                continue
            report = perform(module, step.work, step.params, surveys=surveys)
        except HardeningError as error:
            _note(result, step, error.result.get("changes", []), error.result.get("diff", []))
            raise HardeningError(f"{step.title}: {error}", **result) from None
        _add(result, step, report, module.check_mode)
    return result


def _add(result: dict, step: Step, report: dict, check_mode: bool) -> None:
    lacking, unwanted = report.get("missing_packages", []), report.get("unwanted_packages", [])
    changes = list(report.pop("changes"))
    if check_mode:
        changes += [{"path": name, "key": "package", "before": "absent", "after": "installed"} for name in lacking]
        changes += [{"path": name, "key": "package", "before": "installed", "after": "absent"} for name in unwanted]
    elif lacking or unwanted:
        result["waiting"].append(step.area)
    _note(result, step, changes, report.pop("diff"))
    _unite(result["missing_packages"], lacking)
    _unite(result["unwanted_packages"], unwanted)
    result["results"].append({"area": step.area, "module": step.name, **report, "changed": bool(changes)})


def _note(result: dict, step: Step, changes: list[dict], diffs: list[dict]) -> None:
    result["changes"] += [{"area": step.area, **change} for change in changes]
    result["diff"] += diffs
    result["changed"] = bool(result["changes"])


def _unite(names: list[str], more: list[str]) -> None:
    names += [name for name in more if name not in names]


def package_manager() -> dict:
    """Manager of the running system's packages, and whether its lists are there and young."""
    if not os.path.exists("/usr/bin/apt-get"):
        return {"name": "dnf", "fresh": False}
    # A list keeps the age that its server gave it; the folder has that of the last look.
    there = os.path.isdir(_LISTS) and any("_Packages" in name for name in os.listdir(_LISTS))
    return {"name": "apt", "fresh": there and time.time() - os.stat(_LISTS).st_mtime < _FRESH}
