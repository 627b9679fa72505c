# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that ends while it is spoken to. The other side is a socket that speaks QMP, without a machine behind."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu.qmp import execute

GREETING = {"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}}


class Peer:
    """Greets and answers as often as it is told to, then hangs up.

    :ivar answers: how many commands it answers; the first is qmp_capabilities, by which each session begins.
    """

    def __init__(self, path: Path) -> None:
        self.answers = 0
        self.path = str(path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection = self._listener.accept()[0]
        with connection:
            _say(connection, GREETING)
            for dummy in range(self.answers):
                asked = json.loads(connection.recv(65536))  # the client ends its commands with no line break
                _say(connection, {"return": {}, **{name: asked[name] for name in asked.keys() & {"id"}}})
            connection.recv(65536)

    def close(self) -> None:
        self._listener.close()


def _say(connection: socket.socket, message: dict[str, object]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    made = Peer(tmp_path / "qmp")
    yield made
    made.close()


@pytest.mark.parametrize("answers", [0, 1], ids=["negotiation", "command"])
def test_a_machine_that_ends_before_it_answers_is_an_error_of_one_line(peer: Peer, answers: int) -> None:
    peer.answers = answers
    with pytest.raises(HallmarkError, match=r"QEMU did not answer system_powerdown: \S") as caught:
        execute(peer.path, "system_powerdown")
    assert "\n" not in str(caught.value)


def test_a_machine_that_ends_after_its_answer_has_answered(peer: Peer) -> None:
    peer.answers = 2
    assert execute(peer.path, "query-status") == {}


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(HallmarkError, match="QEMU did not answer query-status"):
        execute(str(tmp_path / "qmp"), "query-status")
