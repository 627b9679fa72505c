# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A booted machine for tests and benchmarks, launched and removed by the product itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLAY = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - hallmark.images.qemu_base_image:
        release: bookworm
      register: base
      when: source is not defined
    - hallmark.images.qemu_builder:
        source: "{{ source | default(base.path) }}"
        lifetime: deadline
        expires_after: 60
        timeout: 900
        cpus: 1
        memory: 1024
        disk_size: 4G
        hostname: test
      register: machine
    - ansible.builtin.copy:
        content: "{{ machine | to_json }}"
        dest: "{{ answer }}"
        mode: "0600"
"""


@dataclass(frozen=True)
class Machine:
    """A booted guest.

    :ivar inventory: an inventory file with the guest as its one host, ``guest``.
    """

    build_id: str
    host: str
    port: int
    user: str
    private_key_file: str
    known_hosts_file: str
    inventory: Path
    state_folder: Path

    def ssh(self, command: str, check: bool = True, given: str = "") -> str:
        """Run a command on the guest with some input; what it printed."""
        done = subprocess.run(
            [
                "ssh",
                "-F",
                "/dev/null",
                "-o",
                "BatchMode=yes",
                "-o",
                "IdentitiesOnly=yes",
                "-i",
                self.private_key_file,
                "-o",
                f"UserKnownHostsFile={self.known_hosts_file}",
                "-o",
                "StrictHostKeyChecking=yes",
                "-p",
                str(self.port),
                f"{self.user}@{self.host}",
                command,
            ],
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{command}: {done.stderr}")
        return done.stdout


def playbook(text: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook of the checkout's collection in a folder."""
    path = folder / "play.yml"
    path.write_text(text)
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
    }
    environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), environment.get("PATH", os.defpath)])
    return subprocess.run(
        ["ansible-playbook", str(path), *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def booted(source: Path | None = None) -> Iterator[Machine]:
    """Boot a machine from an image (Debian 12's base image when none is given) and remove it at the end.

    :raises RuntimeError: when it does not come up; with what ansible-playbook said.
    """
    with tempfile.TemporaryDirectory(prefix="hallmark-test-") as name:
        folder = Path(name)
        answer = folder / "machine.json"
        extra = {"answer": str(answer)} | ({"source": str(source)} if source else {})
        done = playbook(PLAY, folder, "-e", json.dumps(extra))
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        found = json.loads(answer.read_text())
        guest = found["guest"]
        inventory = folder / "inventory.yml"
        arguments = (
            f"-F /dev/null -o UserKnownHostsFile={guest['known_hosts_file']} -o IdentitiesOnly=yes"
            " -o ControlMaster=auto -o ControlPersist=60s"
        )
        inventory.write_text(
            json.dumps(
                {
                    "all": {
                        "hosts": {
                            "guest": {
                                "ansible_host": guest["host"],
                                "ansible_port": guest["port"],
                                "ansible_user": guest["user"],
                                "ansible_ssh_private_key_file": guest["private_key_file"],
                                "ansible_ssh_args": arguments,
                                "ansible_pipelining": True,
                                "ansible_ssh_timeout": 60,
                                "ansible_python_interpreter": "/usr/bin/python3",
                            }
                        }
                    }
                }
            )
        )
        try:
            yield Machine(
                found["build_id"],
                guest["host"],
                guest["port"],
                guest["user"],
                guest["private_key_file"],
                guest["known_hosts_file"],
                inventory,
                Path(found["state_folder"]),
            )
        finally:
            remove = (
                f"- hosts: localhost\n  gather_facts: false\n  tasks:\n    - hallmark.images.qemu_builder:\n"
                f"        build_id: {found['build_id']}\n        state: absent\n"
            )
            playbook(remove, folder)
