# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu.accel import choose_accel, processor


@pytest.fixture
def machine(tmp_path):
    def make(flags, device=True):
        (tmp_path / "cpuinfo").write_text(f"processor : 0\nmodel name : svm vmx\nflags\t\t: fpu {flags} sse2\n")
        if device:
            (tmp_path / "kvm").write_text("")
        return {"device": str(tmp_path / "kvm"), "cpuinfo": str(tmp_path / "cpuinfo")}

    return make


@pytest.mark.parametrize("flag", ["svm", "vmx"])
def test_kvm_needs_the_flag_and_the_device(machine, flag):
    assert choose_accel("auto", **machine(flag)) == "kvm"


def test_a_device_without_the_flag_is_not_touched(machine):
    """There are machines on which /dev/kvm exists and hangs."""
    assert choose_accel("auto", **machine("hypervisor")) == "tcg"


def test_a_flag_without_the_device_is_not_enough(machine):
    assert choose_accel("auto", **machine("svm", device=False)) == "tcg"


def test_tcg_can_be_demanded(machine):
    assert choose_accel("tcg", **machine("svm")) == "tcg"


def test_kvm_that_cannot_be_had_is_one_clear_error(machine):
    with pytest.raises(HallmarkError, match=r"accel: kvm cannot be used: .*neither svm nor vmx: accel: auto"):
        choose_accel("kvm", **machine("hypervisor"))


def test_a_machine_gets_what_its_accelerator_is_fast_with():
    assert processor("kvm") == "host"
    assert processor("tcg").startswith("max,")
