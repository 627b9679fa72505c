# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of area kernel on made-up machines, and what the role writes."""

from __future__ import annotations

import pytest

from support.checks import Area
from support.role_vars import role_value

KERNEL = Area("kernel")
GOOD = """\
gather_data_sampling:Not affected
itlb_multihit:KVM: Mitigation: VMX disabled
meltdown:Mitigation: PTI
mds:Mitigation: Clear CPU buffers; SMT Host state unknown
spec_store_bypass:Mitigation: Speculative Store Bypass disabled via prctl
spectre_v2:Mitigation: Enhanced / Automatic IBRS; IBPB: conditional; RSB filling; BHI: BHI_DIS_S
"""
SSB = "Mitigation: Speculative Store Bypass disabled via prctl"
FLAGS = "fpu nx hypervisor ssbd ibrs"


def outcome(virtual="kvm", replace=(), words="ro quiet", flags=FLAGS, marks=""):
    answer = f"{GOOD}=virtual\n{virtual}\n=words\nBOOT_IMAGE=/vmlinuz {words}\n=flags\nflags\t\t: {flags}\n"
    answer += f"=marks\n{marks}"
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return KERNEL.outcomes(KERNEL.module.Processor(answer))["os-12"]


def test_a_kernel_that_mitigates_all_passes():
    assert outcome() == outcome("none") == outcome("qemu") == "passed"


BARE = [(SSB, "Vulnerable")]
MICROCODE = [("mds:Mitigation: Clear", "mds:Vulnerable: Clear CPU buffers attempted, no microcode; Clear")]
SMT = [("SMT Host state unknown", "SMT vulnerable")]
BHI = [("BHI: BHI_DIS_S", "BHI: Vulnerable")]
PTI = [("Mitigation: PTI", "Vulnerable")]


@pytest.mark.parametrize(
    ("replace", "others", "expected"),
    [
        # A physical machine is to have its microcode.
        (BARE, {"virtual": "none", "flags": "fpu nx"}, "failed"),
        (MICROCODE, {"virtual": "none"}, "failed"),
        # A virtual one has what its host lets it have.
        (BARE, {"flags": "fpu nx hypervisor"}, "not applicable"),
        (BARE, {"flags": "fpu nx hypervisor", "virtual": ""}, "not applicable"),
        (BARE, {}, "failed"),
        (MICROCODE, {}, "not applicable"),
        (MICROCODE + SMT, {}, "failed"),
        (SMT, {}, "failed"),
        (BHI, {}, "failed"),
        (PTI, {}, "failed"),
        # An emulated processor has no microcode at all.
        (BARE, {"virtual": "qemu"}, "not applicable"),
        (BARE + BHI, {"virtual": "qemu"}, "not applicable"),
        # Switched off on purpose.
        (BARE, {"virtual": "qemu", "words": "mitigations=off"}, "failed"),
        (BARE, {"flags": "fpu nx hypervisor", "words": "spec_store_bypass_disable=off"}, "failed"),
        (PTI, {"virtual": "qemu", "words": "nopti"}, "failed"),
        ([(GOOD, "")], {}, "not applicable"),
        (PTI, {"marks": "/.dockerenv\n"}, "not applicable"),
    ],
)
def test_what_is_open_fails_unless_only_the_host_can_close_it(replace, others, expected):
    assert outcome(replace=replace, **others) == expected


def test_threads_are_switched_off_by_a_unit_or_left_alone():
    assert [item["state"] for item in role_value("kernel", "__kernel_files")] == ["absent", "absent"]
    link, unit = role_value("kernel", "__kernel_files", kernel_smt=False)
    assert (link["state"], unit["state"]) == ("link", "file")
    assert link["target"] == unit["path"]
    assert "echo off >/sys/devices/system/cpu/smt/control" in unit["content"]
