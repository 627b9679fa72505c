# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows builders as far as they go without Windows: what is asked of EC2, the certificate on the console, the
password that EC2 tells encrypted, TLS with that certificate, Ansible's login over it. And where the password does not
get to.

The account is emulated over plain HTTP. Behind each instance is the door of a Windows machine with nothing behind it,
so a build ends with its first task. That the user data do on Windows what they are written for is not tried.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import ssl
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build import winrm
from emulators.aws import AwsEmulator, difference
from emulators.aws.instances import PASSWORD
from emulators.machines.winrm import WinrmMachines
from support.aws_account import environment_of
from support.aws_policies import actions, allow, modules_of_a_user
from support.module_host import ModuleHost

HOME = "us-east-1"
DEFINITION = """source:
  id: {source}
builder:
  region: us-east-1
  source_cidrs: [127.0.0.0/8]
communicator: {{type: winrm, timeout: 60{communicator}}}
{further}
"""
PROVISION = "- name: Look around\n  ansible.builtin.raw: hostname\n"


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    folder = tmp_path_factory.mktemp("machines") / "m"
    with AwsEmulator(machines=WinrmMachines(folder, PASSWORD)) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def image(aws):
    return aws.add_image("Windows_Server-2022-English-Full-Base", root="/dev/sda1", platform="windows", size=30)


@pytest.fixture(scope="module")
def environment(aws, tmp_path_factory):
    return environment_of(aws.endpoint_url, tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def modules(environment):
    host = ModuleHost(environment)
    yield host
    host.stop()


@pytest.fixture
def launch(image):
    return {
        "build_id": f"20261124t180000-{secrets.token_hex(3)}",
        "lifetime": "deadline",
        "region": HOME,
        "source": {"id": image},
        "source_cidrs": ["203.0.113.7/32"],
        "communicator": "winrm",
        "timeout": 60,
    }


def test_a_machine_is_launched_and_its_password_told_to_nobody_else(aws, modules, launch, environment, tmp_path):
    aws.delays.password = 1.5
    calls = len(aws.calls)
    events = tmp_path / "events.jsonl"
    machine = modules.succeed("aws_builder", **launch, events_file=str(events))
    aws.delays.password = 0.0
    made = [call for call in aws.calls if call.number > calls]
    guest = machine["guest"]
    assert guest["connection"] == "psrp"
    assert (guest["user"], guest["port"]) == ("Administrator", 5986)
    assert Path(guest["password_file"]).read_text() == PASSWORD
    assert stat.S_IMODE(os.stat(guest["password_file"]).st_mode) == 0o600

    (key,) = [call for call in made if call.action == "ImportKeyPair"]
    assert base64.b64decode(key.params["PublicKeyMaterial"]).startswith(b"ssh-rsa ")
    (rule,) = [call for call in made if call.action == "AuthorizeSecurityGroupIngress"]
    assert rule.params["IpPermissions.1.FromPort"] == rule.params["IpPermissions.1.ToPort"] == "5986"
    (run,) = [call for call in made if call.action == "RunInstances"]
    assert base64.b64decode(run.params["UserData"]).startswith(b"<powershell>\n")
    assert run.params["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert sum(call.action == "GetPasswordData" for call in made) > 1
    told = [json.loads(line) for line in events.read_text().splitlines()]
    assert "waits for its password" in " ".join(event.get("reason", "") for event in told)

    # Nothing that stays has it, and it is gone with the machine.
    ledger = Path(machine["state_folder"])
    kept = [path.read_bytes() for path in ledger.rglob("*") if path.is_file()]
    assert kept
    assert not any(PASSWORD.encode() in text for text in [*kept, events.read_bytes(), json.dumps(machine).encode()])
    modules.succeed("aws_builder", state="absent", build_id=launch["build_id"], name="builder", leave=["key"])
    assert not Path(guest["password_file"]).exists()
    modules.succeed("aws_builder", state="absent", build_id=launch["build_id"])


def test_a_password_that_never_comes_is_told_when_the_time_is_up(aws, modules, launch):
    aws.delays.password = 1000.0
    before = aws.snapshot()
    message = modules.fail("aws_builder", **launch | {"timeout": 6})
    aws.delays.password = 0.0
    assert "EC2 does not have its password yet" in message
    assert "not ready within 6 s" in message
    assert difference(before, aws.snapshot()) == {}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"communicator": "ssh"}, "communicator: ssh: {image} is Windows: winrm for Windows, ssh for all others"),
        ({"source": {"id": "LINUX"}}, "communicator: winrm: {linux} is not Windows"),
        ({"ssh_proxy_command": "nc %h %p"}, "communicator: winrm: with ssh_proxy_command"),
        ({"user_data": "#cloud-config\n"}, "user_data: begins with '#cloud-config': <powershell>"),
        ({"user_data": "<powershell>a</powershell><persist>true</persist>"}, "user_data: <persist>true</persist>"),
    ],
)
def test_what_does_not_go_together_is_told_before_anything_is_made(aws, image, modules, launch, changes, wrong):
    before = len(aws.calls.actions(mutating=True))
    changes = {name: {"id": aws.image} if value == {"id": "LINUX"} else value for name, value in changes.items()}
    message = modules.fail("aws_builder", **launch | changes)
    assert message.startswith(wrong.format(image=image, linux=aws.image))
    assert len(aws.calls.actions(mutating=True)) == before


