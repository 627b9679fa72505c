# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area boot on made-up machines: files of the boot loader always count, the running kernel after a boot."""

from __future__ import annotations

import pytest

from support.checks import Area
from support.role_vars import role_value

AREA = Area("boot")
WORDS = " ".join([*role_value("boot", "__boot_arguments"), "apparmor=1", "security=apparmor"])


def facts(replace=()):
    """A hardened machine that was booted since, with parts of the answer replaced."""
    answer = f"""==> /etc/default/grub <==
GRUB_CMDLINE_LINUX="console=ttyS0 {WORDS}"

==> /etc/default/grub.d/zz-hallmark-boot.cfg <==
GRUB_CMDLINE_LINUX="${{rest# }} {WORDS}"

=kernels
\tlinux\t/vmlinuz root=/dev/vda1 ro console=ttyS0 {WORDS}
\tlinux\t/vmlinuz root=/dev/vda1 ro single console=ttyS0 {WORDS}
=menu
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple' {{
=machine
name x86_64
btime 2000
written 1000
cmdline BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro console=ttyS0 {WORDS}
lockdown none [integrity] confidentiality
secureboot 1
"""
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return AREA.module.Boot(answer)


def test_the_roles_own_arguments_meet_every_control():
    found = AREA.outcomes(facts())
    assert found == {"x-boot-01": "passed", "x-boot-02": "failed", "x-boot-03": "passed", "x-boot-04": "passed"}


DEFAULT = f'"console=ttyS0 {WORDS}'
FILE, RUNNING, SINGLE = f"}} {WORDS}", f"ttyS0 {WORDS}\nlockdown", f"single console=ttyS0 {WORDS}"
# A cloud image's own file, which takes the place of what /etc/default/grub says.
NEXT = "==> /etc/default/grub.d/zz"
CLOUD = (NEXT, f'==> /etc/default/grub.d/50-cloud.cfg <==\nGRUB_CMDLINE_LINUX="quiet"\n\n{NEXT}')
OLD = [("btime 2000", "btime 500")]


@pytest.mark.parametrize(
    ("replace", "controls"),
    [
        ([(FILE, FILE.replace(" pti=on", ""))], set()),  # the other file gives it
        ([CLOUD], set()),
        ([("==> /etc/default/grub <==", "==> /etc/default/other <==")], set()),
        ([CLOUD, (FILE, FILE.replace(" pti=on", ""))], {"x-boot-01"}),
        ([("=kernels", 'GRUB_CMDLINE_LINUX="quiet"\n=kernels')], {"x-boot-01", "x-boot-03"}),
        ([(FILE, f"{FILE} pti=off")], {"x-boot-01"}),
        ([(FILE, FILE.replace("apparmor=1", "apparmor=0"))], {"x-boot-03"}),
        ([(DEFAULT, DEFAULT.replace(" pti=on", ""))], {"x-boot-01"}),
        ([(DEFAULT, DEFAULT.replace("apparmor=1", "apparmor=0"))], {"x-boot-03"}),
        ([(SINGLE, SINGLE.replace("slab_nomerge", ""))], {"x-boot-01"}),
        ([(RUNNING, RUNNING.replace("init_on_alloc=1", "init_on_alloc=0"))], {"x-boot-01"}),
        ([(RUNNING, RUNNING.replace("security=apparmor", ""))], {"x-boot-03"}),
        ([(RUNNING, "ttyS0\nlockdown"), *OLD], set()),
        ([(RUNNING, "ttyS0\nlockdown")], {"x-boot-01", "x-boot-03"}),
        ([(SINGLE, "single"), *OLD], {"x-boot-01", "x-boot-03"}),
        ([("x86_64", "aarch64"), (WORDS, WORDS.replace("pti=on vsyscall=none", ""))], set()),
        ([(WORDS, WORDS.replace("vsyscall=none", ""))], {"x-boot-01"}),
        # No GRUB: what runs is all there is to ask.
        ([("\tlinux\t", "\tother\t"), (FILE, "}"), ("written 1000", "written ")], set()),
    ],
)
def test_a_missing_argument_fails_its_control_alone(replace, controls):
    answer = facts(replace)
    answer.kernels = [line for line in answer.kernels if "linux" in line.split()[0]]
    assert AREA.failing(answer) == controls


def test_the_message_says_that_the_running_kernel_was_not_asked():
    found, expected = facts(OLD).lacking(["pti=on"], "debian")
    assert found["the running kernel"] == expected["the running kernel"]
    assert "not asked" in found["the running kernel"]


def test_kernels_of_the_rpm_family():
    words = WORDS.replace(" apparmor=1 security=apparmor", "")
    entry = "==> /boot/loader/entries/a.conf <==\ntitle a\noptions root=/dev/vda1 $kernelopts\n\n"
    env = f"==> /boot/grub2/grubenv <==\nkernelopts=ro {words}\n\n=kernels"
    right = [("==> /etc/default/grub.d", entry + "==> /etc/default/other"), ("=kernels", env)]
    assert AREA.outcomes(facts(right), "rhel")["x-boot-01"] == "passed"
    assert AREA.outcomes(facts(right), "rhel")["x-boot-03"] == "not applicable"
    wrong = [*right, (f"kernelopts=ro {words}", "kernelopts=ro")]
    assert AREA.outcomes(facts(wrong), "rhel")["x-boot-01"] == "failed"


def test_selinux_on_debian_and_containers():
    selinux = facts([("=kernels", "==> /etc/selinux/config <==\nSELINUX=enforcing\n=kernels")])
    assert AREA.outcomes(selinux)["x-boot-03"] == "not applicable"
    found = AREA.outcomes(facts([("lockdown", "/run/systemd/container\nlockdown")]))
    assert set(found.values()) == {"not applicable"}


PASSWORD = """=menu
set superusers="root"
password_pbkdf2 root grub.pbkdf2.sha512.10000.AB.CD
"""


@pytest.mark.parametrize(
    ("menu", "outcome"),
    [
        (PASSWORD + 'set menuentry_id_option="--unrestricted $menuentry_id_option"\n', "passed"),
        (PASSWORD, "failed"),
        (PASSWORD.replace("password_pbkdf2", "password"), "failed"),
        ("=menu\n", "failed"),
    ],
)
def test_the_password_of_the_boot_loader(menu, outcome):
    assert AREA.outcomes(facts([("=menu\n", menu)]))["x-boot-02"] == outcome


def test_lockdown():
    assert AREA.outcomes(facts([("none [integrity]", "[none] integrity")]))["x-boot-04"] == "failed"
    assert AREA.outcomes(facts([("none [integrity] confidentiality", "")]))["x-boot-04"] == "failed"
    found = AREA.outcomes(facts([("[integrity] confidentiality", "integrity [confidentiality]")]))
    assert found["x-boot-04"] == "passed"


@pytest.mark.parametrize(
    ("word", "outcome"), [("", "failed"), (" lockdown=none", "failed"), (" lockdown=integrity", "passed")]
)
def test_lockdown_that_does_not_come_of_secure_boot(word, outcome):
    """Each kernel of the boot loader must be told."""
    told = [("secureboot 1", "secureboot "), (f" console=ttyS0 {WORDS}\n", f" console=ttyS0 {WORDS}{word}\n")]
    assert AREA.outcomes(facts(told))["x-boot-04"] == outcome
    assert AREA.outcomes(facts([*told, (f"single console=ttyS0 {WORDS}{word}", "single")]))["x-boot-04"] == "failed"
