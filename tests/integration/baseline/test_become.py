# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action baseline as another user than the one who logs in."""

from __future__ import annotations

import os
import stat
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.loopback_sshd import Sshd

WHO = "def test_who(host): assert host.check_output('id -un') == {user!r}"
CANARY = "canary-5d1e77"


@pytest.mark.skipif(os.getuid() != 0, reason="only root may use sudo and su without being set up for it")
class TestBecome:
    def test_sudo_to_another_user(self, audit: Callable[..., Any], sshd: Sshd) -> None:
        variables = {**sshd.variables(), "ansible_become": True, "ansible_become_user": "nobody"}
        done = audit(WHO.format(user="nobody"), {}, variables)
        assert done.rc == 0, done.output

    def test_su_to_another_user(self, audit: Callable[..., Any], sshd: Sshd) -> None:
        variables = {
            **sshd.variables(),
            "ansible_become": True,
            "ansible_become_method": "su",
            "ansible_become_user": "nobody",
            "ansible_become_flags": "-s /bin/sh",
        }
        done = audit(WHO.format(user="nobody"), {}, variables)
        assert done.rc == 0, done.output

    def test_a_user_that_does_not_exist(self, audit: Callable[..., Any], sshd: Sshd) -> None:
        variables = {**sshd.variables(), "ansible_become": True, "ansible_become_user": "no-such-user"}
        done = audit(WHO.format(user="x"), {}, variables)
        assert done.rc == 2
        assert "sudo gave no shell: sudo: unknown user no-such-user" in done.output


#: What sudo does with -S and -p, without the rights it needs: it asks, compares, and runs the rest.
SUDO = f"""#!/bin/sh
ask=
while :; do case $1 in
    -p) ask=$2; shift 2;;
    -u) shift 2;;
    -*) shift;;
    *) break;;
esac; done
[ -n "$ask" ] || {{ echo "sudo: a password is required" >&2; exit 1; }}
TTY
printf '%s' "$ask" >&2
read -r answer
[ "$answer" = {CANARY} ] || {{ echo "Sorry, try again." >&2; printf '%s' "$ask" >&2; read -r answer; exit 1; }}
BECAME=yes; export BECAME
exec "$@"
"""


def fake_sudo(folder: Path, terminal: bool = False) -> str:
    path = folder / "sudo"
    check = '[ -t 0 ] || { echo "sudo: you must have a tty to run sudo" >&2; exit 1; }' if terminal else ""
    path.write_text(SUDO.replace("TTY", check))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


BECAME = """
    import os, subprocess

    def test_became(host):
        assert host.check_output("echo $BECAME") == "yes"

    def test_streams_are_kept_apart(host):
        done = host.run("printf 'a\\\\r\\\\n'; printf b >&2; exit 3")
        assert (done.rc, done.stdout_bytes, done.stderr) == (3, b"a\\r\\n", "b")

    def test_no_secret_in_sight(host):
        seen = subprocess.run(["ps", "axeww"], capture_output=True, text=True, check=True).stdout
        assert "canary" + "-5d1e77" not in seen
        assert "canary" + "-5d1e77" not in str(os.environ)
        assert "canary" + "-5d1e77" not in host.check_output("env; cat /proc/$$/cmdline")
"""


@pytest.mark.parametrize("connection", ["ssh", "local"])
@pytest.mark.parametrize("terminal", [False, True], ids=["pipes", "terminal"])
class TestPassword:
    def variables(self, connection: str, sshd: Sshd, tmp_path: Path, terminal: bool) -> dict[str, Any]:
        base = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        variables = {
            **(sshd.variables() if connection == "ssh" else base),
            "ansible_become": True,
            "ansible_become_user": "somebody",
            "ansible_become_exe": fake_sudo(tmp_path, terminal),
        }
        if terminal:
            # A become plugin that insists on a terminal, as doas and su do.
            (tmp_path / "become_plugins").mkdir()
            (tmp_path / "become_plugins/strict_sudo.py").write_text(STRICT_SUDO)
            variables["ansible_become_method"] = "strict_sudo"
        return variables

    def test_right(
        self, audit: Callable[..., Any], sshd: Sshd, tmp_path: Path, connection: str, terminal: bool
    ) -> None:
        variables = self.variables(connection, sshd, tmp_path, terminal)
        done = audit(BECAME, {"report_dir": "out"}, {**variables, "ansible_become_password": CANARY}, "-vvv")
        assert done.rc == 0, done.output
        assert CANARY not in done.output
        for path in (tmp_path / "out").iterdir():
            assert CANARY not in path.read_text()

    @pytest.mark.parametrize(("password", "word"), [("wrong", "Incorrect"), (None, "Missing")])
    def test_wrong_or_missing(
        self,
        audit: Callable[..., Any],
        sshd: Sshd,
        tmp_path: Path,
        connection: str,
        terminal: bool,
        password: str | None,
        word: str,
    ) -> None:
        variables = self.variables(connection, sshd, tmp_path, terminal)
        given = {"ansible_become_password": password} if password else {}
        done = audit(BECAME, {}, {**variables, **given})
        assert done.rc == 2
        assert f"{word} " in done.output
        assert "sudo password" in done.output
        assert "results" not in done.result


STRICT_SUDO = textwrap.dedent(
    """
    DOCUMENTATION = '''
    name: strict_sudo
    short_description: sudo that insists on a terminal
    description: For tests.
    options:
      become_user: {description: x, default: root, vars: [{name: ansible_become_user}]}
      become_exe: {description: x, default: sudo, vars: [{name: ansible_become_exe}]}
      become_flags: {description: x, default: -S, vars: [{name: ansible_become_flags}]}
      become_pass: {description: x, vars: [{name: ansible_become_password}]}
      sudo_chdir: {description: x, type: string, vars: [{name: ansible_sudo_chdir}]}
    '''
    from ansible.plugins.become.sudo import BecomeModule as Sudo


    class BecomeModule(Sudo):
        name = "strict_sudo"
        pipelining = False
    """
)