def test_another_certificate_than_the_console_showed_ends_the_wait(aws, modules, launch):
    machines = [modules.succeed("aws_builder", **launch | {"name": name}) for name in ("one", "two")]
    contexts = [ssl.create_default_context(cafile=found["guest"]["certificate_file"]) for found in machines]
    addresses = [found["guest"]["host"] for found in machines]
    assert winrm.identify(contexts[0], addresses[0]).status == "ready"
    assert winrm.identify(contexts[1], addresses[0]).status == "failed"
    # What Python 3.13 and later check by default.
    contexts[0].verify_flags |= ssl.VERIFY_X509_STRICT
    assert winrm.identify(contexts[0], addresses[0]).status == "ready"
    modules.succeed("aws_builder", state="absent", build_id=launch["build_id"])


@pytest.fixture
def play(image, environment, tmp_path):
    """Starts the build of one definition with everything that Ansible can be made to say."""

    def start(*arguments, communicator="", further="hardening: false\nboot_check: false"):
        folder = tmp_path / "images/aws/windows/web"
        folder.mkdir(parents=True)
        (tmp_path / "images/hallmark.yml").write_text("plugin: hallmark.images.definitions\n")
        definition = DEFINITION.format(source=image, communicator=communicator, further=further)
        (folder / "main.yml").write_text(definition)
        (folder / "provision.yml").write_text(PROVISION)
        command = ["ansible-playbook", "-i", "images/hallmark.yml", "hallmark.images.build", *arguments]
        with open(tmp_path / "output", "wb") as output:
            return subprocess.Popen(
                command,
                cwd=tmp_path,
                env={**environment, "XDG_STATE_HOME": str(tmp_path / "state")},
                stdout=output,
                stderr=output,
            )

    return start


def test_ansible_logs_in_and_the_password_is_in_no_log_and_no_list_of_processes(aws, play, tmp_path):
    before = aws.snapshot()
    known = set(aws.machines.all)
    process = play("-vvvvv")
    seen: list[str] = []
    logs: dict[str, Path] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            for path in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        text = (path / name).read_bytes()
                    except OSError:
                        continue
                    if PASSWORD.encode() in text:
                        seen.append(f"{path.name} {name}")

    thread = threading.Thread(target=watch)
    thread.start()
    logged: list[str] = []
    while process.poll() is None:
        for identifier in set(aws.machines.all) - known:
            logs[identifier] = aws.machines.all[identifier].folder / "log"
        for log in logs.values():
            if log.exists():
                logged[:] = log.read_text().splitlines()
        time.sleep(0.05)
    over.set()
    thread.join()
    output = (tmp_path / "output").read_text()
    assert process.returncode != 0
    assert "An emulated machine has no shells" in output, output[-4000:]
    assert any(line.startswith("logged in: ") and "Administrator" in line for line in logged), logged
    assert not any(line.startswith("refused") for line in logged)

    assert seen == []
    assert PASSWORD not in output
    files = [path for folder in ("build", "state") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert {"manifest.json", "events.jsonl", "ledger.jsonl"} <= {path.name for path in files}
    assert [str(path) for path in files if PASSWORD.encode() in path.read_bytes()] == []
    assert difference(before, aws.snapshot()) == {}
    assert aws.problems == []


def test_what_does_not_apply_to_windows_is_told_by_the_plan(aws, play, tmp_path):
    calls = len(aws.calls)
    assert play("--check", communicator=", user: admin", further="baseline: {profile: default}").wait(120) != 0
    text = " ".join((tmp_path / "output").read_text().split())
    for wrong in (
        "hardening: the roles are",
        "baseline: the checks are",
        "boot_check: what",
        "communicator.user: for SSH",
    ):
        assert wrong in text
    assert "images/aws/windows/web/main.yml: with communicator.type winrm" in text
    assert len(aws.calls) == calls


def test_it_needs_its_policy(aws, image, tmp_path):
    with modules_of_a_user(aws, tmp_path / "state") as host:
        launch = {"lifetime": "deadline", "region": HOME, "source": {"id": image}, "communicator": "winrm"}
        launch |= {"source_cidrs": ["203.0.113.7/32"], "timeout": 60}
        launch["build_id"] = f"20261124t180000-{secrets.token_hex(3)}"
        allow(aws, host, actions("build"))
        assert "credentials that allow GetPasswordData" in host.fail("aws_builder", **launch)
        allow(aws, host, actions("build", "windows"))
        launch["build_id"] = f"20261124t180000-{secrets.token_hex(3)}"
        host.succeed("aws_builder", **launch)
        host.succeed("aws_builder", state="absent", build_id=launch["build_id"])
        aws.enforce_iam(False)
