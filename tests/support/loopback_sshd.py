# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH servers of our own on the loopback device."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any


class LoopbackServer:
    """A server on a free port of 127.0.0.1 for the running user.

    :param folder: a folder of its own; keys, configuration and log go there.
    :param admitted: the public keys of who may log in; the file need not be there yet.
    :param lines: further lines of its configuration.
    """

    def __init__(self, folder: Path, admitted: Path, *lines: str) -> None:
        program = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        assert program, "sshd is missing (package openssh-server)"
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # where sshd separates its privileges; its service makes it
        self.folder = folder
        make_key(folder / "host_key")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        configuration = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {folder}/host_key",
            f"AuthorizedKeysFile {admitted}",
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "PermitRootLogin prohibit-password",
            # Bash reads ~/.bashrc for a command over SSH; the user's own has no part in this, and may take a while.
            f"SetEnv HOME={folder}",
            *lines,
        ]
        (folder / "sshd_config").write_text("\n".join(configuration) + "\n")
        self.process = subprocess.Popen([program, "-D", "-f", f"{folder}/sshd_config", "-E", f"{folder}/sshd.log"])
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, (folder / "sshd.log").read_text()
                assert time.monotonic() < deadline, "sshd does not listen"
                time.sleep(0.05)

    def stop(self) -> None:
        """End the server; sessions that are open stay open."""
        self.process.terminate()
        self.process.wait(10)


def make_key(path: Path) -> None:
    """A new pair of keys; the public one is at `path` with .pub at its end."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True)


class Sshd(LoopbackServer):
    """One that Ansible logs in to, with a key made for it.

    :param folder: a folder of its own.
    :param lines: further lines of its configuration.
    """

    def __init__(self, folder: Path, *lines: str) -> None:
        make_key(folder / "user_key")
        # A socket's path has at most 107 bytes (unix(7)), and the names of tests are long.
        self._control = tempfile.TemporaryDirectory(prefix="hm-cp-")
        super().__init__(folder, folder / "user_key.pub", *lines)
        host_key = (folder / "host_key.pub").read_text().split(" ", 2)
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host_key[0]} {host_key[1]}\n")

    def variables(self) -> dict[str, Any]:
        """The host variables Ansible needs to log in."""
        return {
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(self.folder / "user_key"),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.folder}/known_hosts -F none",
            "ansible_control_path_dir": self._control.name,
        }

    def ssh_command(self) -> list[str]:
        """The beginning of an ssh command line that logs in."""
        return [
            *("ssh", "-F", "none", "-p", str(self.port), "-l", getpass.getuser(), "-i", f"{self.folder}/user_key"),
            *("-o", f"UserKnownHostsFile={self.folder}/known_hosts", "-o", "BatchMode=yes"),
        ]
