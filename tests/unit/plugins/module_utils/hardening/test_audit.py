# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import audit, audit_live, boot_loader
from ansible_collections.hallmark.images.plugins.module_utils.hardening.audit_rules import GROUPS
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from support.image_tree import name_root
from support.role_vars import role_value

FILES = Path(__file__).parent / "files"
SYSTEMS = ("debian11", "debian12", "debian13", "ubuntu2404", "rhel8", "rhel9", "amazon2023", "alinux3", "anolis8")
DEBIAN = ("debian11", "debian12", "debian13", "ubuntu2404")
GRUB_CFG = "menuentry x {\n\tlinux\t/boot/vmlinuz-6.1 root=/dev/vda1 ro quiet\n}\n"
VENDOR = """\
#
# This file controls the configuration of the audit daemon
#

local_events = yes
write_logs = yes
log_group = adm
log_format = ENRICHED
max_log_file = 8
##name = mydomain
space_left = 75
q_depth = 2000
"""


def options(**others):
    return {
        "settings": role_value("auditd", "__auditd_settings"),
        "rules": True,
        "groups": list(GROUPS),
        "extra_rules": [],
        "sudo_log": "/var/log/sudo.log",
        "immutable": False,
        "backlog_limit": 8192,
        "failure_mode": 1,
        "drop_never_task": True,
        "private_files": True,
        "kernel_cmdline": True,
        "mask_journald": True,
        "service": True,
        "live": "auto",
        **others,
    }


class Programs:
    """Stands for what the module would run; remembers it."""

    def __init__(self, top, working=True):
        self.top, self.working, self.ran = top, working, []
        self.kernel = ["-w /etc/old -p wa -k old"]
        self.status = "enabled 1\nbacklog_limit 64\n"

    def __call__(self, command):
        self.ran.append(" ".join(command).replace(str(self.top), "ROOT"))
        if not self.working:
            return 1, "", "it is\nbroken"
        if "update-grub" in command or "grubby" in command:
            for path in ("boot/grub/grub.cfg", "boot/loader/entries/a.conf"):
                if (self.top / path).exists():
                    text = (self.top / path).read_text().replace(" quiet", " quiet audit=1 audit_backlog_limit=8192")
                    (self.top / path).write_text(text)
        if "enable" in command:
            wants = self.top / "etc/systemd/system/multi-user.target.wants"
            wants.mkdir(parents=True, exist_ok=True)
            (wants / "auditd.service").symlink_to("/lib/systemd/system/auditd.service")
        if command == ["augenrules", "--load"]:
            text = (self.top / "etc/audit/rules.d/zz-hallmark.rules").read_text()
            self.kernel = [line for line in text.splitlines() if line.startswith(("-a", "-w"))]
        if command == ["auditctl", "-l"]:
            return 0, "\n".join(self.kernel) + "\n", ""
        if command == ["auditctl", "-s"]:
            return 0, self.status, ""
        return 0, "", ""


def make_tree(top, system="debian12"):
    """A tree in which the daemon was just installed."""
    folders = "etc/audit/rules.d var/log/audit usr/sbin usr/bin usr/lib/systemd/system etc/systemd/system etc/network"
    for folder in [*folders.split(), "etc/default", "proc/self"]:
        (top / folder).mkdir(parents=True)
    name_root(top)
    for name in ("os-release", "login.defs"):
        shutil.copy(FILES / system / name, top / "etc" / name)
    known = [*role_value("auditd", "__auditd_settings"), "q_depth"]
    (top / "usr/sbin/auditd").write_bytes(b"ELF\0" + b"\0".join(key.encode() for key in known) + b"\0")
    (top / "usr/sbin/auditctl").write_bytes(b"ELF")
    (top / "sbin").symlink_to("usr/sbin")
    (top / "bin").symlink_to("usr/bin")
    (top / "usr/bin/sh").write_bytes(b"\x7fELF" + bytes(14) + b"\x3e\0")
    for name, mode in (("sudo", 0o4755), ("wall", 0o2755), ("a b", 0o4755), ("ls", 0o755)):
        (top / "usr/bin" / name).write_bytes(b"")
        (top / "usr/bin" / name).chmod(mode)
    (top / "etc/audit/auditd.conf").write_text(VENDOR)
    (top / "etc/audit/rules.d/audit.rules").write_text("-D\n-b 8192\n-a task,never\n-f 1\n")
    (top / "etc/audit/rules.d/audit.rules").chmod(0o644)
    for unit in ("auditd.service", audit.JOURNALD_SOCKET):
        (top / "usr/lib/systemd/system" / unit).write_text("[Unit]\n")
    if system in DEBIAN:
        (top / "boot/grub").mkdir(parents=True)
        (top / "boot/grub/grub.cfg").write_text(GRUB_CFG)
        (top / "etc/default/grub").write_text("GRUB_CMDLINE_LINUX=\n")
    else:
        (top / "boot/loader/entries").mkdir(parents=True)
        (top / "boot/loader/entries/a.conf").write_text("title A\noptions root=/dev/vda1 quiet\n")
        (top / "etc/default/grub").write_text('GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX="quiet audit=0"\n')
        (top / "etc/kernel").mkdir()
        (top / "etc/kernel/cmdline").write_text("root=/dev/vda1 quiet\n")
    return top


