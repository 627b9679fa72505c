# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process and its streams, read and written together: what leads to a shell, here or far away."""

from __future__ import annotations

import fcntl
import os
import pty
import selectors
import subprocess
import termios
import time
import typing as t

_CHUNK = 1 << 16


class Channel:
    """A process and its streams, read and written together.

    :param process: the process that leads to the shell; the channel ends it.
    :param stdin: file descriptor to write to.
    :param stdout: file descriptor to read from.
    :param stderr: file descriptor to read from; None when there is none (a terminal on this side).
    :param merged: whether the shell's error output arrives on C(stdout) (a terminal on either side).
    """

    def __init__(
        self, process: subprocess.Popen[bytes], stdin: int, stdout: int, stderr: int | None, merged: bool = False
    ) -> None:
        self.process = process
        self.out = bytearray()
        self.err = bytearray()
        self.ended = False
        self._pending = b""
        self._stdin = stdin
        self._fds = {stdin, stdout} | ({stderr} if stderr is not None else set())
        self.merged = merged or stderr is None
        self._selector = selectors.DefaultSelector()
        for fd in self._fds:
            os.set_blocking(fd, False)
        self._readers = {stdout: self.out}
        if stderr is not None:
            self._readers[stderr] = self.err
        for fd in self._readers:
            self._selector.register(fd, selectors.EVENT_READ)

    def send(self, data: bytes) -> None:
        """Queue bytes for the shell; C(pump) writes them."""
        self._pending += data
        self._watch_stdin()

    def pump(self, deadline: float) -> bool:
        """Move what can be moved; wait until something can, or the deadline (of time.monotonic) is reached.

        :returns: False when the deadline passed and nothing moved.
        """
        events = self._selector.select(max(0.0, deadline - time.monotonic()))
        for key, mask in events:
            if mask & selectors.EVENT_WRITE:
                self._write()
            if mask & selectors.EVENT_READ:
                self._read(key.fd)
        return bool(events)

    def close(self) -> None:
        """End the process and close the streams; harmless when called again."""
        self._selector.close()
        for fd in self._fds:
            os.close(fd)
        self._fds = set()
        try:
            # An end of input is the polite way out: the shell leaves, then what led to it.
            self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _write(self) -> None:
        try:
            written = os.write(self._stdin, self._pending[:_CHUNK])
        except BlockingIOError:
            return
        except OSError:
            # Nobody reads any more; the end of the output tells the rest.
            written = len(self._pending)
        self._pending = self._pending[written:]
        self._watch_stdin()

    def _read(self, fd: int) -> None:
        try:
            chunk = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""  # a terminal whose other side is closed answers EIO
        if chunk:
            self._readers[fd] += chunk
            return
        self._mask(fd, 0)
        if self._readers[fd] is self.out:
            self.ended = True

    def _watch_stdin(self) -> None:
        # With a terminal, one descriptor is both written and read.
        base = selectors.EVENT_READ if self._stdin in self._readers and not self.ended else 0
        self._mask(self._stdin, base | (selectors.EVENT_WRITE if self._pending else 0))

    def _mask(self, fd: int, mask: int) -> None:
        known = fd in self._selector.get_map()
        if mask and known:
            self._selector.modify(fd, mask)
        elif mask:
            self._selector.register(fd, mask)
        elif known:
            self._selector.unregister(fd)


def spawn(argv: t.Sequence[str | bytes], terminal: bool = False, merged: bool = False, **options: t.Any) -> Channel:
    """Start a process that leads to a shell, and return the channel to it.

    :param argv: the program and its arguments.
    :param terminal: give it a terminal of its own instead of pipes.
    :param merged: as for C(Channel).
    :param options: passed to subprocess.Popen.
    """
    if terminal:
        ours, theirs = pty.openpty()
        try:
            process = subprocess.Popen(
                argv,
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
                preexec_fn=_own_terminal,
                **options,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return Channel(process, ours, ours, None)
    pipes = [os.pipe() for dummy in range(3)]
    (in_read, in_write), (out_read, out_write), (err_read, err_write) = pipes
    try:
        # A session of its own: Ctrl-C reaches the controller, which then ends the shell in order.
        options.setdefault("start_new_session", True)
        process = subprocess.Popen(argv, stdin=in_read, stdout=out_write, stderr=err_write, **options)
    except BaseException:
        for fd in (in_write, out_read, err_read):
            os.close(fd)
        raise
    finally:
        for fd in (in_read, out_write, err_write):
            os.close(fd)
    return Channel(process, in_write, out_read, err_read, merged)


def _own_terminal() -> None:
    """Make standard input the controlling terminal: doas and others ask for the password on /dev/tty only."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
