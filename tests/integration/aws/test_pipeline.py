# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole play on AWS: launch, guest side, capture, boot check, publish, tear down.

The account is emulated over plain HTTP. Behind each instance is a process tree with a root and an SSH server of its
own, and an image keeps what was written there, so what is provisioned, hardened and sealed is found by the boot check.
There is no kernel of its own behind it, so one area that works on files is hardened, and the gate is open.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from emulators.aws import AwsEmulator, difference
from emulators.machines.boxes import BoxMachines
from support.aws_account import environment_of
from support.bastion import Bastion
from support.checks import AREAS

pytestmark = pytest.mark.skipif(os.getuid() != 0 or not Path("/dev/shm").is_dir(), reason="needs root and /dev/shm")

PORT = 2222
DEFINITION = f"""source:
  owners: ["136693071363"]
  name: debian-12-amd64-*
builder:
  region: us-east-1
  source_cidrs: [127.0.0.0/8]
  ssh_port: {PORT}
  instance_profile_policy:
    Statement: [{{Effect: Allow, Action: s3:GetObject, Resource: "arn:aws:s3:::packages/*"}}]
communicator:
  user: root
  timeout: 120
hardening:
  os_hardening_skip: {json.dumps(sorted(set(AREAS) - {"login_defs"}))}
image:
  tags: {{made_of: "{{{{ build_source_image.source.id }}}} in {{{{ build_builder.region }}}}"}}
  copies: [{{region: eu-west-1}}]
  launch_users: ["123456789012"]
  deprecate_at: +90d
"""
WITHOUT_IMAGE = re.sub("hardening:\n.*\n", "hardening: false\n", DEFINITION).replace(
    "image:\n", "image:\n  capture: false\n  name: web\n  replace: true\n"
)
PROVISION = """- name: Leave a mark
  ansible.builtin.copy:
    content: made here
    dest: /etc/mark
    mode: "0644"

# The seal asks who will make new host keys: here it is the emulated machine, which does as cloud-init does.
- name: Stand in for cloud-init
  ansible.builtin.copy:
    content: "#!/bin/sh\\n"
    dest: /usr/bin/cloud-init
    mode: "0755"
"""


@pytest.fixture
def aws():
    folder = Path(tempfile.mkdtemp(prefix="hallmark-", dir="/dev/shm"))
    with AwsEmulator(machines=BoxMachines(folder, PORT)) as emulator:
        yield emulator
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def bastion(request, aws, tmp_path):
    """What the machines are reached through; None for nothing."""
    if not getattr(request, "param", False):
        return None
    (tmp_path / "bastion").mkdir()
    return Bastion(aws, tmp_path / "bastion", PORT)


@pytest.fixture
def play(aws, tmp_path, request, bastion):
    """Starts the play in a folder of a user; its parameter is the definition."""
    folder = tmp_path / "images/aws/linux/web"
    folder.mkdir(parents=True)
    definition = getattr(request, "param", DEFINITION)
    if bastion:
        definition = definition.replace("builder:\n", "builder:\n  connect_by: private\n")
        through = f"communicator:\n  bastion: {json.dumps(bastion.options())}\n"
        definition = definition.replace("communicator:\n", through)
    (tmp_path / "images/hallmark.yml").write_text("plugin: hallmark.images.definitions\n")
    (folder / "main.yml").write_text(definition)
    (folder / "provision.yml").write_text(PROVISION)
    environment = environment_of(aws.endpoint_url, tmp_path / "state")
    gate = json.dumps({"build_baseline": {"areas": ["login_defs"], "gate": False}})
    command = ["ansible-playbook", "-i", "images/hallmark.yml", "hallmark.images.build", "-e", gate]
    with open(tmp_path / "output", "wb") as output:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    yield process
    if process.poll() is None:
        process.kill()
        process.wait(10)


def succeed(play, folder):
    """Wait for the play's end."""
    try:
        status = play.wait(600)
    except subprocess.TimeoutExpired:
        status = "none: it hangs"
    assert status == 0, (folder / "output").read_text()[-8000:]


