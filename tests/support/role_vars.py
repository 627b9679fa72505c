# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's variables and the steps it takes, as Ansible itself templates them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


def _templated(role: str, variables: dict[str, Any], choose: Any) -> Any:
    """What `choose` takes out of the role's variables (its defaults and vars), templated."""
    from ansible.parsing.dataloader import DataLoader
    from ansible.template import Templar

    loader = DataLoader()

    def load(name: str) -> Any:
        path = ROOT / "roles" / role / name / "main.yml"
        return loader.load_from_file(str(path), trusted_as_template=True) if path.exists() else {}

    known = {**load("defaults"), **load("vars")}
    return Templar(loader=loader, variables=known | variables).template(choose(known, load))


def role_value(role: str, expression: str, **variables: Any) -> Any:
    """Value of a variable of a role (its defaults and vars), with `variables` given by the user."""
    return _templated(role, variables, lambda known, _load: known[expression])


def steps_of(role: str) -> list[dict[str, Any]]:
    """The steps of a role's one task, as they stand in its file."""
    return yaml.safe_load((ROOT / "roles" / role / "tasks/main.yml").read_text())[0]["hallmark.images.harden"]["steps"]


def options_of(role: str, module: str) -> dict[str, Any]:
    """What the role gives the one step that is this module, as it stands in its file."""
    (options,) = [step[module] for step in steps_of(role) if module in step]
    return options


def step_value(role: str, module: str, **variables: Any) -> dict[str, Any]:
    """What the role gives the one step that is this module, with `variables` given by the user."""

    def choose(_known: dict[str, Any], load: Any) -> Any:
        (options,) = [step[module] for step in load("tasks")[0]["hallmark.images.harden"]["steps"] if module in step]
        return options

    return _templated(role, variables, choose)


def packages_of(
    role: str, top: Path, system: str, files: Iterable[str] = (), installed: Iterable[str] = (), **variables: Any
) -> list[str]:
    """Packages that the role finds missing on a made-up system.

    :param top: an empty folder, made the top of that system.
    :param system: its ID; one of Debian's family has a dpkg database, another an RPM database.
    :param installed: the packages in that database.
    """
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import needed_packages
    from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import perform

    status = "".join(f"Package: {name}\nStatus: install ok installed\n\n" for name in installed)
    texts = dict.fromkeys(files, "") | {"/etc/os-release": f"ID={system}\n"}
    if system in ("debian", "ubuntu"):
        texts["/var/lib/dpkg/status"] = status
    for path, text in texts.items():
        file = top / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    given = step_value(role, "needed_packages", **variables)
    checked = ArgumentSpecValidator(needed_packages.OPTIONS).validate(given | {"root": str(top)})
    assert checked.error_messages == []
    rpm = "".join(f"{name}\n" for name in installed)
    module = SimpleNamespace(check_mode=False, run_command=lambda *_words, **_options: (0, rpm, ""))
    return perform(module, needed_packages, checked.validated_parameters)["missing_packages"]
