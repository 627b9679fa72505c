# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines behind the instances of the Alibaba Cloud emulator: real SSH servers, EIPs that reach them, images kept."""

from __future__ import annotations

import base64
import getpass
import json
import socket
from datetime import timedelta

import pytest

from emulators.alicloud import Delays, difference
from emulators.alicloud.world import moment
from emulators.common.fixtures import eventually
from emulators.common.logins import host_keys, ssh
from emulators.machines import SshdMachines

#: A port that every user may listen on.
PORT = 2222


class Builds:
    """Instances with sshd behind them, all with one key pair."""

    def __init__(self, cloud, key):
        self.cloud, self.key = cloud, key
        cloud.ImportKeyPair(KeyPairName="key", PublicKeyBody=key.with_suffix(".pub").read_text())
        self.network = cloud.network()

    def launch(self, image="", **params):
        """Launch an instance, wait until it answers; its id."""
        given = {"InternetMaxBandwidthOut": 5} | self.network | params
        instance = self.cloud.launch(image, KeyPairName="key", **given)
        self.wait(instance)
        return instance

    def wait(self, instance):
        """Wait until an instance that was launched or started runs, answers and shows its host keys."""
        assert eventually(lambda: self.cloud.state(instance) == "Running")
        assert eventually(lambda: self.cloud.cloud.machine(instance).running)
        assert self.cloud.cloud.machine(instance).answers()
        assert eventually(lambda: self.host_keys(instance))

    def host_keys(self, instance):
        """The host keys on the instance's console."""
        shown = self.cloud.GetInstanceConsoleOutput(InstanceId=instance)["ConsoleOutput"]
        return host_keys(base64.b64decode(shown).decode())

    def run(self, instance, command, address=""):
        """What a command on it prints."""
        address = address or self.cloud.instance(instance)["PublicIpAddress"]["IpAddress"][0]
        done = ssh(address, PORT, getpass.getuser(), self.key, self.host_keys(instance), command)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def builds(start_cloud, key, tmp_path):
    """An emulator whose instances are sshd processes."""
    return Builds(start_cloud(machines=SshdMachines(tmp_path / "machines", PORT)), key)


def closed(address):
    """Whether nobody answers at an address."""
    with socket.socket() as probe:
        return probe.connect_ex((address, PORT)) != 0


def test_each_instance_answers_at_its_own_addresses_with_its_own_keys(builds):
    one, two = builds.launch(), builds.launch(InternetMaxBandwidthOut=0)
    assert builds.run(one, "echo $HALLMARK_INSTANCE") == f"{one}\n"
    private = builds.cloud.instance(two)["VpcAttributes"]["PrivateIpAddress"]["IpAddress"][0]
    assert builds.run(two, "echo $HALLMARK_INSTANCE", private) == f"{two}\n"
    assert not set(builds.host_keys(one)) & set(builds.host_keys(two))
    assert builds.cloud.cloud.machine(one).running
    builds.cloud.DeleteInstance(InstanceId=two, Force=True)
    assert eventually(lambda: closed(private))


def test_an_eip_reaches_the_machine_as_long_as_it_is_bound(builds):
    cloud, instance = builds.cloud, builds.launch(InternetMaxBandwidthOut=0)
    eip = cloud.AllocateEipAddress()
    name, address = {"AllocationId": eip["AllocationId"]}, eip["EipAddress"]
    assert closed(address)
    cloud.AssociateEipAddress(**name, InstanceId=instance)
    assert builds.run(instance, "echo $HALLMARK_INSTANCE", address) == f"{instance}\n"
    cloud.StopInstance(InstanceId=instance)
    assert eventually(lambda: cloud.state(instance) == "Stopped")
    cloud.StartInstance(InstanceId=instance)
    builds.wait(instance)
    assert builds.run(instance, "echo again", address) == "again\n"
    cloud.UnassociateEipAddress(**name)
    assert closed(address)
    cloud.ReleaseEipAddress(**name)


