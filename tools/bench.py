# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the benchmarks of tests/benchmarks and reports what they measured (format: the README there)."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests/benchmarks"
KEYS = {"name", "value", "unit", "limit", "detail"}


def results_of(script: Path) -> list[dict]:
    """What one script measured, checked against the format.

    :raises ValueError: the script failed or printed something else.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT / ".collections")}
    environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), environment.get("PATH", os.defpath)])
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(f"exit status {done.returncode}")
    try:
        results = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise ValueError(f"standard output is not JSON: {error}") from error
    for result in results if isinstance(results, list) else [results]:
        if not isinstance(result, dict) or not {"name", "value", "unit"} <= set(result) <= KEYS:
            raise ValueError(f"not a result with name, value, unit and perhaps limit, detail: {result!r}")
    return results if isinstance(results, list) else [results]


def row(result: dict) -> str:
    """One line of the table."""
    limit = result.get("limit")
    verdict = "" if limit is None else f"{'≤' if result['value'] <= limit else 'EXCEEDS'} {limit:g}"
    columns = f"{result['name']:<58} {result['value']:>10.4g} {result['unit']:<8} {verdict:<14}"
    return f"{columns} {result.get('detail', '')}".rstrip()


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all of them.

    :returns: the exit status: 0 when every script ran and every limit was kept.
    """
    scripts = [FOLDER / f"bench_{name}.py" for name in names] or sorted(FOLDER.glob("bench_*.py"))
    measured: dict[str, object] = {}
    good = True
    for script in scripts:
        print(f"# {script.stem.removeprefix('bench_')}", flush=True)
        started = time.monotonic()
        try:
            results = results_of(script)
        except ValueError as error:
            print(f"{script.relative_to(ROOT)}: {error}", file=sys.stderr)
            good = False
            continue
        measured[script.stem] = {"seconds": round(time.monotonic() - started, 1), "results": results}
        for result in results:
            print(row(result), flush=True)
            good = good and result["value"] <= result.get("limit", float("inf"))
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    report = ROOT / "build/bench.json"
    report.parent.mkdir(exist_ok=True)
    report.write_text(json.dumps({"machine": machine, "benchmarks": measured}, indent=2) + "\n")
    print(f"written to {report.relative_to(ROOT)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
