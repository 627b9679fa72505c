# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that is reached through another one: readiness, tasks and baseline alike.

Account and machines are emulated over plain HTTP: two instances, each an SSH server of this computer on an address of
its own. The network does not keep a direct connection from the second one, so what went through the bastion is told by
its server's log.
"""

from __future__ import annotations

import getpass
import json
import secrets
import subprocess
from pathlib import Path

import pytest

from emulators.aws import AwsEmulator
from emulators.aws.fixtures import Client, eventually
from emulators.machines import SshdMachines
from support.aws_account import environment_of
from support.bastion import Bastion
from support.module_host import ModuleHost

PORT, HOME = 2222, "us-east-1"
CHILD = """
- name: Provision
  hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.command: printenv HALLMARK_INSTANCE
      register: instance
      failed_when: instance.stdout != wanted
    - hallmark.images.baseline: {areas: [], tests: [test_where.py], report_dir: out}
"""
CHECK = """
def test_where(host):
    assert host.run("echo $HALLMARK_INSTANCE").stdout.strip() == "WANTED"
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with AwsEmulator(machines=SshdMachines(tmp_path_factory.mktemp("machines") / "m", PORT, cloud_init=True)) as found:
        yield found


@pytest.fixture(scope="module")
def environment(aws, tmp_path_factory):
    return environment_of(aws.endpoint_url, tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def modules(environment):
    host = ModuleHost(environment)
    yield host
    host.stop()


@pytest.fixture(scope="module")
def bastion(aws, tmp_path_factory):
    return Bastion(aws, tmp_path_factory.mktemp("bastion"), PORT)


@pytest.fixture
def launch(aws):
    return {
        "build_id": f"20261124t180000-{secrets.token_hex(3)}",
        "lifetime": "deadline",
        "region": HOME,
        "source": {"id": aws.image},
        "source_cidrs": ["10.0.0.5/32"],
        "connect_by": "private",
        "ssh_port": PORT,
        "user": getpass.getuser(),
        "timeout": 60,
    }


def test_readiness_tasks_and_baseline_go_through_it(aws, bastion, modules, launch, environment, tmp_path):
    machine = modules.succeed("aws_builder", bastion=bastion.options(), **launch)
    assert machine["guest"]["host"] == machine["instance"]["private_ip"] != bastion.address
    assert bastion.logins() >= 1
    used = bastion.logins()

    instance = machine["instance"]["id"]
    (tmp_path / "child.yml").write_text(CHILD)
    (tmp_path / "test_where.py").write_text(CHECK.replace("WANTED", instance))
    options = {"playbook": "child.yml", "guests": [machine["guest"]], "variables": {"wanted": instance}}
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"hallmark.images.guest_run": options}]}]
    (tmp_path / "outer.yml").write_text(json.dumps(play))
    done = subprocess.run(
        ["ansible-playbook", "outer.yml"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    checked = json.loads((tmp_path / "out/baseline.json").read_text())
    assert "test_where" in json.dumps(checked)
    assert bastion.logins() > used
    # Nobody logged in to the machine whom the bastion did not carry there.
    accepted = (aws.machine(instance).folder / "log").read_text().count("Accepted publickey")
    assert 0 < accepted <= bastion.logins()

    modules.succeed("aws_builder", state="absent", build_id=launch["build_id"])
    assert eventually(lambda: Client(aws).state(instance) == "terminated")


def test_the_proxy_command_of_ones_own_gets_the_instance(bastion, modules, launch, tmp_path):
    seen = tmp_path / "seen"
    key, known = bastion.key, bastion.known
    command = (
        f"echo {{instance}} > {seen}; ssh -F /dev/null -i '{key}' -o 'UserKnownHostsFile=\"{known}\"' -p {PORT} "
        f"-W %h:%p {getpass.getuser()}@{bastion.address}"
    )
    machine = modules.succeed("aws_builder", ssh_proxy_command=f"sh -c {json.dumps(command)}", **launch)
    assert seen.read_text().strip() == machine["instance"]["id"]
    modules.succeed("aws_builder", state="absent", build_id=launch["build_id"])


def test_a_bastion_that_is_not_who_it_should_be_is_not_talked_to(aws, bastion, modules, launch, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    known = tmp_path / "known"
    known.write_text(f"[{bastion.address}]:{PORT} " + Path(f"{other}.pub").read_text())
    used = bastion.logins()
    message = modules.fail("aws_builder", bastion=bastion.options(known_hosts_file=str(known)), **launch)
    assert "no way to the guest" in message
    assert "Host key verification failed" in message
    assert bastion.logins() == used


def test_a_bastion_that_refuses_the_key_is_told_at_once(bastion, modules, launch, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    message = modules.fail("aws_builder", bastion=bastion.options(private_key_file=str(other)), **launch)
    assert f"no way to the guest: {getpass.getuser()}@{bastion.address}: Permission denied" in message


@pytest.mark.parametrize(
    ("changes", "further", "wrong"),
    [
        ({"known_hosts_file": "EMPTY"}, {}, "bastion: known_hosts_file: "),
        ({"private_key_file": "/nowhere"}, {}, "bastion: private_key_file: /nowhere: a file that can be read"),
        ({"user": "-oProxyCommand=x"}, {}, "bastion: user: '-oProxyCommand=x': a name or an address"),
        ({}, {"source_cidrs": []}, "source_cidrs: missing, with bastion"),
    ],
)
def test_bad_input_is_told_before_anything_is_made(aws, bastion, modules, launch, tmp_path, changes, further, wrong):
    (tmp_path / "empty").touch()
    changes = {name: str(tmp_path / "empty") if value == "EMPTY" else value for name, value in changes.items()}
    before = len(aws.calls.actions(mutating=True))
    message = modules.fail("aws_builder", bastion=bastion.options(**changes), **{**launch, **further})
    assert message.startswith(wrong)
    assert len(aws.calls.actions(mutating=True)) == before
