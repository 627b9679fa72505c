# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole play on Alibaba Cloud: launch, guest side, capture, boot check, publish, tear down.

The account is emulated over HTTPS. Behind each instance is a process tree with a root and an SSH server of its own, and
an image keeps what was written there, so what is provisioned, hardened and sealed is found by the boot check. There is
no kernel of its own behind it, so one area that works on files is hardened, and the gate is open.
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

from emulators.alicloud import AlicloudEmulator, difference
from emulators.alicloud.fixtures import Client
from emulators.machines.boxes import BoxMachines
from support.checks import AREAS

pytestmark = pytest.mark.skipif(os.getuid() != 0 or not Path("/dev/shm").is_dir(), reason="needs root and /dev/shm")

PORT = 2222
USER = "1234567890123456"
HOME, THERE = "cn-hangzhou", "cn-beijing"
DEFINITION = f"""source:
  owner: system
  name: debian_12_*_x64_20G_alibase_*
  most_recent: true
builder:
  region: {HOME}
  endpoint_urls: {{ecs: "ENDPOINT", vpc: "ENDPOINT"}}
  source_cidrs: [127.0.0.0/8]
  ssh_port: {PORT}
  eip: true
communicator:
  user: root
  timeout: 120
hardening:
  os_hardening_skip: {json.dumps(sorted(set(AREAS) - {"login_defs"}))}
image:
  family: web
  tags: {{made_of: "{{{{ build_source_image.source.id }}}} in {{{{ build_builder.region }}}}"}}
  copies: [{{region: {THERE}}}]
  launch_users: ["{USER}"]
"""
WITHOUT_IMAGE = re.sub("hardening:\n.*\n", "hardening: false\n", DEFINITION).replace(
    "image:\n", "image:\n  capture: false\n  name: web\n  replace: true\n"
)
#: With an address of the account's own; the builder alone has it.
WITH_ADDRESS = DEFINITION.replace("  eip: true\n", "  eip_id: ADDRESS\n")
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
def cloud():
    folder = Path(tempfile.mkdtemp(prefix="hallmark-", dir="/dev/shm"))
    with AlicloudEmulator(machines=BoxMachines(folder, PORT)) as emulator:
        yield emulator
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def play(cloud, root, tmp_path, request):
    """Starts the play in a folder of a user; its parameter is the definition."""
    folder = tmp_path / "images/alicloud/linux/web"
    folder.mkdir(parents=True)
    (tmp_path / "images/hallmark.yml").write_text("plugin: hallmark.images.definitions\n")
    definition = getattr(request, "param", DEFINITION)
    if "ADDRESS" in definition:
        definition = definition.replace("ADDRESS", Client(cloud, HOME).vpc_AllocateEipAddress()["AllocationId"])
    (folder / "main.yml").write_text(definition.replace("ENDPOINT", cloud.endpoint_url))
    (folder / "provision.yml").write_text(PROVISION)
    clouds = ("AWS_", "ALICLOUD_", "ALIBABA_CLOUD_")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(clouds)},
        "ALIBABA_CLOUD_ACCESS_KEY_ID": cloud.access_key,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloud.secret_key,
        "ALIBABA_CLOUD_CA_BUNDLE": str(cloud.ca_file),
        "ANSIBLE_COLLECTIONS_PATH": str(root / ".collections"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
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


def manifest_of(play, folder):
    """Wait for the play, which must succeed; its manifest."""
    status = play.wait(900)
    text = (folder / "output").read_text()
    assert status == 0, text[-8000:]
    (path,) = (folder / "build").glob("*/manifest.json")
    return json.loads(path.read_text())


@pytest.mark.parametrize("play", [pytest.param(WITH_ADDRESS, id="with-address")], indirect=True)
def test_the_whole_play(cloud, play, tmp_path):
    before = cloud.snapshot()
    manifest = manifest_of(play, tmp_path)
    assert manifest["outcome"] == "succeeded"
    assert manifest["source"]["name"].startswith("debian_12_")
    assert [image["region"] for image in manifest["images"]] == [HOME, THERE]
    left = sorted(name.rpartition("/")[0] for name in difference(before, cloud.snapshot()))
    assert left == [f"{region}/{kind}" for region in (THERE, HOME) for kind in ("image", "snapshot")]
    after = cloud.snapshot()
    for region in (HOME, THERE):
        (image,) = after[f"{region}/image"].values()
        (snapshot,) = after[f"{region}/snapshot"].values()
        assert image["tags"]["made_of"] == f"{cloud.image} in {HOME}"
        assert (image["family"], image["shared"]) == ("web", [USER])
        for thing in (image, snapshot):
            assert "hallmark:build" in thing["tags"]
            assert "hallmark:expires" not in thing["tags"]
    actions = cloud.calls.actions(mutating=True)
    released, copied = actions.index("DeleteInstance"), actions.index("CopyImage")
    assert actions.index("CreateImage") < released < copied < actions.index("ModifyImageSharePermission")
    # Nobody gets an image through its family before it was booted and checked.
    assert actions.count("RunInstances") == 3
    assert max(place for place, action in enumerate(actions) if action == "RunInstances") < copied
    assert actions.index("ModifyImageAttribute") > copied
    # Each boots once, with its key in it.
    assert not {"StartInstance", "RebootInstance", "AttachKeyPair", "CreateKeyPair"} & set(actions)
    assert cloud.problems == []


@pytest.mark.parametrize("play", [pytest.param(WITHOUT_IMAGE, id="without-image")], indirect=True)
def test_without_an_image_nothing_is_captured_replaced_or_published(cloud, play, tmp_path):
    cloud.add_image("web", owner=cloud.account, alias="")
    before = cloud.snapshot()
    manifest = manifest_of(play, tmp_path)
    assert manifest["outcome"] == "succeeded"
    assert manifest["images"] == []
    assert [stage["stage"] for stage in manifest["stages"]][-1] == "tear down"
    assert manifest["checks"]["builder"]["passed"] > 0
    assert difference(before, cloud.snapshot()) == {}
    actions = set(cloud.calls.actions())
    assert actions.isdisjoint({"CreateImage", "CreateSnapshot", "CopyImage", "DeleteImage", "ModifyImageAttribute"})
    assert cloud.problems == []


@pytest.mark.parametrize("action", ["CreateVSwitch", "AssociateEipAddress", "CreateImage"])
def test_the_janitor_alone_cleans_up_after_a_kill(cloud, play, tmp_path, action):
    """The controller is killed as soon as it has made a call; nothing else looks after the build."""
    before = cloud.snapshot()
    deadline = time.monotonic() + 300
    while not any(call.action == action for call in cloud.calls):
        assert play.poll() is None, (tmp_path / "output").read_text()[-4000:]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(play.pid, signal.SIGKILL)
    play.wait(10)
    deadline = time.monotonic() + 120
    (ledger,) = (tmp_path / "state/hallmark").glob("*/ledger.jsonl")
    while '"closed"' not in ledger.read_text() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert difference(before, cloud.snapshot()) == {}
    assert '"by": "janitor"' in ledger.read_text()
