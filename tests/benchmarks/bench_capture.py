# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture against ``qemu-img convert`` of the same disk by hand: time and size, alternating, medians of three.

The disk is a machine's overlay over the base image, as a build captures it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter
from ansible_collections.hallmark.images.plugins.module_utils.qemu.capture import Capture
from ansible_collections.hallmark.images.plugins.module_utils.qemu.image import QemuImage
from support.machine import booted

ROUNDS = 3


def by_hand(disk: Path, target: Path) -> float:
    """Seconds of the command that a person would type."""
    begun = time.monotonic()
    command = ["qemu-img", "convert", "-O", "qcow2", "-c", "-o", "compression_type=zstd", str(disk), str(target)]
    subprocess.run(command, check=True)
    return time.monotonic() - begun


def by_us(disk: Path, target: Path) -> float:
    """Seconds of a capture of the same disk, with our waiting and renaming."""
    begun = time.monotonic()
    capture = Capture(target.name, str(disk), target, "qcow2", True, 600)
    identifier = capture.create("benchmark")
    Waiter(600, QemuImage.interval).wait("capture", lambda: capture.state(identifier))
    seconds = time.monotonic() - begun
    capture.complete.rename(target)
    return seconds


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as name, booted() as machine:
        folder = Path(name)
        machine.ssh("sync")
        # The running machine's overlay, flattened into a disk of its own, so that both read the same.
        disk = folder / "disk.qcow2"
        overlay = machine.state_folder / "builder.qcow2"
        subprocess.run(["qemu-img", "convert", "-U", "-O", "qcow2", str(overlay), str(disk)], check=True)
        times: dict[str, list[float]] = {"hand": [], "ours": []}
        for _round in range(ROUNDS):
            times["hand"].append(by_hand(disk, folder / "hand.qcow2"))
            times["ours"].append(by_us(disk, folder / "ours.qcow2"))
        sizes = [(folder / f"{who}.qcow2").stat().st_size for who in ("ours", "hand")]
    medians = {who: statistics.median(found) for who, found in times.items()}
    print(
        json.dumps(
            [
                {
                    "name": "capture: time against qemu-img by hand",
                    "value": round(medians["ours"] / medians["hand"], 3),
                    "unit": "ratio",
                    "limit": 1.1,
                    "detail": f"{medians['ours']:.1f} s against {medians['hand']:.1f} s",
                },
                {
                    "name": "capture: size against qemu-img by hand",
                    "value": round(sizes[0] / sizes[1], 3),
                    "unit": "ratio",
                    "limit": 1.1,
                    "detail": f"{sizes[0] / 2**20:.0f} MiB against {sizes[1] / 2**20:.0f} MiB",
                },
            ]
        )
    )


if __name__ == "__main__":
    main()
