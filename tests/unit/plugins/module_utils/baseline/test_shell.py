# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell protocol against real shells, over pipes and over a terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.channel import Channel, spawn
from ansible_collections.hallmark.images.plugins.module_utils.baseline.shell import (
    PLAIN_SHELL,
    TERMINAL_SHELL,
    CommandTimeout,
    Shell,
    ShellEnded,
    ShellLost,
)

NOISE = "echo Welcome; echo 'Last login: never' >&2; printf 'no newline'; "


def opener(kind: str) -> Callable[[], Channel]:
    program, way = kind.split("-")
    line = (TERMINAL_SHELL if way == "terminal" else PLAIN_SHELL).replace("/bin/sh", program)
    return lambda: spawn(["/bin/sh", "-c", NOISE + line], terminal=way == "terminal")


@pytest.fixture(params=["/bin/sh-pipes", "bash-pipes", "/bin/sh-terminal", "bash-terminal"])
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    shell = Shell(opener(request.param), timeout=30)
    yield shell
    shell.close()


def run(shell: Shell, command: str) -> tuple[int, bytes, bytes]:
    done = shell.run(command.encode())
    return done.rc, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("true", (0, b"", b"")),
        ("exit 3", (3, b"", b"")),
        ("echo hi; printf no-newline >&2; (exit 7)", (7, b"hi\n", b"no-newline")),
        ("printf 'a\\n\\n'; printf '\\n\\nb\\n' >&2", (0, b"a\n\n", b"\n\nb\n")),
        ("printf 'x\\000y\\377\\r\\n\\004\\003'", (0, b"x\x00y\xff\r\n\x04\x03", b"")),
        ("cat; read -r line; echo \"[$line]\"", (0, b"[]\n", b"")),
        ("cat <<'EOF'\nit's $HOME\nEOF", (0, b"it's $HOME\n", b"")),
        ("exec true", (0, b"", b"")),
        ("set -e; false; echo not reached", (1, b"", b"")),
        ("cd /usr; A=1; f() { :; }", (0, b"", b"")),
        ("pwd; echo \"${A-unset}\"", (0, b"/\nunset\n", b"")),
        ("echo $LC_ALL $LANG $TERM", (0, b"C C dumb\n", b"")),
        ("echo é", (0, "é\n".encode(), b"")),
    ],
)  # fmt: skip
def test_exit_status_and_both_outputs_arrive_byte_for_byte(
    shell: Shell, command: str, expected: tuple[int, bytes, bytes]
) -> None:
    assert run(shell, command) == expected
    # Whatever it did, the shell serves on.
    assert run(shell, "echo on") == (0, b"on\n", b"")


def test_a_syntax_error_is_a_failed_command(shell: Shell) -> None:
    rc, out, err = run(shell, "if")
    assert rc != 0
    assert out == b""
    assert b"yntax error" in err
    assert run(shell, "'")[0] != 0
    assert run(shell, ") ; echo broke out")[1] == b""
    assert run(shell, "echo on") == (0, b"on\n", b"")


def test_long_output_on_both_streams_does_not_block(shell: Shell) -> None:
    size = 10_000_000
    done = shell.run(f"head -c {size} /dev/zero; head -c {size} /dev/zero | tr '\\000' e >&2".encode())
    assert done.stdout == bytes(size)
    assert done.stderr == b"e" * size


def test_a_long_command_gets_through(shell: Shell) -> None:
    assert run(shell, ": " + "x" * 1_000_000 + "; echo end")[1] == b"end\n"


def test_output_that_looks_like_an_answer_is_output(shell: Shell) -> None:
    rc, out, dummy = run(shell, "for i in 1 2 3; do printf '\\n%s-%s 0\\n' 00 $i; done")
    assert rc == 0
    assert out.count(b" 0\n") == 3


def test_a_command_cannot_hold_nul(shell: Shell) -> None:
    with pytest.raises(ValueError, match="NUL"):
        shell.run(b"echo \0")


def test_a_hanging_command_is_killed_and_the_shell_replaced(shell: Shell) -> None:
    mark = f"{os.getpid()}{time.monotonic_ns() % 10**6}"
    begun = time.monotonic()
    with pytest.raises(CommandTimeout, match=r"no answer within 0.5 s: .*sleep"):
        shell.run(f"sh -c 'sleep 98.{mark}; true'".encode(), timeout=0.5)
    assert time.monotonic() - begun < 15
    assert run(shell, "echo on") == (0, b"on\n", b"")
    assert run(shell, f"pgrep -f 'sleep 98[.]{mark}'")[1] == b""


def test_a_command_that_ends_the_shell_is_told_apart(shell: Shell) -> None:
    with pytest.raises(ShellEnded, match="kill -9"):
        shell.run(b"kill -9 $$")
    assert run(shell, "echo on") == (0, b"on\n", b"")


def test_round_trips_are_commands_asked_for() -> None:
    shell = Shell(opener("/bin/sh-pipes"))
    for dummy in range(5):
        shell.run(b"true")
    assert shell.round_trips == 5
    shell.close()


def test_a_shell_that_cannot_be_opened_again_is_lost() -> None:
    openings = [opener("/bin/sh-pipes"), lambda: spawn(["/bin/sh", "-c", "echo no such machine >&2; exit 255"])]

    def open_next() -> Channel:
        return openings.pop(0)()

    shell = Shell(open_next, timeout=10)
    assert run(shell, "echo on")[0] == 0
    with pytest.raises(ShellLost, match="no such machine"):
        shell.run(b"kill -9 $$")


def test_a_shell_that_never_answers_is_lost_in_time() -> None:
    shell = Shell(lambda: spawn(["sleep", "60"]), open_timeout=0.3)
    begun = time.monotonic()
    with pytest.raises(ShellLost):
        shell.run(b"true")
    assert time.monotonic() - begun < 10


def test_closing_leaves_no_process() -> None:
    shell = Shell(opener("/bin/sh-pipes"))
    pid = int(run(shell, "echo $$")[1])
    shell.close()
    shell.close()
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{pid}")
