# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest in a cloud: its host keys come from the console, never from the network they are to secure."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.hallmark.images.plugins.module_utils.build import readiness
from ansible_collections.hallmark.images.plugins.module_utils.build.console import clean_lines
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.proxies import bastion_command
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import PENDING, READY, State
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter


class Instance(Protocol):
    """A machine, seen from its guest."""

    name: str
    connection: Any

    def state(self, identifier: str) -> State:
        """Its present state."""

    def describe(self, identifier: str) -> dict[str, Any]:
        """What the cloud says of it."""


class CloudGuest(ABC):
    """The inside of an instance.

    :param machine: the instance.
    :param identifier: its id.
    :param console: the file that its console output is kept in.
    """

    def __init__(self, machine: Instance, identifier: str, console: Path) -> None:
        self.machine = machine
        self.identifier = identifier
        self.console = console
        self.instance: dict[str, Any] = {}

    @abstractmethod
    def output(self) -> str:
        """What the console shows, as the cloud tells it."""

    @abstractmethod
    def address(self, by: str) -> str:
        """Its address in what is known of the instance, ``public`` or ``private``; empty for none yet."""

    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """What is returned of the instance."""

    def wait(self, params: dict[str, Any], key: str, known_hosts: Path, waiter: Waiter) -> dict[str, Any]:
        """Wait until it can be used; how to reach it.

        :param params: user, ssh_port, connect_by, wait_for_cloud_init, bastion, ssh_proxy_command.
        :param key: path of the private key.
        :param known_hosts: the file to write its host keys to.
        :raises HallmarkError: when it will not become ready, with the end of its console.
        """
        what = f"machine {self.machine.name}"
        self.output()  # once without forgiveness: what may not be read is told now, and not when the time is up
        watched = readiness.Watched(what, lambda: self.machine.state(self.identifier), self.lines, str(self.console))
        address = self._address(what, params["connect_by"], waiter)
        port = params["ssh_port"]
        keys = readiness.wait_for_host_keys(watched, waiter)
        known_hosts.write_text(readiness.known_hosts(address, port, keys), encoding="ascii")
        proxy = self._proxy(params)
        command = readiness.ssh_command(params["user"], address, port, key, str(known_hosts), proxy)
        if params["wait_for_cloud_init"]:
            readiness.wait_for_cloud_init(command, watched, waiter)
        else:
            readiness.wait_for_ssh(command, "true", watched, waiter)
        guest = {
            "name": self.machine.name,
            "host": address,
            "port": port,
            "user": params["user"],
            "private_key_file": key,
            "known_hosts_file": str(known_hosts),
            "proxy_command": proxy,
        }
        return {"guest": guest, "host_keys": keys}

    def lines(self) -> list[str]:
        """What the console has shown so far; kept in the file as well."""
        with contextlib.suppress(HallmarkError):  # what it cannot tell now it may tell at the next look
            output = self.output()
            if output:
                self.console.parent.mkdir(parents=True, exist_ok=True)
                self.console.write_text(output, encoding="utf-8", errors="replace")
        try:
            return clean_lines(self.console.read_bytes())
        except FileNotFoundError:
            return []

    def _proxy(self, params: dict[str, Any]) -> str:
        if params["bastion"]:
            return bastion_command(params["bastion"])
        return (params["ssh_proxy_command"] or "").replace("{instance}", self.identifier)

    def _address(self, what: str, by: str, waiter: Waiter) -> str:
        def probe() -> State:
            self.instance = self.machine.describe(self.identifier)
            return State(READY) if self.address(by) else State(PENDING, f"it has no {by} address")

        waiter.wait(what, probe)
        return self.address(by)
