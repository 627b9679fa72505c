# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area auditd on made-up machines: each fails when, and only when, its control is broken."""

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import audit_rules
from ansible_collections.hallmark.images.plugins.module_utils.hardening.swept import Swept
from support.breaks.auditd import BREAKS
from support.role_vars import packages_of, role_value

RULES = "/etc/audit/rules.d/zz-hallmark.rules"
OFF = {"x-auditd-14", "x-auditd-18"}
LINUX = "\tlinux\t/boot/vmlinuz-6.1.0 root=UUID=1 ro {} quiet"
ARGUMENTS = "audit=1 audit_backlog_limit=8192"


def own_rules(system="debian", machine="x86_64", programs=("/usr/bin/sudo", "/usr/bin/su")):
    """The role's own file of rules."""
    more = {"scope": [("/var/log/sudo.log", "actions")]}
    lines = []
    for name in role_value("auditd", "auditd_rule_groups"):
        lines += audit_rules.render_group(name, system, machine, 1000, b"", more.get(name, ()), programs)
    return "-i\n" + "\n".join(lines) + "\n"


def as_kernel(text):
    """Rules as `auditctl -l` prints them (seen with audit 3.0.9 on Linux 6.18)."""
    text = text.replace("auid!=unset", "auid!=-1").replace("-C euid!=uid", "-C uid!=euid").replace("-i\n", "")
    text = text.replace("always,exit -F path", "always,exit -S all -F path")
    return text.replace("-w /etc/sudoers.d -p", "-w /etc/sudoers.d/ -p")


def paths_of(rules):
    """Every path that the rules watch, one a line."""
    fields = {field for rule in audit_rules.parse_all(rules) for field in rule[3]}
    return "".join(f"{field[5:]}\n" for field in sorted(fields) if field.startswith("path="))


def rpm():
    """Parts of the answer that differ on systems of the RPM family."""
    rules = own_rules("redhat")
    return {"rules": rules, "running": as_kernel(rules), "paths": paths_of(rules), "grub": ""}


def answer(**parts):
    """What a hardened Debian 12 answers, parts of it replaced."""
    conf = "".join(f"{key} = {value}\n" for key, value in role_value("auditd", "__auditd_settings").items())
    rules = own_rules()
    known = {
        "attributes": "/etc/audit/auditd.conf root root 640 regular file\n/var/log/audit root root 750 directory\n"
        "/var/log/audit/audit.log root root 600 regular file\n"
        f"{RULES} root root 640 regular file\n/etc/audit/rules.d/audit.rules root root 640 regular file\n"
        "/etc/audit/audit.rules root root 640 regular file\n/sbin/auditctl root root 755 regular file\n"
        "/sbin/auditd root root 755 regular file\n/etc/default/grub root root 644 regular file\n",
        "conf": conf,
        "rules": rules,
        "other": "-D\n-b 8192\n-f 1\n",
        "default": f'GRUB_CMDLINE_LINUX="console=ttyS0 {ARGUMENTS}"\n',
        "grub": f'GRUB_CMDLINE_LINUX="${{rest# }} {ARGUMENTS}"\n',
        "kernels": LINUX.format(ARGUMENTS) + "\n",
        "paths": paths_of(rules),
        "programs": "x:4755:0:0:1:1:/usr/bin/sudo\nx:4755:0:0:1:2:/usr/bin/su\n",
        "running": as_kernel(rules),
        "status": "enabled 1\nfailure 1\npid 400\nbacklog_limit 8192\n",
        "units": "/etc/systemd/system/multi-user.target.wants/auditd.service\n"
        "/lib/systemd/system/systemd-journald-audit.socket\nmasked /dev/null\n"
        "Id=auditd.service\nActiveState=active\n\nId=systemd-journald-audit.socket\nActiveState=inactive\n",
        "machine": "x86_64\nUID_MIN 1000\n/run/systemd/system\n/proc/self/loginuid\nbtime 200\nwritten 100\n"
        f"cmdline BOOT_IMAGE=/boot/vmlinuz-6.1.0 {ARGUMENTS} quiet\n",
        **parts,
    }
    return (
        "{attributes}=texts\n==> /etc/audit/auditd.conf <==\n{conf}\n==> /etc/audit/rules.d/audit.rules <==\n{other}\n"
        f"==> {RULES} <==\n"
        "{rules}\n==> /etc/default/grub <==\n{default}\n"
        "==> /etc/default/grub.d/zz-hallmark-audit.cfg <==\n{grub}=kernels\n{kernels}=paths\n{paths}"
        "=running\n{running}=status\n{status}=units\n{units}=machine\n{machine}"
        "=sweep\n1124\n=set_id\n{programs}=odd\n=named\n=grouped\n=capable\n"
    ).format(**known)


