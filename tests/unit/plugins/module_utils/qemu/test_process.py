# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.qemu import process


@pytest.fixture
def token():
    return str(uuid.uuid4())


def start(tmp_path, name, *arguments):
    """A real process with the program name of one of QEMU's."""
    program = tmp_path / name
    if not program.exists():
        shutil.copy(shutil.which("sleep"), program)
    return subprocess.Popen([program, *arguments], stderr=subprocess.DEVNULL)


def test_only_qemus_programs_are_found(tmp_path, token):
    ours = start(tmp_path, "timeout", "60", "--", "0.0" + "0" * 10)
    other = subprocess.Popen(["sh", "-c", f"sleep 60 # {token}"])
    try:
        assert process.find(token) == []
    finally:
        for child in (ours, other):
            child.kill()
            child.wait()


def test_end_takes_wrapper_and_program(tmp_path, token):
    """As a machine is started: a program under timeout(1), which carries the token in both command lines."""
    started = tmp_path / "started"
    script = f"touch {started}; sleep 30; : {token}"
    child = subprocess.Popen(["timeout", "-k", "10", "60", "timeout", "60", "sh", "-c", script])
    deadline = time.monotonic() + 10
    # Until then there is one more for a moment: what timeout has forked, and is not the shell yet.
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(process.find(token)) == 2
    process.end(token)
    assert process.find(token) == []
    child.wait(5)


def test_ending_what_is_gone_is_no_error(token):
    process.end(token)


def test_this_process_is_never_found():
    assert os.getpid() not in process.find("test_process")