@pytest.mark.parametrize("bastion", [False, True], indirect=True, ids=["direct", "bastion"])
def test_the_whole_play(aws, bastion, play, tmp_path):
    before = aws.snapshot()
    succeed(play, tmp_path)
    (path,) = (tmp_path / "build").glob("*/manifest.json")
    manifest = json.loads(path.read_text())
    assert manifest["outcome"] == "succeeded"
    assert manifest["source"]["name"].startswith("debian-12-amd64-")
    assert [image["region"] for image in manifest["images"]] == ["us-east-1", "eu-west-1"]
    left = sorted(name.split("/")[1] for name in difference(before, aws.snapshot()))
    assert left == ["amis", "amis", "snapshots", "snapshots"]
    actions = [call.action for call in aws.calls if call.mutates and call.params.get("KeyName") != "bastion"]
    terminated, copied = actions.index("TerminateInstances"), actions.index("CopyImage")
    assert actions.index("CreateImage") < terminated < copied
    assert actions.count("RunInstances") == 3
    profiles = [call.params["ImageId"] for call in aws.calls if "IamInstanceProfile.Name" in call.params]
    assert set(profiles) == {aws.image}  # the builder's alone
    asked = [call.action for call in aws.calls if call.dry_run and call.action != "RunInstances"]
    assert asked == ["StopInstances", "CreateImage"]  # and the other, whether the profile is known to EC2 yet
    tags = [found["tags"]["made_of"] for found in aws.snapshot()["us-east-1/amis"].values() if "tags" in found]
    assert tags == [f"{aws.image} in us-east-1"]
    assert aws.problems == []
    assert bastion is None or bastion.logins() > 2


@pytest.mark.parametrize("action", ["StopInstances", "CreateImage"])
def test_a_right_that_capture_lacks_is_told_before_the_guest_is_touched(aws, play, tmp_path, action):
    before = aws.snapshot()
    denied = {"code": "UnauthorizedOperation", "message": "You are not authorized.", "status": 403}
    aws.fault("error", action=action, where={"DryRun": "true"}, **denied)
    assert play.wait(300) != 0
    text = " ".join((tmp_path / "output").read_text().split())
    assert f"UnauthorizedOperation: You are not authorized.: credentials that allow {action}" in text
    assert "Provision, harden, verify and seal" not in text
    assert difference(before, aws.snapshot()) == {}


@pytest.mark.parametrize("play", [pytest.param(WITHOUT_IMAGE, id="without-image")], indirect=True)
def test_without_an_image_nothing_is_captured_replaced_or_published(aws, play, tmp_path):
    aws.add_image("web", owner="123456789012", public=False)
    before = aws.snapshot()
    succeed(play, tmp_path)
    (path,) = (tmp_path / "build").glob("*/manifest.json")
    manifest = json.loads(path.read_text())
    assert manifest["outcome"] == "succeeded"
    assert manifest["images"] == []
    assert [stage["stage"] for stage in manifest["stages"]][-1] == "tear down"
    assert manifest["checks"]["builder"]["passed"] > 0
    assert difference(before, aws.snapshot()) == {}
    actions = {call.action for call in aws.calls}
    assert actions.isdisjoint({"CreateImage", "CopyImage", "DeregisterImage", "ModifyImageAttribute"})
    assert aws.problems == []


@pytest.mark.parametrize("action", ["GetConsoleOutput", "CreateImage"])
def test_the_janitor_alone_cleans_up_after_a_kill(aws, play, tmp_path, action):
    """The controller is killed as soon as it has made a call; nothing else looks after the build.

    Every other call is tried by test_janitor.py, by the modules alone.
    """
    before = aws.snapshot()
    deadline = time.monotonic() + 300
    while not any(call.action == action and not call.dry_run for call in aws.calls):
        assert play.poll() is None, (tmp_path / "output").read_text()[-4000:]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(play.pid, signal.SIGKILL)
    play.wait(10)
    deadline = time.monotonic() + 90
    (ledger,) = (tmp_path / "state/hallmark").glob("*/ledger.jsonl")
    while '"closed"' not in ledger.read_text() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert difference(before, aws.snapshot()) == {}
    assert '"by": "janitor"' in ledger.read_text()
