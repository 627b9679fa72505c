# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hardening modules through Ansible, on a made-up image tree: what a user sees."""

from __future__ import annotations

import json
import os
import sys

import pytest

from support.machine import playbook

TASKS = """\
    - hallmark.images.sysctl_set:
        settings: {net.ipv4.ip_forward: 0, kernel.sysrq: no}
        root: "{{ top }}"
    - hallmark.images.config_files:
        files:
          - {path: /etc/security/limits.d/99-a.conf, content: "* hard core 0\\n", mode: "0440"}
          - {path: /etc/systemd/coredump.conf.d/99-a.conf, content: "x", needs: /usr/lib/systemd}
        root: "{{ top }}"
    - hallmark.images.login_defs:
        settings: {UMASK: "027", CHFN_RESTRICT: null}
        root: "{{ top }}"
"""


@pytest.fixture
def top(tmp_path):
    (tmp_path / "tree/etc").mkdir(parents=True)
    etc = tmp_path / "tree/etc"
    (etc / "passwd").write_text(f"root:x:{os.getuid()}:{os.getgid()}::/root:/bin/sh\n")
    (etc / "group").write_text(f"root:x:{os.getgid()}:\n")
    (etc / "os-release").write_text("ID=debian\n")
    (etc / "login.defs").write_text("UMASK 022\nCHFN_RESTRICT rwh\n")
    (etc / "sysctl.conf").write_text("kernel.sysrq=1\n")
    return tmp_path / "tree"


def run(top, tasks, *arguments):
    """Run tasks on this machine, below the tree."""
    text = f"- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n{tasks}"
    extra = {"top": str(top), "ansible_python_interpreter": sys.executable}
    return playbook(text, top.parent, "-e", json.dumps(extra), *arguments)


def test_check_mode_first_run_and_second_run(top):
    dry = run(top, TASKS, "--check", "--diff")
    assert dry.returncode == 0, dry.stdout + dry.stderr
    assert "changed=3 " in dry.stdout
    assert "+UMASK\t027" in dry.stdout
    assert "-kernel.sysrq=1" in dry.stdout
    assert (top / "etc/login.defs").read_text() == "UMASK 022\nCHFN_RESTRICT rwh\n"
    assert not (top / "etc/sysctl.d").exists()

    first = run(top, TASKS, "--diff")
    assert "changed=3 " in first.stdout
    assert (top / "etc/login.defs").read_text() == "UMASK\t027\n#CHFN_RESTRICT rwh\nENCRYPT_METHOD\tYESCRYPT\n"
    assert "kernel.sysrq = 0\n" in (top / "etc/sysctl.d/zz-hallmark.conf").read_text()
    assert (top / "etc/security/limits.d/99-a.conf").read_text() == "* hard core 0\n"
    assert not (top / "etc/systemd").exists()

    second = run(top, TASKS)
    assert "changed=0 " in second.stdout
    assert "ok=3 " in second.stdout


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("sysctl_set: {settings: {kernel sysrq: 0}", "settings: 'kernel sysrq' is no parameter name"),
        ("sysctl_set: {settings: {kernel.sysrq: 0}, mode: 0440", "mode: '288' is not a mode"),
        ("login_defs: {settings: {ENV_PATH: 'PATH=/bin:'}", "an element that is empty"),
        ("config_files: {files: [{path: /etc/a}]", "state is file but all of the following are missing: content"),
        ("config_files: {files: [{path: /etc, state: absent}]", "/etc: is a directory, only files and links"),
    ],
)
def test_a_mistake_is_one_clear_error(top, task, message):
    done = run(top, f"    - hallmark.images.{task}, root: '{top}'}}\n")
    assert done.returncode == 2
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
