# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The door to the programs that platforms need on the controller."""

from __future__ import annotations

import shutil
import subprocess

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Debian's package of each.
PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "timeout": "coreutils",
}


def find_tool(name: str) -> str:
    """The path of a program.

    :raises HallmarkError: when it is not installed; names Debian's package.
    """
    path = shutil.which(name)
    if not path:
        raise HallmarkError(f"{name} is missing", f"install the package {PACKAGES.get(name, name)}")
    return path


def run(*command: str, timeout: float = 120) -> str:
    """Run a program to its end and return what it printed.

    :raises HallmarkError: when it fails; with the last line that it wrote to standard error.
    """
    find_tool(command[0])
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise HallmarkError(f"{command[0]} did not end within {timeout:g} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise HallmarkError(f"{command[0]} failed: {lines[-1]}")
    return done.stdout
