# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action baseline over real SSH, with noise, connections that break, and connections of other kinds."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.loopback_sshd import Sshd

WHO = "def test_who(host): assert host.check_output('id -un') == {user!r}"
CANARY = "canary-5d1e77"
# The sshd process that serves the session is an ancestor of the shell.
FIND_SESSION = (
    's=$$; while [ "$(cat /proc/$s/comm)" != sshd ]; do s=$(sed -n "s/^PPid:.//p" /proc/$s/status); done; kill -9 $s'
)


def test_all_checks_share_one_login(audit: Callable[..., Any], sshd: Sshd, tmp_path: Path) -> None:
    checks = """
        @pytest.mark.parametrize("number", range(50))
        def test_many(host, number):
            assert host.run("exit %s", str(number)).rc == number
    """
    done = audit(checks, {}, {**sshd.variables(), "ansible_ssh_args": ""})
    assert done.rc == 0, done.output
    assert done.result["counts"]["passed"] == 50
    assert done.result["round_trips"] == 51
    assert (tmp_path / "sshd/sshd.log").read_text().count("Accepted publickey") == 1


def test_noise_of_the_login_is_not_output(audit: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "sshd"
    folder.mkdir()
    banner = tmp_path / "banner"
    banner.write_text("Password: none of your business\nBECOME-SUCCESS-no\n" * 50)
    # As a talkative profile would: text on both streams, without an end of line, before the command.
    force = 'ForceCommand echo WELCOME; printf "out: "; printf "err: " >&2; eval "$SSH_ORIGINAL_COMMAND"'
    server = Sshd(folder, f"Banner {banner}", force)
    try:
        done = audit(
            """
            def test_clean(host):
                done = host.run("echo out; echo err >&2")
                assert (done.stdout, done.stderr) == ("out\\n", "err\\n")
            """,
            {},
            server.variables(),
        )
    finally:
        server.stop()
    assert done.rc == 0, done.output


def test_an_unreachable_machine_is_unreachable(audit: Callable[..., Any], sshd: Sshd) -> None:
    variables = sshd.variables()
    sshd.stop()
    done = audit(WHO.format(user="x"), {}, variables)
    assert done.rc == 4
    assert "Failed to connect to the host via ssh" in done.output
    assert "Connection refused" in done.output


def test_an_unknown_host_key_is_refused(audit: Callable[..., Any], sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "sshd/known_hosts").write_text("")
    done = audit(WHO.format(user="x"), {}, sshd.variables())
    assert done.rc == 4
    assert "Host key verification failed" in done.output


BROKEN = f"""
    def test_first(host):
        assert host.run("true").rc == 0

    def test_breaks(host):
        host.run('''{FIND_SESSION}''')

    def test_last(host):
        assert host.run("true").rc == 0
"""


@pytest.mark.parametrize("ssh_args", [None, ""], ids=["shared connection", "connection of its own"])
def test_a_session_that_dies_is_opened_again(audit: Callable[..., Any], sshd: Sshd, ssh_args: str | None) -> None:
    variables = sshd.variables() | ({} if ssh_args is None else {"ansible_ssh_args": ssh_args})
    done = audit(BROKEN, {}, variables)
    assert done.rc == 2
    assert done.statuses() == {"test_first": "passed", "test_breaks": "failed", "test_last": "passed"}
    assert "the shell ended during" in done.entry("test_breaks")["message"]


@pytest.mark.parametrize("gate", [True, False])
def test_a_machine_that_goes_away_fails_the_task_with_or_without_gate(
    audit: Callable[..., Any], sshd: Sshd, tmp_path: Path, gate: bool
) -> None:
    checks = BROKEN.replace("s=$$;", f"kill -9 {sshd.process.pid}; s=$$;")
    begun = time.monotonic()
    done = audit(checks, {"gate": gate, "report_dir": "out"}, sshd.variables())
    assert done.rc == 2
    assert time.monotonic() - begun < 60
    assert "lost web after 1 of 3 controls: " in done.output
    assert "Connection refused" in done.output
    assert done.statuses() == {"test_first": "passed"}
    assert "Not complete: lost web" in (tmp_path / "out/baseline.html").read_text()


def test_a_machine_that_freezes_is_no_hang(audit: Callable[..., Any], sshd: Sshd) -> None:
    freeze = FIND_SESSION.replace("kill -9 $s", f"kill -STOP {sshd.process.pid} $s")
    variables = {**sshd.variables(), "ansible_ssh_args": "", "ansible_timeout": 3}
    begun = time.monotonic()
    try:
        done = audit(BROKEN.replace(FIND_SESSION, freeze), {"timeout": 2}, variables)
    finally:
        for child in Path(f"/proc/{sshd.process.pid}/task/{sshd.process.pid}/children").read_text().split():
            os.kill(int(child), 9)
        sshd.process.kill()
    assert done.rc == 2
    assert time.monotonic() - begun < 60
    assert "lost web after 1 of 3 controls: " in done.output


ELSEWHERE = textwrap.dedent(
    """
    DOCUMENTATION = '''
    name: elsewhere
    short_description: a connection whose process cannot be kept open
    description: For tests.
    extends_documentation_fragment: [connection_pipelining]
    options:
      become_success_timeout: {type: int, default: 10, description: x}
      become_strip_preamble: {type: bool, default: true, description: x}
    '''
    from ansible.plugins.connection.local import Connection as Local


    class Connection(Local):
        transport = "elsewhere"

        def exec_command(self, cmd, in_data=None, sudoable=True):
            with open(__file__ + ".calls", "a") as calls:
                calls.write("call\\\\n")
            rc, out, err = super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
            return rc, b"noise of the transport\\\\n" + out, err
    """
).replace("\\\\n", "\\n")


def test_any_other_connection_runs_one_command_at_a_time(audit: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "connection_plugins").mkdir()
    plugin = tmp_path / "connection_plugins/elsewhere.py"
    plugin.write_text(ELSEWHERE)
    checks = """
        def test_streams(host):
            done = host.run("printf 'a\\\\n\\\\n'; printf 'x\\\\000y\\\\377'; echo b >&2; exit 3")
            assert (done.rc, done.stdout_bytes, done.stderr) == (3, b"a\\n\\nx\\0y\\xff", "b\\n")

        def test_nothing(host):
            done = host.run("true")
            assert (done.rc, done.stdout, done.stderr) == (0, "", "")

        def test_syntax(host):
            assert "yntax" in host.run("if").stderr

        def test_input(host):
            assert host.run("cat").rc == 0

        def test_hangs(host):
            host.run("sleep 300", timeout=1)

        def test_dies(host):
            host.run("kill -9 $$")

        def test_goes_on(host):
            assert host.check_output("echo on; pwd") == "on\\n/"
    """
    variables = {"ansible_connection": "elsewhere", "ansible_python_interpreter": sys.executable}
    done = audit(checks, {}, variables)
    failed = [name for name, status in done.statuses().items() if status == "failed"]
    assert failed == ["test_hangs", "test_dies"], done.output
    assert done.entry("test_hangs")["message"] == "no answer within 1 s: sleep 300"
    assert done.entry("test_dies")["message"] == "the shell ended during: kill -9 $$"
    assert done.result["round_trips"] == 8
    assert (tmp_path / "connection_plugins/elsewhere.py.calls").read_text().count("call") == 8
