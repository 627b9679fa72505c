# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire between the action and the process that runs the checks: frames over a pair of connected sockets.

A frame is two big-endian 32-bit lengths, a JSON object and a run of bytes. Output of commands travels as bytes: it may
be binary and long, and must not pay for base64.
"""

from __future__ import annotations

import json
import socket
import struct
import typing as t

_HEAD = struct.Struct(">II")


class WireClosed(Exception):
    """The other side is gone."""


class Wire:
    """One end of the wire.

    :param sock: a connected stream socket; the wire owns it.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def send(self, kind: str, blob: bytes = b"", **fields: t.Any) -> None:
        """Send one frame; C(fields) must be representable in JSON.

        :raises WireClosed: the other side is gone.
        """
        head = json.dumps({"kind": kind, **fields}).encode()
        try:
            self._sock.sendall(_HEAD.pack(len(head), len(blob)) + head + blob)
        except OSError as error:
            raise WireClosed(str(error)) from error

    def receive(self) -> tuple[str, dict[str, t.Any], bytes]:
        """Wait for a frame and return its kind, its fields and its bytes.

        :raises WireClosed: the other side is gone.
        """
        head_size, blob_size = _HEAD.unpack(self._exactly(_HEAD.size))
        fields = json.loads(self._exactly(head_size))
        return fields.pop("kind"), fields, self._exactly(blob_size)

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                chunk = self._sock.recv(min(size - len(data), 1 << 20))
            except OSError as error:
                raise WireClosed(str(error)) from error
            if not chunk:
                raise WireClosed("end of stream")
            data += chunk
        return bytes(data)

    def close(self) -> None:
        """Close this end."""
        self._sock.close()
