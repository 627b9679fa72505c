# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys

from ansible_collections.hallmark.images.plugins.plugin_utils.guest import processes

# Starts a process that leaves its parent, its session and its process group behind, then prints its id.
ORPHAN = (
    "import subprocess; "
    "quiet = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL, 'start_new_session': True}; "
    "print(subprocess.Popen(['sleep', '60'], **quiet).pid)"
)


def alive(pid: int) -> bool:
    return pid in processes.descendants(os.getpid())


def test_orphans_are_adopted_ended_and_collected() -> None:
    spare = processes.descendants(os.getpid())
    processes.adopt_orphans()
    try:
        output = subprocess.run([sys.executable, "-c", ORPHAN], capture_output=True, text=True, check=True).stdout
        orphan = int(output)
        assert alive(orphan)
        killed = processes.end_descendants(spare)
        assert orphan in killed
        assert not alive(orphan)
        processes.collect(killed)
        assert not os.path.exists(f"/proc/{orphan}")
    finally:
        processes.adopt_orphans(False)


def test_spared_processes_live_on() -> None:
    spared = subprocess.Popen(["sleep", "60"])
    try:
        processes.end_descendants(processes.descendants(os.getpid()))
        assert spared.poll() is None
    finally:
        spared.kill()
        spared.wait()


def test_watch_notices_that_the_parent_is_gone() -> None:
    # The child of a process that ends at once looks for its parent and tells.
    code = (
        "import os, sys, time\n"
        "from ansible_collections.hallmark.images.plugins.plugin_utils.guest.processes import ParentWatch\n"
        "if os.fork():\n    time.sleep(0.3); os._exit(0)\n"
        "ParentWatch(lambda: os.write(1, b'gone'), interval=0.1).start()\n"
        "time.sleep(5)\n"
    )
    path = os.pathsep.join(sys.path)
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}
    )
    assert child.stdout is not None
    assert child.stdout.read(4) == b"gone"
    child.wait()
    child.stdout.close()


def test_watch_of_a_fork_knows_a_parent_that_was_gone_before() -> None:
    code = (
        "import multiprocessing, os, sys, time\n"
        "from ansible_collections.hallmark.images.plugins.plugin_utils.guest.processes import ParentWatch\n"
        "def work():\n"
        "    time.sleep(0.5)\n"
        "    os.write(1, b'gone' if ParentWatch(print).orphaned() else b'here')\n"
        "multiprocessing.get_context('fork').Process(target=work).start()\n"
        "os._exit(0)\n"
    )
    path = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}, check=False)
    assert done.stdout == b"gone"


def test_watch_ends_when_told() -> None:
    calls = []
    watch = processes.ParentWatch(lambda: calls.append(1), interval=0.05)
    watch.start()
    watch.stop()
    watch.join(timeout=2)
    assert not watch.is_alive()
    assert calls == []
