# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in to instances as a build does it: host keys from the console, the imported key pair's private key."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

from emulators.aws.fixtures import Client
from emulators.common.fixtures import eventually
from emulators.common.logins import Done, host_keys, ssh

__all__ = ["Logins", "host_keys", "ssh"]


class Logins:
    """Instances of an emulator, all with one key pair.

    :param ec2: its client.
    :param key: the private key; the public one lies beside it.
    :param patience: how many seconds a machine may take to come up.
    """

    def __init__(self, ec2: Client, key: Path, port: int, user: str = "", patience: float = 10) -> None:
        self.ec2, self.key, self.port, self.patience = ec2, key, port, patience
        self.user = user or getpass.getuser()
        ec2.import_key_pair(KeyName="key", PublicKeyMaterial=key.with_suffix(".pub").read_bytes())

    def launch(self, image: str = "", **parameters: Any) -> str:
        """Launch an instance and wait until it runs, answers and shows its host keys; its id."""
        instance = self.ec2.launch(image, KeyName="key", **parameters)
        self.wait(instance)
        return instance

    def wait(self, instance: str) -> None:
        """Wait until an instance that was launched or started runs, answers and shows its host keys."""
        assert eventually(lambda: self.ec2.state(instance) == "running", self.patience)
        assert self.ec2.aws.machine(instance).answers(self.patience)
        # Its server answers a moment before its console tells the keys that every login here insists on.
        assert eventually(lambda: self.host_keys(instance), self.patience), self.console(instance)[-2000:]

    def console(self, instance: str) -> str:
        """What GetConsoleOutput shows."""
        return self.ec2.get_console_output(InstanceId=instance, Latest=True).get("Output", "")

    def host_keys(self, instance: str) -> list[str]:
        """The host keys on its console."""
        return host_keys(self.console(instance))

    def run(self, instance: str, command: str, key: Path | None = None) -> Done:
        """Run a command at the instance's public address."""
        address = self.ec2.instance(instance)["PublicIpAddress"]
        return self.at(address, instance, command, key)

    def at(self, address: str, instance: str, command: str, key: Path | None = None) -> Done:
        """Run a command at an address that must have an instance's host keys."""
        return ssh(address, self.port, self.user, key or self.key, self.host_keys(instance), command)