def facts(areas, replace=(), **parts):
    text = answer(**parts)
    for old, new in replace:
        assert old in text
        text = text.replace(old, new)
    return read(areas, text)


def read(areas, text):
    """Facts of the two parts of an answer: the area's own, and the sweep."""
    own, _mark, sweep = text.partition("=sweep\n")
    return areas["auditd"].module.Audit(own, Swept(sweep))


def test_the_roles_own_rules_and_settings_meet_every_control(areas):
    outcomes = areas["auditd"].outcomes(facts(areas))
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} == OFF
    assert set(outcomes) == set(BREAKS) | OFF


def gone(key):
    """The rules with `key` are in the kernel but not in the file."""
    return {"rules": "".join(f"{line}\n" for line in own_rules().splitlines() if not line.endswith(key))}


def unloaded(key):
    """The rules with `key` are in the file but not in the kernel."""
    return {"running": "".join(f"{line}\n" for line in as_kernel(own_rules()).splitlines() if not line.endswith(key))}


KEYS = {
    "time-change": "01",
    "identity": "02",
    "system-locale": "03",
    "MAC-policy": "04",
    "logins": "05",
    "session": "05",
    "perm_mod": "06",
    "access": "07",
    "privileged": "08",
    "mounts": "09",
    "delete": "10",
    "scope": "11",
    "actions": "11",
    "user_emulation": "11",
    "kernel_modules": "12",
    "perm_chng": "13",
    "usermod": "13",
}


@pytest.mark.parametrize("key", KEYS)
def test_rules_must_be_in_the_file_and_in_the_kernel(areas, key):
    assert areas["auditd"].failing(facts(areas, **gone(key))) == {f"x-auditd-{KEYS[key]}"}
    assert areas["auditd"].failing(facts(areas, **unloaded(key))) == {f"x-auditd-{KEYS[key]}"}


