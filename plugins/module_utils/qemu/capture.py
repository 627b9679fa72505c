# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making image files from the disks of a machine that has shut down."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.files import Files
from ansible_collections.hallmark.images.plugins.module_utils.build.programs import find_tool
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import FAILED, PENDING, READY, State
from ansible_collections.hallmark.images.plugins.module_utils.qemu import process

#: By format: the file name's ending and qemu-img's options (qemu-img(1)). vmdk's streamOptimized is what clouds
#: import; vpc is Azure's and Hyper-V's fixed geometry trap, which force_size avoids.
FORMATS = {
    "qcow2": (".qcow2", []),
    "raw": (".raw", []),
    "vmdk": (".vmdk", ["-o", "subformat=streamOptimized"]),
    "vpc": (".vhd", ["-o", "subformat=dynamic,force_size=on"]),
}
COMPRESSED = ["-c", "-o", "compression_type=zstd"]
PROGRESS = re.compile(rb"\((\d+\.\d+)/100%\)")


class Capture(Files):
    """An image on its way: a conversion that runs, then a complete file under a hidden name until it is published.

    :param source: the disk to convert, with all that is below it.
    :param final: the path under which the image will be published.
    :param image_format: one of FORMATS.
    :param compress: whether to compress with zstd; qcow2 only.
    :param seconds: how long the conversion may take before it is ended.
    """

    kind = "capture"

    def __init__(self, name: str, source: str, final: Path, image_format: str, compress: bool, seconds: int) -> None:
        self.partial = final.with_name(f".{final.name}.partial")
        self.complete = final.with_name(f".{final.name}")
        self.log = final.with_name(f".{final.name}.log")
        super().__init__(name, [str(self.partial), str(self.complete), str(self.log)])
        self.source = source
        self.final = final
        self.format = image_format
        self.compress = compress
        self.seconds = seconds
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def from_spec(cls, name: str, spec: dict[str, Any]) -> Capture:
        """From what the ledger holds, good for deleting it."""
        return cls(name, "", Path(spec["final"]), "", False, 0)

    def spec(self) -> dict[str, Any]:
        return {"final": str(self.final), "paths": self.paths}

    def plan(self) -> dict[str, Any]:
        return {**super().plan(), "path": str(self.final), "format": self.format}

    def create(self, token: str) -> str:
        options = FORMATS[self.format][1] + (COMPRESSED if self.compress else [])
        command = [
            find_tool("timeout"),
            "-k",
            "10",
            str(self.seconds),
            find_tool("qemu-img"),
            "convert",
            "-p",
            # Out of order, because the target is a file; 16 requests keep both processors compressing.
            "-W",
            "-m",
            "16",
            "-O",
            self.format,
            *options,
            self.source,
            str(self.partial),
        ]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        return token

    def state(self, identifier: str) -> State:
        if self.process is None:
            return State(READY) if self.complete.exists() else State(FAILED, "the captured image has been removed")
        status = self.process.poll()
        output = self.log.read_bytes() if self.log.exists() else b""
        if status is None:
            done = PROGRESS.findall(output)
            return State(PENDING, "qemu-img converts", float(done[-1]) if done else None)
        if status:
            lines = [
                line for line in output.replace(b"\r", b"\n").split(b"\n") if line.strip() and not PROGRESS.search(line)
            ]
            reason = lines[-1].decode(errors="replace") if lines else f"exit status {status}"
            return State(FAILED, "took longer than its deadline" if status == 124 else reason.replace("qemu-img: ", ""))
        if self.partial.exists():
            with open(self.partial, "rb+") as handle:
                os.fsync(handle.fileno())
            os.replace(self.partial, self.complete)
            self.log.unlink(missing_ok=True)
        return State(READY)

    def delete(self, identifier: str | None, token: str) -> None:
        process.end(str(self.partial))
        super().delete(identifier, token)


def image_path(folder: str, name: str, image_format: str) -> Path:
    """Where an image is published.

    :raises HallmarkError: when the name cannot be a file's.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}", name):
        raise HallmarkError(f"image: name: {name!r}", "letters, digits and . _ + -, beginning with a letter or digit")
    return Path(folder).absolute() / f"{name}{FORMATS[image_format][0]}"
