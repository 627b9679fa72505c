# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area minimize_access on made-up machines: each fails when, and only when, its control is broken."""

from __future__ import annotations

import fnmatch

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.swept import Swept
from support.role_vars import role_value

ANSWER = """\
root:shadow:640:regular file:/etc/shadow
root:shadow:640:regular file:/etc/shadow-
root:shadow:640:regular file:/etc/gshadow
root:root:644:regular file:/etc/passwd
root:root:644:regular file:/etc/passwd-
root:root:644:regular file:/etc/group
root:root:644:regular file:/etc/shells
root:root:600:regular empty file:/etc/security/opasswd
root:root:750:regular file:/bin/su
root:root:440:regular file:/etc/sudoers
root:root:750:directory:/etc/sudoers.d
root:root:440:regular file:/etc/sudoers.d/README
root:root:700:directory:/boot
root:root:755:directory:/dev
root:root:1777:directory:/dev/shm
root:root:755:directory:/home
root:root:755:directory:/run
root:root:1777:directory:/tmp
root:root:755:directory:/var
root:root:755:directory:/var/log
root:systemd-journal:2755:directory:/var/log/journal
root:root:1777:directory:/var/tmp
root:root:600:regular file:/boot/grub/grub.cfg
root:root:600:regular file:/boot/vmlinuz-6.1
root:root:600:regular file:/etc/ssh/sshd_config
root:root:600:regular file:/etc/ssh/ssh_host_ed25519_key
root:root:644:regular file:/etc/ssh/ssh_host_ed25519_key.pub
=compilers
=programs
=logs
664:/var/log/wtmp
664:/var/log/lastlog
660:/var/log/btmp.1
=homes
1000:1000:1000:1000:f:644:/home/debian/.bashrc
1000:1000:1000:1000:d:700:/home/debian/.ssh
0:0:0:0:f:600:/root/.bash_history
=texts
==> /etc/pam.d/su <==
# comment
auth sufficient pam_rootok.so
auth       required   pam_wheel.so use_uid group=sugroup
@include common-auth

==> /etc/fstab <==
UUID=1 / ext4 defaults 0 1
devtmpfs /dev devtmpfs rw,nosuid,noexec 0 0
tmpfs /dev/shm tmpfs rw,nosuid,nodev,noexec 0 0
tmpfs /run tmpfs rw,nosuid,nodev,noexec 0 0
proc /proc proc rw,nosuid,nodev,noexec,relatime,hidepid=2,gid=994 0 0

==> /etc/group <==
root:x:0:
sugroup:x:995:
proc:x:994:polkitd

==> /etc/passwd <==
root:x:0:0::/root:/bin/bash
debian:x:1000:1000::/home/debian:/bin/bash
=mounts
22 27 0:21 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw,gid=994,hidepid=invisible
24 27 0:6 / /dev rw,nosuid,noexec,relatime - devtmpfs udev rw,mode=755
25 24 0:23 / /dev/shm rw,nosuid,nodev,noexec - tmpfs tmpfs rw
26 24 0:24 / /run rw,nosuid,nodev,noexec - tmpfs tmpfs rw,mode=755
27 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
=seen
=marks
=sweep
1124
=set_id
=odd
d:1777:0:0:1:9:/srv/drop
=named
0
=grouped
0
=capable
"""


def facts(areas, *replace):
    """A hardened machine whose answer has parts replaced (old must be there)."""
    answer = ANSWER
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    own, _mark, sweep = answer.partition("=sweep\n")
    return areas["minimize_access"].module.Access(own, Swept(sweep))


def test_a_hardened_machine_meets_every_control(areas):
    outcomes = areas["minimize_access"].outcomes(facts(areas))
    assert {name for name, outcome in outcomes.items() if outcome == "failed"} == set()
    assert {name for name, outcome in outcomes.items() if outcome == "not applicable"} == {"x-min-08"}


