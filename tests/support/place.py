# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of a user of the collection, and what a build leaves on the computer."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.hallmark.images.plugins.module_utils.build.events import read_events
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.qemu import process
from support.checks import AREAS

STATE_FILES_THAT_STAY = {"ledger.jsonl", "lock", "janitor", "janitor.log"}
FEW = {"sysctl", "limits"}
#: For tests of a build's course, which need not wait for every area: two of them are hardened and checked.
FEW_AREAS = (
    "-e",
    json.dumps(
        {
            "build_hardening": {"os_hardening_skip": sorted(set(AREAS) - FEW)},
            "build_baseline": {"areas": sorted(FEW)},
        }
    ),
)
DEFINITION = """source:
  release: bookworm
builder:
  cpus: 1
  memory: 512
image:
  name: web
"""


@dataclass
class Run:
    """An ansible-playbook that was started as a user starts it."""

    process: subprocess.Popen[bytes]
    folder: Path
    output: Path

    def text(self) -> str:
        """What it has printed so far."""
        return self.output.read_text(errors="replace")

    def wait(self, seconds: float) -> int:
        """Wait for its end; its exit status."""
        return self.process.wait(seconds)

    def events(self) -> list[dict[str, object]]:
        """The events of its only build so far."""
        found = list((self.folder / "build").glob("*/events.jsonl"))
        return read_events(found[0]) if found else []

    def wait_for(self, stage: str, event: str = "start", seconds: float = 1500, **fields: str) -> None:
        """Wait for an event of the build, with these values of its fields.

        :raises AssertionError: when the run ends before, or the time is up; with what it printed.
        """
        deadline = time.monotonic() + seconds
        wanted = {"stage": stage, "event": event, **fields}
        while time.monotonic() < deadline:
            if any(wanted.items() <= item.items() for item in self.events()):
                return
            assert self.process.poll() is None, f"ended before {stage} {event}:\n{self.text()[-4000:]}"
            time.sleep(0.1)
        raise AssertionError(f"no {stage} {event} within {seconds} s:\n{self.text()[-4000:]}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to ansible-playbook; SIGINT goes to its whole group, as from a terminal."""
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            os.kill(self.process.pid, number)


@dataclass
class Place:
    """A folder with definitions, and a home for state that nothing else uses."""

    folder: Path
    state: Path
    environment: dict[str, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The controller polls less eagerly than by default: what it burns, the emulated guests of these tests lack.
        (self.folder / "ansible.cfg").write_text("[defaults]\ninternal_poll_interval = 0.01\n")

    def define(self, name: str = "web", text: str = DEFINITION, **files: str) -> Path:
        """Write a definition; files beside it by name, with dots written as double underscores."""
        target = self.folder / "images" / "qemu" / "linux" / name
        target.mkdir(parents=True, exist_ok=True)
        (self.folder / "images" / "hallmark.yml").write_text("plugin: hallmark.images.definitions\n")
        (target / "main.yml").write_text(textwrap.dedent(text))
        for file, content in files.items():
            (target / file.replace("__", ".")).write_text(textwrap.dedent(content))
        return target

    def start(self, *arguments: str) -> Run:
        """Start the build of the folder's definitions."""
        return self._start("-i", "images/hallmark.yml", "hallmark.images.build", *arguments)

    def start_play(self, text: str, *arguments: str) -> Run:
        """Start a playbook of its own in this folder."""
        (self.folder / "play.yml").write_text(text)
        return self._start("play.yml", *arguments)

    def _start(self, *arguments: str) -> Run:
        output = self.folder / f"output-{time.monotonic_ns()}.log"
        with open(output, "wb") as log:
            started = subprocess.Popen(
                ["ansible-playbook", *arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.runs.append(Run(started, self.folder, output))
        return self.runs[-1]

    def close(self) -> None:
        """End what still runs, as a test that failed leaves it; the janitor does the rest."""
        for run in self.runs:
            if run.process.poll() is None:
                run.send(signal.SIGKILL)
                run.wait(10)

    def ledger(self) -> Ledger:
        """The ledger of the only build that was started here."""
        (ledger,) = Ledger.all(self.state / "hallmark")
        return ledger

    def ports(self) -> list[int]:
        """The ports that the machines of the build listen on at present."""
        tokens = [entry.token for entry in self.ledger().read().entries.values() if entry.kind == "machine"]
        return sorted({port for token in tokens for pid in process.find(token) for port in listening(pid)})

    def leftovers(self) -> list[str]:
        """Everything temporary of the builds that were started here and is still there."""
        left = []
        for ledger in Ledger.all(self.state / "hallmark"):
            status = ledger.read()
            if not status.closed:
                left.append(f"{ledger.build_id}: the ledger is not closed")
            left += [f"ledger: {entry.key}" for entry in status.open_entries()]
            for entry in status.entries.values():
                left += [f"process {pid} of {entry.key}" for pid in process.find(entry.token)]
                left += [path for path in entry.spec.get("paths", []) if os.path.lexists(path)]
            left += [f"process {pid}" for pid in process.find(f"hallmark:{ledger.build_id}:")]
            left += [str(path) for path in ledger.folder.iterdir() if not may_stay(path)]
        left += [str(path) for path in self.folder.glob("build/*/.*.qcow2*")]
        return left

    def wait_until_clean(self, seconds: float = 60) -> None:
        """Wait until nothing temporary is left.

        :raises AssertionError: when something is, after that many seconds.
        """
        deadline = time.monotonic() + seconds
        while (left := self.leftovers()) and time.monotonic() < deadline:
            time.sleep(0.25)
        assert left == []


def strike(place: Place, run: Run, number: signal.Signals, has_machine: bool = True) -> None:
    """End a build by a signal; soon nothing is left of it, its ports included.

    :param has_machine: whether it has one at this moment.
    """
    ports = place.ports()
    assert bool(ports) == has_machine
    run.send(number)
    assert run.wait(60) != 0
    place.wait_until_clean(60)
    assert "Traceback" not in run.text()
    assert not any(is_open(port) for port in ports + forwarded_ports(place.ledger()))


def may_stay(path: Path) -> bool:
    """Whether a file of a closed build's state folder is a record and not something temporary."""
    return path.name in STATE_FILES_THAT_STAY or path.name.endswith((".console.log", ".known_hosts", ".ssh_config"))


def is_open(port: int) -> bool:
    """Whether something accepts connections on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listening(pid: int) -> list[int]:
    """The TCP ports that a process listens on (proc(5), /proc/net/tcp; state 0A is LISTEN)."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(os.readlink(link))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]


def forwarded_ports(ledger: Ledger) -> list[int]:
    """The ports that led to a build's guests, from the known_hosts files that stay as a record."""
    ports = []
    for path in ledger.folder.glob("*.known_hosts"):
        ports += [int(line.split("]:")[1].split()[0]) for line in path.read_text().splitlines()]
    return sorted(set(ports))


def manifest(folder: Path) -> dict[str, object]:
    """The manifest of the only build in a folder."""
    (path,) = (folder / "build").glob("*/manifest.json")
    return json.loads(path.read_text())
