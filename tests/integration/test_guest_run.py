# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""guest_run against an SSH server of our own on this computer: no machine is booted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build import proxies, readiness
from support.guest_server import OUTER_GOOD, Run, Server, below, command_lines, eventually, play, processes_with

CANARY = "canary-7f3a91"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "sshd").mkdir()
    server = Server(tmp_path / "sshd")
    yield server
    server.stop()


def test_output_results_and_stages_come_back(tmp_path: Path, server: Server) -> None:
    child = play("Provision", "name: Say\nansible.builtin.command: echo hello") + play(
        "Harden",
        "name: Show\nansible.builtin.debug:\n  msg: '{{ text }}'",
        "name: Count\nansible.builtin.set_stats:\n  data: {answer: 42}",
    )
    text = "{{ '{{ stays }}' }} as it is"  # a template here, which yields what looks like one
    run = Run(tmp_path, server, child, OUTER_GOOD, label="debian", variables={"text": text})
    status, output = run.run()
    assert status == 0, output
    assert "[debian] TASK [Say] ***" in output
    assert "{{ stays }} as it is" in output
    assert (run.result["rc"], run.result["status"], run.result["changed"]) == (0, "successful", True)
    assert run.result["stats_data"] == {"answer": 42}
    assert list(run.result["stages"]) == ["provision", "harden"]
    assert all(seconds > 0 for seconds in run.result["stages"].values())
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [(event["stage"], event["event"]) for event in events] == [
        ("provision", "start"),
        ("provision", "end"),
        ("harden", "start"),
        ("harden", "end"),
    ]
    assert run.leftovers() == []


@pytest.fixture
def awkward(tmp_path: Path, server: Server) -> dict[str, str]:
    """Key and known hosts in a folder with a name that ssh would split and expand."""
    folder = tmp_path / "100% of %h"
    folder.mkdir()
    files = {"private_key_file": "user", "known_hosts_file": "known_hosts"}
    return {option: shutil.copy(server.directory / name, folder) for option, name in files.items()}


def test_blanks_and_percent_signs_in_paths_are_no_matter(
    tmp_path: Path, server: Server, awkward: dict[str, str]
) -> None:
    run = Run(tmp_path, server, play("Provision", "raw: 'true'"), OUTER_GOOD, guests=[server.guest(**awkward)])
    status, output = run.run()
    assert status == 0, output


