# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata service of instances, as far as credentials of their RAM role go.

The real one answers at http://100.100.100.200, which cannot be had on this computer without rights over its network;
so this one has a URL of its own, which clients must be told. It is the service of one instance, which has one role or
none.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from emulators.alicloud.world import moment
from emulators.common.http import Answer, Server

if TYPE_CHECKING:
    from emulators.alicloud.emulator import AlicloudEmulator

ROLES = "/latest/meta-data/ram/security-credentials/"
TOKEN = "/latest/api/token"
PLAIN = {"Content-Type": "text/plain"}


class Metadata:
    """Answers its requests.

    :ivar role: the name of the instance's role; empty for none.
    :ivar hardened: whether it answers those only who got a token before (security-enhanced mode).
    :ivar asked: the paths that were asked for.
    """

    def __init__(self, emulator: AlicloudEmulator) -> None:
        self.emulator = emulator
        self.role = ""
        self.hardened = False
        self.asked: list[str] = []
        self._tokens: set[str] = set()
        self._server = Server(0, self)

    @property
    def url(self) -> str:
        """Instead of http://100.100.100.200."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def server(self) -> Server:
        """Its server."""
        return self._server

    def answer(self, method: str, target: str, headers: dict[str, str], _body: bytes, _client: str) -> Answer:
        """Answer a request."""
        self.asked.append(target)
        if target == TOKEN and method == "PUT":
            seconds = headers.get("x-aliyun-ecs-metadata-token-ttl-seconds", "")
            if not seconds.isdigit() or not 1 <= int(seconds) <= 21600:
                return 400, PLAIN, b"400 - Bad Request"
            token = secrets.token_urlsafe(40)
            self._tokens.add(token)
            return 200, PLAIN, token.encode()
        if method != "GET":
            return 405, PLAIN, b"405 - Method Not Allowed"
        if self.hardened and headers.get("x-aliyun-ecs-metadata-token") not in self._tokens:
            return 403, PLAIN, b"403 - Forbidden"
        world = self.emulator.world
        role = next((role for role in world.accounts.roles.values() if role.name == self.role), None)
        if role is None or not target.startswith(ROLES.rstrip("/")):
            return 404, PLAIN, b"404 - Not Found"
        name = target.removeprefix(ROLES.rstrip("/")).strip("/")
        if name == "":
            return 200, PLAIN, role.name.encode()
        if name != role.name:
            return 404, PLAIN, b"404 - Not Found"
        session = world.accounts.session(role, 6 * 3600, world.time(), "ecs")
        assert session.ends is not None
        document = {
            "AccessKeyId": session.key,
            "AccessKeySecret": session.secret,
            "SecurityToken": session.token,
            "Expiration": moment(session.ends, seconds=True),
            "LastUpdated": moment(world.time(), seconds=True),
            "Code": "Success",
        }
        return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()
