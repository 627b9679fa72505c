# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loopback addresses: Linux answers on all of 127.0.0.0/8, so each emulated instance gets addresses of its own."""

from __future__ import annotations

import random
import socket
import threading

#: The second number of the addresses handed out, by what they stand for. No one else is likely to use these.
PUBLIC = range(64, 96)
PRIVATE = range(96, 128)


class Addresses:
    """Hands out free addresses and takes them back.

    :param port: the port that must be free on each; other processes on this computer may run emulators of their own.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._taken: set[str] = set()
        self._lock = threading.Lock()

    def take(self, public: bool = True) -> str:
        """A free address."""
        kind = PUBLIC if public else PRIVATE
        with self._lock:
            for _attempt in range(1000):
                numbers = (127, random.choice(kind), random.randrange(256), random.randrange(1, 255))
                address = ".".join(map(str, numbers))
                if address not in self._taken and self._free(address):
                    self._taken.add(address)
                    return address
        raise RuntimeError(f"no loopback address with a free port {self.port} was found in 1000 attempts")

    def give_back(self, address: str) -> None:
        """Let an address be handed out again."""
        with self._lock:
            self._taken.discard(address)

    def _free(self, address: str) -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, self.port))
            except OSError as error:
                if isinstance(error, PermissionError):
                    raise
                return False
            return True
