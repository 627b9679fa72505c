# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area securetty on made-up machines: each fails when, and only when, its own control is broken."""

from __future__ import annotations

import pytest

from support.checks import Area
from support.role_vars import role_value

SECURETTY = Area("securetty")
ETC, LIB = "/etc/systemd/system", "/usr/lib/systemd/system"
VENDOR = "[Service]\nExecStart=-/sbin/agetty -o '-p -- \\\\u' --keep-baud 115200,57600,38400,9600 - $TERM\n"
AUTO = "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root %I\n"
SERIAL = ["ttyS0", "ttyAMA0", "hvc0"]


def facts(texts=None, links=None, replace=(), enforce=False):
    """A hardened machine: the role's own files and more of them, with parts of the answer replaced."""
    files = {item["path"]: item for item in role_value("securetty", "__securetty_files", securetty_enforce=enforce)}
    masks = role_value("securetty", "__securetty_masks")
    held = {f"{LIB}/{name}.service": VENDOR for name in ("getty@", "serial-getty@")}
    for name in ("rescue", "emergency"):
        held[f"{LIB}/{name}.service"] = f"[Service]\nExecStart=-/lib/systemd/systemd-sulogin-shell {name}\n"
    held[f"{LIB}/debug-shell.service"] = "[Service]\nExecStart=/bin/sh\n"
    held |= {path: item["content"] for path, item in files.items() if path.startswith(ETC)}
    held |= texts or {}
    linked = {item["path"]: item["target"] for item in masks} | (links or {})
    owner = f"root root {files['/etc/securetty']['mode'].lstrip('0')} regular file"
    answer = f"{owner}\n=ttys\n{files['/etc/securetty']['content']}\n=pam\n"
    answer += "/etc/pam.d/login\n" if enforce else ""
    answer += "=shadow\n*\n=passwd\nx\n=systemd\n/usr/lib/systemd/systemd\n=links\n"
    answer += "".join(f"{path} {target}\n" for path, target in linked.items() if target)
    answer += "=texts\n" + "\n".join(f"==> {path} <==\n{text}" for path, text in held.items() if text is not None)
    answer += "\n=loaded\nId=debug-shell.service\nLoadState=masked\nActiveState=inactive\n\n"
    answer += "Id=rescue.service\nLoadState=loaded\nActiveState=inactive\nExecStart={ path=/a/sulogin-shell ; }\n"
    answer += "=running\n"
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return SECURETTY.module.Console(answer)


def drop_in(unit, text, folder=ETC):
    return {"texts": {f"{folder}/{unit}.service.d/zzz.conf": text}}


def test_the_roles_own_files_meet_every_control():
    outcomes = SECURETTY.outcomes(facts())
    assert outcomes.pop("x-securetty-04") == "not applicable"
    assert set(outcomes.values()) == {"passed"}


