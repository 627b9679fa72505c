# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulated instance that others are reached through."""

from __future__ import annotations

import getpass
import subprocess
from pathlib import Path
from typing import Any

from emulators.aws import AwsEmulator
from emulators.aws.fixtures import Client, eventually
from emulators.aws.logins import host_keys


class Bastion:
    """The instance, and the options that say to go through it.

    :param folder: its key and its known host keys go there.
    :param port: of the machines' SSH servers.
    """

    def __init__(self, aws: AwsEmulator, folder: Path, port: int) -> None:
        self.port = port
        self.key = folder / "bastion key"  # the blank is on purpose
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        ec2 = Client(aws)
        ec2.import_key_pair(KeyName="bastion", PublicKeyMaterial=Path(f"{self.key}.pub").read_bytes())
        self.id = ec2.launch(KeyName="bastion")
        self.machine = aws.machine(self.id)
        self.address = ec2.instance(self.id)["PublicIpAddress"]
        assert self.machine.answers()
        assert eventually(lambda: host_keys(self.machine.console))
        self.known = folder / "known hosts"
        self.known.write_text("".join(f"[{self.address}]:{port} {key}\n" for key in host_keys(self.machine.console)))

    def options(self, **changes: Any) -> dict[str, Any]:
        """The option `bastion`."""
        return {
            "host": self.address,
            "port": self.port,
            "user": getpass.getuser(),
            "private_key_file": str(self.key),
            "known_hosts_file": str(self.known),
            **changes,
        }

    def logins(self) -> int:
        """How many logins it has let through so far."""
        return (self.machine.folder / "log").read_text().count("Accepted publickey")
