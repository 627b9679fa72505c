# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every kind of machine is to an emulator of a cloud."""

from __future__ import annotations

import abc
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from emulators.machines.addresses import Addresses


@dataclass
class Spec:
    """What a machine is made from.

    :ivar identifier: the instance id; a guest with cloud-init takes a new one for a first boot.
    :ivar addresses: where it listens: its public and its private address.
    :ivar public_keys: lines of authorized_keys for the user who logs in.
    :ivar user_data: as the client gave it, decoded.
    :ivar image: a disk that `Machine.capture` kept, or that came with the base image; None for the default one.
    :ivar size: of the system disk in GiB; 0 for that of the image.
    :ivar password: of the user Administrator on Windows, where the launch gives it.
    """

    identifier: str
    addresses: list[str]
    public_keys: list[str] = field(default_factory=list)
    user_data: str = ""
    image: Path | None = None
    size: int = 0
    password: str = ""


#: Before the command of a machine: it ends when the process that started it does, however that ends.
WITH_US = ("setpriv", "--pdeathsig", "KILL")


class Machine(abc.ABC):
    """One machine. Its disk outlives `shut_down`; `destroy` removes it."""

    def __init__(self, spec: Spec, folder: Path, port: int, on_end: Callable[[], None] | None) -> None:
        self.spec = spec
        self.folder = folder
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        self._on_end = on_end
        self._wanted = False
        self._destroyed = False
        self._lock = threading.RLock()
        folder.mkdir(parents=True)

    @abc.abstractmethod
    def _start(self) -> subprocess.Popen[bytes]:
        """Start the process that is the machine."""

    @abc.abstractmethod
    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        """End that process in an orderly way, and wait for its end."""

    @abc.abstractmethod
    def capture(self, target: Path) -> None:
        """Keep the disk as an image. Call it on a machine that is shut down, unless a torn image is what is wanted."""

    @property
    @abc.abstractmethod
    def console(self) -> str:
        """What the machine has printed on its serial console since it booted."""

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def boot(self) -> None:
        """Switch the machine on; it answers a little later."""
        with self._lock:
            if self.running or self._destroyed:
                return
            self._wanted = True
            self.process = self._start()
        threading.Thread(target=self._watch, args=(self.process,), daemon=True).start()

    def shut_down(self) -> None:
        """Switch the machine off and wait for it. Nothing happens when it is off."""
        with self._lock:
            self._wanted = False
            if self.process is not None and self.process.poll() is None:
                self._stop(self.process)

    def destroy(self) -> None:
        """End the machine and remove its disk. It cannot be booted again."""
        self._wanted, self._destroyed = False, True
        if self.process is not None and self.process.poll() is None:
            self.process.kill()  # without the lock: a shutdown in progress need not be waited for
        with self._lock:
            if self.process is not None:
                self.process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)

    def answers(self, seconds: float = 10) -> bool:
        """Whether something accepts connections on its first address within some seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex((self.spec.addresses[0], self.port)) == 0:
                    return True
            time.sleep(0.02)
        return False

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Tell the emulator when the machine ended itself: a shutdown from inside, or a crash."""
        process.wait()
        with self._lock:
            by_itself = self._wanted and self.process is process
            self._wanted = self._wanted and not by_itself
        if by_itself and self._on_end:
            self._on_end()


class Machines(abc.ABC):
    """Makes machines of one kind.

    :param folder: where their disks and logs lie.
    :param port: the port of SSH on each machine's addresses; the clouds' clients expect 22, for which this process
        needs the right to bind it (root, or the kernel's net.ipv4.ip_unprivileged_port_start).
    """

    def __init__(self, folder: Path, port: int = 22) -> None:
        self.folder = folder
        self.port = port
        self.addresses = Addresses(port)
        self.all: dict[str, Machine] = {}

    @abc.abstractmethod
    def _make(self, spec: Spec, folder: Path, on_end: Callable[[], None] | None) -> Machine:
        """A machine that is off."""

    def create(self, spec: Spec, on_end: Callable[[], None] | None = None) -> Machine:
        """Make a machine that is off.

        :param on_end: called when the machine ends without `shut_down` or `destroy`.
        """
        machine = self._make(spec, self.folder / spec.identifier, on_end)
        self.all[spec.identifier] = machine
        return machine

    def destroy(self, identifier: str) -> None:
        """Remove a machine and give its addresses back. Nothing happens when there is none."""
        machine = self.all.pop(identifier, None)
        if machine is not None:
            machine.destroy()
            for address in machine.spec.addresses:
                self.addresses.give_back(address)

    def close(self) -> None:
        """Remove all machines."""
        for identifier in list(self.all):
            self.destroy(identifier)


def may_bind(port: int) -> bool:
    """Whether this process may listen on a port."""
    if os.getuid() == 0 or port >= 1024:
        return True
    limit = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    return limit.exists() and port >= int(limit.read_text())