@pytest.mark.parametrize(
    ("old", "new", "controls"),
    [
        ("shadow:640:regular file:/etc/shadow\n", "shadow:644:regular file:/etc/shadow\n", {"os-02"}),
        ("root:shadow:640:regular file:/etc/shadow\n", "root:root:640:regular file:/etc/shadow\n", {"os-02"}),
        ("644:regular file:/etc/passwd\n", "664:regular file:/etc/passwd\n", {"os-03"}),
        ("root:root:755:directory:/var/log\n", "daemon:root:755:directory:/var/log\n", {"os-11"}),
        ("root:root:755:directory:/var/log\n", "root:adm:755:directory:/var/log\n", {"os-11"}),
        ("=programs\n", "=programs\n/usr/bin/x\n", {"ds-min-01"}),
        ("640:regular file:/etc/gshadow", "644:regular file:/etc/gshadow", {"ds-min-02"}),
        ("root:shadow:640:regular file:/etc/gshadow\n", "", {"ds-min-02"}),
        ("root:shadow:640:regular file:/etc/shadow-\n", "", set()),
        ("644:regular file:/etc/passwd-", "666:regular file:/etc/passwd-", {"ds-min-03"}),
        ("750:regular file:/bin/su", "4755:regular file:/bin/su", {"ds-min-04"}),
        ("root:root:750:regular file:/bin/su", "root:sugroup:4750:regular file:/bin/su", {"ds-min-04"}),
        ("root:root:750:regular file:/bin/su\n", "", set()),
        ("hidepid=2,", "", {"ds-min-05"}),
        (",hidepid=invisible", "", {"ds-min-05"}),
        ("hidepid=2,", "hidepid=invisible,", set()),
        ("hidepid=invisible", "hidepid=2", set()),
        ("/proc rw,nosuid,nodev,noexec,", "/proc rw,nosuid,nodev,", {"ds-min-05"}),
        ("=seen\n", "=seen\n/proc/1\n", {"ds-min-05"}),
        ("700:directory:/boot", "755:directory:/boot", {"ds-min-06"}),
        ("1777:directory:/var/tmp", "777:directory:/var/tmp", {"ds-min-06"}),
        ("755:directory:/var/log\n", "775:directory:/var/log\n", {"ds-min-06"}),
        ("=compilers\n", "root:adm:750:directory:/var/log/audit\n=compilers\n", {"ds-min-06"}),
        ("tmpfs /run tmpfs rw,nosuid,nodev,noexec 0 0\n", "", {"ds-min-07"}),
        ("tmpfs /dev/shm tmpfs rw,nosuid,nodev,noexec", "tmpfs /dev/shm tmpfs rw,nosuid,nodev", {"ds-min-07"}),
        ("/dev/shm rw,nosuid,nodev,noexec - tmpfs", "/dev/shm rw,nosuid,nodev - tmpfs", {"ds-min-07"}),
        ("/run tmpfs rw,nosuid,nodev,noexec 0 0", "/run tmpfs rw,nosuid,nodev 0 0", set()),
        ("=named\n", "f:666:0:0:1:8:/srv/a: b\n=named\n", {"x-min-01"}),
        ("d:1777:0:0:1:9:/srv/drop\n", "d:777:0:0:1:9:/srv/drop\n", {"x-min-02"}),
        ("d:1777:0:0:1:9:/srv/drop\n=named\n", "d:1777:1000:0:1:9:/srv/drop\n=named\n1000\n", {"x-min-02"}),
        ("=named\n", "f:644:4242:0:1:8:/srv/a\n=named\n", {"x-min-03"}),
        ("=named\n", "f:644:0:4242:1:8:/srv/a\n=named\n", {"x-min-03"}),
        ("=named\n", "f:644:4242:0:1:8:/srv/a\n=named\n4242\n", set()),
        ("=sweep\n1124\n", "=sweep\n0\n", {"x-min-01", "x-min-02", "x-min-03"}),
        ("600:regular empty file:/etc/security/opasswd", "644:regular file:/etc/security/opasswd", {"x-min-04"}),
        ("644:regular file:/etc/shells", "664:regular file:/etc/shells", {"x-min-05"}),
        ("600:regular file:/boot/grub/grub.cfg", "444:regular file:/boot/grub/grub.cfg", {"x-min-06"}),
        ("600:regular file:/boot/vmlinuz-6.1", "644:regular file:/boot/vmlinuz-6.1", {"x-min-06"}),
        ("440:regular file:/etc/sudoers.d/README", "644:regular file:/etc/sudoers.d/README", {"x-min-07"}),
        ("=logs\n", "=logs\n644:/var/log/dpkg.log\n", {"x-min-09"}),
        ("664:/var/log/wtmp", "666:/var/log/wtmp", {"x-min-09"}),
        ("root:systemd-journal:2755", "root:root:2755", {"x-min-09"}),
        ("600:regular file:/etc/ssh/sshd_config", "644:regular file:/etc/ssh/sshd_config", {"x-min-10"}),
        ("600:regular file:/etc/ssh/ssh_host", "640:regular file:/etc/ssh/ssh_host", {"x-min-10"}),
        ("f:644:/home/debian/.bashrc", "f:664:/home/debian/.bashrc", {"x-min-11"}),
        ("1000:1000:1000:1000:f", "1000:1000:0:1000:f", {"x-min-11"}),
        ("f:600:/root/.bash_history", "f:640:/root/.bash_history", {"x-min-11"}),
        ("/home/debian/.bashrc", "/home/debian/.forward", {"x-min-11"}),
        ("auth       required   pam_wheel", "# auth required pam_wheel", {"x-min-12"}),
        ("auth sufficient pam_rootok.so\n", "", {"x-min-12"}),
        ("use_uid group", "deny use_uid group", {"x-min-12"}),
        ("sugroup:x:995:", "sugroup:x:995:debian", {"x-min-12"}),
        ("sugroup:x:995:\n", "", {"x-min-12"}),
        ("debian:x:1000:1000:", "debian:x:1000:995:", {"x-min-12"}),
    ],
)
def test_a_broken_control_fails_alone(areas, old, new, controls):
    assert areas["minimize_access"].failing(facts(areas, (old, new))) == controls