def test_one_that_is_created_gets_the_key_that_it_has_when_it_is_started(builds):
    cloud = builds.cloud
    given = {"ImageId": cloud.cloud.image, "InstanceType": "ecs.c6.large"} | builds.network
    instance = cloud.CreateInstance(**given, InternetMaxBandwidthOut=5)["InstanceId"]
    cloud.AttachKeyPair(KeyPairName="key", InstanceIds=json.dumps([instance]))
    address = cloud.AllocatePublicIpAddress(InstanceId=instance)["IpAddress"]
    cloud.StartInstance(InstanceId=instance)
    builds.wait(instance)
    assert builds.run(instance, "echo hello", address) == "hello\n"


@pytest.mark.parametrize("by_snapshot", [False, True])
def test_an_image_keeps_the_disk_and_so_do_its_copies(builds, by_snapshot):
    cloud, before = builds.cloud, builds.cloud.cloud.snapshot()
    builder = builds.launch(UserData=base64.b64encode(b"#!/bin/sh\n").decode())
    builds.run(builder, "echo kept > ~/file")
    cloud.StopInstance(InstanceId=builder)
    assert eventually(lambda: cloud.state(builder) == "Stopped")
    source = {"InstanceId": builder}
    if by_snapshot:
        (disk,) = cloud.DescribeDisks(InstanceId=builder)["Disks"]["Disk"]
        snapshot = cloud.CreateSnapshot(DiskId=disk["DiskId"])["SnapshotId"]
        assert eventually(lambda: cloud.DescribeSnapshots(Status="accomplished")["TotalCount"] == 1)
        source = {"SnapshotId": snapshot}
    image = cloud.CreateImage(**source, ImageName="web")["ImageId"]
    assert eventually(lambda: cloud.image(image)["Status"] == "Available")
    copy = cloud.CopyImage(ImageId=image, DestinationImageName="copy", Encrypted=True)["ImageId"]
    assert eventually(lambda: cloud.image(copy)["Status"] == "Available")
    cloud.DeleteInstance(InstanceId=builder)
    for name in (image, copy):
        check = builds.launch(name)
        assert builds.run(check, "cat ~/file") == "kept\n"
        cloud.DeleteInstance(InstanceId=check, Force=True)
    snapshots = [one["SnapshotId"] for name in (image, copy) for one in cloud.snapshots(name)]
    for name in (image, copy):
        cloud.DeleteImage(ImageId=name)
    for name in snapshots:
        cloud.DeleteSnapshot(SnapshotId=name)
    assert eventually(lambda: difference(before, cloud.cloud.snapshot()) == {})


def test_stopping_is_answered_before_the_machine_has_stopped(start_cloud, key, tmp_path):
    builds = Builds(start_cloud(delays=Delays(console=30), machines=SshdMachines(tmp_path / "m", PORT)), key)
    cloud = builds.cloud
    instance = cloud.launch(KeyPairName="key", **builds.network)
    assert eventually(lambda: cloud.state(instance) == "Running")
    assert builds.host_keys(instance) == []
    cloud.cloud.advance(30)
    assert eventually(lambda: builds.host_keys(instance))
    held = cloud.cloud.world.guests[instance].do(lambda _machine: eventually(lambda: done, 10))
    done = []
    cloud.StopInstance(InstanceId=instance)
    assert cloud.state(instance) == "Stopping"
    done.append(True)
    assert held.result()
    assert eventually(lambda: cloud.state(instance) == "Stopped")


def test_a_machine_that_ends_itself_leaves_its_instance_stopped(builds):
    instance = builds.launch()
    builds.cloud.cloud.machine(instance).process.kill()
    assert eventually(lambda: builds.cloud.state(instance) == "Stopped")
    assert builds.cloud.DescribeDisks(InstanceId=instance)["TotalCount"] == 1


def test_a_released_instance_takes_its_machine_with_it(builds):
    cloud = builds.cloud
    when = moment(cloud.cloud.world.time() + timedelta(hours=1), seconds=True)
    instance = builds.launch(AutoReleaseTime=when)
    machine = cloud.cloud.machine(instance)
    cloud.cloud.advance(3600)
    assert cloud.state(instance) == "gone"
    assert eventually(lambda: not machine.running and not machine.folder.exists())
