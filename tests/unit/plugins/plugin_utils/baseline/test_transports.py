# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way to the machine is taken, and what come back from commands that run one by one."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.hallmark.images.plugins.module_utils.baseline.shell import (
    CommandTimeout,
    Shell,
    ShellEnded,
    ShellLost,
)
from ansible_collections.hallmark.images.plugins.plugin_utils.baseline.transports import (
    ExecRunner,
    clean_environment,
    make_runner,
    needs_terminal,
)


class Connection:
    """A connection plugin that runs commands here; C(before) and C(after) are its own noise."""

    def __init__(self, transport: str = "docker", before: bytes = b"", after: bytes = b"") -> None:
        self.transport = transport
        self.before, self.after = before, after
        self.failure: Exception | None = None

    def exec_command(self, command: str, in_data: Any = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        if self.failure:
            raise self.failure
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False)
        return done.returncode, self.before + done.stdout + self.after, done.stderr


class Become:
    """As much of a become plugin as the choice of a terminal looks at."""

    def __init__(self, require_tty: bool, pipelining: bool, password: str | None) -> None:
        self.require_tty, self.pipelining, self.password = require_tty, pipelining, password

    def get_option(self, name: str) -> str | None:
        return {"become_pass": self.password}[name]


def test_local_keeps_a_shell_open_and_unknown_connections_do_not() -> None:
    assert isinstance(make_runner(Connection("local"), None, 60), Shell)
    assert isinstance(make_runner(Connection("docker"), None, 60), ExecRunner)
    # Something that calls itself ssh but is not Ansible's plugin.
    assert isinstance(make_runner(Connection("ssh"), None, 60), ExecRunner)


@pytest.mark.parametrize(
    ("become", "terminal"),
    [
        (None, False),
        (Become(False, True, "secret"), False),
        (Become(False, False, None), False),
        (Become(False, False, "secret"), True),
        (Become(True, True, None), True),
    ],
)
def test_a_terminal_only_where_become_needs_one(become: Any, terminal: bool) -> None:
    assert needs_terminal(become) is terminal


@pytest.mark.parametrize("noise", [(b"", b""), (b"motd\nno newline", b"\nlogout\n")])
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (b"true", (0, b"", b"")),
        (b"printf 'a\\n\\n'; printf '\\nb\\n' >&2; exit 9", (9, b"a\n\n", b"\nb\n")),
        (b"printf 'x\\000\\377'", (0, b"x\x00\xff", b"")),
        (b"cat; pwd", (0, b"/\n", b"")),
        (b"echo 'it''s'", (0, b"its\n", b"")),
    ],
)
def test_one_by_one_gives_the_same_as_a_shell(
    noise: tuple[bytes, bytes], command: bytes, expected: tuple[int, bytes, bytes]
) -> None:
    done = ExecRunner(Connection("docker", *noise), None, 30).run(command)
    assert (done.rc, done.stdout, done.stderr) == expected


def test_one_by_one_knows_a_hang_from_a_death() -> None:
    runner = ExecRunner(Connection(), None, 0.5)
    with pytest.raises(CommandTimeout, match=r"no answer within 0.5 s: sleep 30"):
        runner.run(b"sleep 30")
    with pytest.raises(ShellEnded, match=r"the shell ended during: kill -9 \$\$"):
        runner.run(b"kill -9 $$", 30)
    assert runner.run(b"true").rc == 0
    assert runner.round_trips == 3


def test_a_first_failure_is_the_connections_own_and_a_later_one_is_a_loss() -> None:
    connection = Connection()
    connection.failure = AnsibleConnectionFailure("no such container")
    with pytest.raises(AnsibleConnectionFailure):
        ExecRunner(connection, None, 5).run(b"true")
    connection.failure = None
    runner = ExecRunner(connection, None, 5)
    runner.run(b"true")
    connection.failure = AnsibleConnectionFailure("container stopped")
    with pytest.raises(ShellLost, match="container stopped"):
        runner.run(b"true")


def test_children_get_no_variable_that_may_hold_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_BECOME_PASS", "secret")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--x")
    monkeypatch.setenv("OTHER", "kept")
    environment = clean_environment()
    assert environment["OTHER"] == "kept"
    assert not any(key.startswith(("ANSIBLE_", "PYTEST_")) for key in environment)