@pytest.mark.parametrize(
    ("old", "new", "controls"),
    [
        ("log_format = RAW", "log_format = ENRICHED", {"package-08"}),
        ("flush = INCREMENTAL_ASYNC", "flush = incremental", set()),
        ("flush = INCREMENTAL_ASYNC", "flush = NONE", {"package-08"}),
        ("max_log_file_action = keep_logs", "max_log_file_action = ROTATE", {"package-08"}),
        ("\nspace_left = 75", "\nspace_left = 7", {"package-08"}),
        ("admin_space_left_action = SUSPEND", "admin_space_left_action = IGNORE", {"package-08"}),
        ("/sbin/auditd root root 755", "/sbin/auditd root root 775", {"x-auditd-16"}),
        ("/sbin/auditd root root 755 regular file\n", "", {"package-08", "x-auditd-16"}),
        ("num_logs = 5", "num_logs = 50", {"ds-auditd-01"}),
        ("name_format = NONE\n", "", {"ds-auditd-01"}),
        ("auditd.conf root root 640", "auditd.conf root root 644", {"ds-auditd-01"}),
        ("masked /dev/null", "masked ", {"ds-auditd-02"}),
        ("journald-audit.socket\nActiveState=inactive", "journald-audit.socket\nActiveState=active", {"ds-auditd-02"}),
        ("multi-user.target.wants/auditd", "x.wants/other", {"ds-auditd-03"}),
        ("Id=auditd.service\nActiveState=active", "Id=auditd.service\nActiveState=failed", {"ds-auditd-03"}),
        ("-S adjtimex,settimeofday", "-S settimeofday", {"x-auditd-01"}),
        ("-S clock_settime -F a0=0x0", "-S clock_settime -F a0=0x1", {"x-auditd-01"}),
        ("-S clock_settime -F a0=0x0", "-S clock_settime -F a0=0", set()),
        ("-S clock_settime -F a0=0x0", "-S clock_settime", set()),
        ("-S execve -C", "-S execveat -C", {"x-auditd-11"}),
        ("-w /etc/pam.d/ -p", "-w /etc/pam.d -p", set()),
        ("-w /etc/shadow -p wa", "-w /etc/shadow -p w", {"x-auditd-02"}),
        ("-w /etc/shadow -p wa -k identity", "-w /etc/shadow -p wa -k other", {"x-auditd-02"}),
        ("-w /etc/shadow -p wa -k identity", "-w /etc/shadow -p rwa -k identity", set()),
        ("-w /etc/shadow -p wa -k identity", "-a exit,always -F path=/etc/shadow -F perm=aw -F key=identity", set()),
        ("-w /etc/shadow -p wa -k identity", "-a always,exit -F arch=b64 -F path=/etc/shadow -F perm=wa -k identity",
         {"x-auditd-02"}),
        ("/etc/issue\n", "/etc/issue\n/etc/network-of-its-own\n", {"x-auditd-03"}),
        ("-F arch=b64 -S sethostname", "-F arch=b64 -F uid=0 -S sethostname", {"x-auditd-03"}),
        ("-S sethostname,setdomainname", "-S setdomainname -S sethostname", set()),
        ("-F arch=b32 -S chown", "-F arch=b64 -S chown", {"x-auditd-06"}),
        ("chmod,fchmod,fchmodat -F auid>=1000", "chmod,fchmod,fchmodat -F auid>=2000", {"x-auditd-06"}),
        ("chmod,fchmod,fchmodat -F auid>=1000", "chmod,fchmod,fchmodat -F auid>=500", set()),
        ("exit=-EPERM", "exit=-13", {"x-auditd-07"}),
        ("exit=-EPERM", "exit=-1", set()),
        ("1:2:/usr/bin/su\n", "1:2:/usr/bin/su\nx:4755:0:0:1:3:/usr/bin/passwd\n", {"x-auditd-08"}),
        ("1:2:/usr/bin/su\n", "1:2:/usr/bin/su\nx:4755:0:0:1:2:/usr/bin/su-twin\n", set()),
        ("-a always,exit -F arch=b64 -S mount", "-a never,exit -F arch=b64 -S mount", {"x-auditd-09"}),
        ("-F euid=0 ", "-F euid=1 ", {"x-auditd-11"}),
        ("\nUID_MIN 1000", "\nUID_MIN 1000\nsudo_log /var/log/other", {"x-auditd-11"}),
        ("-D\n-b", "-D\n-a task,never\n-b", {"x-auditd-17"}),
        ("-D\n-b", "-D\n#-a task,never\n-b", set()),
        ("=status", "-a never,task\n=status", {"x-auditd-17"}),
        ("${rest# } audit=1", "${rest# }", {"x-auditd-15"}),
        ("==> /etc/default/grub <==", "==> /etc/default/other <==", set()),
        ('"console=ttyS0 audit=1', '"console=ttyS0', {"x-auditd-15"}),
        (" ro audit=1 ", " ro ", {"x-auditd-15"}),
        ("6.1.0 audit=1", "6.1.0", {"x-auditd-15"}),
        ("8192 quiet\n=paths", "8192 audit=0\n=paths", {"x-auditd-15"}),
        ("enabled 1", "enabled 0", {"x-auditd-15"}),
        ("backlog_limit 8192", "backlog_limit 64", {"x-auditd-15"}),
        ("zz-hallmark.rules root root 640", "zz-hallmark.rules root root 644", {"x-auditd-16"}),
        ("zz-hallmark.rules root root 640", "zz-hallmark.rules root adm 640", {"x-auditd-16"}),
        ("audit.log root root 600", "audit.log root adm 644", {"x-auditd-16"}),
        ("audit.log root root 600", "audit.log root adm 640", set()),
        ("/var/log/audit root root 750", "/var/log/audit root root 755", {"x-auditd-16"}),
    ],
)  # fmt: skip
def test_a_broken_setting_fails_its_control_alone(areas, old, new, controls):
    assert areas["auditd"].failing(facts(areas, [(old, new)])) == controls


def test_the_kernels_arguments_count_once_it_was_booted_with_them(areas):
    before_boot = [("written 100", "written 300"), ("6.1.0 audit=1", "6.1.0")]
    assert areas["auditd"].failing(facts(areas, before_boot)) == set()


def test_a_rule_for_what_does_not_exist_may_be_missing_in_the_kernel(areas):
    lacking = [line for line in as_kernel(own_rules()).splitlines() if "faillock" not in line]
    text = "".join(f"{line}\n" for line in lacking)
    assert areas["auditd"].failing(facts(areas, running=text)) == {"x-auditd-05"}
    assert areas["auditd"].failing(facts(areas, [("/var/run/faillock\n", "")], running=text)) == set()


