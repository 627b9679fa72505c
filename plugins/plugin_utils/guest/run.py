# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.plugin_utils.guest import connection, processes, workspace
from ansible_collections.hallmark.images.plugins.plugin_utils.guest.outcome import Outcome, output_lines

try:
    import ansible_runner
    from ansible_runner.utils import get_callback_dir
except ImportError:
    ansible_runner = None

_IDENT = "run"
# Seconds the main thread is given to clear up by itself after its parent has died.
_GRACE = 5.0


@dataclass
class GuestRun:
    """One run of a playbook on guests, in a process tree of its own, of which nothing is left when it is over.

    :param playbook: path, or the name of a playbook in a collection.
    :param guests: the machines, at least one.
    :param variables: extra variables of the run; plain data, never templated again.
    :param write: takes each line of output.
    :param work_dir: where the run's private folder is made.
    :param runtime_dir: where the folder of its SSH control sockets is made; a short path.
    :param timeout: seconds after which the run is ended, 0 for none.
    :param silence: seconds without a sign of life after which a guest counts as gone.
    :param roles_path: folders to search roles in before the user's own.
    :param vault_secrets: vault ids and passwords.
    :param flags: further arguments of ansible-playbook, for example ``-v``.
    """

    playbook: str
    guests: list[connection.Guest]
    variables: Mapping[str, Any]
    outcome: Outcome
    write: Callable[[str], None]
    work_dir: str
    runtime_dir: str
    timeout: int = 0
    silence: int = 60
    roles_path: Iterable[str] = ()
    vault_secrets: Iterable[tuple[str, bytes]] = ()
    flags: tuple[str, ...] = ()
    colour: bool = False
    cancelled: str = ""
    signal: int = 0
    _deadline: float = 0.0
    _spare: set[int] = field(default_factory=set)
    _folders: list[str] = field(default_factory=list)
    _watch: processes.ParentWatch = field(init=False, repr=False)

    def run(self) -> tuple[str, int]:
        """Run, and clear up whatever happens.

        :returns: ansible-runner's status (successful, failed, timeout, canceled) and the exit status.
        :raises HallmarkError: the run cannot begin.
        """
        if ansible_runner is None:
            raise HallmarkError("the Python package ansible-runner is missing", "pip install ansible-runner")
        for guest in self.guests:
            connection.check_guest(guest)
        with ExitStack() as stack:
            self._spare = processes.descendants(os.getpid())
            processes.adopt_orphans()
            stack.callback(processes.adopt_orphans, False)
            self._catch_signals(stack)
            self._watch = processes.ParentWatch(self._parent_gone)
            stack.callback(self._watch.stop)
            stack.callback(self._clear_up)
            private, control = self._make_folders()
            self._watch.start()
            runner = self._prepare(private, control)
            self._deadline = time.monotonic() + self.timeout if self.timeout else 0.0
            try:
                runner.run()
            finally:
                connection.close_connections(control)
            self.outcome.end_stage()
            return runner.status, runner.rc

    def _make_folders(self) -> tuple[str, str]:
        """The private folder and the folder of control sockets, both 0700."""
        for path in (self.work_dir, self.runtime_dir):
            os.makedirs(path, mode=0o700, exist_ok=True)
        control = tempfile.mkdtemp(prefix="s", dir=self.runtime_dir)
        self._folders.append(control)
        connection.check_control_directory(control)
        private = tempfile.mkdtemp(prefix="guest-run-", dir=self.work_dir)
        self._folders.append(private)
        return private, control

    def _prepare(self, private: str, control: str) -> Any:
        """Write what ansible-playbook reads, and set up ansible-runner."""
        vaults = []
        for number, (name, secret) in enumerate(self.vault_secrets):
            vaults.append((name, os.path.join(private, "vault", str(number))))
            workspace.write_private(vaults[-1][1], secret)
        settings = workspace.settings_of_run(
            private, control, self.roles_path, self.colour, vaults, forks=max(5, len(self.guests))
        )
        config = os.path.join(private, "ansible.cfg")
        workspace.write_private(config, workspace.configuration_text(settings))
        workspace.write_private(
            os.path.join(private, "inventory", "hosts.yml"), workspace.inventory_text(self.guests, self.silence)
        )
        # ansible-runner hands this file over as `-e @file`: no value ever stands in a list of processes.
        workspace.write_private(os.path.join(private, "env", "extravars"), workspace.variables_text(self.variables))
        runner = ansible_runner.interface.init_runner(
            private_data_dir=private,
            ident=_IDENT,
            playbook=self.playbook,
            quiet=True,
            settings={"pexpect_timeout": 1, "suppress_output_file": True, "suppress_ansible_output": True},
            event_handler=self._take_event,
            cancel_callback=self._must_end,
        )
        runner.config.cwd = os.getcwd()
        artifacts = runner.config.artifact_dir
        runner.config.env = workspace.environment(runner.config.env, config, get_callback_dir(), artifacts)
        start = workspace.playbook_command(runner.config.env["PATH"])
        runner.config.command = [*start, *runner.config.command[1:-1], *self.flags, runner.config.command[-1]]
        return runner

    def _take_event(self, event: dict[str, Any]) -> bool:
        """Pass an event's output on and learn from it; nothing of it is kept on disk."""
        self.outcome.take(event)
        for line in output_lines(event):
            self._write(line)
        return False

    def _write(self, line: str) -> None:
        try:
            self.write(line)
        except (OSError, ValueError):  # the reader of our output is gone: the watch ends the run
            return

    def _must_end(self) -> bool:
        """Whether ansible-runner shall end the run now; it looks each second."""
        if self._deadline and time.monotonic() > self._deadline and not self.cancelled:
            self.cancelled = f"the run did not end within {self.timeout} s"
        if self.cancelled:
            processes.end_descendants(self._spare)
        return bool(self.cancelled)

    def _catch_signals(self, stack: ExitStack) -> None:
        """On SIGINT and SIGTERM end the run first; the caller passes the signal on afterwards."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            stack.callback(signal.signal, number, signal.signal(number, self._take_signal))

    def _take_signal(self, number: int, frame: Any) -> None:
        self.signal = number
        self.cancelled = f"the run was interrupted ({signal.Signals(number).name})"

    def _parent_gone(self) -> None:
        """Called by the watch, in its thread: end everything, also if the main thread hangs."""
        self.cancelled = "the process that controls the run is gone"
        processes.end_descendants(self._spare)
        time.sleep(_GRACE)
        self._clear_up()
        os._exit(1)

    def _clear_up(self) -> None:
        """End what still runs below us and remove the folders."""
        processes.collect(processes.end_descendants(self._spare))
        for path in self._folders:
            shutil.rmtree(path, ignore_errors=True)
        if self._watch.orphaned():
            # Who tears the build down meanwhile removes these as well; SSH makes them anew for its sockets.
            for path in (self.work_dir, self.runtime_dir):
                with suppress(OSError):
                    os.rmdir(path)
