# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each net holds on its own where the ones before are torn, and a machine is kept when that was asked for."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.qemu import process
from support.place import Place, Run

# One worker, because what is reaped may be another test's: a machine without a ledger is everybody's.
pytestmark = pytest.mark.xdist_group("nets")

FAILING = """\
- name: Fail on purpose
  ansible.builtin.fail:
    msg: on purpose
"""


def launch_without_system(place: Place, *arguments: str) -> Run:
    """Start a build whose machine has an empty disk, so that it stays in its launch; wait until the ledger has it."""
    place.environment["XDG_CACHE_HOME"] = str(place.folder / "cache")
    image = place.folder / "empty.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "64M"], check=True)
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    place.define(text=f"source: {{path: {image}, checksum: 'sha256:{digest}'}}\nbuilder: {{cpus: 1, memory: 128}}\n")
    run = place.start(*arguments)
    deadline = time.monotonic() + 120
    while not is_created(place):
        assert run.process.poll() is None, run.text()
        assert time.monotonic() < deadline, run.text()
        time.sleep(0.1)
    return run


def is_created(place: Place) -> bool:
    """Whether the build's machine runs and has opened its files; its processes are there a moment before."""
    folders = list((place.state / "hallmark").glob("*"))
    entry = place.ledger().read().entries.get("machine/builder") if folders else None
    return bool(entry and entry.identifier)


def machine_processes(place: Place) -> list[int]:
    """The processes of the build's machine."""
    return process.find(place.ledger().read().entries["machine/builder"].token)


def kill_controller_and_janitor(place: Place, run: Run) -> None:
    """Tear the first two nets; the janitor first, or it would do its work."""
    janitor = int((place.ledger().folder / "janitor").read_text().split()[0])
    os.kill(janitor, signal.SIGKILL)
    run.send(signal.SIGKILL)
    run.wait(10)


def reap(place: Place, *arguments: str, state: Path | None = None) -> str:
    """What the play reap says; with another home for state where one is given."""
    done = subprocess.run(
        ["ansible-playbook", "hallmark.images.reap", *arguments],
        cwd=place.folder,
        env={**place.environment, "XDG_STATE_HOME": str(state or place.state)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_reap_removes_what_neither_controller_nor_janitor_look_after(place: Place) -> None:
    run = launch_without_system(place)
    assert place.ledger().build_id not in reap(place), "a build that is alive is left alone"
    assert place.ledger().build_id not in reap(place, state=place.folder / "elsewhere"), "one with another home, too"
    assert machine_processes(place)
    kill_controller_and_janitor(place, run)
    assert machine_processes(place)
    assert "its controller and its janitor are gone" in reap(place, "--check")
    assert machine_processes(place), "check mode removes nothing"
    place.environment["ANSIBLE_REMOTE_TEMP"] = "/dev/null/none"  # as on a full disk: no folder can be made
    reap(place)
    place.wait_until_clean(10)


def test_a_machine_whose_emulator_crashes_while_it_boots_is_launched_once_more(place: Place) -> None:
    run = launch_without_system(place)
    first = place.ledger().read().entries["machine/builder"].token
    for pid in process.find(first):
        os.kill(pid, signal.SIGSEGV)
    run.wait_for("launch", "retry", seconds=60)
    deadline = time.monotonic() + 60
    while not machine_processes(place) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert place.ledger().read().entries["machine/builder"].token != first
    run.send(signal.SIGKILL)
    run.wait(10)
    place.wait_until_clean(60)


def test_the_machine_ends_itself_at_its_deadline(place: Place) -> None:
    run = launch_without_system(place, "-e", "build_expires_after=1")
    kill_controller_and_janitor(place, run)
    deadline = time.monotonic() + 90
    while machine_processes(place) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert machine_processes(place) == []
    reap(place, "-i", "localhost,")  # which is no longer the one that Ansible makes up
    place.wait_until_clean(10)


def test_reap_finds_a_machine_whose_ledger_is_lost(place: Place) -> None:
    run = launch_without_system(place)
    build, token = place.ledger().build_id, place.ledger().read().entries["machine/builder"].token
    kill_controller_and_janitor(place, run)
    shutil.rmtree(place.state / "hallmark")
    assert process.find(token)
    assert build in reap(place)
    assert process.find(token) == []


@pytest.mark.machine
def test_a_failed_build_is_kept_on_demand(place: Place, quick: str) -> None:
    place.define(text=quick, provision__yml=FAILING)
    run = place.start("-e", "build_on_error=keep")
    assert run.wait(900) != 0
    text = re.sub(r"\s+", " ", run.text())
    assert "on purpose" in text
    try:
        command = re.search(r"Log in with: (ssh -F .*? builder)", text)[1]
        time.sleep(3)  # the janitor has had the time to make a mistake
        log_in = [*shlex.split(command), "-o", "BatchMode=yes", "id", "-un"]
        done = subprocess.run(log_in, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.stdout == "debian\n", done.stderr
    finally:
        removal = re.search(r"reap_build=(\S{22})", text)[1]
        reap(place, "-e", f"reap_build={removal}")
    place.wait_until_clean(10)
