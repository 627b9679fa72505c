# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of other people that win over ours: who they are, and that every area with drop-ins tells."""

from __future__ import annotations

import os

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.drop_ins import ini, limits, winning
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import (
    config_files,
    modprobe_block,
    sshd_settings,
    sudo_defaults,
    sysctl_set,
)

OURS = "/etc/systemd/journald.conf.d/zz-hallmark.conf"
TEXT = "# Managed by Ansible, role hallmark.images.journald.\n[Journal]\nStorage=persistent\nCompress=yes\n"


@pytest.fixture
def put(tmp_path):
    def put(path, text):
        file = tmp_path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    put("/etc/passwd", f"root:x:{os.getuid()}:{os.getgid()}::/root:/bin/sh\n")
    put("/etc/group", f"root:x:{os.getgid()}:\n")
    put("/usr/lib/systemd/systemd", "")
    return put


class Task:
    """Takes the place of a step's task in a tree."""

    def __init__(self, top, work, check_mode=False, **options):
        self.tree = Tree(str(top), check_mode)
        defaults = {name: option.get("default") for name, option in work.OPTIONS.items()}
        self.params = {**defaults, **options, "root": str(top)}
        self.check_mode = check_mode

    def run(self, command, data=None):
        raise AssertionError(f"{command} in a tree")

    def must(self, command):
        raise AssertionError(f"{command} in a tree")

    def is_live(self):
        return False


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("/etc/systemd/journald.conf.d/zzz-site.conf", "[Journal]\nStorage = volatile\n", ["[Journal] Storage"]),
        ("/usr/lib/systemd/journald.conf.d/zzz-vendor.conf", "[Journal]\nCompress=no\n", ["[Journal] Compress"]),
        # Earlier in the order, whatever the folder; the same value; another section; a comment; no drop-in; ours.
        ("/run/systemd/journald.conf.d/99-site.conf", "[Journal]\nStorage=volatile\n", []),
        ("/etc/systemd/journald.conf.d/zzz-site.conf", "[Journal]\nStorage=persistent\n", []),
        ("/etc/systemd/journald.conf.d/zzz-site.conf", "[Other]\nStorage=volatile\n", []),
        ("/etc/systemd/journald.conf.d/zzz-site.conf", "[Journal]\n#Storage=volatile\n", []),
        ("/etc/systemd/journald.conf.d/zzz-site.conf.off", "[Journal]\nStorage=volatile\n", []),
        ("/etc/systemd/journald.conf.d/zzz-h.conf", "# By hallmark.images.x\n[Journal]\nStorage=auto\n", []),
    ],
)
def test_a_file_that_wins_is_told_with_its_key(tmp_path, put, file, text, told):
    put(file, text)
    found = winning(Tree(str(tmp_path)), OURS, TEXT, ini)
    assert [line.partition(" has the value")[0] for line in found] == [f"{file}: {key}" for key in told]


def test_a_file_of_the_same_name_hides_that_of_a_later_folder(tmp_path, put):
    put("/usr/lib/systemd/journald.conf.d/zzz.conf", "[Journal]\nStorage=volatile\n")
    put("/etc/systemd/journald.conf.d/zzz.conf", "[Journal]\nCompress=yes\n")
    assert winning(Tree(str(tmp_path)), OURS, TEXT, ini) == []


def test_limits_of_both_types_are_two_entries():
    text = "# * hard core 1\n* - core unlimited\nroot soft core 0 # none\n@staff hard\n"
    assert limits(text) == {"* hard core": "unlimited", "* soft core": "unlimited", "root soft core": "0"}


def files(**given):
    return {name: option.get("default") for name, option in config_files.FILE.items()} | given


CASES = {
    "limits": (
        config_files,
        {"files": [files(path="/etc/security/limits.d/zz-h.conf", content="* hard core 0\n", language="limits")]},
        ("/etc/security/limits.d/zzz-database.conf", "* - core unlimited\n"),
        "* hard core has the value 'unlimited', which counts instead of '0'",
    ),
    "systemd": (
        config_files,
        {"files": [files(path=OURS, content=TEXT, language="ini")]},
        ("/usr/lib/systemd/journald.conf.d/zzz.conf", "[Journal]\nStorage=none\n"),
        "[Journal] Storage has the value 'none', which counts instead of 'persistent'",
    ),
    "sudo": (
        sudo_defaults,
        {"defaults": ["use_pty", "timestamp_timeout=5"]},
        ("/etc/sudoers.d/zzz-admins", "%admins ALL=(ALL) ALL\nDefaults !use_pty, timestamp_timeout=5\n"),
        "Defaults use_pty has the value 'no', which counts instead of 'yes'",
    ),
    "sysctl": (
        sysctl_set,
        {"settings": {"kernel.sysrq": 0}},
        ("/usr/lib/sysctl.d/zzz-vendor.conf", "kernel.sysrq = 1\nvm.swappiness = 1\n"),
        "kernel.sysrq has the value '1', which counts instead of '0'",
    ),
    "sshd": (
        sshd_settings,
        {"settings": {"X11Forwarding": "no", "AllowGroups": "staff"}},
        ("/etc/ssh/sshd_config.d/00-a.conf", "x11forwarding yes\nAllowGroups all\nMatch User a\nX11Forwarding yes\n"),
        "x11forwarding has the value 'yes', which counts instead of 'no'",
    ),
    "modprobe": (
        modprobe_block,
        {"modules": ["usb-storage", "cramfs"]},
        ("/etc/modprobe.d/50-a.conf", "install usb_storage /sbin/modprobe -i usb_storage\ninstall cramfs /bin/false\n"),
        "usb_storage has the value '/sbin/modprobe -i usb_storage', which counts instead of 'nothing'",
    ),
}


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_every_step_with_a_drop_in_tells(tmp_path, put, name, check_mode):
    work, options, (file, text), said = CASES[name]
    put("/etc/sudoers", "#includedir /etc/sudoers.d\n")
    put("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n")
    if check_mode and name == "modprobe":  # it looks at the age of its file
        put("/etc/modprobe.d/dev-sec.conf", "")
    assert work.apply(Task(tmp_path, work, check_mode, **options))["warnings"] == []
    put(file, text)
    (warning,) = work.apply(Task(tmp_path, work, check_mode, **options))["warnings"]
    assert warning.startswith(f"{file}: {said} in ")
    assert (tmp_path / file.lstrip("/")).read_text() == text


def test_files_of_the_administrator_that_sysctl_makes_comments_of_are_not_told(tmp_path, put):
    put("/etc/sysctl.d/zzz-site.conf", "kernel.sysrq = 1\n")
    options = {"settings": {"kernel.sysrq": 0}}
    for check_mode in (True, False):
        assert sysctl_set.apply(Task(tmp_path, sysctl_set, check_mode, **options))["warnings"] == []
    put("/etc/sysctl.d/zzz-site.conf", "kernel.sysrq = 1\n")
    kept = Task(tmp_path, sysctl_set, **options, disable_rivals=False)
    assert len(sysctl_set.apply(kept)["warnings"]) == 1


def test_drop_ins_of_an_sshd_that_includes_none_do_not_count(tmp_path, put):
    put("/etc/ssh/sshd_config", "X11Forwarding yes\n")
    put("/etc/ssh/sshd_config.d/00-a.conf", "X11Forwarding yes\n")
    task = Task(tmp_path, sshd_settings, settings={"X11Forwarding": "no"})
    assert sshd_settings.apply(task)["warnings"] == []
