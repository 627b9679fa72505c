# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relays: they let the machine behind an instance answer at a public address that it got later than its own."""

from __future__ import annotations

import contextlib
import socket
import threading


class Relay:
    """Passes connections to a public address on to a machine's private one."""

    def __init__(self, public: str, private: str, port: int) -> None:
        self._target = (private, port)
        self._open: set[socket.socket] = set()
        self._server = socket.create_server((public, port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            machine = socket.create_connection(self._target, timeout=10)
        except OSError:  # it is off
            client.close()
            return
        machine.settimeout(None)
        self._open |= {client, machine}
        threading.Thread(target=self._pump, args=(machine, client), daemon=True).start()
        self._pump(client, machine)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for one in (source, target):
                shut(one)

    def close(self) -> None:
        """End it and its connections."""
        for one in (self._server, *self._open):
            shut(one)


def shut(one: socket.socket) -> None:
    """Close a socket that another thread may be using."""
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
