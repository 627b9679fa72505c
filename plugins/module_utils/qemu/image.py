# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of QEMU machines: one file per disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.console import CONSOLE_LINES, tail
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.events import EventLog
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.lifecycle import create
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import GONE, PENDING, State
from ansible_collections.hallmark.images.plugins.module_utils.build.sums import sha256, write_sums
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter
from ansible_collections.hallmark.images.plugins.module_utils.qemu import process, qmp
from ansible_collections.hallmark.images.plugins.module_utils.qemu.capture import Capture, image_path
from ansible_collections.hallmark.images.plugins.module_utils.qemu.machines import running
from ansible_collections.hallmark.images.plugins.module_utils.qemu.tools import SYSTEM, image_info

PRESS_AGAIN = 10.0  # s after which the power button is pressed again: a guest that still boots misses the first


class QemuImage:
    """The images of one machine.

    :param params: the options of qemu_image.
    :param ledger: the build's.
    :raises HallmarkError: on bad input, before anything is done.
    """

    interval = 0.2  # polling asks nobody but this computer, and a capture takes seconds
    searched = ()

    def __init__(self, params: dict[str, Any], ledger: Ledger) -> None:
        self.params = params
        self.ledger = ledger
        self.folder = Path(params["dest"]).absolute()
        compress = params["compression"]
        if compress and params["format"] != "qcow2":
            raise HallmarkError(f"compression: true with format {params['format']}", "only qcow2 is compressed")
        self.captures = []
        for disk, path in self._disks():
            suffix = f"-{disk}" if disk != SYSTEM else ""
            final = image_path(params["dest"], params["name"] + suffix, params["format"])
            self.captures.append(
                Capture(
                    final.name,
                    path,
                    final,
                    params["format"],
                    compress is not False and params["format"] == "qcow2",
                    params["timeout"],
                )
            )

    def _disks(self) -> list[tuple[str, str]]:
        """Name in the image and path of each disk that the machine had, whether or not they are still there."""
        machine = self.params["machine"]
        found = []
        for entry in self.ledger.read().entries.values():
            owner, dummy, disk = entry.name.partition(".")
            if entry.kind == "disk" and owner == machine:
                found.append((disk or SYSTEM, entry.spec["paths"][0]))
        if not found and self.params["state"] == "absent":
            return [(SYSTEM, "")]  # its ledger may have been reaped
        if not found:
            raise HallmarkError(
                f"build {self.ledger.build_id} has no machine {machine!r}", "a machine that was launched"
            )
        return found

    def plan(self) -> list[str]:
        if self.params["state"] == "absent":
            return [str(capture.final) for capture in self.captures if any(map(os.path.lexists, _paths(capture)))]
        if not self.captured() and not os.path.exists(self.captures[0].source):
            raise HallmarkError(f"machine {self.params['machine']!r}: its disk is gone", "capture before it is removed")
        return [str(capture.final) for capture in self.captures]

    def captured(self) -> bool:
        if self.params["state"] == "absent":
            return bool(self.plan())
        return self.published() or all(capture.complete.exists() for capture in self.captures)

    def published(self) -> bool:
        return all(capture.final.exists() for capture in self.captures)

    def capture(self, waiter: Waiter, events: EventLog) -> None:
        self._power_off()
        events.write("powered off")
        self.folder.mkdir(parents=True, exist_ok=True)
        for capture in self.captures:
            create(self.ledger, capture, waiter)
            self.ledger.append("created", kind=capture.kind, name=capture.name, id=sha256(capture.complete))

    def publish(self, waiter: Waiter) -> None:
        entries = self.ledger.read().entries
        sums = {}
        for capture in self.captures:
            sums[capture.final.name] = entries[capture.key].identifier or sha256(capture.complete)
        write_sums(self.folder, sums)
        for capture in self.captures:
            os.replace(capture.complete, capture.final)
            self.ledger.append("released", kind=capture.kind, name=capture.name)

    def remove(self) -> bool:
        found = self.captured()
        known = self.ledger.read().entries
        for capture in self.captures:
            for path in _paths(capture):
                path.unlink(missing_ok=True)
            if capture.key in known:
                self.ledger.note("gone", kind=capture.kind, name=capture.name)
        write_sums(self.folder, {}, gone=[capture.final.name for capture in self.captures])
        return found

    def describe(self) -> dict[str, Any]:
        entries = self.ledger.read().entries
        described = []
        for (disk, dummy), capture in zip(self._disks(), self.captures, strict=True):
            path = capture.final if capture.final.exists() else capture.complete
            described.append(
                {
                    "disk": disk,
                    "path": str(path),
                    "format": capture.format,
                    "size": path.stat().st_size,
                    "virtual_size": image_info(str(path), capture.format)["virtual-size"],
                    "sha256": entries[capture.key].identifier,
                }
            )
        data_disks = [{"name": image["disk"], "source": image["path"]} for image in described[1:]]
        return {"images": described, "data_disks": data_disks}

    def _power_off(self) -> None:
        """Shut the guest down through ACPI and wait until QEMU has ended; never a power cut."""
        name = self.params["machine"]
        found = running(self.ledger, name)
        if not found:
            return
        token, socket = found
        waiter = Waiter(self.params["shutdown_timeout"], abandoned=lambda: self.ledger.read().closing)
        pressed = [0.0]

        def probe() -> State:
            if not process.find(token):
                return State(GONE)
            used = waiter.seconds - waiter.left()
            if not pressed[0] or used - pressed[0] > PRESS_AGAIN:
                pressed[0] = max(used, 0.001)
                try:
                    qmp.execute(socket, "system_powerdown")
                except HallmarkError as error:
                    return State(PENDING, str(error))  # it may be on its way out already
            return State(PENDING, "the guest has not powered off")

        try:
            waiter.wait(f"machine {name}", probe, until=GONE)
        except HallmarkError as error:
            console = self.params["console_log"] or str(self.ledger.folder / f"{name}.console.log")
            raise HallmarkError(f"{error}\nThe last lines of the console:\n{tail(console, CONSOLE_LINES)}") from None


def _paths(capture: Capture) -> list[Path]:
    """Every file that an image is, or has been on its way."""
    return [capture.partial, capture.complete, capture.log, capture.final]
