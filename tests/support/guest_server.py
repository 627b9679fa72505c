# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SSH server of our own on this computer, and playbooks whose one task runs a playbook over it."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

OUTER = """
- hosts: localhost
  gather_facts: false
  tasks:
    - block:
        - hallmark.images.guest_run: OPTIONS
      rescue:
        - ansible.builtin.copy:
            content: "{{ ansible_failed_result | to_json }}"
            dest: "{{ playbook_dir }}/result.json"
        - ansible.builtin.fail:
            msg: rescued
      always:
        - ansible.builtin.file:
            path: "{{ playbook_dir }}/always-ran"
            state: touch
"""

OUTER_GOOD = """
- hosts: localhost
  gather_facts: false
  tasks:
    - hallmark.images.guest_run: OPTIONS
      register: run
    - ansible.builtin.copy:
        content: "{{ run | to_json }}"
        dest: "{{ playbook_dir }}/result.json"
"""


class Server:
    """An SSH server on a free port of 127.0.0.1; the running user logs in with a key made for it."""

    def __init__(self, directory: Path) -> None:
        program = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        assert program, "these tests need sshd (package openssh-server)"
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # where sshd separates its privileges; the service makes it
        self.directory = directory
        self.runtime = Path(tempfile.mkdtemp(prefix="r"))  # a short path: pytest's own are too long for SSH's sockets
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (directory / "known_hosts").write_text(f"[127.0.0.1]:{self.port} " + (directory / "host.pub").read_text())
        # Bash reads ~/.bashrc for a command over SSH; the user's own has no part in this, and may take a while.
        (directory / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {directory}/host\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {directory}/user.pub\nStrictModes no\nSubsystem sftp internal-sftp\n"
            f"SetEnv HOME={directory}\n"
        )
        command = [program, "-D", "-e", "-f", directory / "config"]
        self.process = subprocess.Popen(command, stderr=(directory / "log").open("wb"), start_new_session=True)
        for _attempt in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError((directory / "log").read_text())

    def guest(self, **changes: Any) -> dict[str, Any]:
        """This computer as a guest."""
        return {
            "name": "web",
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "private_key_file": str(self.directory / "user"),
            "known_hosts_file": str(self.directory / "known_hosts"),
        } | changes

    def stop(self) -> None:
        """End the server and the sessions it serves."""
        for pid in [*below(self.process.pid), self.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        shutil.rmtree(self.runtime, ignore_errors=True)


def below(pid: int) -> list[int]:
    """The processes below one."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in pairs if its_parent == parent]
    return found[1:]


def processes_with(text: str) -> list[str]:
    """The command lines that hold a text."""
    listed = subprocess.run(["ps", "-ww", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if text in line]


def command_lines(pids: list[int]) -> list[str]:
    """The command lines of processes that run."""
    command = ["ps", "-ww", "-o", "args=", "-p", ",".join(map(str, [os.getpid(), *pids]))]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()


def eventually(condition: Callable[[], Any], seconds: float) -> bool:
    """Whether a condition comes true within some seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


class Run:
    """A playbook with one guest_run task, whose folders lie in a temporary folder."""

    def __init__(self, directory: Path, server: Server, child: str, outer: str = OUTER, **options: Any) -> None:
        self.directory = directory
        self.folders = [server.runtime, directory / "w"]
        (directory / "child.yml").write_text(child)
        options.setdefault("guests", [server.guest()])
        options = {
            "playbook": "child.yml",
            "runtime_dir": str(server.runtime),
            "work_dir": str(directory / "w"),
            "events_file": str(directory / "events.jsonl"),
            "timeout": 120,
        } | options
        (directory / "outer.yml").write_text(outer.replace("OPTIONS", json.dumps(options)))
        self.environment: dict[str, str] = {}

    def start(self) -> subprocess.Popen[str]:
        """Start the outer ansible-playbook."""
        return subprocess.Popen(
            ["ansible-playbook", "outer.yml"],
            cwd=self.directory,
            env=os.environ | {"ANSIBLE_LOCALHOST_WARNING": "false"} | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self) -> tuple[int, str]:
        """Run it; the exit status and the output."""
        process = self.start()
        output = process.communicate(timeout=120)[0]
        return process.returncode, output

    @property
    def result(self) -> dict[str, Any]:
        """The failed task's result, as `rescue` saw it."""
        return json.loads((self.directory / "result.json").read_text())

    def leftovers(self) -> list[str]:
        """What is still there of the run: files in its folders, processes."""
        files = [str(path) for folder in self.folders for path in folder.glob("*")]
        return files + [line for folder in self.folders for line in processes_with(str(folder))]


def play(name: str, *tasks: str) -> str:
    """A play with its tasks, each given as YAML."""
    lines = "".join("\n    - " + task.strip().replace("\n", "\n      ") for task in tasks)
    return f"- name: {name}\n  hosts: all\n  gather_facts: false\n  tasks:{lines}\n"
