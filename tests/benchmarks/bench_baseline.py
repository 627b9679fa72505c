# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command of a check costs over the open shell, against `ssh host true` over a ControlPersist master.

Both log in to one sshd on the loopback device; a run of the audit with nothing to do is measured as well.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.loopback_sshd import Sshd  # noqa: E402

RUNS = 200
CHECKS = f"""
import json, time

def test_commands(host):
    host.run("true")
    seconds = []
    for dummy in range({RUNS}):
        begun = time.perf_counter()
        assert host.run("true").rc == 0
        seconds.append(time.perf_counter() - begun)
    with open(__file__ + ".json", "w") as stream:
        json.dump(seconds, stream)
"""
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - hallmark.images.baseline: {areas: [], tests: [test_bench.py], report_dir: out}
"""


def over_the_shell(folder: Path, server: Sshd) -> tuple[list[float], float]:
    """Return the seconds of each command, and the seconds of the whole run besides its commands."""
    (folder / "test_bench.py").write_text(CHECKS)
    (folder / "play.yml").write_text(PLAY)
    (folder / "inventory.json").write_text(json.dumps({"all": {"hosts": {"web": server.variables()}}}))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".collections")
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", "inventory.json", "play.yml"]
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=sys.stderr)
    seconds = json.loads((folder / "test_bench.py.json").read_text())
    whole = json.loads((folder / "out/baseline.json").read_text())["seconds"]
    return seconds, whole - sum(seconds)


def over_control_persist(folder: Path, server: Sshd) -> list[float]:
    """Return the seconds of each `ssh host true`; the master is there before the first."""
    command = [*server.ssh_command(), "-o", f"ControlPath={folder}/master", "127.0.0.1"]
    subprocess.run(
        [*command[:-1], "-fNM", command[-1]], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        seconds = []
        for dummy in range(RUNS):
            begun = time.perf_counter()
            subprocess.run([*command, "true"], check=True, stdin=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - begun)
    finally:
        subprocess.run([*command[:-1], "-O", "exit", command[-1]], check=True, capture_output=True)
    return seconds


def main() -> None:
    """Print the measurements as JSON."""
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as name:
        folder = Path(name)
        server = Sshd(folder)
        try:
            shell, rest = over_the_shell(folder, server)
            persist = over_control_persist(folder, server)
        finally:
            server.stop()
    one_shell, one_persist = statistics.median(shell), statistics.median(persist)
    results = [
        {"name": "baseline: one command over the open shell", "value": round(one_shell * 1000, 3), "unit": "ms"},
        {"name": "baseline: one ssh over ControlPersist", "value": round(one_persist * 1000, 3), "unit": "ms"},
        {
            "name": "baseline: open shell / ControlPersist",
            "value": round(one_shell / one_persist, 4),
            "unit": "ratio",
            "detail": f"medians of {RUNS} runs of true each",
        },
        {"name": "baseline: an audit besides its commands", "value": round(rest, 2), "unit": "s"},
    ]
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
