# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util
import os
import shlex
import stat
import subprocess
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.proxies import file_option

# sun_path of a Unix socket address holds 108 bytes with the final NUL (unix(7)). Ansible names a control socket with
# ten characters, and OpenSSH binds it under that name and 17 more ("." and 16 random characters) before it renames it.
SOCKET_PATH_MAX = 107
_SOCKET_NAME = len("/") + 10 + 17
# Seconds between two questions of the SSH client whether the server is still there.
PROBE_INTERVAL = 5

#: The files that a connection needs: what proves who we are, and what the guest proves itself by.
FILES = {"ssh": ("private_key_file", "known_hosts_file"), "psrp": ("password_file", "certificate_file")}


@dataclass(frozen=True)
class Guest:
    """One machine to run on and how to reach it.

    :ivar connection: ``ssh``, with a key and known host keys, or ``psrp``, with a password and a known certificate.
    """

    name: str
    host: str
    user: str
    private_key_file: str = ""
    known_hosts_file: str = ""
    port: int = 22
    connection: str = "ssh"
    password_file: str = ""
    certificate_file: str = ""
    proxy_command: str = ""
    python_interpreter: str = "/usr/bin/python3"
    variables: dict[str, Any] = field(default_factory=dict)


def check_guest(guest: Guest) -> None:
    """Refuse what would only show as an obscure error of the connection later.

    :raises HallmarkError: one of its files cannot be read, others may read the secret one, or a library is missing.
    """
    secret, public = FILES[guest.connection]
    for option in (secret, public):
        if not os.access(getattr(guest, option), os.R_OK):
            raise HallmarkError(f"guest {guest.name}: {option}: {getattr(guest, option)} is not a readable file")
    if stat.S_IMODE(os.stat(getattr(guest, secret)).st_mode) & 0o077:
        raise HallmarkError(
            f"guest {guest.name}: {secret}: others may read {getattr(guest, secret)}", "its mode must be 0600"
        )
    if guest.connection == "psrp" and not importlib.util.find_spec("pypsrp"):
        raise HallmarkError(f"guest {guest.name}: the Python package pypsrp is missing", "pip install pypsrp")


def check_control_directory(directory: str) -> None:
    """Refuse a folder that SSH cannot have its control sockets in.

    :raises HallmarkError: the folder's path is too long or holds a percent sign.
    """
    if "%" in directory:
        raise HallmarkError(
            f"runtime_dir: {directory} holds a percent sign", "ssh expands it in names of control sockets"
        )
    longest = SOCKET_PATH_MAX - _SOCKET_NAME
    if len(os.fsencode(directory)) > longest:
        raise HallmarkError(f"runtime_dir: {directory} is too long for SSH control sockets", f"at most {longest} bytes")


def ssh_arguments(guest: Guest, silence: int) -> str:
    """The ssh options of one guest, in Ansible's form (one string, quoted as for a shell).

    Nothing of the user's own SSH set-up takes part: no configuration file, no agent, no other key. A host key that is
    not in the guest's known hosts ends the run.

    :param silence: seconds without a sign of life after which the guest counts as gone.
    """
    return " ".join(
        [
            "-F /dev/null",
            "-o ControlMaster=auto -o ControlPersist=60",
            "-o StrictHostKeyChecking=yes",
            "-o " + shlex.quote(file_option("UserKnownHostsFile", guest.known_hosts_file)),
            "-o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no -o CheckHostIP=no",
            "-o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes",
            "-o ForwardAgent=no -o ForwardX11=no",
            f"-o ServerAliveInterval={PROBE_INTERVAL} -o ServerAliveCountMax={max(1, silence // PROBE_INTERVAL)}",
            "-o LogLevel=ERROR",
            *(["-o " + shlex.quote(f"ProxyCommand={guest.proxy_command}")] if guest.proxy_command else []),
        ]
    )


def host_variables(guest: Guest, silence: int) -> dict[str, Any]:
    """The inventory variables of one guest: its own first, the connection's over them.

    A dropped connection is not retried: Ansible would run the task a second time, which no task of a user expects.
    """
    common = {
        "ansible_connection": guest.connection,
        "ansible_host": guest.host,
        "ansible_port": guest.port,
        "ansible_user": guest.user,
    }
    own = _psrp_variables(guest, silence) if guest.connection == "psrp" else _ssh_variables(guest, silence)
    return guest.variables | common | own


def _psrp_variables(guest: Guest, silence: int) -> dict[str, Any]:
    """WinRM over HTTPS with the one certificate, NTLM bound to it, and no proxy of the user's in between."""
    with open(guest.password_file, encoding="ascii") as secret:
        password = secret.read()
    return {
        "ansible_password": password,
        "ansible_psrp_protocol": "https",
        "ansible_psrp_auth": "ntlm",
        "ansible_psrp_cert_validation": "validate",
        "ansible_psrp_ca_cert": guest.certificate_file,
        "ansible_psrp_ignore_proxy": True,
        "ansible_psrp_connection_timeout": silence,
        "ansible_psrp_reconnection_retries": 0,
        "ansible_become_method": "ansible.builtin.runas",
    }


def _ssh_variables(guest: Guest, silence: int) -> dict[str, Any]:
    return {
        # Ansible quotes it for ssh, which then expands it.
        "ansible_ssh_private_key_file": guest.private_key_file.replace("%", "%%"),
        "ansible_ssh_args": ssh_arguments(guest, silence),
        "ansible_ssh_retries": 0,
        "ansible_ssh_timeout": silence,
        "ansible_pipelining": True,
        "ansible_host_key_checking": True,
        "ansible_become_method": "ansible.builtin.sudo",
        "ansible_python_interpreter": guest.python_interpreter,
    }


def close_connections(directory: str) -> None:
    """End every connection whose control socket is in a folder; one that does not answer is left to the caller."""
    try:
        sockets = [entry.path for entry in os.scandir(directory) if stat.S_ISSOCK(entry.stat().st_mode)]
    except FileNotFoundError:
        return
    for path in sockets:
        command = ["ssh", "-F", "/dev/null", "-o", f"ControlPath={path}", "-O", "exit", "guest"]
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=3, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
