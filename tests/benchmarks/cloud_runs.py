# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many builds in one run against an emulated cloud, each with an empty guest side: time, calls and peak memory.

Each build is role build's own plan, launch (until SSH answers), capture, publication and tear down; boot check and all
that would run in the guest are left out. Each instance is an SSH server here.

Memory is the sum of the proportional set sizes (proc_pid_smaps(5)) of ansible-playbook, its workers and modules, and
the janitors: pages that several of them share count once.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SIZES = (1, 10, 50)
FORKS = 50
PORT = 2222
#: How variables begin that must not reach a build from outside.
OTHERS = ("AWS_", "ALICLOUD_", "ALIBABA_CLOUD_", "ANSIBLE_")
PR_SET_CHILD_SUBREAPER = 36  # prctl(2): whoever loses its parent becomes ours, and is counted
PLAY = """
- hosts: all
  gather_facts: false
  strategy: ansible.builtin.free
  tasks:
    - ansible.builtin.set_fact:
        build_id: "20261124t180000-{{{{ 'x%05d' | format(groups['all'].index(inventory_hostname)) }}}}"
    - ansible.builtin.include_role: {{name: hallmark.images.build, tasks_from: {platform}/source}}
    - ansible.builtin.include_role: {{name: hallmark.images.build, tasks_from: {platform}/launch}}
    - ansible.builtin.include_role: {{name: hallmark.images.build, tasks_from: {platform}/capture}}
    - ansible.builtin.include_role: {{name: hallmark.images.build, tasks_from: {platform}/publish}}
    - ansible.builtin.include_role: {{name: hallmark.images.build, tasks_from: {platform}/tear_down}}
"""


class Account:
    """An emulator, in a process of its own.

    :param platform: whose.
    :param options: of its command line, besides.
    :ivar said: what it printed of itself, by name.
    """

    def __init__(self, platform: str, *options: str) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / '.collections'}"}
        command = [sys.executable, "-m", f"emulators.{platform}", "--machines", "sshd", "--cloud-init", *options]
        self.process = subprocess.Popen(
            [*command, "--ssh-port", str(PORT)], env=environment, stdout=subprocess.PIPE, text=True
        )
        self.said: dict[str, str] = {}
        while "image" not in self.said:  # the last that it says
            words = self.process.stdout.readline().split()
            if not words:
                sys.exit(f"the emulator of {platform} has ended")
            self.said |= dict(word.split("=", 1) for word in words)

    def ask(self, name: str) -> Any:
        """What a control URL tells."""
        url = self.said.get("http_url") or self.said["endpoint_url"]
        with urllib.request.urlopen(f"{url}/_emulator/{name}") as answer:
            return json.load(answer)

    def calls(self, before: int = 0) -> list[dict[str, Any]]:
        """The calls after the first few. There must have been none that the emulator could not answer."""
        if problems := self.ask("problems"):
            sys.exit(f"the emulator reports: {problems}")
        return self.ask("calls")[before:]

    def stop(self) -> None:
        """End it and its machines."""
        self.process.terminate()
        self.process.wait(60)


@dataclass(frozen=True)
class Cloud:
    """What differs between platforms.

    :ivar definition: gives the definition of an image for an account.
    :ivar environment: gives the variables that credentials are in.
    """

    platform: str
    definition: Callable[[Account], str]
    environment: Callable[[Account], dict[str, str]]


def below(pid: int, without: int) -> list[int]:
    """The processes below one, leaving out one of them with all that is below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found += [child for child in children.get(parent, []) if child != without]
    return found[1:]


def memory(pids: list[int]) -> float:
    """MiB that some processes have together."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def write_tree(folder: Path, count: int, cloud: Cloud, account: Account) -> None:
    """The definitions, the inventory and the play."""
    for number in range(count):
        place = folder / f"images/{cloud.platform}/linux/web-{number:03d}"
        place.mkdir(parents=True)
        (place / "main.yml").write_text(cloud.definition(account))
    (folder / "images/hallmark.yml").write_text("plugin: hallmark.images.definitions\n")
    (folder / "play.yml").write_text(PLAY.format(platform=cloud.platform))


def run(cloud: Cloud, account: Account, count: int) -> dict[str, float]:
    """Build some definitions in one run."""
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as name:
        folder = Path(name)
        write_tree(folder, count, cloud, account)
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(OTHERS)},
            **cloud.environment(account),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, "-i", "images/hallmark.yml", "--forks", str(FORKS), "play.yml"]
        before = len(account.ask("calls"))
        peak, over = [0.0], threading.Event()

        def sample() -> None:
            cost = 0.0
            while not over.wait(max(0.25, 10 * cost)):  # looking must not be what is measured
                begun = time.monotonic()
                peak[0] = max(peak[0], memory(below(os.getpid(), account.process.pid)))
                cost = time.monotonic() - begun

        thread = threading.Thread(target=sample)
        thread.start()
        begun = time.monotonic()
        try:
            subprocess.run(command, cwd=folder, env=environment, check=True, stdout=sys.stderr)
        finally:
            wall = time.monotonic() - begun
            over.set()
            thread.join()
        calls = account.calls(before)
    print(f"{count} builds: {wall:.1f} s, {len(calls)} calls, {peak[0]:.0f} MiB", file=sys.stderr)
    answers = sum(call["seconds"] for call in calls)
    return {"wall": wall, "calls": len(calls), "answers": answers, "peak": peak[0]}


def measure(cloud: Cloud, compare: Callable[[], list[dict[str, Any]]] = list) -> None:
    """Print what was measured, of as many definitions as the command line says.

    :param compare: gives further results.
    """
    sizes = [int(word) for word in sys.argv[1:]] or list(SIZES)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    found = {}
    for size in sizes:
        account = Account(cloud.platform)  # a new one for each: an account that holds more answers more slowly
        try:
            found[size] = run(cloud, account, size)
        finally:
            account.stop()
    results = compare()
    for size, one in found.items():
        what = f"{cloud.platform}: {size} build{'s' if size > 1 else ''} in one run"
        detail = f"{one['wall'] / size:.1f} s for each build"
        results.append({"name": f"{what}, time", "value": round(one["wall"], 1), "unit": "s", "detail": detail})
        if size == 1:  # answers to builds side by side overlap, and their sum says nothing
            rest = round(one["wall"] - one["answers"], 1)
            results.append({"name": f"{what}, beyond the server's own answers", "value": rest, "unit": "s"})
        results.append({"name": f"{what}, calls for each", "value": round(one["calls"] / size, 1), "unit": "calls"})
        results.append({"name": f"{what}, peak memory for each", "value": round(one["peak"] / size, 1), "unit": "MiB"})
    smallest = min(sizes)
    for size in [size for size in sizes if size > smallest]:
        growth = (found[size]["wall"] / found[smallest]["wall"]) / (size / smallest)
        results.append(
            {
                "name": f"{cloud.platform}: growth of time / growth of builds, {smallest} to {size}",
                "value": round(growth, 3),
                "unit": "ratio",
                "limit": 1.0,
            }
        )
    print(json.dumps(results, indent=2))
