# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP server of an emulator."""

from __future__ import annotations

import socket
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

#: Status, header fields, body.
Answer = tuple[int, dict[str, str], bytes]


class Lost(Exception):
    """The connection is to be closed without an answer."""


class Answers(Protocol):
    """What answers the requests."""

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes, client: str) -> Answer:
        """Answer a request.

        :param headers: names are in lower case.
        :raises Lost: when the connection is to be closed instead.
        """


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536
    server: Server

    def answer(self) -> None:
        """Read a request, answer it, or close the connection."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        try:
            answer = self.server.gateway.answer(self.command, self.path, headers, body, self.client_address[0])
        except Lost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, fields, content = answer
        self.send_response(status)
        for name, value in fields.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, str(value))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer

    def log_message(self, *_arguments: Any) -> None:
        """The call log says more."""


class Server(ThreadingHTTPServer):
    """The server."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, gateway: Answers, tls: ssl.SSLContext | None = None) -> None:
        self.gateway = gateway
        self.tls = tls
        super().__init__(("127.0.0.1", port), Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread, so that a slow handshake holds nobody up."""
        if self.tls is not None:
            request = self.tls.wrap_socket(request, server_side=True)
        try:
            super().finish_request(request, client_address)
        finally:
            if self.tls is not None:
                request.close()

    def handle_error(self, *_arguments: Any) -> None:
        """A client that went away is what tests do; anything else is worth a look."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError, ssl.SSLError)):
            super().handle_error(*_arguments)
