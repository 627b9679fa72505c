# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door of a Windows machine, with nothing behind it: WinRM over HTTPS, as far as logging in.

What is real and what is not is said in `winrm_server`, the program of its process. User data are kept in the file
`user-data` and not executed: what they ask for is there from the start.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from emulators.machines.base import WITH_US, Machine, Machines, Spec


class WinrmMachine(Machine):
    """One such machine."""

    def __init__(
        self, spec: Spec, folder: Path, port: int, password: str, on_end: Callable[[], None] | None = None
    ) -> None:
        super().__init__(spec, folder, port, on_end)
        (folder / "user-data").write_text(spec.user_data)
        (folder / "password").write_text(password)

    @property
    def console(self) -> str:
        path = self.folder / "console"
        return path.read_text() if path.exists() else ""

    @property
    def log(self) -> list[str]:
        """Who logged in, and who was refused."""
        return (self.folder / "log").read_text().splitlines()

    def capture(self, target: Path) -> None:
        target.mkdir()

    def _start(self) -> subprocess.Popen[bytes]:
        program = Path(__file__).with_name("winrm_server.py")
        arguments = [program, self.folder, str(self.port), self.folder / "password", *self.spec.addresses]
        with (self.folder / "errors").open("ab") as errors:
            return subprocess.Popen(
                [*WITH_US, sys.executable, *arguments], stdin=subprocess.DEVNULL, stderr=errors, start_new_session=True
            )

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        process.wait(10)


class WinrmMachines(Machines):
    """Makes them.

    :param password: of the user Administrator, where a launch gives none.
    """

    def __init__(self, folder: Path, password: str, port: int = 5986) -> None:
        super().__init__(folder, port)
        self.password = password

    def _make(self, spec: Spec, folder: Path, on_end: Callable[[], None] | None) -> WinrmMachine:
        return WinrmMachine(spec, folder, self.port, spec.password or self.password, on_end)
