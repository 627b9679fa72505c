# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the checks reach the machine: over the task's own connection and become plugin, whatever they are.

C(ssh) and C(local) get one shell that stays open. Any other connection plugin runs each command by its own
C(exec_command): slower, but everything Ansible reaches can be audited.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import time
import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_bytes, to_text

from ansible_collections.hallmark.images.plugins.module_utils.baseline.channel import Channel, spawn
from ansible_collections.hallmark.images.plugins.module_utils.baseline.shell import (
    PLAIN_SHELL,
    TERMINAL_SHELL,
    CommandTimeout,
    Completed,
    Runner,
    Shell,
    ShellEnded,
    ShellLost,
    framed,
    last_line,
)

#: Seconds on top of the connection's own timeout: a slow guest's login and become take that long.
_PATIENCE = 30


def make_runner(connection: t.Any, become: t.Any, timeout: float) -> Runner:
    """Return what runs commands over a connection.

    :param connection: the task's connection plugin.
    :param become: the become plugin to use, or None.
    :param timeout: seconds a command may take.
    """
    if connection.transport == "local":
        return Shell(lambda: _open_local(become), timeout, _PATIENCE)
    if connection.transport == "ssh" and hasattr(connection, "_build_command"):
        patience = _PATIENCE + int(connection.get_option("timeout") or 0)
        return Shell(lambda: _open_ssh(connection, become, patience), timeout, patience)
    return ExecRunner(connection, become, timeout)


def clean_environment() -> dict[str, str]:
    """Return this process's environment without Ansible's variables, which may hold passwords, and without pytest's."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTEST_"))}


def needs_terminal(become: t.Any) -> bool:
    """Return whether a become plugin has to be given a terminal: some ask for the password nowhere else."""
    return bool(become and (become.require_tty or (not become.pipelining and become.get_option("become_pass"))))


class _PosixShell:
    """What a become plugin wants to know about the shell it wraps a command in."""

    ECHO = "echo"
    COMMAND_SEP = ";"
    CD = "cd"
    _SHELL_AND = "&&"
    executable = "/bin/sh"
    _load_name = "sh"


def _start_line(become: t.Any, terminal: bool) -> tuple[str, t.Callable[[bytes], bool]]:
    """Return the command that starts the shell, and what recognises the line it prints when it has started."""
    shell = TERMINAL_SHELL if terminal else PLAIN_SHELL
    if become:
        return become.build_become_command(shell, _PosixShell), become.check_success
    ready = f"READY-{secrets.token_hex(8)}"
    return f"echo {ready}; {shell}", lambda output: ready.encode() in output


def _open_local(become: t.Any) -> Channel:
    terminal = needs_terminal(become)
    line, started = _start_line(become, terminal)
    channel = spawn(["/bin/sh", "-c", line], terminal=terminal, env=clean_environment(), cwd="/")
    _wait_for_start(channel, become, started, _PATIENCE)
    return channel


def _open_ssh(connection: t.Any, become: t.Any, patience: float) -> Channel:
    attempts = int(connection.get_option("reconnection_retries") or 0) + 1
    for attempt in range(attempts):
        try:
            return _try_ssh(connection, become, patience)
        except AnsibleConnectionFailure:
            if attempt == attempts - 1:
                raise
            time.sleep(min(2**attempt - 1, 30))
    raise AnsibleError("reconnection_retries must not be negative")


def _try_ssh(connection: t.Any, become: t.Any, patience: float) -> Channel:
    """Start ssh with the command line that the connection plugin itself would use."""
    terminal = needs_terminal(become)
    line, started = _start_line(become, terminal)
    connection.host = connection.get_option("host") or connection._play_context.remote_addr
    command = f"/bin/sh -c {shlex.quote(line)}"
    arguments = (["-tt"] if terminal else []) + [connection.host, command]
    argv = connection._build_command(connection.get_option("ssh_executable"), "ssh", *arguments)
    with _ssh_password(connection) as options:
        channel = spawn(argv, merged=terminal, **options)
        _wait_for_start(channel, become, started, patience, remote=True)
    return channel


@contextlib.contextmanager
def _ssh_password(connection: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Hand ssh the login password the way the connection plugin does: through shared memory or sshpass's pipe."""
    options = connection._init_shm()
    pipe = connection.sshpass_pipe
    try:
        if pipe:
            password = connection.get_option("password") or connection._play_context.password
            os.write(pipe[1], to_bytes(password) + b"\n")
            os.close(pipe[1])
            options["pass_fds"] = (pipe[0],)
        yield options
    finally:
        if pipe:
            os.close(pipe[0])
            connection.sshpass_pipe = None
        if connection.shm:
            connection.shm.close()
            with contextlib.suppress(FileNotFoundError):
                connection.shm.unlink()
            connection.shm = None


def _wait_for_start(
    channel: Channel, become: t.Any, started: t.Callable[[bytes], bool], patience: float, remote: bool = False
) -> None:
    """Wait until the shell runs, answering a become prompt on the way.

    :raises AnsibleConnectionFailure: the machine cannot be reached.
    :raises AnsibleError: become is refused.
    """
    try:
        _negotiate(channel, become, started, time.monotonic() + patience, remote)
    except BaseException:
        channel.close()
        raise