def apply(top, run=None, check_mode=False, **others):
    tree = Tree(str(top), check_mode)
    report = audit.set_all(tree, options(**others), run or Programs(top))
    return tree, report


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_roles_values_on_recorded_systems(tmp_path, system):
    run = Programs(make_tree(tmp_path, system))
    _tree, report = apply(tmp_path, run)
    conf = (tmp_path / "etc/audit/auditd.conf").read_text()
    assert "\nlog_format = RAW\n" in conf
    assert "\nq_depth = 2000\n" in conf
    assert conf.count("log_group") == 1
    assert (tmp_path / "etc/audit/auditd.conf").stat().st_mode & 0o7777 == 0o640
    rules = tmp_path / "etc/audit/rules.d/zz-hallmark.rules"
    lines = rules.read_text().splitlines()
    assert lines[1:4] == ["-i", "-b 8192", "-f 1"]
    assert "-a always,exit -F path=/usr/bin/sudo -F perm=x -F auid>=1000 -F auid!=unset -F key=privileged" in lines
    assert ("-w /etc/apparmor -p wa -k MAC-policy" in lines) is (system in DEBIAN)
    assert ("-w /etc/selinux -p wa -k MAC-policy" in lines) is (system not in DEBIAN)
    slash = "/" if system in DEBIAN else ""  # elsewhere it is watched because it exists
    assert f"-w /etc/network{slash} -p wa -k system-locale" in lines
    assert rules.stat().st_mode & 0o7777 == 0o640
    vendor = tmp_path / "etc/audit/rules.d/audit.rules"
    assert vendor.read_text() == "-D\n-b 8192\n# -a task,never\n-f 1\n"
    assert vendor.stat().st_mode & 0o7777 == 0o640
    assert os.readlink(tmp_path / "etc/systemd/system" / audit.JOURNALD_SOCKET) == "/dev/null"
    assert report["programs"] == ["/usr/bin/sudo", "/usr/bin/wall"]
    assert report["left_out"] == ["/usr/bin/a b"]
    assert (report["live"], report["warnings"], report["unknown_keys"]) == (False, [], [])
    grubby = "chroot ROOT grubby --update-kernel=ALL --args=audit=1 audit_backlog_limit=8192"
    assert run.ran == [*([] if system in DEBIAN else [grubby]), "systemctl --root=ROOT enable auditd.service"]
    assert "audit=1 audit_backlog_limit=8192" in boot_loader.kernel_lines(Tree(str(tmp_path)))[0]

    again = Programs(tmp_path)
    tree, _report = apply(tmp_path, again)
    assert (tree.changes, again.ran) == ([], [])


def test_kernels_to_come_get_the_arguments_too(tmp_path):
    make_tree(tmp_path, "rhel9")
    apply(tmp_path)
    assert (tmp_path / "etc/kernel/cmdline").read_text() == "root=/dev/vda1 quiet audit=1 audit_backlog_limit=8192\n"
    assert (tmp_path / "etc/default/grub").read_text() == (
        'GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX="quiet audit=1 audit_backlog_limit=8192"\n'
    )


def test_check_mode_runs_nothing_and_says_the_same(tmp_path):
    make_tree(tmp_path)
    run = Programs(tmp_path)
    dry, _report = apply(tmp_path, run, check_mode=True)
    assert run.ran == []
    assert (tmp_path / "etc/audit/auditd.conf").read_text() == VENDOR
    real, _report = apply(tmp_path)
    # Permissions of a file that is written anew are right at once.
    assert dry.changes == real.changes


