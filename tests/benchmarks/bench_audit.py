# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole baseline on a booted machine: checks, round trips, seconds.

Under emulation the seconds are those of programs in the guest, 10 to 20 times slower than without; so they have a limit
only where the machine runs with KVM.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / ".collections")]

from ansible_collections.hallmark.images.plugins.module_utils.qemu.accel import choose_accel  # noqa: E402
from support.machine import Machine, booted  # noqa: E402

REPEATS = 3
PLAY = """
- hosts: all
  gather_facts: false
  become: true
  tasks:
    - hallmark.images.baseline: {gate: false, profile: strict, report_dir: out}
"""


def audit(machine: Machine) -> dict:
    """The result of one run."""
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-") as name:
        (Path(name) / "play.yml").write_text(PLAY)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".collections")
        program = Path(sys.executable).with_name("ansible-playbook")
        command = [
            str(program),
            "-i",
            str(machine.inventory),
            "play.yml",
            "-e",
            f"ansible_playbook_python={program.parent}/python",
        ]
        subprocess.run(command, cwd=name, env=environment, check=True, stdout=sys.stderr, stdin=subprocess.DEVNULL)
        return json.loads((Path(name) / "out/baseline.json").read_text())


def main() -> None:
    """Print the measured numbers as the README of this folder says."""
    with booted() as machine:
        runs = [audit(machine) for dummy in range(REPEATS)]
    checks, trips = len(runs[0]["results"]), runs[0]["round_trips"]
    seconds = [run["seconds"] for run in runs]
    accel = choose_accel("auto")
    detail = f"middle of {REPEATS} runs, {min(seconds):.1f}–{max(seconds):.1f}; {accel}, {trips} round trips"
    each: dict[str, object] = {
        "name": "audit: 250 checks",
        "value": round(median(seconds) * 250 / checks, 2),
        "unit": "s",
    }
    if accel == "kvm":
        each["limit"] = 3
    results = [
        {"name": "audit: checks", "value": checks, "unit": "checks"},
        {"name": "audit: round trips per check", "value": round(trips / checks, 3), "unit": "trips", "limit": 1.5},
        {**each, "detail": detail},
    ]
    print(json.dumps(results, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
