# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role data_disks on a machine that is booted twice: with two disks while the role runs, then with others."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from support.machine import playbook
from support.plain_qemu import PlainMachine, booted_plainly

pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("data_disks")]

MIB = 1 << 20
DISKS = [
    {"name": "data", "path": "/data"},
    {"name": "spare", "path": "/srv/spare", "position": 2, "options": ["nodev", "nosuid", "noexec"]},
    {"name": "deep", "path": "/data/deep", "serial": "deeper"},
    {"name": "fast", "path": "/srv/fast", "serial": "nvme-1", "owner": "backup", "group": "34", "mode": "0750"},
    {"name": "parted", "path": "/srv/parted"},
    {"name": "gone", "path": "/srv/gone"},
]
BASE = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - hallmark.images.qemu_base_image:
        release: bookworm
      register: base
    - ansible.builtin.copy: {content: "{{ base.path }}", dest: "{{ answer }}", mode: "0600"}
"""
# As a build applies the role.
ROLE = "- ansible.builtin.import_playbook: hallmark.images.guest\n"
READY = "cloud-init status --wait >/dev/null || true"
PATIENCE = 900  # seconds a boot may take when the computer is busy
LOOK = """\
findmnt -rno TARGET,SOURCE,FSTYPE,LABEL,SIZE,OPTIONS --bytes --real
"""
# The NVMe controller's own words about its model, by the function that asks an EBS volume for its name.
ASK = "import runpy; print(runpy.run_path('/usr/local/sbin/hallmark-data-disk')['identify']('/dev/nvme0n1')[24:64])"


def virtio(file: Path, serial: str = "") -> tuple[str, ...]:
    """Arguments for a disk of virtio; their order is that of the PCI addresses."""
    drive = f"if=none,id={file.stem},file={file},format=raw,discard=unmap"
    return ("-drive", drive, "-device", f"virtio-blk-pci,drive={file.stem},serial={serial}")


def nvme(file: Path, serial: str) -> tuple[str, ...]:
    """Arguments for an NVMe disk."""
    return (
        "-drive",
        f"if=none,id={file.stem},file={file},format=raw",
        "-device",
        f"nvme,drive={file.stem},serial={serial}",
    )


def empty(file: Path, size: int = 64 * MIB) -> Path:
    """A new disk, all zeros."""
    with open(file, "wb") as made:
        made.truncate(size)
    return file


def switch_off(machine: PlainMachine) -> None:
    machine.try_ssh("sudo -n systemctl --no-block poweroff")
    machine.process.wait(PATIENCE)


def apply_role(machine: PlainMachine, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the role; how it ended and what Ansible said."""
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"guest": machine.variables() | {"data_disks_timeout": 4}}}}))
    extra = {"guest_stages": ["data disks"], "guest_data_disks": DISKS}
    return playbook(ROLE, folder, "-i", str(inventory), "-e", json.dumps(extra), *arguments)


def mounts_of(machine: PlainMachine) -> dict[str, dict[str, str]]:
    """What is mounted from disks, by mount point."""
    keys = ("source", "fstype", "label", "size", "options")
    lines = [line.split(" ") for line in machine.ssh(LOOK).splitlines()]
    return {fields[0]: dict(zip(keys, fields[1:], strict=True)) for fields in lines if len(fields) == 6}


