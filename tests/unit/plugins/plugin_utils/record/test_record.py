# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import json
import subprocess

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.plugin_utils.record import manifest, summary

BUILD = "20261123t171452-k3f9q2"


def event(second, stage, name, **more):
    return {"time": f"2026-11-23T17:00:{second:02}.000Z", "stage": stage, "event": name, **more}


@pytest.fixture
def folder(tmp_path):
    """The evidence folder of a build that went well."""
    events = [
        event(0, "launch", "start"),
        event(40, "launch", "end", ok=True),
        event(41, "boot check", "start"),
        event(43, "boot check", "end", ok=True),
        event(50, "boot check", "start"),
        event(55, "boot check", "end", ok=True),
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(item) + "\n" for item in events))
    for name, passed in (("before", 20), ("builder", 70), ("check-1", 70)):
        (tmp_path / f"baseline-{name}.json").write_text(json.dumps({"counts": {"passed": passed, "failed": 0}}))
        (tmp_path / f"guest-{name}.json").write_text(json.dumps({"machine_id": name, "packages": [{"name": "bash"}]}))
    return tmp_path


def options(folder, **more):
    return {
        "build_id": BUILD,
        "definition": {"name": "web", "sha256": "ab"},
        "sections": {},
        "evidence_dir": str(folder),
        "source": {},
        "images": [],
        "problem": "",
        **more,
    }


def test_a_stage_in_parts_lasts_from_its_first_start_to_its_last_end(folder):
    stages = {item["stage"]: item["seconds"] for item in manifest.make(options(folder))["stages"]}
    assert stages == {"launch": 40.0, "boot check": 14.0}


def test_a_stage_that_failed_is_not_ok():
    stages = manifest.stage_times([event(0, "launch", "start"), event(1, "launch", "end", ok=False)])
    assert stages == [{"stage": "launch", "seconds": 1.0, "ok": False}]


def test_what_may_be_secret_does_not_get_in(folder):
    sections = {"builder": {"cpus": 2, "user_data": "password: canary"}, "hardening": {"sysctl_overrides": "canary"}}
    sections["source"] = {"url": "https://me:canary@host/a.qcow2?key=canary", "max_age": 1}
    record = manifest.make(options(folder, sections=sections))
    assert "canary" not in json.dumps(record)
    assert record["definition"]["sections"]["builder"]["cpus"] == 2
    assert record["definition"]["sections"]["hardening"] == ["sysctl_overrides"]
    assert record["definition"]["sections"]["source"] == {"url": "https://host/a.qcow2", "max_age": 1}
    digest = hashlib.sha256(b"password: canary").hexdigest()
    assert record["definition"]["sections"]["builder"]["user_data"] == f"sha256:{digest}"


def test_packages_are_those_of_the_machine_that_was_captured(folder):
    record = manifest.make(options(folder))
    assert record["packages"] == [{"name": "bash"}]
    assert "packages" not in record["boot_check"]["check-1"]


def test_a_build_that_failed_early_has_a_manifest_too(tmp_path):
    record = manifest.make(options(tmp_path / "none", problem="source: missing"))
    assert (record["outcome"], record["problem"], record["stages"]) == ("failed", "source: missing", [])


def test_a_damaged_report_is_one_clear_error(folder):
    (folder / "baseline-builder.json").write_text("{")
    with pytest.raises(HallmarkError, match=r"baseline-builder\.json"):
        manifest.make(options(folder))


def test_reports_stand_in_the_checksums_beside_the_images(folder):
    (folder / "SHA256SUMS").write_text("11  web.qcow2\n")
    manifest.write(str(folder), manifest.make(options(folder)))
    lines = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert lines["web.qcow2"] == "11"
    assert lines["manifest.json"] == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert "events.jsonl" not in lines


def test_without_room_for_the_manifest_nothing_of_it_stays(folder):
    (folder / ".manifest.json").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        manifest.write(str(folder), {"build": BUILD})
    assert not (folder / ".manifest.json").is_symlink()
    assert not (folder / "manifest.json").exists()


def test_the_record_that_finds_no_room_says_where(folder):
    (folder / ".manifest.json").symlink_to("/dev/full")
    given = json.dumps({"build_id": BUILD, "definition": {"name": "web"}, "evidence_dir": str(folder)})
    command = ["ansible", "localhost", "-m", "hallmark.images.build_record", "-a", given]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode
    assert f"{folder}: No space left on device" in done.stdout + done.stderr


def test_an_image_in_a_cloud_is_told_by_its_id(folder):
    images = [{"id": "ami-1", "region": "eu-central-1", "name": "web"}]
    told = summary.lines(manifest.make(options(folder, images=images)), str(folder))
    assert "image:  ami-1  eu-central-1  web" in told


def test_the_summary_fits_a_screen(folder):
    images = [{"path": str(folder / "web.qcow2"), "size": 220 << 20, "virtual_size": 8 << 30}]
    told = summary.lines(manifest.make(options(folder, images=images)), str(folder))
    assert told[0] == f"build {BUILD} succeeded"
    assert any("220.0 MiB (8.0 GiB disk)" in line for line in told)
    assert "checks: 20 passed, 0 failed, 0 waived, 0 not applicable (before hardening)" in told
    assert "checks: 70 passed, 0 failed, 0 waived, 0 not applicable (after capture, machine 1)" in told
    assert "time:   launch 40 s, boot check 14 s" in told


def test_the_summary_of_a_failure_says_why(tmp_path):
    told = summary.lines(manifest.make(options(tmp_path, problem="verify: sysctl-05 failed\nmore")), str(tmp_path))
    assert told[:2] == [f"build {BUILD} failed", "reason: verify: sysctl-05 failed"]


@pytest.mark.parametrize(("number", "text"), [(0, "0 B"), (2048, "2 KiB"), (5 << 20, "5.0 MiB"), (3 << 40, "3.0 TiB")])
def test_sizes(number, text):
    assert summary.size(number) == text
