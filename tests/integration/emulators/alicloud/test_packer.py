# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packer 1.6.6, a client that nobody here wrote, builds an image in the Alibaba Cloud emulator.

It speaks plain HTTP and knows no other endpoint than the real ones, so the emulator is its proxy. Behind the instance
is a process tree with a root and an SSH server of its own, so that what Packer provisions is found in the image, and in
the image's copy. Packer waits five seconds between any two looks at a state, which makes most of this test's minute.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from emulators.alicloud import AlicloudEmulator, Delays, difference
from emulators.alicloud.fixtures import Client
from emulators.common.fixtures import eventually
from emulators.common.logins import host_keys, ssh
from emulators.machines import BoxMachines

PORT = 2222
OTHER = "1234567890123456"
pytestmark = [
    pytest.mark.skipif(os.getuid() != 0 or not Path("/dev/shm").is_dir(), reason="needs root and /dev/shm"),
    pytest.mark.skipif(shutil.which("packer") is None, reason="needs packer (Debian: package packer)"),
]
#: The order in which its calls change something.
CALLS = """
CreateKeyPair CreateVpc CreateVSwitch CreateSecurityGroup AuthorizeSecurityGroupEgress AuthorizeSecurityGroup
CreateInstance AllocateEipAddress AssociateEipAddress AttachKeyPair StartInstance StopInstance CreateSnapshot
CreateImage AddTags AddTags CopyImage ModifyImageSharePermission ModifyImageSharePermission DetachKeyPair
UnassociateEipAddress ReleaseEipAddress DeleteInstance DeleteSecurityGroup DeleteVSwitch DeleteVpc DeleteKeyPairs
""".split()


@pytest.fixture
def folder():
    """A folder on another file system than /."""
    path = Path(tempfile.mkdtemp(prefix="hallmark-packer-", dir="/dev/shm"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def emulator(folder):
    """An emulator with states that take a moment, and boxes behind its instances."""
    moment = dict.fromkeys(
        ("vpc", "vswitch", "running", "stopped", "released", "eip", "snapshot", "image", "copy"), 0.5
    )
    with AlicloudEmulator(Delays(**moment), BoxMachines(folder / "machines", PORT)) as found:
        yield found


def template(emulator: AlicloudEmulator) -> dict[str, object]:
    """What Packer is to build."""
    builder = {
        "type": "alicloud-ecs",
        "access_key": emulator.access_key,
        "secret_key": emulator.secret_key,
        "region": "cn-hangzhou",
        "source_image": emulator.image,
        "instance_type": "ecs.t5-lc1m1.small",
        "io_optimized": True,
        "associate_public_ip_address": True,
        "internet_charge_type": "PayByTraffic",
        "ssh_username": "root",
        "ssh_port": PORT,
        "image_name": "hardened",
        "image_ignore_data_disks": True,
        "image_copy_regions": ["cn-beijing"],
        "image_copy_names": ["hardened-copy"],
        "image_share_account": [OTHER],
        "system_disk_mapping": {"disk_category": "cloud_essd", "disk_size": 20},
        "tags": {"made_by": "packer"},
    }
    deeds = ["echo made > /etc/made-by-packer", "rm -f /root/.ssh/authorized_keys"]
    return {"builders": [builder], "provisioners": [{"type": "shell", "inline": deeds}]}


def test_packer_builds_an_image_and_leaves_nothing_else(emulator, folder, key):
    (folder / "template.json").write_text(json.dumps(template(emulator)))
    before = emulator.snapshot()
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment |= {"HTTP_PROXY": emulator.http_url, "CHECKPOINT_DISABLE": "1"}
    environment |= {"PACKER_CONFIG_DIR": str(folder), "PACKER_CACHE_DIR": str(folder / "cache")}
    built = subprocess.run(
        ["packer", "build", "-color=false", "template.json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    assert emulator.problems == []
    assert {call.error for call in emulator.calls} <= {"", "DependencyViolation"}  # which it waits for
    assert [call.action for call in emulator.calls if call.mutates and not call.error] == CALLS

    left = difference(before, emulator.snapshot())
    kinds = [f"{region}/{kind}" for region in ("cn-beijing", "cn-hangzhou") for kind in ("image", "snapshot")]
    assert sorted(name.rpartition("/")[0] for name in left) == kinds
    images = {now["name"]: now for name, (_was, now) in left.items() if "/image/" in name}
    assert set(images) == {"hardened", "hardened-copy"}
    assert all(image["shared"] == [OTHER] and image["devices"][0]["Size"] == 20 for image in images.values())

    emulator.delays.vpc = emulator.delays.vswitch = 0
    beijing = Client(emulator, "cn-beijing")
    (copy,) = beijing.DescribeImages(ImageName="hardened-copy")["Images"]["Image"]
    beijing.ImportKeyPair(KeyPairName="check", PublicKeyBody=key.with_suffix(".pub").read_text())
    check = beijing.launch(copy["ImageId"], KeyPairName="check", InternetMaxBandwidthOut=5)

    def keys():
        console = beijing.GetInstanceConsoleOutput(InstanceId=check)["ConsoleOutput"]
        return host_keys(base64.b64decode(console).decode())

    assert eventually(lambda: emulator.world.guests.get(check) and emulator.machine(check).answers(1), 30)
    assert eventually(keys, 30)
    (address,) = beijing.instance(check)["PublicIpAddress"]["IpAddress"]
    done = ssh(address, PORT, "root", key, keys(), "cat /etc/made-by-packer; wc -l < /root/.ssh/authorized_keys")
    assert (done.stdout.split(), done.returncode) == (["made", "1"], 0), done.stderr
    assert not Path("/etc/made-by-packer").exists()
