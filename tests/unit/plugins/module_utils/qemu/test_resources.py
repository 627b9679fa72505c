# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The start of a machine, with programs that stand in for timeout and QEMU."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import FAILED, READY
from ansible_collections.hallmark.images.plugins.module_utils.qemu import process, resources

# As processes they have QEMU's name, or nothing of the product would find them.
TIMEOUT = """\
import os, sys
os.environ["PYTHONHOME"] = ":".join((sys.base_prefix, sys.base_exec_prefix))
assert sys.argv[1:4] == ["-k", "10", "60"]
os.execv(sys.executable, [sys.argv[4], *sys.argv[4:]])
"""
BIND = """\
import json, socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[sys.argv.index("-qmp") + 1])
"""
ANSWER = """\
time.sleep(0.5)
listener.listen()
greeting = {"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": ""}, "capabilities": []}}
while True:
    stream = listener.accept()[0]
    stream.sendall(json.dumps(greeting).encode() + b"\\n")
    while said := stream.recv(4096):  # one command, for the client waits for each answer
        asked = json.loads(said)
        print(asked.pop("execute"), flush=True)
        stream.sendall(json.dumps({"return": {}} | asked).encode() + b"\\n")
"""
SILENT = "time.sleep(60)\n"
HINT = """\
import sys
print("qemu-system-x86_64: warning: TCG lacks it")
print("qemu-system-x86_64: unsupported machine type")
sys.exit("Use -machine help to list supported machines")
"""
REFUSES = "import sys\nsys.exit('qemu-system-x86_64: -nic: no such device')\n"


@pytest.fixture
def token():
    return str(uuid.uuid4())


@pytest.fixture
def machine(tmp_path, monkeypatch, token):
    """Makes a machine whose QEMU is a Python program; what is left of it is ended after the test."""
    short = Path(tempfile.mkdtemp(prefix="r"))  # pytest's own folders are too long for a socket

    def make(program):
        for name, text in (("timeout", TIMEOUT), ("qemu-system-x86_64", program)):
            script = tmp_path / name
            script.write_text(f"#!{sys.executable}\n{text}")
            script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        socket = str(short / "qmp")
        return resources.Machine("builder", ["-qmp", socket], 60, socket, tmp_path / "qemu.log")

    yield make
    process.end(token)
    shutil.rmtree(short)


def test_qemu_may_answer_a_moment_after_its_socket_is_there(machine, token, tmp_path):
    made = machine(BIND + ANSWER)
    start = time.monotonic()
    assert made.create(token) == token
    assert time.monotonic() - start >= 0.5
    assert (tmp_path / "qemu.log").read_text().split() == ["qmp_capabilities", "query-status"]
    assert len(process.find(token)) == 1
    made.delete(token, token)
    assert process.find(token) == []


def test_qemu_that_ends_says_why(machine, token):
    made = machine(REFUSES)
    with pytest.raises(HallmarkError, match=r"^QEMU did not start: qemu-system-x86_64: -nic: no such device$"):
        made.create(token)
    assert process.find(token) == []


def test_a_hint_does_not_hide_what_qemu_complains_of(machine, token):
    with pytest.raises(HallmarkError, match=r"^QEMU did not start: qemu-system-x86_64: unsupported machine type$"):
        machine(HINT).create(token)


@pytest.mark.parametrize(("said", "status"), [("running", READY), ("paused", READY), ("io-error", FAILED)])
def test_a_machine_whose_disk_cannot_grow_has_failed(machine, token, said, status, tmp_path):
    made = machine(BIND + ANSWER.replace('"return": {}', f'"return": {{"status": "{said}"}}'))
    made.create(token)
    state = made.state(token)
    assert state.status == status
    if status == FAILED:
        assert state.reason == f"the machine is paused: no space left in {tmp_path}"


def test_qemu_that_ends_without_a_word(machine, token):
    with pytest.raises(HallmarkError, match=r"^QEMU did not start: no message$"):
        machine("").create(token)


@pytest.mark.parametrize("program", [BIND + SILENT, "import time\n" + SILENT], ids=["bound", "no socket"])
def test_qemu_that_never_answers_is_given_up(machine, token, monkeypatch, program):
    monkeypatch.setattr(resources, "START_TIMEOUT", 1.0)
    made = machine(program)
    start = time.monotonic()
    with pytest.raises(HallmarkError, match=r"^QEMU did not start within 1 s: QEMU did not answer query-status: "):
        made.create(token)
    assert 1 <= time.monotonic() - start < 5
    # Whoever made it takes it away, as after every failure.
    assert len(process.find(token)) == 1
    made.delete(None, token)
    assert process.find(token) == []