def _negotiate(
    channel: Channel, become: t.Any, started: t.Callable[[bytes], bool], deadline: float, remote: bool
) -> None:
    answered = False
    seen_out = seen_err = 0
    while not started(bytes(channel.out)):
        news = (bytes(channel.out[seen_out:]), bytes(channel.err[seen_err:]))
        if become:
            name = become.name
            if any(become.check_incorrect_password(part) for part in news):
                raise AnsibleError(f"Incorrect {name} password")
            if any(become.check_missing_password(part) for part in news):
                raise AnsibleError(f"Missing {name} password")
            # A prompt waits at the end of its line; what a login prints about passwords does not.
            if any(become.check_password_prompt(part.rpartition(b"\n")[2]) for part in news):
                password = become.get_option("become_pass")
                if answered or not password:
                    raise AnsibleError(f"{'Incorrect' if answered else 'Missing'} {name} password")
                channel.send(to_bytes(password, errors="surrogate_or_strict") + b"\n")
                answered = True
                seen_out, seen_err = len(channel.out), len(channel.err)
        if channel.ended and not channel.pump(time.monotonic() + 0.2):
            raise _refusal(channel, become, remote)
        if not channel.ended and not channel.pump(deadline):
            what = f"{become.name} to become {become.get_option('become_user') or 'root'}" if become else "a shell"
            raise AnsibleConnectionFailure(f"no answer in time, waiting for {what}")


def _refusal(channel: Channel, become: t.Any, remote: bool) -> AnsibleError:
    """Return the error for a start that ended by itself."""
    said = last_line(bytes(channel.err)) or last_line(bytes(channel.out))
    if become:
        # sudo says what is wrong first, and then what follows from it.
        lines = (bytes(channel.err) + b"\n" + bytes(channel.out)).splitlines()
        said = next((last_line(line) for line in lines if line.startswith(to_bytes(f"{become.name}:"))), said)
    # 255 is ssh's own failure, 5 and 6 are sshpass's words for a wrong password and an unknown host key.
    with contextlib.suppress(Exception):
        channel.process.wait(2)
    status = channel.process.returncode
    if remote and status in (5, 6, 255, None):
        return AnsibleConnectionFailure(f"Failed to connect to the host via ssh: {said}")
    what = f"{become.name} gave no shell" if become else "no shell on the machine"
    return AnsibleError(f"{what}: {said or f'exit status {status}'}")


class ExecRunner:
    """Runs each command by the connection plugin's exec_command; for plugins whose process cannot be kept open.

    :param connection: the task's connection plugin.
    :param become: the become plugin to use, or None.
    :param timeout: seconds a command may take, enforced on the machine where it has C(timeout(1)).
    """

    def __init__(self, connection: t.Any, become: t.Any, timeout: float) -> None:
        self.round_trips = 0
        self._connection = connection
        self._become = become
        self._timeout = timeout

    def run(self, command: bytes, timeout: float | None = None) -> Completed:
        """Run one command; see Shell.run."""
        limit = self._timeout if timeout is None else timeout
        mark = secrets.token_hex(16).encode()
        self.round_trips += 1
        # One stream with markers: what the plugin, a login or a terminal adds stands outside them. The command arrives
        # in a variable, so that timeout(1) can start a shell for it without another layer of quotes.
        body = to_text(framed(command, mark, merged=True), errors="surrogateescape")
        line = (
            "stty -opost 2>/dev/null; LC_ALL=C LANG=C TERM=dumb PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; "
            "export LC_ALL LANG TERM PATH; unset LANGUAGE; cd /; "
            f"b={shlex.quote('exec 4>&1; echo; echo ' + mark.decode() + '; ' + body)}; "
            "if command -v timeout >/dev/null 2>&1; then "
            f'timeout -k 5 {limit:g} /bin/sh -c "$b"; else /bin/sh -c "$b"; fi'
        )
        if self._become:
            line = self._become.build_become_command(line, _PosixShell)
        started = time.monotonic()
        try:
            rc, stdout, stderr = self._connection.exec_command(f"/bin/sh -c {shlex.quote(line)}", sudoable=True)
        except AnsibleError as error:
            if self.round_trips == 1:
                raise  # the first contact: unreachable, or become refused
            raise ShellLost(last_line(to_bytes(str(error)))) from error
        done = self._parse(mark, rc, to_bytes(stdout), to_bytes(stderr))
        if done:
            return done
        shown = to_text(command, errors="replace")[:200]
        if time.monotonic() - started >= limit:
            raise CommandTimeout(f"no answer within {limit:g} s: {shown}")
        raise ShellEnded(f"the shell ended during: {shown}")

    @staticmethod
    def _parse(mark: bytes, rc: int, stdout: bytes, stderr: bytes) -> Completed | None:
        """Return what stands between the marks, or None when the command did not come to its end."""
        dummy, begun, rest = stdout.partition(b"\n" + mark + b"\n")
        if not begun:
            raise ShellLost(last_line(stderr) or last_line(stdout) or f"no answer, exit status {rc}")
        out, framed_end, rest = rest.partition(b"\n" + mark + b" ")
        if not framed_end:
            return None
        status, dummy, rest = rest.partition(b"\n")
        # The newline before the last marker is its own; it also stands before an empty error output.
        error = (b"\n" + rest).rpartition(b"\n" + mark)[0]
        return Completed(int(status), out, error[1:])

    def close(self) -> None:
        """Nothing is open; the connection belongs to the task."""
