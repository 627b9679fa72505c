# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SSH server on the loopback device that answers as a guest would whose cloud-init is done."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path


class Guest:
    """The server.

    :param folder: a folder of its own; keys, configuration and log go there.
    """

    def __init__(self, folder: Path) -> None:
        program = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        assert program, "sshd is missing (package openssh-server)"
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # where sshd separates its privileges; its service makes it
        self.folder = folder
        self.keys = folder / "authorized_keys"
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "guest", "-f", str(folder / "host_key")]
        subprocess.run(command, check=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        configuration = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {folder}/host_key",
            f"AuthorizedKeysFile {self.keys}",
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "PermitRootLogin prohibit-password",
            # Bash reads ~/.bashrc for a command over SSH; the user's own has no part in this, and may take a while.
            f"SetEnv HOME={folder}",
            """ForceCommand echo '{"v1": {"errors": []}}'""",
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

    def admit(self, public_key: Path) -> None:
        """Let in who holds the other half of a key; the file need not be there yet."""
        self.keys.unlink(missing_ok=True)
        self.keys.symlink_to(public_key)

    def console(self) -> str:
        """What its console shows after it has booted."""
        key = (self.folder / "host_key.pub").read_text()
        return f"-----BEGIN SSH HOST KEY KEYS-----\n{key}-----END SSH HOST KEY KEYS-----\nweb login: "

    def stop(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait(10)
