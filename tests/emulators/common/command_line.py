# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command lines of all emulators have in common."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulators.machines import BoxMachines, Machines, QemuMachines, SshdMachines


def parser_of(cloud: str, description: str, region: str, delays: Any) -> argparse.ArgumentParser:
    """Options that every emulator has.

    :param cloud: the package's name.
    :param region: where the base image is by default.
    :param delays: the emulator's dataclass of seconds that changes take.
    """
    names = ", ".join(field.name for field in dataclasses.fields(delays))
    parser = argparse.ArgumentParser(prog=f"python -m emulators.{cloud}", description=description)
    parser.add_argument("--port", type=int, default=0, help="of the endpoint (default: a free one)")
    parser.add_argument("--region", default=region, help="where the base image is")
    parser.add_argument("--delay", action="append", default=[], metavar="NAME=SECONDS", help=f"one of: {names}")
    parser.add_argument(
        "--machines", choices=["none", "sshd", "box", "qemu"], default="none", help="what is behind instances"
    )
    parser.add_argument("--ssh-port", type=int, default=22, help="of the machines")
    parser.add_argument("--cloud-init", action="store_true", help="sshd: sessions find a made-up result of cloud-init")
    parser.add_argument("--base", type=Path, help="qemu: the disk of the base image (qcow2)")
    return parser


def set_delays(delays: Any, pairs: list[str]) -> None:
    """Take over what stands at ``--delay``."""
    known = dataclasses.asdict(delays)
    for pair in pairs:
        field, _equals, seconds = pair.partition("=")
        if field not in known:
            raise SystemExit(f"--delay {pair}: {field} is none of {', '.join(known)}")
        setattr(delays, field, float(seconds))


@contextmanager
def machines_of(arguments: argparse.Namespace) -> Iterator[Machines | None]:
    """What is behind instances; their files are gone afterwards."""
    place = "/dev/shm" if arguments.machines == "box" else None
    with tempfile.TemporaryDirectory(prefix="hallmark-machines-", dir=place) as name:
        if arguments.machines == "sshd":
            yield SshdMachines(Path(name), arguments.ssh_port, cloud_init=arguments.cloud_init)
        elif arguments.machines == "box":
            yield BoxMachines(Path(name), arguments.ssh_port)
        elif arguments.machines == "qemu":
            if arguments.base is None:
                raise SystemExit("--machines qemu needs --base")
            yield QemuMachines(Path(name), arguments.base, arguments.ssh_port)
        else:
            yield None


def until_ended() -> threading.Event:
    """An event that is set by SIGINT or SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_arguments: ended.set())
    return ended
