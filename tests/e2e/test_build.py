# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that must be true of one whole build (support/whole_build.py)."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from support.whole_build import Build

pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("build")]


def test_it_succeeds(build: Build) -> None:
    assert build.status == 0, build.text[-6000:]


def test_the_summary_is_short_and_complete(build: Build) -> None:
    lines = [line.removeprefix("[web] ") for line in build.text.splitlines() if line.startswith("[web] ")]
    summary = lines[[line.startswith("build ") for line in lines].index(True) :]
    assert len(summary) <= 12
    text = "\n".join(summary)
    for word in (
        "succeeded",
        "image:",
        "MiB",
        "passed",
        "failed",
        "waived",
        "before capture",
        "after capture",
        "launch",
        "boot check",
        "report:",
        "manifest.json",
    ):
        assert word in text
    for line in summary:
        if line.startswith(("image:", "report:")):
            assert (build.place.folder / line.split()[1]).is_file()


def test_every_stage_is_recorded_with_its_time(build: Build) -> None:
    stages = [item["stage"] for item in build.manifest["stages"]]
    wanted = ["launch", "provision", "harden", "verify", "seal", "capture", "boot check", "publish", "tear down"]
    assert [stage for stage in stages if stage in wanted] == wanted
    seconds = {item["stage"]: item["seconds"] for item in build.manifest["stages"] if item["stage"] in wanted}
    # To publish is to rename files, which may take less than the millisecond that is recorded.
    assert seconds.pop("publish") >= 0
    assert all(value > 0 for value in seconds.values())


def test_all_checks_pass_before_and_after(build: Build) -> None:
    checks = build.manifest["checks"]
    assert set(checks) == {"before", "builder", "check-1", "check-2"}
    assert checks.pop("before")["failed"] > 50, "a machine that is not hardened fails most checks"
    for counts in checks.values():
        assert counts["failed"] == 0
        assert counts["passed"] >= 60


def test_the_definitions_own_test_ran(build: Build) -> None:
    results = json.loads((build.evidence / "baseline-builder.json").read_text())["results"]
    assert [item["status"] for item in results if item["control"] == "web-01"] == ["passed"]


def test_the_manifest_says_what_it_was_made_of(build: Build) -> None:
    record = build.manifest
    assert record["outcome"] == "succeeded"
    assert len(record["definition"]["sha256"]) == 64
    assert record["source"]["release"] == "bookworm"
    assert record["versions"]["ansible-core"].startswith("2.")
    assert record["guest"]["os"]["ID"] == "debian"
    names = {package["name"] for package in record["packages"]}
    assert {"cloud-init", "openssh-server", "systemd"} <= names


def test_images_are_published_with_their_checksums(build: Build) -> None:
    images = build.manifest["images"]
    assert [Path(image["path"]).name for image in images] == ["web-1.0.qcow2", "web-1.0-data.qcow2"]
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=build.evidence, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert hashlib.sha256((build.evidence / "web-1.0.qcow2").read_bytes()).hexdigest() == images[0]["sha256"]
    info = json.loads(
        subprocess.run(
            ["qemu-img", "info", "--output=json", build.evidence / "web-1.0.qcow2"], check=True, capture_output=True
        ).stdout
    )
    assert info["virtual-size"] == 4 << 30
    assert info["format-specific"]["data"]["compression-type"] == "zstd"
    assert "backing-filename" not in info


def test_nothing_temporary_is_left(build: Build) -> None:
    build.place.wait_until_clean(10)
    status = build.ledger.read()
    assert status.closed
    assert status.open_entries() == []


def test_secrets_appear_nowhere(build: Build) -> None:
    assert build.watch.keys, "the private keys were never seen, so this test looked for nothing"
    assert build.watch.seen == set()
    for folder in (build.place.folder / "build", build.place.state):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix != ".qcow2":
                data = path.read_bytes()
                assert not [path for secret in build.watch.secrets() if secret in data], path
    assert not [secret for secret in build.watch.secrets() if secret.decode() in build.text]


def test_running_it_again_builds_another_image(build: Build) -> None:
    """Check mode plans a new build from the cached base image and creates nothing."""
    run = build.place.start("--check")
    assert run.wait(120) == 0, run.text()
    assert [ledger.build_id for ledger in Ledger.all(build.place.state / "hallmark")] == [build.ledger.build_id]