def test_check_mode_before_the_daemon_is_installed(tmp_path):
    make_tree(tmp_path)
    shutil.rmtree(tmp_path / "etc/audit")
    (tmp_path / "usr/sbin/auditd").unlink()
    tree, _report = apply(tmp_path, check_mode=True)
    assert tree.result()["changed"]
    with pytest.raises(HardeningError, match=r"there is no auditd in .*; install package auditd"):
        apply(tmp_path)


def test_rules_and_lock_can_be_taken_back(tmp_path):
    make_tree(tmp_path)
    apply(tmp_path, immutable=True, extra_rules=["-w /srv -p rwa -k srv"])
    folder = tmp_path / "etc/audit/rules.d"
    assert (folder / "99-finalize.rules").read_text().endswith("\n-e 2\n")
    assert (folder / "zz-hallmark.rules").read_text().endswith("-w /srv -p rwa -k srv\n")
    tree, _report = apply(tmp_path, rules=False)
    assert sorted(path.name for path in folder.iterdir()) == ["audit.rules"]
    assert tree.result()["changed"]


def test_a_lock_of_somebody_else_stays(tmp_path):
    make_tree(tmp_path)
    (tmp_path / "etc/audit/rules.d/99-finalize.rules").write_text("#-e 2\n")
    apply(tmp_path)
    assert (tmp_path / "etc/audit/rules.d/99-finalize.rules").read_text() == "#-e 2\n"


def test_a_rule_that_changed_is_one_item(tmp_path):
    make_tree(tmp_path)
    apply(tmp_path)
    (tmp_path / "usr/bin/sudo").chmod(0o755)
    tree, _report = apply(tmp_path)
    line = "-a always,exit -F path=/usr/bin/sudo -F perm=x -F auid>=1000 -F auid!=unset -F key=privileged"
    assert tree.changes == [{"path": audit.RULES, "key": line, "before": "present", "after": "absent"}]


def test_everything_can_be_switched_off(tmp_path):
    make_tree(tmp_path)
    run = Programs(tmp_path)
    switches = ("rules", "drop_never_task", "private_files", "kernel_cmdline", "mask_journald", "service")
    tree, _report = apply(tmp_path, run, settings={}, **dict.fromkeys(switches, False))
    # auditd.conf itself is private in any case.
    assert {change["path"] for change in tree.changes} <= {"/etc/audit/auditd.conf"}
    assert run.ran == []


def test_settings_that_the_daemon_does_not_know_are_left_out(tmp_path):
    make_tree(tmp_path)
    _tree, report = apply(tmp_path, settings={"brand_new": 1, "log_group": None})
    assert report["unknown_keys"] == ["brand_new"]
    conf = (tmp_path / "etc/audit/auditd.conf").read_text()
    assert "brand_new" not in conf
    assert "\n#log_group = adm\n" in conf


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"settings": {"freq": [1]}}, r"settings: freq: \[1\] is no value"),
        ({"settings": {"freq": "1\n2"}}, "settings: freq: .* is no value"),
        ({"settings": {"space_left": 50, "admin_space_left": 50}}, "space_left: 50 must be more than admin_space_left"),
        ({"live": "true"}, "live: .* is not the running system; leave it at auto"),
        ({"extra_rules": ["/etc/x"]}, "extra_rules: '/etc/x' is no rule"),
    ],
)
def test_bad_input_is_one_clear_line_and_changes_nothing(tmp_path, others, message):
    make_tree(tmp_path)
    with pytest.raises(HardeningError, match=message) as caught:
        apply(tmp_path, **others)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "etc/audit/auditd.conf").read_text() == VENDOR


def test_the_running_system_may_be_left_alone(tmp_path):
    _tree, report = apply(make_tree(tmp_path), live="false")
    assert report["live"] is False


def test_values_of_settings():
    given = {"a": True, "b": 5, "c": None, "d": " NONE "}
    assert audit.clean_settings(given) == {"a": "yes", "b": "5", "c": None, "d": "NONE"}


@pytest.mark.parametrize(("text", "lowest"), [("UID_MIN 500\n", 500), ("#UID_MIN 500\n", 1000), ("", 1000)])
def test_who_is_a_person(text, lowest):
    assert audit.uid_min(text) == lowest


# --- boot loader -----------------------------------------------------------------------------------------------------


def test_a_boot_loader_that_cannot_be_told_is_a_warning_and_no_change(tmp_path):
    make_tree(tmp_path)
    apply(tmp_path)
    (tmp_path / "boot/grub/grub.cfg").write_text(GRUB_CFG)
    tree, report = apply(tmp_path, Programs(tmp_path, working=False))
    assert len(report["warnings"]) == 1
    assert report["warnings"][0].endswith(
        "kernels of the boot loader still lack audit=1 audit_backlog_limit=8192: it is broken"
    )
    assert tree.changes == []


