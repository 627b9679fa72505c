# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a walk over a large file system costs: the modules that look at every file, over a tree of a million.

The tree is on this machine's own disk, not in memory. Each module runs in a process of its own and in check mode, once
over a tenth of the tree and once over all of it. Its memory must not grow with the tree.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FOLDERS = 1000
FILES_EACH = 1000
FEW = 100  # folders of the small tree
MODULES = {
    "set_id_files": {"deny": ["/usr/bin/nothing"]},
    "permission_sweep": {"unowned": "report", "world_writable": "fix"},
    "audit_rules": {"settings": {}, "groups": ["privileged"]},
}
# All three in one call walk once.
MODULES["harden"] = {"steps": [{name: MODULES[name]} for name in ("permission_sweep", "set_id_files", "audit_rules")]}
PROGRAM = """
import importlib, io, json, resource, sys, time
name, options = sys.argv[1], json.loads(sys.argv[2])
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
module = importlib.import_module("ansible_collections.hallmark.images.plugins.modules." + name)
start = time.perf_counter()
try:
    with patch_module_args(options):
        module.main()
except SystemExit as end:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"status": end.code or 0, "seconds": time.perf_counter() - start, "kib": memory}), file=sys.stderr)
"""


def make_tree(top: Path, folders: int) -> None:
    """A system's skeleton and `folders` folders of FILES_EACH empty files."""
    for name in ("etc/audit/rules.d", "usr/sbin", "var/log/audit", "etc/security", "home/somebody"):
        (top / name).mkdir(parents=True)
    (top / "etc/passwd").write_text(
        f"root:x:{os.getuid()}:{os.getgid()}::/root:/bin/sh\nsomebody:x:1000:1000::/home/somebody:/bin/sh\n"
    )
    (top / "etc/group").write_text(f"root:x:{os.getgid()}:\n")
    (top / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    (top / "etc/audit/auditd.conf").write_text("log_file = /var/log/audit/audit.log\n")
    for name in ("auditd", "auditctl"):
        (top / "usr/sbin" / name).write_bytes(b"ELF")
    for number in range(folders):
        folder = top / f"home/somebody/{number // 100}/{number}"
        folder.mkdir(parents=True)
        for file in range(FILES_EACH):
            os.close(os.open(folder / f"{file}.txt", os.O_CREAT | os.O_WRONLY, 0o644))


def run(module: str, options: dict, top: Path) -> dict:
    """One run of a module over a tree: seconds and KiB of memory at most."""
    arguments = {**options, "root": str(top), "_ansible_check_mode": True}
    command = [sys.executable, "-c", PROGRAM, module, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    try:
        found = json.loads(done.stderr.splitlines()[-1])
    except (IndexError, ValueError):
        raise SystemExit(f"{module}: {done.stdout}{done.stderr}") from None
    if found["status"]:
        raise SystemExit(f"{module}: {done.stdout}")
    return found


def main() -> None:
    """Print the measured numbers as the README of this folder says."""
    results = []
    with tempfile.TemporaryDirectory(prefix="hallmark-bench-", dir="/var/tmp") as name:
        small, large = Path(name) / "small", Path(name) / "large"
        start = time.monotonic()
        for top, folders in ((small, FEW), (large, FOLDERS)):
            top.mkdir()
            make_tree(top, folders)
        print(f"trees made in {time.monotonic() - start:.0f} s", file=sys.stderr)
        for module, options in MODULES.items():
            few, many = run(module, options, small), run(module, options, large)
            what = f"{FOLDERS * FILES_EACH} files"
            detail = f"{many['kib'] / 1024:.0f} MiB against {few['kib'] / 1024:.0f} MiB for a tenth of the files"
            results += [
                {"name": f"{module}, {what}", "value": round(many["seconds"], 2), "unit": "s"},
                {
                    "name": f"{module}, memory for ten times the files",
                    "value": round(many["kib"] / few["kib"], 3),
                    "unit": "ratio",
                    "limit": 1.1,
                    "detail": detail,
                },
            ]
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
