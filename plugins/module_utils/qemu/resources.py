# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a QEMU builder is made of: folder for sockets, key pair, disks, seed, firmware variables, machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.console import tail
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.files import Files, KeyPair
from ansible_collections.hallmark.images.plugins.module_utils.build.programs import find_tool, run
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import FAILED, READY, State
from ansible_collections.hallmark.images.plugins.module_utils.qemu import process, qmp, seed

#: Environment variable of a machine's processes: the state folder of its build, where its ledger is.
STATE_FOLDER = "HALLMARK_STATE_FOLDER"
START_TIMEOUT = 20.0  # s from the start of the process to its first answer on QMP
STATUS_TIMEOUT = 5.0  # s; a machine that does not answer in time is waited for all the same
COMPLAINT_LINES = 20


class Disk(Files):
    """A qcow2 disk: a copy-on-write overlay over the base image, or an empty data disk.

    :param size: bytes.
    :param base: path and format of the image below; None for an empty disk.
    """

    kind = "disk"

    def __init__(self, name: str, path: Path, size: int, base: tuple[str, str] | None = None) -> None:
        super().__init__(name, [str(path)])
        self.size = size
        self.base = base

    def plan(self) -> dict[str, Any]:
        return {**super().plan(), "size": self.size, "base": self.base[0] if self.base else None}

    def create(self, token: str) -> str:
        below = ["-b", self.base[0], "-F", self.base[1]] if self.base else []
        run("qemu-img", "create", "-q", "-f", "qcow2", *below, self.paths[0], str(self.size))
        return self.paths[0]


class Seed(Files):
    """The NoCloud seed. It holds the user data, so it is readable by its owner only."""

    kind = "seed"

    def __init__(self, name: str, path: Path, key: KeyPair, instance: str, hostname: str, user_data: str) -> None:
        super().__init__(name, [str(path)])
        self.key_pair = key
        self.instance = instance
        self.hostname = hostname
        self.user_data = user_data

    def create(self, token: str) -> str:
        public = Path(f"{self.key_pair.private}.pub").read_text(encoding="ascii").strip()
        seed.write(self.paths[0], seed.documents(self.instance, self.hostname, public, self.user_data))
        return self.paths[0]


class Firmware(Files):
    """A machine's own copy of the UEFI variables."""

    kind = "firmware"

    def __init__(self, name: str, path: Path, template: str) -> None:
        super().__init__(name, [str(path)])
        self.template = template

    def create(self, token: str) -> str:
        shutil.copyfile(self.template, self.paths[0])
        return self.paths[0]


class Machine(Files):
    """A QEMU process, with the logs that it writes.

    :param command: QEMU's arguments without the program, without ``-uuid``.
    :param seconds: how long the process may live at all: it is started under timeout(1), so it ends even when
        everything else that would end it is gone.
    :param socket: its QMP socket.
    :param log: where QEMU's own messages go.
    """

    kind = "machine"

    def __init__(self, name: str, command: list[str], seconds: int, socket: str, log: Path) -> None:
        super().__init__(name, [str(log)])
        self.command = command
        self.seconds = seconds
        self.socket = socket
        self.log = log
        self.token = ""

    def create(self, token: str) -> str:
        program = [find_tool("timeout"), "-k", "10", str(self.seconds), find_tool("qemu-system-x86_64")]
        with open(self.log, "wb") as log:
            started = subprocess.Popen(
                [*program, "-uuid", token, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, STATE_FOLDER: str(self.log.parent)},
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            # The socket's file is there (bind) a moment before QEMU answers on it (listen), so its being there
            # says nothing: only an answer does.
            try:
                qmp.execute(self.socket, "query-status", timeout=START_TIMEOUT)
                break
            except HallmarkError as error:
                if started.poll() is not None:
                    raise HallmarkError(f"QEMU did not start: {_complaint(self.log)}") from None
                if time.monotonic() > deadline:
                    raise HallmarkError(f"QEMU did not start within {START_TIMEOUT:.0f} s: {error}") from None
            time.sleep(0.02)
        return token

    def state(self, identifier: str) -> State:
        if not process.find(identifier):
            return State(FAILED, f"QEMU has ended: {_complaint(self.log)}")
        # QEMU pauses a machine whose disk cannot grow (drive option werror, by default enospc), and waits for ever.
        with contextlib.suppress(HallmarkError):
            if qmp.execute(self.socket, "query-status", timeout=STATUS_TIMEOUT).get("status") == "io-error":
                return State(FAILED, f"the machine is paused: no space left in {self.log.parent}")
        return State(READY)

    def delete(self, identifier: str | None, token: str) -> None:
        process.end(token)
        super().delete(identifier, token)


def _complaint(log: Path) -> str:
    """The line of QEMU's log that says what is wrong: its first error, for hints may follow; else the last line."""
    lines = tail(log, COMPLAINT_LINES).splitlines()
    own = [line for line in lines if line.startswith("qemu-system") and ": warning: " not in line]
    return (own or lines[-1:] or ["no message"])[0]
