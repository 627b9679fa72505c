# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area modprobe on made-up machines: each fails when, and only when, its own control is broken."""

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.modprobe import render
from support.checks import Area
from support.role_vars import role_value

OWN = "/etc/modprobe.d/dev-sec.conf"
OTHER = "/etc/modprobe.d/a.conf"
MODPROBE = Area("modprobe")
NAMES = role_value("modprobe", "__modprobe_modules")
IMAGE = "/boot/initrd.img-6.1.0"


def facts(files=None, replace=(), without=()):
    """A hardened machine: the role's list less some modules, more files of rules, and parts of the answer replaced."""
    texts = {OWN: render([name for name in NAMES if name not in without], "/bin/true", True), **(files or {})}
    rules = "".join(texts[path] for path in sorted(texts)).splitlines()
    answer = "/sbin/modprobe\n=rules\n" + "".join(f"{line}\n" for line in rules if not line.startswith("#"))
    answer += "=attributes\n" + "".join(f"{path} root root 644\n" for path in texts)
    answer += "=texts\n" + "\n".join(f"==> {path} <==\n{text}" for path, text in texts.items())
    answer += "=loaded\next4 983040 1 - Live 0x0\n=tables\nUUID=x / ext4 defaults 0 1\nproc /proc proc rw 0 0\n"
    answer += f"=marks\n=images\n{IMAGE}\n"
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return MODPROBE.module.Modules(answer)


def test_the_roles_own_list_meets_every_control():
    outcomes = MODPROBE.outcomes(facts())
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} == {"x-modprobe-04"}
    assert MODPROBE.outcomes(facts({OTHER: "install overlay /bin/false\n"}))["x-modprobe-04"] == "passed"


@pytest.mark.parametrize(
    ("module", "control"),
    [
        ("squashfs", "os-10"),
        ("vfat", "os-10"),
        ("tipc", "ds-modprobe-01"),
        ("firewire-sbp2", "x-modprobe-01"),
        ("n-hdlc", "x-modprobe-02"),
    ],
)
def test_a_module_that_is_not_listed_fails_its_control_alone(module, control):
    assert MODPROBE.failing(facts(without=[module])) == {control}


@pytest.mark.parametrize(
    ("files", "replace", "controls"),
    [
        ({OTHER: "install ext4 /bin/false\n"}, [], {"ds-modprobe-02"}),
        ({OTHER: "blacklist ext4\n"}, [], {"ds-modprobe-02"}),
        # The first install command is in force.
        ({OTHER: "install udf /sbin/modprobe -i udf\n"}, [], {"os-10", "x-modprobe-03"}),
        ({"/etc/modprobe.d/z.conf": "install udf /sbin/modprobe -i udf\n"}, [], set()),
        ({}, [("dev-sec.conf root root 644", "dev-sec.conf root root 640")], {"ds-modprobe-03"}),
        ({}, [("dev-sec.conf root root 644", "dev-sec.conf daemon root 644")], {"ds-modprobe-03"}),
        ({}, [("/sbin/modprobe\n=rules", "=rules")], {"ds-modprobe-03"}),
        ({}, [("blacklist udf\n", "")], {"x-modprobe-03"}),
        ({}, [("install udf /bin/true", "install udf /bin/false")], {"os-10"}),  # InSpec reads the word
        ({}, [("install tipc /bin/true", "install tipc /bin/false")], set()),
        ({}, [("install tipc /bin/true\n", "")], {"ds-modprobe-01", "x-modprobe-03"}),
        ({}, [("=loaded\n", "=loaded\nsctp 1 0 - Live 0x0\n")], {"ds-modprobe-01"}),
        ({}, [("=loaded\n", "=loaded\nn_hdlc 1 0 - Live 0x0\n")], {"x-modprobe-02"}),
        # An old initramfs counts where it may hold a driver of hardware.
        ({}, [(f"{IMAGE}\n", f"{IMAGE}\nolder than {OWN}\n")], set()),
        (
            {},
            [(f"{IMAGE}\n", f"{IMAGE} /drivers/usb/storage/usb-storage.ko\nolder than {OWN}\n")],
            {"x-modprobe-03"},
        ),
        ({}, [(f"{IMAGE}\n", f"{IMAGE} /drivers/usb/storage/uas.ko\nolder than /etc/modprobe.d/x.conf\n")], set()),
    ],
)
def test_a_broken_rule_fails_its_control_alone(files, replace, controls):
    assert MODPROBE.failing(facts(files, replace)) == controls


@pytest.mark.parametrize(
    ("module", "replace"),
    [
        ("vfat", [("=marks\n", "=marks\n/boot/efi\n")]),
        ("vfat", [("=tables\n", "=tables\nUUID=y /boot/efi vfat umask=0077,nofail 0 0\n")]),
        ("squashfs", [("=marks\n", "=marks\n/usr/lib/snapd\n")]),
        ("udf", [("=tables\n", "=tables\n/dev/sr0 /mnt udf ro 0 0\n")]),
    ],
)
def test_what_a_machine_needs_must_not_be_blocked(module, replace):
    assert MODPROBE.failing(facts(replace=replace)) == {"ds-modprobe-02"}
    assert MODPROBE.failing(facts(replace=replace, without=[module])) == set()


def test_switches():
    assert "overlay" in role_value("modprobe", "__modprobe_modules", modprobe_overlay=True)
    assert "mine" in role_value("modprobe", "__modprobe_modules", modprobe_extra=["mine"])
    assert "overlay" not in NAMES