def test_other_families_have_other_values(areas):
    area = areas["minimize_access"]
    key = ":regular file:/etc/ssh/ssh_host_ed25519_key\n"
    changes = [("root:shadow:640", "root:root:0"), (f"root:root:600{key}", f"root:ssh_keys:640{key}")]
    found = facts(areas, *changes, ("hidepid=2,", ""))
    assert area.failing(found, "rocky") == set()
    assert area.outcomes(found, "rocky")["ds-min-05"] == "not applicable"
    assert area.failing(found) == {"os-02", "ds-min-02", "ds-min-05", "x-min-10"}
    syslog = facts(areas, ("root:root:755:directory:/var/log\n", "root:syslog:775:directory:/var/log\n"))
    assert area.failing(syslog, "ubuntu") == set()


def test_a_container_is_not_asked_for_mounts(areas):
    found = facts(areas, ("=marks\n", "=marks\n/run/systemd/container\n"), ("hidepid=2,", ""), ("tmpfs /run", "# "))
    outcomes = areas["minimize_access"].outcomes(found)
    assert (outcomes["ds-min-05"], outcomes["ds-min-07"]) == ("not applicable", "not applicable")


@pytest.mark.parametrize(("mode", "outcome"), [("750", "passed"), ("755", "failed")])
def test_compilers_can_be_closed(areas, mode, outcome):
    found = facts(areas, ("=compilers\n", f"=compilers\nroot:root:{mode}:regular file:/usr/bin/gcc\n"))
    assert areas["minimize_access"].outcomes(found)["x-min-08"] == outcome


def test_the_roles_own_lines_meet_the_controls_on_mounts(areas):
    """What the role asks fstab for is what the standard asks for, in the right type."""
    lines = role_value("minimize_access", "minimize_access_mounts")
    texts = "".join(
        f"{line['source']} {line['path']} {line['fstype']} {','.join(line['options'])} 0 0\n" for line in lines[:3]
    )
    found = facts(areas)
    found.texts["/etc/fstab"] = texts
    assert areas["minimize_access"].failing(found) == {"ds-min-05"}


def test_the_dynamic_loader_stays_everybodys():
    """Debian links it as /usr/bin/ld.so, beside the linkers ld.bfd and ld.gold."""
    closed = role_value("minimize_access", "__minimize_access_files", minimize_access_compilers=True)
    patterns = [item["path"] for item in closed]
    assert [path for path in patterns if fnmatch.fnmatch("/usr/bin/ld.so", path)] == []
    assert [path for path in patterns if fnmatch.fnmatch("/usr/bin/ld.bfd", path)] == ["/usr/bin/ld.bfd"]


def test_compilers_are_asked_for_only_when_told():
    paths = [item["path"] for item in role_value("minimize_access", "__minimize_access_files")]
    more = role_value("minimize_access", "__minimize_access_files", minimize_access_compilers=True)
    assert "/usr/bin/gcc" not in paths
    assert "/usr/bin/gcc" in [item["path"] for item in more]


def test_logs_that_are_left_alone_are_not_closed_at_boot_either():
    lines = role_value("minimize_access", "__minimize_access_boot_modes", minimize_access_logs=False)
    assert [line for line in lines if "/var/log" in line] == []
    assert role_value("minimize_access", "__minimize_access_boot_modes", minimize_access_boot_modes=False) == []