@pytest.mark.parametrize("through_bastion", [False, True])
def test_the_controllers_own_ssh_takes_such_paths_too(
    server: Server, awkward: dict[str, str], through_bastion: bool
) -> None:
    guest = server.guest(**awkward)
    proxy = proxies.bastion_command(guest) if through_bastion else ""
    key, known_hosts = guest["private_key_file"], guest["known_hosts_file"]
    command = readiness.ssh_command(guest["user"], guest["host"], guest["port"], key, known_hosts, proxy)
    done = subprocess.run([*command, "echo here"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("here\n", "")


def test_failing_task_is_named(tmp_path: Path, server: Server) -> None:
    task = "name: Fill\nansible.builtin.command: sh -c 'echo the disk is full >&2; exit 3'"
    run = Run(tmp_path, server, play("Provision", task))
    status, output = run.run()
    assert status == 2, output
    assert run.result["msg"] == "provision: Fill: non-zero return code (the disk is full)"
    assert (run.result["rc"], run.result["status"]) == (2, "failed")
    assert json.loads((tmp_path / "events.jsonl").read_text().splitlines()[-1])["ok"] is False
    assert run.leftovers() == []


def test_broken_playbook_is_one_line(tmp_path: Path, server: Server) -> None:
    run = Run(tmp_path, server, "- hosts: all\n  tasks:\n    - no_such_module:\n")
    run.run()
    assert "no_such_module" in run.result["msg"]
    assert "\n" not in run.result["msg"]


def test_guest_that_goes_away_is_a_failure_that_always_survives(tmp_path: Path, server: Server) -> None:
    run = Run(tmp_path, server, play("Harden", "name: Wait\nansible.builtin.command: sleep 60"))
    process = run.start()
    assert eventually(lambda: processes_with("sleep 60"), 60)
    server.stop()
    output = process.communicate(timeout=30)[0]
    assert process.returncode == 2, output
    assert run.result["msg"].startswith("harden: the guest went away (unreachable) in stage harden: ")
    assert run.result["guest_unreachable"] is True
    assert (tmp_path / "always-ran").exists()
    assert run.leftovers() == []


def test_unknown_host_key_is_refused(tmp_path: Path, server: Server) -> None:
    other = tmp_path / "other_hosts"
    other.write_text(f"[127.0.0.1]:{server.port} " + (server.directory / "user.pub").read_text())
    run = Run(
        tmp_path, server, play("Provision", "ansible.builtin.ping:"), guests=[server.guest(known_hosts_file=str(other))]
    )
    run.run()
    assert "Host key verification failed" in run.result["msg"]


def test_timeout_ends_the_run(tmp_path: Path, server: Server) -> None:
    run = Run(tmp_path, server, play("Provision", "name: Wait\nansible.builtin.command: sleep 61"), timeout=6)
    begun = time.monotonic()
    run.run()
    assert time.monotonic() - begun < 25
    assert run.result["msg"] == "the run did not end within 6 s (in stage provision)"
    assert run.result["status"] == "timeout"
    assert run.leftovers() == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_survives_the_controlling_process(tmp_path: Path, server: Server, number: signal.Signals) -> None:
    tasks = [f"name: Wait\nansible.builtin.command: sleep 6{number}"]
    if number == signal.SIGKILL:  # much output: nobody reads it after the kill
        tasks.append("name: Talk\nansible.builtin.debug:\n  msg: '{{ ''x'' * 1000 }}'\nloop: '{{ range(300) | list }}'")
        tasks[0] += "\nasync: 70\npoll: 0"
    run = Run(tmp_path, server, play("Provision", *tasks))
    process = run.start()
    assert eventually(lambda: processes_with(f"sleep 6{number}"), 60)
    os.kill(process.pid, number)
    process.communicate(timeout=20)
    assert eventually(lambda: not run.leftovers(), 10), run.leftovers()


def test_folders_that_tear_down_removes_do_not_come_back(tmp_path: Path, server: Server) -> None:
    """SSH's connection plugin makes its sockets' folder anew while others remove it."""
    run = Run(tmp_path, server, play("Provision", "name: Wait\nansible.builtin.command: sleep 67"))
    process = run.start()
    assert eventually(lambda: processes_with("sleep 67"), 60)
    process.kill()
    for folder in run.folders:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
    process.communicate(timeout=20)
    assert eventually(lambda: not any(folder.exists() for folder in run.folders), 10)


def test_playbook_ends_with_its_worker(tmp_path: Path, server: Server) -> None:
    run = Run(tmp_path, server, play("Provision", "name: Wait\nansible.builtin.command: sleep 66"))
    process = run.start()
    assert eventually(lambda: processes_with("sleep 66"), 60)
    workers = [pid for pid in below(process.pid) if any("guest-run-" in line for line in command_lines(below(pid)))]
    os.kill(workers[0], signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode != 0
    # The master of the SSH connections is in a session of its own and ends a minute later.
    assert eventually(lambda: not [line for line in processes_with(str(tmp_path / "w")) if "ssh" not in line], 10)


def test_secrets_stay_secret(tmp_path: Path, server: Server) -> None:
    child = play(
        "Provision",
        "name: Use\nansible.builtin.command:\n  cmd: sleep 2\n  stdin: '{{ secret }}'\nno_log: true",
        "name: Fail\nansible.builtin.fail:\n  msg: '{{ secret }}'\nno_log: true",
    )
    run = Run(tmp_path, server, child, variables={"secret": CANARY})
    process = run.start()
    seen: list[str] = []
    while process.poll() is None:
        seen += processes_with(CANARY)
        time.sleep(0.05)
    output = process.stdout.read()
    assert "TASK [Fail]" in output
    assert CANARY not in output
    assert seen == []
    assert run.result["msg"] == "provision: Fail: the result is hidden (no_log)"
    assert [path for path in tmp_path.rglob("*") if path.is_file() and CANARY in path.read_text(errors="replace")] == [
        tmp_path / "outer.yml"
    ]


def test_users_own_settings_do_not_disturb(tmp_path: Path, server: Server) -> None:
    run = Run(tmp_path, server, play("Provision", "name: Do\nansible.builtin.command: id"))
    (tmp_path / "ansible.cfg").write_text(
        "[defaults]\nremote_user = nobody\nbecome = true\n[ssh_connection]\nssh_args = -x\n"
    )
    run.environment = {
        "ANSIBLE_STDOUT_CALLBACK": "minimal",
        "ANSIBLE_SSH_ARGS": "-o ProxyCommand=false",
        "ANSIBLE_BECOME_METHOD": "su",
        "ANSIBLE_LOG_PATH": str(tmp_path / "log"),
        "ANSIBLE_CHECK_MODE_MARKERS": "true",
        "ANSIBLE_INVENTORY": "/nonexistent",
        "ANSIBLE_PIPELINING": "false",
        "SSH_AUTH_SOCK": "/nonexistent",
    }
    status, output = run.run()
    assert status == 0, output
    assert "[web] TASK [Do] ***" in output


def test_users_roles_and_vault_passwords_are_found(tmp_path: Path, server: Server) -> None:
    (tmp_path / "password").write_text("let me in\n")
    secret = subprocess.run(
        ["ansible-vault", "encrypt_string", "--vault-id", f"team@{tmp_path}/password", "opened", "--name", "text"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for folder, name in (("mine", "first"), ("theirs", "second")):
        tasks = tmp_path / folder / name / "tasks"
        tasks.mkdir(parents=True)
        (tasks / "main.yml").write_text(f"- ansible.builtin.debug:\n    msg: role {name} {{{{ text }}}}\n")
    (tmp_path / "vars.yml").write_text(secret)
    child = "- hosts: all\n  gather_facts: false\n  vars_files: [vars.yml]\n  roles: [first, second]\n"
    run = Run(tmp_path, server, child, roles_path=[str(tmp_path / "mine")])
    run.environment = {
        "ANSIBLE_ROLES_PATH": str(tmp_path / "theirs"),
        "ANSIBLE_VAULT_IDENTITY_LIST": f"team@{tmp_path}/password",
    }
    status, output = run.run()
    assert status == 0, output
    assert "role first opened" in output
    assert "role second opened" in output


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"guests": []}, "guests: the list is empty"),
        ({"playbook": "none.yml"}, "none.yml does not exist"),
        ({"timeout": -1}, "timeout: -1 is negative"),
        ({"variables": {"guest_hardening": "no"}}, "guest_hardening: 'no' is no dictionary"),
        ({"runtime_dir": "/tmp/" + "long/" * 20}, "too long for SSH control sockets"),
    ],
)
def test_bad_options_are_one_line(tmp_path: Path, server: Server, changes: dict[str, Any], message: str) -> None:
    run = Run(tmp_path, server, play("Provision", "ansible.builtin.ping:"), **changes)
    status, output = run.run()
    assert status == 2
    assert message in run.result["msg"]
    assert "\n" not in run.result["msg"]
    assert "Traceback" not in output
    assert run.leftovers() == []
