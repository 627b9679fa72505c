# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the emulator on its own: ``python -m emulators.aws`` with the folder `tests` on PYTHONPATH."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import tempfile
import threading
from pathlib import Path

from emulators.aws import AwsEmulator, Delays
from emulators.machines import BoxMachines, Machines, QemuMachines, SshdMachines


def parse() -> argparse.Namespace:
    """The command line."""
    names = ", ".join(field.name for field in dataclasses.fields(Delays))
    parser = argparse.ArgumentParser(prog="python -m emulators.aws", description="An AWS endpoint on this computer.")
    parser.add_argument("--port", type=int, default=0, help="of the endpoint (default: a free one)")
    parser.add_argument("--region", default="us-east-1", help="where the base image is")
    parser.add_argument("--delay", action="append", default=[], metavar="NAME=SECONDS", help=f"one of: {names}")
    parser.add_argument(
        "--machines", choices=["none", "sshd", "box", "qemu"], default="none", help="what is behind instances"
    )
    parser.add_argument("--ssh-port", type=int, default=22, help="of the machines")
    parser.add_argument("--cloud-init", action="store_true", help="sshd: sessions find a made-up result of cloud-init")
    parser.add_argument("--base", type=Path, help="qemu: the disk of the base image (qcow2)")
    return parser.parse_args()


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    arguments = parse()
    place = "/dev/shm" if arguments.machines == "box" else None
    with tempfile.TemporaryDirectory(prefix="hallmark-machines-", dir=place) as name:
        machines: Machines | None = None
        if arguments.machines == "sshd":
            machines = SshdMachines(Path(name), arguments.ssh_port, cloud_init=arguments.cloud_init)
        elif arguments.machines == "box":
            machines = BoxMachines(Path(name), arguments.ssh_port)
        elif arguments.machines == "qemu":
            if arguments.base is None:
                raise SystemExit("--machines qemu needs --base")
            machines = QemuMachines(Path(name), arguments.base, arguments.ssh_port)
        delays = Delays()
        known = dataclasses.asdict(delays)
        for pair in arguments.delay:
            field, _equals, seconds = pair.partition("=")
            if field not in known:
                raise SystemExit(f"--delay {pair}: {field} is none of {', '.join(known)}")
            setattr(delays, field, float(seconds))
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_arguments: ended.set())
        with AwsEmulator(delays, machines, arguments.region, arguments.port) as aws:
            print(f"endpoint_url={aws.endpoint_url} image={aws.image}", flush=True)
            ended.wait()


if __name__ == "__main__":
    main()
