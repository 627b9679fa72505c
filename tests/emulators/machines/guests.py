# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real machine: a QEMU guest for each instance.

What is real: a kernel, systemd and cloud-init boot from the image's disk; cloud-init puts the key pair's public key
into the image's default user, runs user data, and prints the guest's own host keys on the serial console; `capture`
keeps the disk that the guest wrote, and a machine made from it boots it. A shutdown from inside ends the machine.

What is simulated:

- Key pair and user data reach cloud-init through a NoCloud seed (a small volume) instead of EC2's or Alibaba Cloud's
  metadata service: 169.254.169.254 cannot be answered on this computer without rights over its network. The instance id
  is the cloud's, so a machine made from a capture has a first boot of its own.
- No RSA host key is made (vendor data): on an emulated processor it takes longer than the whole boot.
- There is one disk. The network is QEMU's user network with one forwarded port; the guest does not see the addresses
  at which it answers, and security groups are not enforced.
"""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.hallmark.images.plugins.module_utils.qemu import seed
from ansible_collections.hallmark.images.plugins.module_utils.qemu.accel import choose_accel, processor
from emulators.machines.base import WITH_US, Machine, Machines, Spec

#: How long a guest may take to shut down before it is switched off, as the clouds do it.
PATIENCE = 120


class QemuMachine(Machine):
    """A guest with one disk, an overlay on its image."""

    def __init__(self, spec: Spec, folder: Path, machines: QemuMachines, on_end: Callable[[], None] | None) -> None:
        super().__init__(spec, folder, machines.port, on_end)
        self.machines = machines
        self.disk = folder / "disk.qcow2"
        # The path of a UNIX socket has at most 107 bytes, less than a test's own folder may take.
        self._sockets = tempfile.TemporaryDirectory(prefix="emu-")
        image = spec.image or machines.base
        overlay = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", image.resolve(), self.disk]
        subprocess.run(overlay, check=True)
        if spec.size:
            # An image that is larger than what was asked for is refused by the clouds; so does qemu-img here.
            subprocess.run(["qemu-img", "resize", "-q", self.disk, f"{spec.size}G"], check=True)
        documents = seed.documents(spec.identifier, spec.identifier, "", spec.user_data)
        meta = json.loads(documents["meta-data"]) | {"public-keys": spec.public_keys}
        seed.write(str(folder / "seed.iso"), documents | {"meta-data": json.dumps(meta) + "\n"})

    @property
    def console(self) -> str:
        file = self.folder / "console"
        return file.read_text(errors="replace") if file.exists() else ""

    def capture(self, target: Path) -> None:
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", self.disk, target], check=True)

    def _start(self) -> subprocess.Popen[bytes]:
        forwards = "".join(f",hostfwd=tcp:{address}:{self.port}-:22" for address in self.spec.addresses)
        disk = f"if=none,id=disk,file={self.disk},format=qcow2,cache=unsafe,discard=unmap"
        command = [
            *(*WITH_US, "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"),
            *("-machine", f"q35,accel={self.machines.accel}", "-cpu", processor(self.machines.accel)),
            *("-smp", str(self.machines.cpus), "-m", str(self.machines.memory)),
            *("-qmp", f"unix:{self._sockets.name}/qmp,server=on,wait=off"),
            *("-serial", f"file:{self.folder / 'console'}", "-device", "virtio-rng-pci"),
            *("-netdev", f"user,id=net{forwards}", "-device", "virtio-net-pci,netdev=net,romfile="),
            *("-drive", disk, "-device", "virtio-blk-pci,drive=disk,bootindex=0"),
            *("-drive", f"if=none,id=seed,file={self.folder / 'seed.iso'},format=raw,readonly=on"),
            *("-device", "virtio-blk-pci,drive=seed"),
        ]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        """As the clouds stop an instance: the power button, and the plug when the guest does not follow it."""
        end = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end:
            # Pressed again and again: a guest that boots does not hear it yet.
            self._press_power_button()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                continue
        if process.poll() is None:
            process.kill()
            process.wait()

    def destroy(self) -> None:
        super().destroy()
        self._sockets.cleanup()

    def _press_power_button(self) -> None:
        commands = [{"execute": "qmp_capabilities"}, {"execute": "system_powerdown"}]
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(5)
            try:
                channel.connect(f"{self._sockets.name}/qmp")
                answers = channel.makefile("r")
                answers.readline()  # the greeting
                for command in commands:
                    channel.sendall(json.dumps(command).encode() + b"\n")
                    while "return" not in (answer := json.loads(answers.readline() or '{"return": {}}')):
                        if "error" in answer:
                            raise RuntimeError(f"QEMU refused {command}: {answer['error']}")
            except OSError:
                return  # not up yet, or down already: the caller looks at the process


class QemuMachines(Machines):
    """Machines that are QEMU guests.

    :param base: the disk (qcow2) of an image that did not come from a capture: one with cloud-init, such as module
        qemu_base_image makes.
    :param accel: kvm or tcg; by default what this computer can do.
    """

    def __init__(
        self, folder: Path, base: Path, port: int = 22, cpus: int = 1, memory: int = 1024, accel: str = "auto"
    ) -> None:
        super().__init__(folder, port)
        self.base = base
        self.cpus = cpus
        self.memory = memory
        self.accel = choose_accel(accel)

    def _make(self, spec: Spec, folder: Path, on_end: Callable[[], None] | None) -> QemuMachine:
        return QemuMachine(spec, folder, self, on_end)
