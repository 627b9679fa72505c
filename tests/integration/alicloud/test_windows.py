# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Windows machine is launched with secrets that were made on the controller, and with no key pair."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest


@pytest.fixture
def windows(cloud, build):
    """A source image of Windows."""
    image = cloud.add_image("win2022_21H2_x64", size=40, system="windows", platform="Windows Server 2022")
    build.before = cloud.snapshot()
    return {"source": {"id": image}, "communicator": "winrm", "eip": True}


def test_it_gets_a_password_and_a_certificate_for_its_address(cloud, build, state, windows):
    plan = build.launch(check_mode=True, **windows)["plan"]
    assert "key" not in [item["kind"] for item in plan]
    build.launch(**windows, user_data="[powershell]\nWrite-Host mine")
    asked = cloud.calls.of("RunInstances")[-1].params
    assert "KeyPairName" not in asked
    assert 8 <= len(asked["Password"]) <= 30
    script = base64.b64decode(asked["UserData"]).decode()
    assert script.startswith("[powershell]\n")
    assert script.endswith("Write-Host mine")
    opened = cloud.calls.of("AuthorizeSecurityGroup")[-1].params
    assert opened["Permissions.1.PortRange"] == "5986/5986"
    folder = state / "hallmark" / build.id
    assert "BEGIN CERTIFICATE" in (folder / "builder.pem").read_text()
    ledger = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    runtime = next(line for line in ledger if line.get("kind") == "runtime")["spec"]["paths"][0]
    kept = Path(runtime) / "password"
    assert kept.read_text() == asked["Password"]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert asked["Password"] not in (folder / "ledger.jsonl").read_text()
    assert build.tear_down() == []
    assert not kept.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eip": False}, "communicator: winrm: without an elastic IP address: eip: true, or eip_id"),
        ({"connect_by": "private"}, "communicator: winrm: without an elastic IP address"),
        ({"communicator": "ssh"}, "communicator: ssh: m-"),
        ({"user_data": "#!/bin/sh"}, "user_data: begins with"),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_made(build, windows, options, message):
    assert build.launch("fail", **{**windows, **options}).startswith(message)
    assert build.left() == []
