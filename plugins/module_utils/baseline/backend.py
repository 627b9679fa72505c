# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The testinfra backend of the check process: every command goes over the wire to the task's own connection.

Imported in the check process only; pytest and testinfra are therefore imported inside functions.
"""

from __future__ import annotations

import os
import typing as t

from .wire import Wire, WireClosed

#: Lookups whose answer does not change while an audit lasts. testinfra asks them again for every object it makes.
_LOOKUPS = ("command -v ", "uname -s", "cat /etc/os-release", "lsb_release -a", "test -e /proc/")


def make_host(wire: Wire, name: str) -> t.Any:
    """Return a testinfra Host whose commands the action runs.

    :param wire: the child's end of the wire.
    :param name: the inventory name of the machine, for messages.
    """
    from testinfra.backend.base import BaseBackend, CommandResult
    from testinfra.host import Host

    class Backend(BaseBackend):
        NAME = "hallmark"

        def __init__(self) -> None:
            super().__init__(name)
            self._lookups: dict[str, CommandResult] = {}

        def run(self, command: str, *args: str, **kwargs: t.Any) -> CommandResult:
            """Run a command on the machine under test. C(timeout) in seconds may be given."""
            command = self.get_command(command, *args)
            lookup = command.startswith(_LOOKUPS) and not set(command) & set(";&|<>\n")
            if lookup and command in self._lookups:
                return self._lookups[command]
            result = self._ask(command, kwargs.get("timeout"))
            if lookup:
                self._lookups[command] = result
            return result

        def _ask(self, command: str, timeout: float | None) -> CommandResult:
            data = self.encode(command)
            try:
                wire.send("command", data, timeout=timeout)
                kind, fields, blob = wire.receive()
            except WireClosed:
                # The action has had enough, or is gone: no check can go on, and none may catch this.
                os._exit(1)
            if kind == "broken":
                raise AssertionError(fields["message"])
            out = fields["stdout"]
            return self.result(fields["rc"], data, blob[:out], blob[out:])

        # testinfra would start Python on the machine to learn this, which is slow, and not always possible.
        def get_encoding(self) -> str:
            return "UTF-8"

        def decode(self, data: bytes) -> str:
            return data.decode("utf-8", "surrogateescape")

        def encode(self, data: str) -> bytes:
            return data.encode("utf-8", "surrogateescape")

    backend = Backend()
    host = Host(backend)
    backend.set_host(host)
    return host
