# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines behind instances: a real SSH server for each, reached and checked as a build does it."""

from __future__ import annotations

import base64
import getpass
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from emulators.aws import Delays, difference
from emulators.aws.fixtures import eventually
from emulators.aws.logins import Logins, host_keys, ssh
from emulators.machines import Addresses, Spec, SshdMachines

#: A port that every user may listen on.
PORT = 2222


@pytest.fixture
def build(start, key, tmp_path):
    """An emulator whose instances are sshd processes."""
    return Logins(start(machines=SshdMachines(tmp_path / "machines", PORT)), key, PORT)


def test_the_imported_key_logs_in_and_the_console_shows_the_hosts_own_keys(build, tmp_path):
    one, two = build.launch(), build.launch()
    done = build.run(one, "echo $HALLMARK_INSTANCE")
    assert (done.returncode, done.stdout) == (0, f"{one}\n"), done.stderr
    assert build.run(two, "echo $HALLMARK_INSTANCE").stdout == f"{two}\n"
    assert not set(build.host_keys(one)) & set(build.host_keys(two))
    address = build.ec2.instance(one)["PublicIpAddress"]
    assert "Host key verification failed" in build.at(address, two, "true").stderr
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    assert "Permission denied" in build.run(one, "true", tmp_path / "other").stderr


def test_a_stopped_instance_does_not_answer_and_keeps_its_disk(build):
    instance = build.launch()
    assert build.run(instance, "echo kept > ~/file").returncode == 0
    address = build.ec2.instance(instance)["PublicIpAddress"]
    build.ec2.stop_instances(InstanceIds=[instance])
    assert eventually(lambda: build.ec2.state(instance) == "stopped")
    with socket.socket() as probe:
        assert probe.connect_ex((address, PORT)) != 0
    build.ec2.start_instances(InstanceIds=[instance])
    build.wait(instance)
    assert build.run(instance, "cat ~/file").stdout == "kept\n"


def test_an_image_keeps_the_disk_and_its_copies_boot_it(build):
    ec2, before = build.ec2, build.ec2.aws.snapshot()
    builder = build.launch()
    build.run(builder, "echo hardened > ~/file")
    ec2.stop_instances(InstanceIds=[builder])
    image = ec2.create_image(InstanceId=builder, Name="web")["ImageId"]
    assert eventually(lambda: ec2.image(image)["State"] == "available")
    ec2.terminate_instances(InstanceIds=[builder])
    copy = ec2.copy_image(SourceImageId=image, SourceRegion="us-east-1", Name="copy")["ImageId"]
    for source in (image, copy):
        instance = build.launch(source)
        assert build.run(instance, "cat ~/file; echo changed > ~/file").stdout == "hardened\n"
        ec2.terminate_instances(InstanceIds=[instance])
    for source in (image, copy):
        ec2.deregister_image(ImageId=source, DeleteAssociatedSnapshots=True)
    assert eventually(lambda: difference(before, ec2.aws.snapshot()) == {})


def test_a_running_instance_is_rebooted_for_an_image_unless_told_not_to(build):
    instance = build.launch()
    processes = [build.ec2.aws.machine(instance).process.pid]
    for name, without in (("one", True), ("two", False)):
        image = build.ec2.create_image(InstanceId=instance, Name=name, NoReboot=without)["ImageId"]
        assert eventually(lambda image=image: build.ec2.image(image)["State"] == "available")
        processes.append(build.ec2.aws.machine(instance).process.pid)
    assert processes[0] == processes[1] != processes[2]
    assert build.ec2.state(instance) == "running"


def test_termination_leaves_nothing_behind(build, tmp_path):
    instance = build.launch()
    machine = build.ec2.aws.machine(instance)
    build.ec2.terminate_instances(InstanceIds=[instance])
    assert eventually(lambda: build.ec2.state(instance) == "terminated")
    assert not machine.running
    assert list((tmp_path / "machines").iterdir()) == []


