# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fcntl
import os
import signal
import stat

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import console_login
from ansible_collections.hallmark.images.plugins.module_utils.hardening.console_login import (
    locked,
    set_all,
    with_securetty,
    without_autologin,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

VENDOR = "ExecStart=-/sbin/agetty -o '-p -- \\\\u' --keep-baud 115200,57600,38400,9600 - $TERM"
SHADOW = "root:$y$hash:20000:0:99999:7:::\nbob:$y$other:20000:0:99999:7:::\n"
PAM = "# auth of logins\nauth       optional   pam_faildelay.so\nauth requisite pam_nologin.so\n"
OWN, LIB = "etc/systemd/system", "usr/lib/systemd/system"


@pytest.fixture
def top(tmp_path):
    for folder in (OWN, LIB, "etc/pam.d"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "etc/passwd").write_text(f"root:x:{os.getuid()}:{os.getgid()}::/root:/bin/sh\nbob:x:1:1::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text(f"root:x:{os.getgid()}:\n")
    (tmp_path / "etc/shadow").write_text(SHADOW)
    (tmp_path / "etc/shadow").chmod(0o640)
    (tmp_path / "etc/pam.d/login").write_text(PAM)
    return tmp_path


def run(top, check_mode=False, **given):
    tree = Tree(str(top), check_mode)
    options = {"lock_root": True, "stop_autologin": True, "enforce_securetty": False, **given}
    return tree, set_all(tree, options)


def unit(top, path, *lines):
    (top / path).parent.mkdir(parents=True, exist_ok=True)
    (top / path).write_text("\n".join(["[Service]", *lines, ""]))


# --- root's password -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("$y$hash", "!$y$hash"),
        ("", "!"),
        ("x", "!x"),
        ("*", "*"),
        ("!", "!"),
        ("!!", "!!"),
        ("!*", "!*"),
        ("!$6$", "!$6$"),
    ],
)
def test_a_password_is_locked_once(field, expected):
    assert locked(f"toor:a:\nroot:{field}:1::::::\nrooty::") == f"toor:a:\nroot:{expected}:1::::::\nrooty::"


def test_locking_keeps_everything_else_and_shows_no_hash(top):
    tree, reload = run(top)
    assert (top / "etc/shadow").read_text() == SHADOW.replace("root:$", "root:!$")
    assert stat.S_IMODE((top / "etc/shadow").stat().st_mode) == 0o640
    assert tree.changes == [{"path": "/etc/shadow", "key": "root's password", "before": "usable", "after": "locked"}]
    assert "$y$" not in str(tree.result())
    assert reload is False
    assert stat.S_IMODE((top / "etc/.pwd.lock").stat().st_mode) == 0o600
    assert run(top)[0].changes == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can read such a file")
def test_a_file_that_nobody_may_read_stays_so(top):
    (top / "etc/shadow").chmod(0)  # as on EL
    run(top)
    assert stat.S_IMODE((top / "etc/shadow").stat().st_mode) == 0


def test_a_hash_in_passwd_counts_too(top):
    (top / "etc/passwd").write_text(f"root::{os.getuid()}:{os.getgid()}::/root:/bin/sh\n")
    tree, _reload = run(top)
    assert (top / "etc/passwd").read_text().startswith("root:!:")
    assert [item["path"] for item in tree.changes] == ["/etc/shadow", "/etc/passwd"]


def test_check_mode_takes_no_lock(top):
    tree, _reload = run(top, check_mode=True)
    assert tree.result()["changed"]
    assert (top / "etc/shadow").read_text() == SHADOW
    assert not (top / "etc/.pwd.lock").exists()


def test_without_a_password_file_nothing_is_locked(top):
    (top / "etc/shadow").unlink()
    assert run(top)[0].changes == []


def test_left_as_it_is_when_told_so(top):
    assert run(top, lock_root=False)[0].changes == []


def test_another_program_that_changes_accounts_is_waited_for(top, monkeypatch):
    monkeypatch.setattr(console_login, "_PATIENCE", 0.15)
    handle = os.open(top / "etc/.pwd.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    child = os.fork()  # locks of one process do not keep itself out
    if not child:
        fcntl.lockf(handle, fcntl.LOCK_EX)
        os.write(handle, b"x")
        signal.pause()
        os._exit(0)
    try:
        while not (top / "etc/.pwd.lock").stat().st_size:
            pass
        with pytest.raises(HardeningError, match="another program has been changing accounts"):
            run(top)
        assert (top / "etc/shadow").read_text() == SHADOW
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(handle)
    run(top)
    assert (top / "etc/shadow").read_text() != SHADOW


# --- gettys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (VENDOR, VENDOR),
        ("ExecStart=", "ExecStart="),
        ("ExecStart=-/bin/echo --autologin root", "ExecStart=-/bin/echo --autologin root"),
        ("# ExecStart=-/sbin/agetty --autologin root tty1", "# ExecStart=-/sbin/agetty --autologin root tty1"),
        ("ExecStart=-/sbin/agetty --autologin root --noclear %I", "ExecStart=-/sbin/agetty --noclear %I"),
        ("ExecStart=-/sbin/agetty --autologin=root %I", "ExecStart=-/sbin/agetty %I"),
        ("ExecStart=-/sbin/agetty --auto root %I", "ExecStart=-/sbin/agetty %I"),
        ("ExecStart=-/sbin/agetty -a root %I", "ExecStart=-/sbin/agetty %I"),
        ("ExecStart=-/sbin/agetty -aroot %I $TERM", "ExecStart=-/sbin/agetty %I $TERM"),
        ("ExecStart=-/sbin/agetty %I linux --autologin 'root'", "ExecStart=-/sbin/agetty %I linux"),
        ("ExecStart = /sbin/mingetty --autologin root tty1", "ExecStart = /sbin/mingetty tty1"),
        ("ExecStart=-/sbin/agetty -o '-p -f -- \\\\u' -a root %I", "ExecStart=-/sbin/agetty %I"),
        ('ExecStart=-/sbin/agetty --login-options "-f root" %I', "ExecStart=-/sbin/agetty %I"),
        ("ExecStart=-/sbin/agetty -a root \\\n  --noclear %I", "ExecStart=-/sbin/agetty --noclear %I"),
        (VENDOR.replace(" --keep", " \\\n --keep"), VENDOR.replace(" --keep", " \\\n --keep")),
    ],
)
def test_a_getty_asks(command, expected):
    assert without_autologin(f"[Service]\n{command}\nType=idle\n") == f"[Service]\n{expected}\nType=idle\n"


