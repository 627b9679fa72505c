# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.qemu.base import lifeline


def wait_after(what):
    with lifeline.ends_with_ansible():
        what()
        time.sleep(5)


def test_sigterm_is_an_interrupt_only_while_it_lasts():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        wait_after(lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_second_signal_does_not_cut_the_cleaning_up():
    cleaned = []

    def work() -> None:
        with lifeline.ends_with_ansible():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(5)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                os.kill(os.getpid(), signal.SIGINT)
                cleaned.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert cleaned == [True]


def test_the_end_of_the_controller_is_an_interrupt(monkeypatch):
    controller = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(lifeline, "find_controller", lambda: controller.pid)
    with pytest.raises(KeyboardInterrupt):
        wait_after(controller.kill)
    controller.wait()


def test_a_controller_that_lives_on_is_let_go(monkeypatch):
    monkeypatch.setattr(lifeline, "find_controller", os.getppid)
    descriptors = len(os.listdir("/proc/self/fd"))
    with lifeline.ends_with_ansible():
        pass
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_program_that_runs_for_us_ends_before_we_do(tmp_path, monkeypatch):
    """Were it alive while its folder is removed, it would go on filling it."""
    code = (
        "import pathlib, subprocess, sys;"
        "from ansible_collections.hallmark.images.plugins.module_utils.qemu.base import lifeline, programs;"
        "log = pathlib.Path(sys.argv[1])\n"
        "try:\n"
        "    with lifeline.ends_with_ansible():\n"
        "        command = ['sh', '-c', 'echo begun; exec sleep 987']\n"
        "        programs.run_logged(command, log, lambda line: print(line, flush=True))\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "log"], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout.readline() == "begun\n"
    process.terminate()
    said, dummy = process.communicate(timeout=20)
    assert said == "interrupted\n"
    sleeping = subprocess.run(["pgrep", "-f", "^sleep 987$"], capture_output=True, text=True, check=False)
    assert sleeping.stdout == ""
