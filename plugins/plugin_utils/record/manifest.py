# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manifest: one JSON document that says what a build was made of, how it went and what came out."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from ansible.release import __version__ as ansible_version

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.events import read_events, timestamp
from ansible_collections.hallmark.images.plugins.module_utils.build.sums import replace_text, write_sums
from ansible_collections.hallmark.images.plugins.module_utils.build.urls import without_credentials

SCHEMA = 1  # raised when a reader of the manifest would have to change
LIBRARIES = ("ansible-runner", "boto3", "pytest", "pytest-testinfra", "qemu.qmp")
NOT_SUMMED = ("events.jsonl",)  # still written to after the sums


def make(options: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a build as plain data.

    :param options: those of the module build_record.
    """
    folder = Path(options["evidence_dir"])
    events = read_events(folder / "events.jsonl")
    guests = {path.stem.removeprefix("guest-"): _load(path) for path in sorted(folder.glob("guest-*.json"))}
    builder = guests.pop("builder", {})
    return {
        "schema": SCHEMA,
        "build": options["build_id"],
        "outcome": "failed" if options["problem"] else "succeeded",
        "problem": options["problem"],
        "written": timestamp(),
        "definition": {**_plain(options["definition"]), "sections": redact(_plain(options["sections"]))},
        "source": _plain(options["source"].get("source") or {})
        | _only(options["source"], "path", "sha256", "virtual_size"),
        "versions": versions(),
        "stages": stage_times(events),
        "checks": {
            path.stem.removeprefix("baseline-"): _load(path).get("counts", {})
            for path in sorted(folder.glob("baseline-*.json"))
        },
        "images": [_plain(image) for image in options["images"]],
        "guest": {name: value for name, value in builder.items() if name != "packages"},
        "packages": builder.get("packages", []),
        "boot_check": {
            name: {key: value for key, value in guest.items() if key != "packages"} for name, guest in guests.items()
        },
    }


def redact(sections: dict[str, Any]) -> dict[str, Any]:
    """The sections of a definition without what may be secret: user data becomes its digest, of the hardening variables
    only the names stay, and URLs of the source lose their credentials."""
    safe = {name: value for name, value in sections.items() if name != "hardening"}
    if isinstance(safe.get("source"), dict):
        source = safe["source"].items()
        safe["source"] = {key: without_credentials(value) if isinstance(value, str) else value for key, value in source}
    builder = dict(safe.get("builder") or {})
    if builder.get("user_data"):
        builder["user_data"] = "sha256:" + hashlib.sha256(str(builder["user_data"]).encode()).hexdigest()
    hardening = sections.get("hardening")
    return {**safe, "builder": builder, "hardening": sorted(hardening) if isinstance(hardening, dict) else hardening}


def stage_times(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stages in the order of their first start, each with its wall-clock seconds and whether all of it went well.

    A stage that runs in parts (the boot check starts two machines) lasts from its first start to its last end.
    """
    from datetime import datetime

    spans: dict[str, dict[str, Any]] = {}
    for event in events:
        if event.get("event") not in ("start", "end"):
            continue
        moment = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
        span = spans.setdefault(event["stage"], {"stage": event["stage"], "first": moment, "last": moment, "ok": True})
        span["last"] = max(span["last"], moment)
        span["ok"] = span["ok"] and event.get("ok", True)
    return [
        {"stage": span["stage"], "seconds": round((span["last"] - span["first"]).total_seconds(), 3), "ok": span["ok"]}
        for span in spans.values()
    ]


def versions() -> dict[str, str]:
    """Versions of what took part on the controller."""
    found = {"ansible-core": ansible_version, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    program = shutil.which("qemu-img")
    if program:
        first = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        found["qemu-img"] = first.split("\n")[0].removeprefix("qemu-img version ").strip()
    return found


def write(folder: str, record: dict[str, Any]) -> str:
    """Write the manifest and add it and the reports to SHA256SUMS; the manifest's path."""
    os.makedirs(folder, exist_ok=True)
    path = Path(folder) / "manifest.json"
    replace_text(path, json.dumps(record, indent=2, sort_keys=False) + "\n")
    reports = [name for pattern in ("*.json", "*.xml", "*.html") for name in glob.glob(str(Path(folder) / pattern))]
    sums = {
        Path(name).name: hashlib.sha256(Path(name).read_bytes()).hexdigest()
        for name in reports
        if Path(name).name not in NOT_SUMMED
    }
    write_sums(Path(folder), sums)
    return str(path)


def _load(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise HallmarkError(f"{path}: {error}", "the JSON that an earlier stage wrote") from None


def _plain(value: Any) -> Any:
    """Ansible's tagged values as plain data."""
    return json.loads(json.dumps(value, default=str))


def _only(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}