@pytest.mark.parametrize(
    ("given", "controls"),
    [
        ({"replace": [("root root 400", "root root 644")]}, {"ds-securetty-01"}),
        ({"replace": [("root root 400", "root adm 400")]}, {"ds-securetty-01"}),
        ({"replace": [("tty6\n", "tty6\nttyS0\n")]}, {"ds-securetty-01"}),
        ({"replace": [("tty6\n", "")]}, {"ds-securetty-01"}),
        ({"replace": [("tty6\n", "tty6\n# tty7\n")]}, set()),
        ({"replace": [("=shadow\n*\n", "=shadow\n!\n")]}, set()),
        ({"replace": [("=shadow\n*\n", "=shadow\n$\n")]}, {"x-securetty-01"}),
        ({"replace": [("=shadow\n*\n", "=shadow\n\n")]}, {"x-securetty-01"}),
        ({"replace": [("=passwd\nx\n", "=passwd\n\n")]}, {"x-securetty-01"}),
        ({"replace": [("=passwd\nx\n", "=passwd\n*\n")]}, set()),
        (drop_in("serial-getty@ttyS0", AUTO), {"x-securetty-02"}),
        (drop_in("getty@tty1", AUTO, "/run/systemd/system"), {"x-securetty-02"}),
        (drop_in("getty@tty1", AUTO, LIB), {"x-securetty-02"}),
        (drop_in("getty@tty1", AUTO.replace("ExecStart=-", "# ExecStart=-")), set()),
        (drop_in("getty@tty1", AUTO.replace("--autologin root", "-a root")), {"x-securetty-02"}),
        (drop_in("getty@tty1", AUTO.replace("--autologin", "\\\n  --autologin")), {"x-securetty-02"}),
        (drop_in("getty@tty1", AUTO.replace("--autologin root", "-o '-p -f -- \\\\u'")), {"x-securetty-02"}),
        (drop_in("sshd", AUTO.replace("agetty", "sshd")), set()),
        ({"texts": {f"{ETC}/getty@.service": AUTO}}, {"x-securetty-02"}),
        ({"texts": {f"{LIB}/getty@.service": AUTO, f"{ETC}/getty@.service": VENDOR}}, set()),
        ({"texts": {f"{LIB}/autovt@.service": AUTO}, "links": {f"{LIB}/autovt@.service": "getty@.service"}}, set()),
        ({"links": {f"{ETC}/debug-shell.service": ""}}, {"x-securetty-02"}),
        ({"links": {f"{ETC}/debug-shell.service": "/lib/systemd/system/debug-shell.service"}}, {"x-securetty-02"}),
        ({"replace": [("LoadState=masked", "LoadState=loaded")]}, {"x-securetty-02"}),
        ({"replace": [("masked\nActiveState=inactive", "masked\nActiveState=active")]}, {"x-securetty-02"}),
        ({"replace": [("=running\n", "=running\n/proc/7/cmdline\n")]}, {"x-securetty-02"}),
        (drop_in("rescue", "[Service]\nExecStart=\nExecStart=-/bin/bash\n"), {"x-securetty-03"}),
        (drop_in("emergency", "[Service]\nExecStart=\n"), {"x-securetty-03"}),
        (drop_in("emergency", "[Service]\nEnvironment=SYSTEMD_SULOGIN_FORCE=1\n"), set()),
        (
            {"texts": {f"{ETC}/rescue.service": "[Service]\nExecStart=/bin/sh\n"}, "replace": []},
            set(),  # the role's drop-in has the last word
        ),
        ({"replace": [("path=/a/sulogin-shell", "path=/bin/sh")]}, {"x-securetty-03"}),
    ],
)
def test_a_broken_control_fails_alone(given, controls):
    assert SECURETTY.failing(facts(**given)) == controls


def test_a_forced_root_shell_fails_where_nothing_takes_it_back():
    own = {f"{ETC}/{name}.service.d/zz-hallmark.conf": None for name in ("rescue", "emergency")}
    assert SECURETTY.failing(facts(own)) == set()
    own[f"{ETC}/emergency.service.d/force.conf"] = "[Service]\nEnvironment=SYSTEMD_SULOGIN_FORCE=1\n"
    assert SECURETTY.failing(facts(own)) == {"x-securetty-03"}


def test_an_enforced_list_needs_the_serial_consoles():
    outcomes = SECURETTY.outcomes(facts(enforce=True))
    assert set(outcomes.values()) == {"passed"}
    outcomes = SECURETTY.outcomes(facts(enforce=True, replace=[("ttyAMA0\n", "")]))
    assert {name for name, outcome in outcomes.items() if outcome == "failed"} == {"x-securetty-04"}


def test_without_systemd_its_controls_do_not_apply():
    outcomes = SECURETTY.outcomes(facts(replace=[("=systemd\n/usr/lib/systemd/systemd\n", "=systemd\n")]))
    assert (outcomes["x-securetty-02"], outcomes["x-securetty-03"]) == ("not applicable", "not applicable")


def test_switches():
    files = {item["path"]: item for item in role_value("securetty", "__securetty_files", securetty_sulogin=False)}
    assert [item.get("state") for item in files.values()] == [None, "absent", "absent"]
    assert "ttyS0" not in files["/etc/securetty"]["content"]
    files = role_value("securetty", "__securetty_files", securetty_enforce=True, securetty_serial=["ttyS1"])
    assert files[0]["content"].endswith("\n\nconsole\ntty1\ntty2\ntty3\ntty4\ntty5\ntty6\nttyS1\n")