def test_a_tree_without_proc_is_left_for_later(tmp_path):
    make_tree(tmp_path)
    shutil.rmtree(tmp_path / "proc")
    menu = tmp_path / "boot/grub/grub.cfg"
    menu.write_text(menu.read_text().replace(" quiet", " audit=0 quiet"))
    run = Programs(tmp_path)
    _tree, report = apply(tmp_path, run)
    assert "update-grub was not run because nothing is mounted" in report["warnings"][0]
    assert not any("grub" in command for command in run.ran)


def test_a_system_without_a_boot_loader(tmp_path):
    make_tree(tmp_path)
    shutil.rmtree(tmp_path / "boot")
    (tmp_path / "etc/default/grub").unlink()
    run = Programs(tmp_path)
    _tree, report = apply(tmp_path, run)
    assert not (tmp_path / "etc/default/grub.d").exists()
    assert (report["warnings"], [command for command in run.ran if "grub" in command]) == ([], [])


# --- running system --------------------------------------------------------------------------------------------------


@pytest.fixture
def live(tmp_path, monkeypatch):
    """A tree that is taken for the running system, its daemon being process 400; signals are remembered."""
    make_tree(tmp_path)
    (tmp_path / "proc/400").mkdir()
    (tmp_path / "proc/400/comm").write_text("auditd\n")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "run/auditd.pid").write_text("400\n")
    run = Programs(tmp_path)
    run.signals = []
    monkeypatch.setattr(audit, "is_live", lambda _root: True)
    monkeypatch.setattr(audit_live.os, "kill", lambda *given: run.signals.append(given))
    return run


FILE_COMMANDS = ["systemctl --root=ROOT enable auditd.service"]
JOURNALD = [
    "systemctl daemon-reload",
    f"systemctl stop {audit.JOURNALD_SOCKET}",
    "systemctl restart systemd-journald.service",
]


def test_a_running_system_is_told_once(live):
    tree, report = apply(live.top, live)
    load = ["auditctl -l", "auditctl -s", "augenrules --load", "auditctl -l"]
    assert live.ran == [*FILE_COMMANDS, *JOURNALD, *load]
    assert live.signals == [(400, signal.SIGHUP)]
    assert tree.changes[-1]["path"] == "kernel"
    assert (report["live"], report["next_boot"], report["warnings"]) == (True, False, [])

    live.ran.clear(), live.signals.clear()
    tree, _report = apply(live.top, live)
    assert (tree.changes, live.ran, live.signals) == ([], ["auditctl -l"], [])


def test_rules_that_the_kernel_lost_are_loaded_again(live):
    apply(live.top, live)
    live.kernel = []
    tree, _report = apply(live.top, live)
    assert [change["before"] for change in tree.changes] == ["0 rules"]
    assert live.kernel


def test_check_mode_only_looks_at_the_kernel(live):
    tree, _report = apply(live.top, live, check_mode=True)
    assert live.ran == ["auditctl -l"]
    assert live.signals == []
    assert tree.changes[-1]["path"] == "kernel"


def test_locked_rules_wait_for_the_next_boot(live):
    live.status = "enabled 2\n"
    _tree, report = apply(live.top, live)
    assert report["next_boot"] is True
    assert "augenrules --load" not in live.ran


def test_a_kernel_that_refuses_is_a_warning(live):
    live.top.joinpath("etc/audit/rules.d").chmod(0o755)
    original = Programs.__call__

    def refused(command):
        return (0, "", "no\nsuch rule") if command[0] == "augenrules" else original(live, command)

    _tree, report = apply(live.top, refused)
    assert report["warnings"][0].startswith("the kernel did not take ")
    assert report["warnings"][0].endswith("audit rules: no such rule")


def test_a_daemon_that_does_not_run_is_started(live):
    (live.top / "run/auditd.pid").unlink()
    _tree, report = apply(live.top, live)
    assert "systemctl start auditd.service" in live.ran
    assert report["warnings"] == ["auditd does not run; its rules come into force when it starts"]
    live.ran.clear()
    apply(live.top, live, service=False)
    assert "systemctl start auditd.service" not in live.ran


def test_the_pid_file_of_a_dead_daemon_names_nobody(live):
    (live.top / "proc/400/comm").write_text("bash\n")
    assert audit_live.daemon_pid(Tree(str(live.top))) == 0
