# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example definition of each cloud, built as a user types it, with a booted guest behind each instance.

Real: the play, the guests' kernel, systemd, cloud-init and SSH server, the baseline as a gate, the seal, and that the
image boots the disk that the builder wrote; hardening too, of two areas, because what it does in the guest is the same
everywhere, and all of it is tried where builds with QEMU are. Simulated: the account. AWS is spoken to over plain HTTP,
Alibaba Cloud over TLS; a guest has its key and user data from a seed and not from a metadata service.

The definitions are the shipped ones but for what no emulated account has: an endpoint of its own, a way to ask for the
controller's address, and the cloud's own Debian, whose default user has another name.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulators.alicloud import AlicloudEmulator
from emulators.aws import AwsEmulator
from emulators.common.snapshots import difference
from emulators.machines import QemuMachines
from support.aws_account import KEYS
from support.machine import playbook
from support.place import FEW_AREAS

pytestmark = [
    pytest.mark.machine,
    pytest.mark.skipif(os.getuid() != 0, reason="the clouds' machines answer at port 22"),
]
BASE = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - hallmark.images.qemu_base_image:
        release: bookworm
      register: base
    - ansible.builtin.copy:
        content: "{{ base.path }}"
        dest: "{{ playbook_dir }}/base"
        mode: "0600"
"""
#: One machine is enough here; that two of them differ is tested where builds with QEMU are.
ONE_CHECK = ("-e", json.dumps({"build_boot_check": {"machines": 1}}), *FEW_AREAS)


@pytest.fixture
def machines(tmp_path: Path) -> QemuMachines:
    """Guests whose base image is Debian 12."""
    done = playbook(BASE, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    base = tmp_path / (tmp_path / "base").read_text()
    return QemuMachines(tmp_path / "machines", base)


@pytest.fixture(params=["aws", "alicloud"])
def cloud(request: pytest.FixtureRequest, machines: QemuMachines) -> Iterator[Any]:
    """The emulated account."""
    make, region = {"aws": (AwsEmulator, "eu-central-1"), "alicloud": (AlicloudEmulator, "cn-hangzhou")}[request.param]
    with make(machines=machines, region=region) as emulator:
        emulator.name = request.param
        yield emulator


def environment(cloud: Any, root: Path, folder: Path) -> dict[str, str]:
    """What the play finds in its environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ALI"))}
    if cloud.name == "aws":
        keys = {**KEYS, "AWS_ENDPOINT_URL": cloud.endpoint_url}
    else:
        keys = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": cloud.access_key,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloud.secret_key,
            "ALIBABA_CLOUD_CA_BUNDLE": str(cloud.ca_file),
        }
    return {
        **clean,
        **keys,
        "ANSIBLE_COLLECTIONS_PATH": str(root / ".collections"),
        "XDG_STATE_HOME": str(folder / "state"),
    }


def test_the_example_is_built_and_nothing_else_is_left(cloud: Any, root: Path, tmp_path: Path) -> None:
    name = f"debian-12-{cloud.name}"
    folder = tmp_path / "images" / cloud.name / "linux" / name
    folder.mkdir(parents=True)
    # What the controller burns while it waits, the emulated guests lack.
    (tmp_path / "ansible.cfg").write_text("[defaults]\ninternal_poll_interval = 0.01\n")
    (tmp_path / "images/hallmark.yml").write_text("plugin: hallmark.images.definitions\n")
    own = "builder:\n  source_cidrs: [127.0.0.0/8]\n"
    if cloud.name == "alicloud":
        own += f"  endpoint_url: {cloud.endpoint_url}\n"
    example = (root / "images" / cloud.name / "linux" / name / "main.yml").read_text()
    (folder / "main.yml").write_text(example.replace("builder:\n", own) + "communicator: {user: debian}\n")
    before = cloud.snapshot()
    done = subprocess.run(
        ["ansible-playbook", "-i", "images/hallmark.yml", "hallmark.images.build", "--limit", name, *ONE_CHECK],
        cwd=tmp_path,
        env=environment(cloud, root, tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    (path,) = (tmp_path / "build").glob("*/manifest.json")
    manifest = json.loads(path.read_text())
    assert manifest["outcome"] == "succeeded"
    assert manifest["guest"]["os"]["ID"] == "debian"
    assert manifest["checks"]["before"]["failed"] > 20, "a machine that is not hardened fails most checks"
    for machine in ("builder", "check-1"):
        assert manifest["checks"][machine]["failed"] == 0
        assert manifest["checks"][machine]["passed"] > 30
    assert [image["region"] for image in manifest["images"]] == [cloud.region]
    paths = difference(before, cloud.snapshot())
    kinds = sorted(path.split("/")[1].removesuffix("s") for path in paths if "/" in path)
    assert kinds == {"aws": ["ami", "snapshot"], "alicloud": ["image", "snapshot"]}[cloud.name]
    assert cloud.problems == []