def test_drop_ins_of_the_admin_are_changed_and_those_of_packages_shadowed(top):
    auto = "ExecStart=-/sbin/agetty --autologin root --keep-baud %I"
    unit(top, f"{OWN}/serial-getty@ttyS0.service.d/auto.conf", "ExecStart=", auto)
    unit(top, f"{LIB}/getty@tty1.service.d/vendor.conf", "ExecStart=", auto)
    unit(top, f"{LIB}/serial-getty@.service", VENDOR)
    unit(top, f"{LIB}/sshd.service", "ExecStart=/usr/sbin/sshd -D")
    dry, _reload = run(top, check_mode=True, lock_root=False)
    tree, reload = run(top, lock_root=False)
    assert tree.result() == dry.result()
    assert reload is True
    text = "[Service]\nExecStart=\nExecStart=-/sbin/agetty --keep-baud %I\n"
    assert (top / f"{OWN}/serial-getty@ttyS0.service.d/auto.conf").read_text() == text
    assert (top / f"{OWN}/getty@tty1.service.d/vendor.conf").read_text() == text
    assert auto in (top / f"{LIB}/getty@tty1.service.d/vendor.conf").read_text()
    assert len(tree.changes) == 2
    again, reload = run(top, lock_root=False)
    assert (again.changes, reload) == ([], False)


def test_masked_units_and_second_names_are_left(top):
    auto = "ExecStart=-/sbin/agetty -a root %I"
    unit(top, f"{LIB}/getty@.service", VENDOR)
    unit(top, f"{LIB}/console-getty.service", auto)
    (top / f"{OWN}/console-getty.service").symlink_to("/dev/null")
    (top / f"{LIB}/autovt@.service").symlink_to("getty@.service")
    assert run(top, lock_root=False)[0].changes == []
    # Changed under its first name only.
    unit(top, f"{LIB}/getty@.service", auto)
    tree, _reload = run(top, lock_root=False)
    assert [item["path"] for item in tree.changes] == ["/etc/systemd/system/getty@.service"]
    assert sorted(os.listdir(top / OWN)) == ["console-getty.service", "getty@.service"]


def test_a_drop_in_that_is_a_link_to_a_file_of_the_site_is_changed_there(top):
    unit(top, "opt/site/auto.conf", "ExecStart=-/sbin/agetty -a root %I")
    folder = top / OWN / "getty@tty1.service.d"
    folder.mkdir()
    (folder / "auto.conf").symlink_to("/opt/site/auto.conf")
    run(top)
    assert "-a root" not in (top / "opt/site/auto.conf").read_text()
    assert (folder / "auto.conf").is_symlink()


def test_gettys_are_left_when_told_so(top):
    unit(top, f"{OWN}/getty@tty1.service", "ExecStart=-/sbin/agetty -a root %I")
    assert run(top, lock_root=False, stop_autologin=False)[0].changes == []


# --- securetty -----------------------------------------------------------------------------------------------------


def test_securetty_is_asked_first_and_no_more(top):
    tree, _reload = run(top, lock_root=False, enforce_securetty=True)
    lines = (top / "etc/pam.d/login").read_text().splitlines()
    assert "pam_securetty.so" in lines[2]
    assert lines[4].split()[0] == "auth"
    assert len(tree.changes) == 1
    assert run(top, lock_root=False, enforce_securetty=True)[0].changes == []
    run(top, lock_root=False)
    assert (top / "etc/pam.d/login").read_text() == PAM


def test_a_line_of_the_vendor_is_enough_and_stays():
    text = "auth [default=bad] pam_securetty.so\n" + PAM
    assert with_securetty(text, True) == with_securetty(text, False) == text
    commented = "# auth pam_securetty.so\n" + PAM
    assert with_securetty(commented, True) != commented


def test_a_system_without_login_is_no_error_until_it_is_asked_for(top):
    (top / "etc/pam.d/login").unlink()
    assert run(top, lock_root=False)[0].changes == []
    with pytest.raises(HardeningError, match=r"enforce_securetty: /etc/pam.d/login does not exist"):
        run(top, enforce_securetty=True)
    with pytest.raises(HardeningError, match="no line that begins with auth"):
        with_securetty("account required pam_unix.so\n", True)
