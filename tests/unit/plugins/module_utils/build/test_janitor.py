# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The janitor is a real process here, and so is the controller that it outlives."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build import janitor
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Resource


class File(Resource):
    """A file that stands for something temporary."""

    kind = "file"

    def create(self, token):
        raise AssertionError("the janitor creates nothing")

    def delete(self, identifier, token):
        Path(identifier).unlink(missing_ok=True)


def restore(kind, name, spec):
    return File(name)


@pytest.fixture
def controller():
    child = subprocess.Popen(["sleep", "60"])
    yield child
    child.kill()
    child.wait()


@pytest.fixture
def ledger(tmp_path):
    book = Ledger("20261123t171452-k3f9q2", tmp_path)
    book.open(platform="test")
    path = tmp_path / "temporary"
    path.write_text("x")
    book.intent("file", "one", "token", {})
    book.append("created", kind="file", name="one", id=str(path))
    return book


def wait(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def gone(pid, started):
    return not janitor.alive(pid, started)


def test_it_tears_down_when_the_controller_is_gone(ledger, controller, tmp_path):
    pid = janitor.start(ledger, controller.pid, restore)
    started = janitor.start_time(pid)
    assert janitor.alive(pid, started)
    assert os.getsid(pid) != os.getsid(0), "a signal to the terminal's processes must not reach it"
    controller.kill()
    controller.wait()
    assert wait(lambda: ledger.read().closed)
    assert not (tmp_path / "temporary").exists()
    assert wait(lambda: gone(pid, started))
    assert (ledger.folder / "janitor.log").read_text() == ""


def test_it_ends_with_the_build(ledger, controller, tmp_path):
    pid = janitor.start(ledger, controller.pid, restore)
    started = janitor.start_time(pid)
    ledger.append("gone", kind="file", name="one")
    ledger.append("closed")
    assert wait(lambda: gone(pid, started))
    assert (tmp_path / "temporary").exists()


def test_it_leaves_what_is_to_be_kept(ledger, controller, tmp_path):
    pid = janitor.start(ledger, controller.pid, restore)
    started = janitor.start_time(pid)
    ledger.append("keep")
    controller.kill()
    controller.wait()
    assert wait(lambda: gone(pid, started))
    assert (tmp_path / "temporary").exists()
    assert not ledger.read().closing


def test_signals_do_not_end_it(ledger, controller):
    pid = janitor.start(ledger, controller.pid, restore)
    for number in (1, 2, 15):
        os.kill(pid, number)
    controller.kill()
    controller.wait()
    assert wait(lambda: ledger.read().closed)


def test_the_controller_is_the_outermost_ansible(tmp_path):
    """Workers are forks of the controller and look like it; what started the controller does not count."""
    program = tmp_path / "ansible-playbook"
    program.write_text(
        textwrap.dedent(f"""\
        #!{sys.executable}
        import os, sys
        sys.path[:0] = {sys.path!r}
        from ansible_collections.hallmark.images.plugins.module_utils.build import janitor
        main = os.getpid()
        if not os.fork() and not os.fork():
            print(main, janitor.find_controller(), flush=True)
            os._exit(0)
        os.wait()
        """)
    )
    program.chmod(0o755)
    output = subprocess.run(["sh", "-c", f"{program}; sleep 1"], check=True, capture_output=True, text=True).stdout
    main, found = output.split()
    assert main == found


def test_without_ansible_above_it_says_what_to_do():
    with pytest.raises(HallmarkError, match="no controlling Ansible process found: lifetime: deadline"):
        janitor.find_controller()
