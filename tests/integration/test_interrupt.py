# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C and SIGKILL in each stage of the guest side: within 60 s nothing temporary of the build is left.

The guest is the one that the tests here share, put back after each case; the build's own machine has no system.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.identifiers import new_build_id, runtime_folder
from support.machine import ROOT, Machine, playbook
from support.place import FEW_AREAS, Place, strike

pytestmark = pytest.mark.machine

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - hallmark.images.qemu_builder:
        build_id: "{{ id }}"
        name: builder
        source: "{{ disk }}"
        wait: false
        cpus: 1
        memory: 128
    - hallmark.images.guest_run:
        guests: ["{{ guest }}"]
        variables: "{{ variables }}"
        stage: "{{ name }}"
        events_file: "{{ evidence }}/events.jsonl"
        runtime_dir: "{{ runtime }}"
        work_dir: "{{ runtime }}/guest"
"""
SNAPSHOT = """
- hosts: localhost
  gather_facts: false
  tasks:
    - hallmark.images.qemu_snapshot: {{build_id: "{build}", machine: builder, name: interrupt, state: {state}}}
"""
FEW = json.loads(FEW_AREAS[1])


def snapshot(machine: Machine, folder: Path, state: str) -> None:
    """Keep, put back or forget the state of the shared guest."""
    done = playbook(SNAPSHOT.format(build=machine.build_id, state=state), folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def kept(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to work in while the shared guest can be put back."""
    folder = tmp_path_factory.mktemp("kept")
    snapshot(machine, folder, "present")
    yield folder
    snapshot(machine, folder, "absent")


@pytest.fixture
def place(machine: Machine, kept: Path, tmp_path: Path) -> Iterator[Place]:
    """A folder with a home for state of its own."""
    state = tmp_path / "state"
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "XDG_STATE_HOME": str(state),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    found = Place(tmp_path, state, environment)
    yield found
    found.close()
    snapshot(machine, kept, "restored")


@pytest.mark.parametrize(
    ("name", "stage"),
    [(name, name) for name in ("provision", "audit", "harden", "verify", "seal")] + [("boot check", "verify")],
)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["sigkill", "sigint"])
def test_nothing_is_left_of_the_build(
    machine: Machine, place: Place, name: str, stage: str, number: signal.Signals
) -> None:
    disk, build, tasks = place.folder / "disk.qcow2", new_build_id(), place.folder / "provision.yml"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"], check=True)
    tasks.write_text("- ansible.builtin.raw: sleep 60\n")
    variables = {"guest_stages": [stage], "guest_provision_file": str(tasks), "guest_gather_facts": False}
    variables |= {"guest_hardening": FEW["build_hardening"], "guest_baseline": FEW["build_baseline"]}
    guest = {"name": "builder", "host": machine.host, "port": machine.port, "user": machine.user}
    guest |= {"private_key_file": machine.private_key_file, "known_hosts_file": machine.known_hosts_file}
    given = {"id": build, "disk": str(disk), "name": name, "variables": variables, "guest": guest}
    given |= {"runtime": f"{runtime_folder(build)}.builder", "evidence": str(place.folder / "build" / build)}
    run = place.start_play(PLAY, "-e", json.dumps(given))
    run.wait_for(name, "start", play=stage)
    strike(place, run, number)
