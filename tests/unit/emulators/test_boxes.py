# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines with a root of their own: what a guest writes and deletes is in its image, and not on this computer."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from emulators.aws import difference
from emulators.aws.fixtures import eventually
from emulators.aws.logins import Logins
from emulators.machines import BoxMachines

PORT = 2222
SHM = Path("/dev/shm")
pytestmark = [
    pytest.mark.skipif(os.getuid() != 0, reason="boxes need root: they mount file systems"),
    pytest.mark.skipif(not SHM.is_dir(), reason="boxes need a file system beside /"),
]


@pytest.fixture
def folder():
    """A folder on another file system than /."""
    path = Path(tempfile.mkdtemp(prefix="hallmark-boxes-", dir=SHM))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def build(start, key, folder):
    """An emulator whose instances are boxes."""
    return Logins(start(machines=BoxMachines(folder / "machines", PORT)), key, PORT)


def test_an_image_has_what_was_written_and_lacks_what_was_deleted(build):
    ec2, before = build.ec2, build.ec2.aws.snapshot()
    builder = build.launch()
    deeds = (
        "echo hardened > /etc/hallmark-test; rm /etc/hostname /etc/os-release; rm -rf /etc/cron.d; mkdir /etc/cron.d"
    )
    done = build.run(builder, deeds)
    assert done.returncode == 0, done.stderr
    ec2.stop_instances(InstanceIds=[builder])
    image = ec2.create_image(InstanceId=builder, Name="web")["ImageId"]
    assert eventually(lambda: ec2.image(image)["State"] == "available", 30), ec2.image(image)
    ec2.terminate_instances(InstanceIds=[builder])
    check = build.launch(image)
    looked = build.run(
        check, "cat /etc/hallmark-test /etc/hostname; hostname; ls -A /etc/cron.d; test -e /etc/os-release"
    )
    assert (looked.stdout.split(), looked.returncode) == (["hardened", check, check], 1)
    assert not Path("/etc/hallmark-test").exists()
    assert Path("/etc/os-release").exists()
    ec2.terminate_instances(InstanceIds=[check])
    ec2.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)
    assert eventually(lambda: difference(before, ec2.aws.snapshot()) == {})


def test_each_instance_has_an_identity_of_its_own_and_keeps_what_nobody_removed(build):
    ec2, identity = build.ec2, "cat /etc/machine-id; wc -l < ~/.ssh/authorized_keys"
    one = build.launch()
    first_keys, (first_id, first_count) = build.host_keys(one), build.run(one, identity).stdout.split()
    build.run(one, ": > /etc/machine-id")
    image = ec2.create_image(InstanceId=one, Name="web", NoReboot=True)["ImageId"]
    assert eventually(lambda: ec2.image(image)["State"] == "available", 30)
    two = build.launch(image)
    second_id, second_count = build.run(two, identity).stdout.split()
    assert len(first_keys) == 2
    assert not set(first_keys) & set(build.host_keys(two))
    assert len({first_id, second_id, Path("/etc/machine-id").read_text().strip()}) == 3
    assert (first_count, second_count) == ("1", "2")  # no one sealed the image


def test_user_data_run_once_and_a_stopped_box_comes_back_as_it_was(build):
    instance = build.launch(UserData="#!/bin/sh\necho run >> /root/user-data-ran\n")
    keys = build.host_keys(instance)
    build.ec2.stop_instances(InstanceIds=[instance])
    assert eventually(lambda: build.ec2.state(instance) == "stopped")
    build.ec2.start_instances(InstanceIds=[instance])
    build.wait(instance)
    assert build.run(instance, "cat /root/user-data-ran; cat /run/cloud-init/result.json").stdout.startswith("run\n{")
    assert build.host_keys(instance) == keys


def test_a_box_sees_its_own_processes_only_and_cannot_change_the_kernel(build):
    instance = build.launch()
    done = build.run(instance, "cat /proc/1/comm; ls -d /proc/[0-9]* | wc -l; touch /proc/sys/kernel/hostname")
    name, count = done.stdout.split()
    assert (name, int(count) < 20, "Read-only file system" in done.stderr) == ("sshd", True, True)


def test_a_box_that_ends_its_first_process_is_off(build):
    instance = build.launch(InstanceInitiatedShutdownBehavior="terminate")
    build.run(instance, "kill -TERM 1")
    assert eventually(lambda: build.ec2.state(instance) == "terminated")


def test_boxes_refuse_a_folder_on_the_root_file_system(tmp_path):
    if tmp_path.stat().st_dev != Path("/").stat().st_dev:
        pytest.skip("the tests' folder is on a file system of its own")
    with pytest.raises(RuntimeError, match="another file system than /"):
        BoxMachines(tmp_path, PORT)


def test_a_box_begins_without_the_caches_and_the_home_of_who_started_it(build):
    assert list(Path("/var/cache/apt/archives").iterdir()), "there is nothing to hide"
    looked = build.run(build.launch(), "ls -A /var/cache/apt/archives; ls -A ~; stat -c %a ~ ~/.ssh")
    assert looked.stdout.split() == [".ssh", "700", "700"]
