# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One whole build of the example: seconds of each stage, and how many processes and threads each started.

The build runs in a process id namespace of its own, where the kernel's last id counts them (pid_namespaces(7)).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Runs inside the namespace: starts the build and notes the last process id at each new event.
INSIDE = """
import glob, json, os, subprocess, sys, time
last = lambda: int(open("/proc/sys/kernel/ns_last_pid").read())
build = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=sys.stderr)
notes, seen = [], 0
while True:
    ended = build.poll() is not None
    for path in glob.glob("build/*/events.jsonl"):
        lines = [line for line in open(path).read().split("\\n") if line]
        for line in lines[seen:]:
            notes.append((json.loads(line), last()))
        seen = max(seen, len(lines))
    if ended:
        break
    time.sleep(0.05)
json.dump({"status": build.returncode, "notes": notes, "all": last()}, open(sys.argv[1], "w"))
"""


def main() -> None:
    """Print seconds and processes of each stage."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        answer = folder / "answer.json"
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        unshare = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--pid", "--fork", "--mount-proc"]
        build = [
            "ansible-playbook",
            "-i",
            str(ROOT / "images/hallmark.yml"),
            "hallmark.images.build",
            "--limit",
            "debian-12",
        ]
        subprocess.run(
            [*unshare, sys.executable, "-c", INSIDE, str(answer), *build], cwd=folder, env=environment, check=True
        )
        found = json.loads(answer.read_text())
        if found["status"]:
            sys.exit("the build failed")
        (manifest,) = folder.glob("build/*/manifest.json")
        stages = json.loads(manifest.read_text())["stages"]
    results = []
    for stage in stages:
        ids = [last for event, last in found["notes"] if event["stage"] == stage["stage"]]
        results.append(
            {
                "name": f"build: {stage['stage']}",
                "value": stage["seconds"],
                "unit": "s",
                "detail": f"{max(ids) - min(ids)} processes and threads started",
            }
        )
    total = sum(stage["seconds"] for stage in stages)
    results.append(
        {
            "name": "build: all stages",
            "value": round(total, 1),
            "unit": "s",
            "detail": f"{found['all']} processes and threads started on the controller",
        }
    )
    print(json.dumps(results))


if __name__ == "__main__":
    main()
