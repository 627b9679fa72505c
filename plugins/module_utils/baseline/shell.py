# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many commands over one open POSIX shell: the cost of a command is a round trip, not a process and a login.

Nothing here knows how the shell was reached. C(Channel) moves the bytes; C(Shell) frames commands with random markers,
notices hanging commands and dead shells, and opens a new one.
"""

from __future__ import annotations

import dataclasses
import secrets
import shlex
import time
import typing as t

from .channel import Channel

#: Sent first. No locale, no terminal, no history, a directory everybody may enter, and system tools in the PATH, which
#: a login that is not interactive does not always get.
_SETUP = (
    "LC_ALL=C LANG=C TERM=dumb PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL LANG TERM PATH; "
    "unset LANGUAGE HISTFILE ENV; cd /; exec 4>&1; "
)

#: Ends a process and everything below it. Children live in /proc (CONFIG_PROC_CHILDREN, set in distribution kernels).
_KILL_TREE = (
    "kt() { for c in $(cat /proc/$1/task/$1/children 2>/dev/null); do kt $c; done; kill -9 $1 2>/dev/null; }; kt %d"
)

#: What to start on the machine. On a terminal a shell would be interactive and the terminal would change what passes;
#: and when the shell ends, nothing must wait for a line that C(cat) could pass on.
PLAIN_SHELL = "/bin/sh"
TERMINAL_SHELL = "stty raw -echo; cat | { /bin/sh; kill 0; }"


class ShellLost(Exception):
    """The shell is gone and could not be opened again; the text is one line."""


class CommandTimeout(Exception):
    """A command gave no answer in time; the shell was replaced and can be used."""


class ShellEnded(Exception):
    """A command ended the shell it ran in; the shell was replaced and can be used."""


@dataclasses.dataclass
class Completed:
    """What a command left behind."""

    rc: int
    stdout: bytes
    stderr: bytes


class Runner(t.Protocol):
    """What can run commands on the machine under test."""

    round_trips: int

    def run(self, command: bytes, timeout: float | None = None) -> Completed:
        """Run one shell command (seconds; None: the runner's own limit)."""

    def close(self) -> None:
        """Let go of the machine."""


def text_of(data: bytes) -> str:
    """Return bytes as text that C(encode("utf-8", "surrogateescape")) turns back into the same bytes."""
    return data.decode("utf-8", "surrogateescape")


def last_line(data: bytes) -> str:
    """Return the last line of output that is not empty, for a message."""
    lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def framed(command: bytes, mark: bytes, merged: bool) -> bytes:
    """Return the shell text that runs a command and frames its outputs and its exit status.

    The command runs by C(eval) in a subshell with an empty input: neither a syntax error, nor C(exit), nor a command
    that reads its input can touch the shell itself. Two streams end with a marker each. Where there is only one stream,
    the error output is caught in a variable and follows the output, between two markers.
    """
    if b"\0" in command:
        raise ValueError("a command cannot hold a NUL byte")
    quoted = shlex.quote(text_of(command)).encode("utf-8", "surrogateescape")
    if merged:
        return (
            # Not "{ …; } 2>&1": inside a command substitution dash 0.5.12 then takes the output in as well.
            b"hm=$( exec 2>&1; ( eval %s ) </dev/null >&4 4>&-; printf 'x%%s' $? )\n"
            b'printf \'\\n%s %%s\\n%%s\\n%s\\n\' "${hm##*x}" "${hm%%x*}"\n'
        ) % (quoted, mark, mark)
    return (b"( eval %s ) </dev/null 4>&-\nprintf '\\n%s %%s\\n' $?\nprintf '\\n%s\\n' >&2\n") % (quoted, mark, mark)


class Shell:
    """One open shell, and a new one whenever a command broke it.

    :param open_channel: opens a channel whose shell waits for its first line; raises ShellLost when it cannot.
    :param timeout: seconds a command may take.
    :param open_timeout: seconds the first answer of a new shell may take.
    """

    def __init__(
        self, open_channel: t.Callable[[], Channel], timeout: float = 60.0, open_timeout: float = 30.0
    ) -> None:
        self.round_trips = 0
        self._open_channel = open_channel
        self._timeout = timeout
        self._open_timeout = open_timeout
        self._channel: Channel | None = None
        self._pid = 0
        self._token = secrets.token_hex(16).encode()
        self._serial = 0

    def open(self) -> None:
        """Open the shell now instead of at the first command.

        :raises ShellLost: it cannot be opened.
        """
        channel = self._open_channel()
        self._channel = channel
        channel.send((_SETUP + "echo\n").encode())
        try:
            done = self._exchange(channel, b"echo $$", self._open_timeout)
        except (CommandTimeout, ShellEnded) as error:
            noise = last_line(bytes(channel.err) or bytes(channel.out))
            self.close()
            raise ShellLost(noise or str(error)) from error
        # What the login printed comes first; the shell's process id is the last line.
        self._pid = int(done.stdout.split()[-1])

    def run(self, command: bytes, timeout: float | None = None) -> Completed:
        """Run a command and return its exit status and outputs, byte for byte.

        :raises CommandTimeout: no answer in time; the command was killed.
        :raises ShellEnded: the command ended the shell.
        :raises ShellLost: the machine cannot be reached any more.
        """
        if self._channel is None:
            self.open()
        channel = t.cast(Channel, self._channel)
        self.round_trips += 1
        try:
            return self._exchange(channel, command, self._timeout if timeout is None else timeout)
        except (CommandTimeout, ShellEnded) as error:
            self._replace(error)
            raise

    def close(self) -> None:
        """Close the shell; the next command would open a new one."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _replace(self, cause: Exception) -> None:
        """Open a new shell and kill what the old one still runs, or say that the machine is lost."""
        old, old_pid = t.cast(Channel, self._channel), self._pid
        noise = last_line(bytes(old.err)) if isinstance(cause, ShellEnded) else ""
        self._channel = None
        try:
            self.open()
            # Before the old channel is closed: its shell would be gone, and with it the way to its children.
            self._exchange(t.cast(Channel, self._channel), (_KILL_TREE % old_pid).encode(), self._open_timeout)
        except Exception as error:  # whatever opening raised: there is no machine any more
            self.close()
            raise ShellLost("; ".join(dict.fromkeys(filter(None, (noise, str(error)))))) from error
        finally:
            old.close()

    def _exchange(self, channel: Channel, command: bytes, timeout: float) -> Completed:
        self._serial += 1
        mark = b"%s-%d" % (self._token, self._serial)
        channel.out.clear()
        channel.err.clear()
        channel.send(framed(command, mark, channel.merged))
        deadline = time.monotonic() + timeout
        start, end = b"\n" + mark + b" ", b"\n" + mark + b"\n"
        shown = text_of(command)[:200]

        def until(buffer: bytearray, wanted: bytes, begin: int = 0) -> int:
            """Return where C(wanted) starts, reading until it is there; only new bytes are searched."""
            while (at := buffer.find(wanted, begin)) < 0:
                begin = max(begin, len(buffer) - len(wanted))
                if not channel.pump(deadline):
                    raise CommandTimeout(f"no answer within {timeout:g} s: {shown}")
                if channel.ended and buffer.find(wanted, begin) < 0:
                    raise ShellEnded(f"the shell ended during: {shown}")
            return at

        at = until(channel.out, start)
        newline = until(channel.out, b"\n", at + len(start))
        stdout = bytes(channel.out[:at])
        rc = int(channel.out[at + len(start) : newline])
        if channel.merged:
            stderr = bytes(channel.out[newline + 1 : until(channel.out, end, newline)])
        else:
            stderr = bytes(channel.err[: until(channel.err, end)])
        return Completed(rc, stdout, stderr)
