# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import configparser
import importlib
import json
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import yaml
from ansible import constants as C

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.plugin_utils.guest.connection import Guest, host_variables

COLLECTION = "hallmark.images"
# Settings of Ansible's own connection, become and callback plugins: not among the core's settings, and as disturbing.
_PLUGIN_SETTINGS = (
    "ANSIBLE_SSH_",
    "ANSIBLE_SCP_",
    "ANSIBLE_SFTP_",
    "ANSIBLE_SUDO_",
    "ANSIBLE_BECOME",
    "ANSIBLE_REMOTE_",
    "ANSIBLE_CALLBACK",
    "ANSIBLE_DISPLAY_",
    "ANSIBLE_SHOW_",
    "ANSIBLE_CHECK_MODE_",
    "ANSIBLE_LOCAL_TEMP",
    "ANSIBLE_PRIVATE_KEY",
    "ANSIBLE_HOST_KEY_CHECKING",
)
_OTHERS = (
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "SSH_ASKPASS",
    "ORIGINAL_STDOUT_CALLBACK",
    "AD_HOC_COMMAND_ID",
    "PROJECT_UPDATE_ID",
    "JOB_ID",
)


class _Dumper(yaml.SafeDumper):
    """Writes plain data for Ansible to read as plain data: what looks like a template is marked `!unsafe`."""

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors: each value stands where it is used."""
        return True


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    tag = "!unsafe" if any(mark in value for mark in ("{{", "{%", "{#")) else "tag:yaml.org,2002:str"
    return dumper.represent_scalar(tag, value, style='"' if tag == "!unsafe" else None)


_Dumper.add_representer(str, _string)


def plain(value: Any) -> Any:
    """The value as plain Python data: Ansible's tagged kinds of str, int, dict… become the built-in ones.

    :raises HallmarkError: a value is no plain data.
    """

    def other(item: Any) -> Any:
        if isinstance(item, Mapping):
            return dict(item)
        if isinstance(item, (set, tuple)):
            return list(item)
        if hasattr(item, "isoformat"):  # YAML knows dates
            return item.isoformat()
        raise HallmarkError(
            f"variables: a value of type {type(item).__name__} cannot be given to a run", "use plain data"
        )

    return json.loads(json.dumps(value, default=other))


def write_private(path: str, text: str | bytes) -> None:
    """Create a file that only its owner may read."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(text.encode() if isinstance(text, str) else text)


def inventory_text(guests: Iterable[Guest], silence: int) -> str:
    """The inventory of a run, YAML."""
    hosts = {guest.name: host_variables(guest, silence) for guest in guests}
    return yaml.dump(plain({"all": {"hosts": hosts}}), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def variables_text(variables: Mapping[str, Any]) -> str:
    """The file of variables of a run, YAML. Values are final: the run does not template them again."""
    return yaml.dump(plain(variables), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def configuration_text(settings: Mapping[str, Mapping[str, Any]]) -> str:
    """An ansible.cfg from sections of settings."""
    parser = configparser.ConfigParser(interpolation=None)
    for section, values in settings.items():
        parser[section] = {name: str(value) for name, value in values.items()}
    lines: list[str] = []
    for section in parser.sections():
        lines += [f"[{section}]", *(f"{name} = {value}" for name, value in parser[section].items()), ""]
    return "\n".join(lines)


def link_collection(directory: str) -> str:
    """A folder to search collections in where this very collection is found, be it a checkout, installed or a wheel's.

    :param directory: where the folder is made.
    """
    package = importlib.import_module(f"ansible_collections.{COLLECTION}")
    namespace, name = COLLECTION.split(".")
    parent = os.path.join(directory, "ansible_collections", namespace)
    os.makedirs(parent, mode=0o700)
    os.symlink(os.path.realpath(next(iter(package.__path__))), os.path.join(parent, name))
    return directory


def environment(base: Mapping[str, str], config: str, callbacks: str, artifacts: str) -> dict[str, str]:
    """The environment of the run: the user's without what is Ansible's or SSH's own.

    Settings of plugins outside Ansible's core (a secret store's address, say) stay.

    :param base: the environment that ansible-runner prepared.
    :param config: path of the run's ansible.cfg.
    :param callbacks: folder of ansible-runner's callback plugin.
    :param artifacts: folder it writes to.
    """
    definitions = C.config.get_configuration_definitions()
    core = {entry["name"] for definition in definitions.values() for entry in definition.get("env") or ()}
    kept = {
        name: value
        for name, value in base.items()
        if name not in core and name not in _OTHERS and not name.startswith(_PLUGIN_SETTINGS)
    }
    return kept | {
        "PATH": os.pathsep.join(filter(None, [os.path.dirname(sys.executable), base.get("PATH", os.defpath)])),
        "ANSIBLE_CONFIG": config,
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
        "ANSIBLE_CALLBACK_PLUGINS": callbacks,
        "AWX_ISOLATED_DATA_DIR": artifacts,
    }


def playbook_command(path: str) -> list[str]:
    """The beginning of the command: ansible-playbook, which the kernel ends when this process dies (Linux).

    :param path: the value of PATH to search.
    :raises HallmarkError: there is no ansible-playbook.
    """
    program = shutil.which("ansible-playbook", path=path)
    if not program:
        raise HallmarkError("ansible-playbook was found neither beside the running Python nor in PATH", sys.executable)
    setpriv = shutil.which("setpriv", path=path) if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "TERM", program] if setpriv else [program]


def settings_of_run(
    directory: str,
    control: str,
    roles_path: Iterable[str],
    colour: bool,
    vaults: Collection[tuple[str, str]],
    forks: int,
) -> dict[str, dict[str, Any]]:
    """The run's settings. Of the user's, those remain that his tasks need to be found and read.

    :param directory: the private folder of the run.
    :param control: folder of the SSH control sockets.
    :param roles_path: folders to search roles in before the user's own.
    :param vaults: vault id and password file.
    """
    collections = [link_collection(os.path.join(directory, "collections")), *C.COLLECTIONS_PATHS]
    vault = {"vault_identity_list": ",".join(f"{name}@{path}" for name, path in vaults)} if vaults else {}
    return {
        "defaults": vault
        | {
            "collections_path": os.pathsep.join(map(str, collections)),
            "roles_path": os.pathsep.join(map(str, [*roles_path, *C.DEFAULT_ROLES_PATH])),
            "local_tmp": os.path.join(directory, "tmp"),
            "forks": forks,
            "internal_poll_interval": 0.01,  # a tenth of the default's work while a slow guest is waited for
            "gathering": "explicit",
            "inject_facts_as_vars": C.INJECT_FACTS_AS_VARS,
            "host_key_checking": True,
            "retry_files_enabled": False,
            "localhost_warning": False,
            "nocows": True,
            "force_color": colour,
            "nocolor": not colour,
        },
        "ssh_connection": {"control_path_dir": control},
    }
