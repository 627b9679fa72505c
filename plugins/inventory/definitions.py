# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory of image definitions: each definition is one host."""

from __future__ import annotations

DOCUMENTATION = r"""
name: definitions
short_description: Makes each image definition of a tree of folders one host
description:
  - Reads C(<root>/<platform>/<os>/<name>/main.yml). Each such file is a definition and becomes one host, named like its
    folder.
  - The host is in the groups C(<platform>), C(<os>) and C(<platform>_<os>), so that C(--limit), C(--forks),
    C(group_vars) and vault select and configure definitions as they do hosts.
  - Each key of a definition becomes the host variable C(build_<key>), a variable of the role
    P(hallmark.images.build#role). Values may be templates and vaulted strings.
  - Also set are C(build_definition) (C(name), C(platform), C(os), C(path), C(directory) and C(sha256), the digest of
    everything in the folder), a local connection with pipelining, and the Python that runs Ansible.
  - All definitions are checked against a JSON Schema when the inventory is read. What is wrong is told in one line per
    problem, with file, line, key, value and what would be right. Ansible then ends with status 4, because it would
    otherwise turn these errors into warnings and go on with an empty inventory.
  - Give the inventory file to C(-i), not its folder. In a folder Ansible takes every definition for an inventory of its
    own.
version_added: 0.1.0
author:
  - The hallmark.images developers (@hallmark)
requirements:
  - jsonschema >= 4.18
options:
  plugin:
    description: Marks the file as an inventory of this plugin.
    type: str
    required: true
    choices:
      - hallmark.images.definitions
  roots:
    description:
      - Folders that hold definitions, relative to the inventory file.
      - Without it, the folder of the inventory file.
    type: list
    elements: str
    default: ['.']
"""

EXAMPLES = r"""
# images/hallmark.yml: the definitions lie beside this file
plugin: hallmark.images.definitions
---
# Definitions of two teams in one inventory
plugin: hallmark.images.definitions
roots:
  - ../platform/images
  - ../web/images
"""

import os
import typing as t

import yaml
from ansible import context
from ansible.errors import AnsibleError, ExitCode
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.template import trust_as_template

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.load import Definition, load_definitions
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.problem import Problem, shorten, show, suggest

_OPTIONS: t.Final = ("plugin", "roots")


class InventoryModule(BaseInventoryPlugin):
    """The inventory plugin."""

    NAME = "hallmark.images.definitions"

    def verify_file(self, path: str) -> bool:
        """Whether the file is a YAML file that names this plugin; any other file is left to other plugins."""
        if not path.endswith((".yml", ".yaml")) or not super().verify_file(path):
            return False
        try:
            with open(path, encoding="utf-8") as stream:
                content = yaml.safe_load(stream)
        except (OSError, ValueError, yaml.YAMLError):
            return False
        return isinstance(content, dict) and content.get("plugin") == self.NAME

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        """Add the hosts, or tell everything that is wrong and end Ansible."""
        super().parse(inventory, loader, path, cache=cache)
        try:
            problems, definitions = self._read(path)
        except AnsibleError as error:
            problems = [Problem(path, " ".join(str(error).split()))]
        except ImportError as error:
            right = f"needs the Python package {error} in the Python that runs Ansible: pip install {error}"
            problems = [Problem(path, right)]
        if problems:
            self._give_up(problems)
        for definition in definitions:
            self._add(definition)

    def _read(self, path: str) -> tuple[list[Problem], list[Definition]]:
        config = self._read_config_data(path)
        unknown = [str(key) for key in config if key not in _OPTIONS]
        if unknown:
            return [Problem(path, f"unknown key, {suggest(key, _OPTIONS)}", key=key) for key in unknown], []
        folder = os.path.dirname(os.path.abspath(path))
        given = self.get_option("roots")
        if not all(isinstance(root, str) and root for root in given):
            return [Problem(path, "a list of folders, as [../team/images]", key="roots", value=show(given))], []
        roots = [os.path.join(folder, os.path.expanduser(root)) for root in given]
        roots = [os.path.normpath(root) for root in roots]
        if problem := _folder_as_inventory(path, roots):
            return [problem], []
        result = load_definitions(roots, self.loader)
        for warning in result.warnings:
            self.display.warning(warning)
        return result.problems + self._taken_names(result.definitions), result.definitions

    def _taken_names(self, definitions: list[Definition]) -> list[Problem]:
        """Names that another inventory source has already given to a group."""
        right = "a name that is no group of the inventory"
        return [
            Problem(definition.place.file, right, key="name", value=definition.place.name)
            for definition in definitions
            if definition.place.name in self.inventory.groups
        ]

    def _give_up(self, problems: list[Problem]) -> t.NoReturn:
        # An exception would be caught: Ansible tries the file with the next inventory plugin, prints a warning for each
        # and goes on with no hosts, so that a playbook ends well without having built anything.
        for problem in problems:
            self.display.error(str(problem))
        raise SystemExit(int(ExitCode.PARSER_ERROR))

    def _add(self, definition: Definition) -> None:
        place = definition.place
        for group in place.groups:
            self.inventory.add_group(group)
            self.inventory.add_host(place.name, group)
        facts = {
            "name": place.name,
            "platform": place.platform,
            "os": place.os,
            "path": place.file,
            "directory": place.directory,
            "sha256": definition.sha256,
        }
        variables = {f"build_{key}": value for key, value in definition.data.items()}
        variables["build_definition"] = {key: _as_own(value) for key, value in facts.items()}
        variables["ansible_connection"] = _as_own("local")
        # Without this, each task needs a file in a temporary folder, and where that cannot be made, Ansible calls the
        # controller unreachable: rescue and always would be skipped, and with them the tear-down.
        variables["ansible_pipelining"] = True
        # Without this, Ansible looks for another Python on the controller, which lacks the libraries.
        variables["ansible_python_interpreter"] = trust_as_template("{{ ansible_playbook_python }}")
        for name, value in variables.items():
            self.inventory.set_variable(place.name, name, value)


def _as_own(value: str) -> str:
    """Trust a text as if the inventory file held it, else Ansible lists it as unsafe; never render a folder's name."""
    return value if "{" in value else trust_as_template(value)


def _folder_as_inventory(path: str, roots: list[str]) -> Problem | None:
    """The mistake C(-i images/): every definition in there is also read as if it were an inventory."""
    for source in context.CLIARGS.get("inventory") or ():
        folder = os.path.abspath(source)
        if os.path.isdir(folder) and any(os.path.commonpath([folder, root]) == folder for root in roots):
            file = shorten(os.path.abspath(path))
            right = f"the inventory file, -i {file}: in a folder, definitions are taken for inventories"
            return Problem(folder, right, key="-i", value=shorten(folder))
    return None
