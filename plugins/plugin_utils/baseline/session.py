# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the checks: the child process on one side, the machine's shell on the other, decisions in between."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import typing as t

from ansible import constants as C

from ansible_collections.hallmark.images.plugins.module_utils.baseline import child
from ansible_collections.hallmark.images.plugins.module_utils.baseline.controls import BaselineError
from ansible_collections.hallmark.images.plugins.module_utils.baseline.results import Outcome
from ansible_collections.hallmark.images.plugins.module_utils.baseline.shell import (
    CommandTimeout,
    Runner,
    ShellEnded,
    ShellLost,
    last_line,
)
from ansible_collections.hallmark.images.plugins.module_utils.baseline.wire import Wire, WireClosed

from .transports import clean_environment

#: Only what the checks need: no plugin of the user's environment, no file written, no configuration found on the way.
_PYTEST = (
    "-q --no-header --no-summary --color=no --tb=short --strict-markers --import-mode=importlib -p no:cacheprovider"
).split()

Select = t.Callable[[list[dict[str, t.Any]]], list[str]]


class CheckSession:
    """A child process that runs pytest, and the service of its requests.

    :param root: folder that holds C(ansible_collections).
    :param confcutdir: C(conftest.py) files of this folder's parents are not read.
    :param files: test files, in the order they shall run.
    :param name: inventory name of the machine.
    """

    def __init__(self, root: str, confcutdir: str, files: t.Sequence[str], name: str) -> None:
        # Below Ansible's own: whoever kills it looks there for what is left.
        self._folder = tempfile.TemporaryDirectory(prefix="hallmark-baseline-", dir=C.DEFAULT_LOCAL_TMP)
        ini = os.path.join(self._folder.name, "pytest.ini")
        self._log = os.path.join(self._folder.name, "output")
        with open(ini, "w", encoding="utf-8") as stream:
            stream.write("[pytest]\n")
        ours, theirs = socket.socketpair()
        self._wire = Wire(ours)
        argv = [sys.executable, "-P", child.__file__, str(theirs.fileno()), root, name, *_PYTEST]
        argv += ["-c", ini, f"--rootdir={confcutdir}", f"--confcutdir={confcutdir}", *files]
        environment = clean_environment()
        environment.update(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTHONDONTWRITEBYTECODE="1")
        with theirs, open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                env=environment,
                cwd=self._folder.name,
                start_new_session=True,
            )

    def run(self, runner: Runner, select: Select, on_outcome: t.Callable[[Outcome], None]) -> None:
        """Serve the child until its end.

        :param runner: runs the checks' commands.
        :param select: gets the collected tests once, returns the node ids to run, or raises.
        :param on_outcome: called for each check that is done.
        :raises BaselineError: a file could not be collected, or the child ended before its time.
        :raises ShellLost: the machine was lost on the way.
        """
        collected = False
        try:
            while True:
                kind, fields, blob = self._wire.receive()
                if kind == "command":
                    self._serve(runner, blob, fields["timeout"])
                elif kind == "test":
                    on_outcome(Outcome(**fields))
                elif kind == "collected":
                    collected = True
                    self._raise_errors(fields["errors"])
                    self._wire.send("run", nodeids=select(fields["tests"]))
                elif kind == "end":
                    break
        except WireClosed:
            status = self._process.wait(10)
            raise BaselineError(
                f"the check process ended before its time, exit status {status}: {self._said()}"
            ) from None
        if not collected:
            raise BaselineError(f"the checks could not be collected: {self._said()}")

    def _serve(self, runner: Runner, command: bytes, timeout: float | None) -> None:
        try:
            done = runner.run(command, timeout)
        except (CommandTimeout, ShellEnded, ValueError) as error:
            self._wire.send("broken", message=str(error))
            return
        self._wire.send("done", done.stdout + done.stderr, rc=done.rc, stdout=len(done.stdout))

    @staticmethod
    def _raise_errors(errors: list[dict[str, str]]) -> None:
        if errors:
            first = errors[0]
            more = f" (and {len(errors) - 1} more files)" if len(errors) > 1 else ""
            raise BaselineError(f"{first['where'] or first['file']}: {first['message']}{more}")

    def _said(self) -> str:
        with open(self._log, "rb") as stream:
            return last_line(stream.read()) or "it said nothing"

    def close(self) -> None:
        """End the child and remove its folder; harmless after its end."""
        self._wire.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()


__all__ = ["CheckSession", "ShellLost"]