class Story:
    """What happened to the machine.

    :ivar said: by check mode, the first and the second run of the role.
    :ivar live: mounts after the role ran.
    :ivar booted: mounts after the next boot.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[subprocess.CompletedProcess[str]] = []

    def tell(self) -> None:
        folder = self.folder
        answer = folder / "base"
        done = playbook(BASE, folder, "-e", json.dumps({"answer": str(answer)}))
        assert done.returncode == 0, done.stdout + done.stderr
        image = folder / "system.qcow2"
        backing = ["-b", answer.read_text(), "-F", "qcow2"]
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, image, "4G"], check=True)

        data, spare = empty(folder / "first.raw"), empty(folder / "second.raw")
        disks = (*virtio(data, "data"), *virtio(spare))
        with booted_plainly(image, folder / "machine", more=disks, is_kept=True) as machine:
            machine.ssh(READY, seconds=PATIENCE)
            self.said = [apply_role(machine, folder, *arguments) for arguments in (("--check",), (), ())]
            self.live = mounts_of(machine)
            machine.ssh("echo kept | sudo -n tee /data/file /srv/spare/file && sync")
            switch_off(machine)

        with open(data, "r+b") as file:
            file.truncate(160 * MIB)
        self.parted = empty(folder / "parted.raw")
        subprocess.run(["sfdisk", "-q", self.parted], input="label: gpt\n,\n", text=True, check=True)
        self.parted_before = hashlib.sha256(self.parted.read_bytes()).hexdigest()
        deep, fast = empty(folder / "deep.raw"), empty(folder / "fast.raw")
        disks = (*virtio(spare), *virtio(self.parted, "parted"), *virtio(deep, "deeper"), *virtio(data, "data"))
        disks += nvme(fast, "nvme-1")
        with booted_plainly(image, folder / "machine", more=disks, is_kept=True) as machine:
            machine.ssh(READY, seconds=PATIENCE)
            self.booted = mounts_of(machine)
            self.files = machine.ssh("cat /data/file /srv/spare/file").split()
            self.top = machine.ssh("stat -c '%U:%G %a' /srv/fast /data/deep").split("\n")
            self.failed = machine.ssh("systemctl --failed --plain --no-legend | cut -d' ' -f1").split()
            self.active = machine.ssh("systemctl is-active local-fs.target multi-user.target").split()
            self.journal = machine.ssh("sudo -n journalctl -b -o cat -p err --no-pager -u 'hallmark-data-disk-*'")
            self.order = machine.ssh("sudo -n systemd-analyze verify default.target 2>&1 || true")
            self.exposed = machine.ssh("systemd-analyze security --no-pager hallmark-data-disks.service | tail -n 1")
            self.model = machine.ssh(f"sudo -n python3 -c {shlex.quote(ASK)}")
            self.links = machine.ssh("cd /dev/disk/by-hallmark && for name in *; do echo $name; done").split()
            self.third = apply_role(machine, folder)
            switch_off(machine)
        self.console = (folder / "machine/console.log").read_text(errors="replace")
        self.parted_after = hashlib.sha256(self.parted.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    told = Story(tmp_path_factory.mktemp("data-disks"))
    told.tell()
    return told


def test_the_role_mounts_what_is_there_and_a_second_run_changes_nothing(story: Story) -> None:
    check, first, second = story.said
    for done, changed in ((check, 1), (first, 1), (second, 0)):
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"changed={changed} " in done.stdout
    assert story.live["/data"]["label"] == "data"
    assert story.live["/srv/spare"]["source"] != story.live["/data"]["source"]
    assert {"nodev", "nosuid", "noexec"} <= set(story.live["/srv/spare"]["options"].split(","))


def test_empty_disks_are_formatted_and_mounted_at_boot(story: Story) -> None:
    assert story.booted["/srv/fast"]["source"] == "/dev/nvme0n1"
    assert story.booted["/data/deep"] | {"size": "", "source": ""} == {
        **{"fstype": "ext4", "label": "deep", "size": "", "source": ""},
        "options": story.booted["/data/deep"]["options"],
    }
    assert {"nodev", "nosuid"} <= set(story.booted["/data/deep"]["options"].split(","))
    assert story.top[:2] == ["backup:backup 750", "root:root 755"]
    assert story.links == ["data", "deep", "fast", "spare"]


def test_data_survive_whatever_the_kernel_calls_the_disks(story: Story) -> None:
    assert story.files == ["kept", "kept"]
    names = [story.live["/data"]["source"], story.booted["/data"]["source"]]
    assert names == ["/dev/vdc", "/dev/vdf"]


def test_a_file_system_grows_with_its_disk(story: Story) -> None:
    assert int(story.live["/data"]["size"]) < 64 * MIB
    assert int(story.booted["/data"]["size"]) > 128 * MIB


def test_a_disk_with_partitions_is_left_as_it_is(story: Story) -> None:
    assert story.parted_after == story.parted_before
    assert "/srv/parted" not in story.booted
    wanted = (
        "data disk parted (serial number parted) for /srv/parted: not mounted: /dev/vdd: holds a partition table (gpt)"
    )
    assert wanted in story.journal
    assert story.third.returncode == 2
    assert wanted in story.third.stdout  # the role does not pass over it


def test_without_a_disk_the_machine_boots_and_says_so(story: Story) -> None:
    assert story.active == ["active", "active"]
    wanted = "data disk gone (serial number gone) for /srv/gone: not mounted: no such disk after 4 s"
    assert story.journal.count(wanted) == 1  # nobody looks for it again
    assert wanted in story.console
    assert story.failed == ["hallmark-data-disk-gone.service", "hallmark-data-disk-parted.service"]


def test_units_are_in_order(story: Story) -> None:
    assert "cycle" not in story.order
    assert "hallmark" not in story.order


def test_the_unit_that_is_enabled_is_sandboxed(story: Story) -> None:
    """As x-svc-02 wants it of every service that came with no package."""
    assert float(re.search(r"exposure level for hallmark-data-disks\.service: ([\d.]+)", story.exposed)[1]) < 9


def test_nvme_disks_answer_the_question_for_the_name_of_an_ebs_volume(story: Story) -> None:
    assert "QEMU NVMe Ctrl" in story.model