@pytest.mark.parametrize(("behaviour", "state"), [("terminate", "terminated"), ("stop", "stopped")])
def test_a_machine_that_ends_itself_ends_as_it_was_launched_to(build, behaviour, state):
    instance = build.launch(InstanceInitiatedShutdownBehavior=behaviour)
    build.ec2.aws.machine(instance).process.kill()
    assert eventually(lambda: build.ec2.state(instance) == state)
    assert build.ec2.instance(instance)["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_an_instance_without_a_public_address_answers_on_its_private_one(build):
    vpc = build.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnet = build.ec2.create_subnet(VpcId=vpc, CidrBlock="172.31.200.0/24")["Subnet"]["SubnetId"]
    instance = build.launch(SubnetId=subnet)
    shown = build.ec2.instance(instance)
    assert not shown.get("PublicIpAddress")
    done = build.at(shown["PrivateIpAddress"], instance, "true")
    assert done.returncode == 0, done.stderr


def test_the_console_comes_late_unless_the_latest_is_asked_for(build):
    build.ec2.aws.delays.console = 60
    instance = build.launch()
    assert not build.ec2.get_console_output(InstanceId=instance).get("Output")
    assert build.host_keys(instance)


def test_user_data_reach_the_machine(build):
    instance = build.launch(UserData="#!/bin/sh\necho hello\n")
    assert (build.ec2.aws.machine(instance).folder / "user-data").read_text() == "#!/bin/sh\necho hello\n"
    value = build.ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")["UserData"]["Value"]
    assert base64.b64decode(value) == b"#!/bin/sh\necho hello\n"


def test_a_machine_that_cannot_boot_is_a_problem_that_is_told(start, key, tmp_path):
    ec2 = start(machines=SshdMachines(tmp_path / "machines", PORT))
    ec2.aws.machines.program = "/nowhere/sshd"
    ec2.launch()
    assert eventually(lambda: ec2.aws.problems)
    assert "/nowhere/sshd" in ec2.aws.problems.pop()


def machine(tmp_path, key, **options):
    """A machine without any cloud."""
    machines = SshdMachines(tmp_path / "machines", PORT, **options)
    made = machines.create(Spec("i-1", [machines.addresses.take()], [key.with_suffix(".pub").read_text()]))
    made.boot()
    assert made.answers()
    return machines, made


def run(made, key, command):
    """Run a command on such a machine."""
    return ssh(made.spec.addresses[0], PORT, getpass.getuser(), key, host_keys(made.console), command)


def test_machines_need_no_cloud_and_may_run_a_chosen_command(tmp_path, key):
    machines, made = machine(tmp_path, key, command="echo instead of $SSH_ORIGINAL_COMMAND")
    try:
        assert run(made, key, "rm -r /").stdout == "instead of rm -r /\n"
    finally:
        machines.close()
    assert not made.running


@pytest.mark.skipif(os.getuid() != 0, reason="mounts in a namespace of its own, which not every user may")
def test_a_made_up_result_of_cloud_init_is_seen_by_sessions_only(tmp_path, key):
    here = Path("/run/cloud-init/result.json")
    before = here.exists()
    machines, made = machine(tmp_path, key, cloud_init=True)
    try:
        done = run(made, key, f"cat {here}")
    finally:
        machines.close()
    assert '"errors": []' in done.stdout
    assert here.exists() == before


def test_addresses_are_free_and_given_out_once():
    addresses = Addresses(PORT)
    with socket.socket() as other:
        other.bind((addresses.take(), PORT))
        found = {addresses.take() for _number in range(200)}
    assert len(found) == 200
    assert all(re.fullmatch(r"127\.(6[4-9]|[789]\d)\.\d+\.\d+", address) for address in found)


def test_an_instance_has_its_address_before_it_runs(start, tmp_path):
    ec2 = start(delays=Delays(running=60), machines=SshdMachines(tmp_path / "machines", PORT))
    instance = ec2.launch()
    assert ec2.instance(instance)["PublicIpAddress"].startswith("127.")
    assert ec2.state(instance) == "pending"
    ec2.aws.advance(60)
    assert ec2.state(instance) == "running"


def test_a_machine_ends_with_the_process_that_started_it(tmp_path, key):
    script = """if True:
        import sys, pathlib
        from emulators.machines import SshdMachines, Spec
        machines = SshdMachines(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
        machine = machines.create(Spec("i-1", [machines.addresses.take()]))
        machine.boot()
        assert machine.answers()
        print(machine.spec.addresses[0], flush=True)
        sys.stdin.read()
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, tmp_path / "machines", str(PORT)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    address = process.stdout.readline().strip()

    def answers():
        with socket.socket() as probe:
            return probe.connect_ex((address, PORT)) == 0

    assert answers()
    process.kill()
    process.communicate()
    assert eventually(lambda: not answers())


def test_a_destroyed_machine_does_not_boot(tmp_path, key):
    machines, made = machine(tmp_path, key)
    machines.destroy("i-1")
    made.boot()
    assert not made.running