@pytest.mark.parametrize("mark", ["/run/systemd/container", "/.dockerenv"])
def test_a_container_has_no_daemon_and_shares_its_hosts_rules(areas, mark):
    found = facts(areas, [("/proc/self/loginuid\n", f"{mark}\n")], running="", status="")
    outcomes = areas["auditd"].outcomes(found)
    assert {outcomes[name] for name in ("package-08", "ds-auditd-01", "ds-auditd-03")} == {"not applicable"}
    assert areas["auditd"].failing(found) == set()
    assert areas["auditd"].failing(facts(areas, [("/proc/self/loginuid\n", f"{mark}\n")], **gone("delete"))) == {
        "x-auditd-10"
    }


def test_in_an_image_tree_only_files_count(areas):
    assert areas["auditd"].failing(facts(areas, [("/run/systemd/system\n", "")], running="", status="")) == set()


def test_other_systems(areas):
    assert areas["auditd"].failing(facts(areas, **rpm()), "rocky") == set()
    assert areas["auditd"].failing(facts(areas, **rpm()), "debian") == {"x-auditd-03", "x-auditd-04", "x-auditd-15"}
    rules = own_rules(machine="aarch64")
    arm = facts(areas, [("=machine\nx86_64", "=machine\naarch64")], rules=rules, running=as_kernel(rules))
    assert areas["auditd"].failing(arm) == set()
    assert areas["auditd"].outcomes(arm, "sles")["ds-auditd-02"] == "not applicable"


def test_without_grub_there_are_no_arguments_to_look_for(areas):
    bare = facts(areas, [("/etc/default/grub root root 644 regular file\n", "")], kernels="", grub="")
    assert areas["auditd"].outcomes(bare)["x-auditd-15"] == "not applicable"


def test_loader_entries_of_the_rpm_family(areas):
    text = answer(**rpm(), kernels="")
    entries = "==> /boot/loader/entries/a.conf <==\ntitle A\noptions $kernelopts\n==> /boot/grub2/grubenv <==\n"
    good = text.replace("=kernels", f"{entries}kernelopts=root=/dev/vda1 {ARGUMENTS}\n=kernels")
    bad = text.replace("=kernels", f"{entries}kernelopts=root=/dev/vda1\n=kernels")
    assert areas["auditd"].failing(read(areas, good), "rocky") == set()
    assert areas["auditd"].failing(read(areas, bad), "rocky") == {"x-auditd-15"}


def test_what_is_off_by_default_can_be_met(areas):
    locked = facts(areas, [("-D\n", "-D\n-e 2\n"), ("enabled 1", "enabled 2")])
    assert areas["auditd"].outcomes(locked)["x-auditd-14"] == "passed"
    assert areas["auditd"].outcomes(facts(areas, [("-D\n", "-D\n-e 2\n")]))["x-auditd-14"] == "failed"
    plugin = "/sbin/auditd root root 755 regular file\n"
    names = [("RAW", "ENRICHED"), (plugin, f"{plugin}/sbin/audisp-remote root root 755 regular file\n")]
    assert areas["auditd"].outcomes(facts(areas, names))["x-auditd-18"] == "passed"


DAEMON, SENDER = "/usr/sbin/auditd", "/usr/sbin/audisp-remote"
SHIP = {"auditd_ship_records": True}
OWN = {"auditd_package": "my-audit"}


@pytest.mark.parametrize(
    ("system", "programs", "variables", "expected"),
    [
        ("debian", [], {}, ["auditd"]),
        ("ubuntu", [], {}, ["auditd"]),
        ("rocky", [], {}, ["audit"]),
        ("amzn", [], {}, ["audit"]),
        ("debian", [DAEMON], {}, []),
        ("rocky", [DAEMON], {}, []),
        ("debian", [], SHIP, ["auditd", "audispd-plugins"]),
        ("rocky", [DAEMON], SHIP, ["audispd-plugins"]),
        ("rocky", [DAEMON, SENDER], SHIP, []),
        ("rocky", [], OWN, ["my-audit"]),
        ("debian", [DAEMON], OWN, []),
        ("debian", [], OWN | SHIP, ["my-audit", "audispd-plugins"]),
    ],
)
def test_only_what_is_missing_is_installed(tmp_path, system, programs, variables, expected):
    assert packages_of("auditd", tmp_path, system, programs, **variables) == expected


def test_a_folder_of_programs_may_be_a_link(tmp_path):
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr/sbin").symlink_to("bin")
    assert packages_of("auditd", tmp_path, "fedora", ["/usr/bin/auditd"]) == []


def test_shipped_records_carry_names():
    assert role_value("auditd", "__auditd_settings", auditd_ship_records=True)["log_format"] == "ENRICHED"
