# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways to a guest that lead through another machine: the ``ProxyCommand`` that ssh is given for them."""

from __future__ import annotations

import os
import shlex
import stat
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.programs import run

#: Suboptions of a bastion, of every builder module that can reach its machine through one.
BASTION: dict[str, dict[str, Any]] = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 22},
    "user": {"type": "str", "required": True},
    "private_key_file": {"type": "path", "required": True, "no_log": False},
    "known_hosts_file": {"type": "path", "required": True},
}


def known_name(host: str, port: int) -> str:
    """How a known_hosts file names a server (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT")."""
    return host if port == 22 else f"[{host}]:{port}"


def file_option(name: str, path: str) -> str:
    """An option of ssh whose value is a file: ssh splits it at blanks and expands ``%`` (ssh_config(5), "TOKENS").

    Keys are given like this, too: of ``-i``, ssh looks for the file without expanding its name, and then expands it.
    """
    return '{}="{}"'.format(name, path.replace("%", "%%"))


def check_bastion(bastion: dict[str, Any]) -> None:
    """Refuse what would only show as a connection that fails later.

    :raises HallmarkError: a file cannot be read, others may read the key, or the bastion's own key is not known.
    """
    if not 1 <= bastion["port"] <= 65535:
        raise HallmarkError(f"bastion: port: {bastion['port']}", "a number from 1 to 65535")
    for option in ("host", "user"):
        # A dash in front would be an option of ssh, and a blank or control character is none of a name.
        if not bastion[option].isprintable() or bastion[option][:1] in ("", "-") or " " in bastion[option]:
            raise HallmarkError(f"bastion: {option}: {bastion[option]!r}", "a name or an address")
    for option in ("private_key_file", "known_hosts_file"):
        if not os.access(bastion[option], os.R_OK):
            raise HallmarkError(f"bastion: {option}: {bastion[option]}", "a file that can be read")
    if stat.S_IMODE(os.stat(bastion["private_key_file"]).st_mode) & 0o077:
        raise HallmarkError(
            f"bastion: private_key_file: others may read {bastion['private_key_file']}", "its mode must be 0600"
        )
    name = known_name(bastion["host"], bastion["port"])
    try:
        run("ssh-keygen", "-F", name, "-f", bastion["known_hosts_file"])
    except HallmarkError:
        raise HallmarkError(
            f"bastion: known_hosts_file: {bastion['known_hosts_file']} has no key of {name}",
            "the bastion's host key, compared with what its owner says it is",
        ) from None


def bastion_command(bastion: dict[str, Any]) -> str:
    """The value of ``ProxyCommand`` that leads through a bastion.

    Like the connection it carries, it trusts one file of host keys, offers one key, and uses nothing of the user's own
    SSH set-up. (``ProxyJump`` would look for all of these in a configuration file.)
    """
    options = (
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        file_option("UserKnownHostsFile", bastion["known_hosts_file"]),
        file_option("IdentityFile", bastion["private_key_file"]),
        "GlobalKnownHostsFile=/dev/null",
        "UpdateHostKeys=no",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "ForwardAgent=no",
        "ConnectTimeout=10",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
        "LogLevel=ERROR",
    )
    words = ["ssh", "-F", "/dev/null", *(word for option in options for word in ("-o", option))]
    words += ["-p", str(bastion["port"]), "-l", bastion["user"]]
    # ssh expands the value of ProxyCommand as well, before it runs it.
    start, host = (shlex.join(part).replace("%", "%%") for part in (words, [bastion["host"]]))
    return f"{start} -W '[%h]:%p' {host}"
