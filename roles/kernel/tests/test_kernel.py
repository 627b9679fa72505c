# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control of area kernel: what the running kernel says about the weaknesses of its processor."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    marker,
    not_applicable,
    once,
    output_once,
    parts_of,
)

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
FOLDER = "/sys/devices/system/cpu/vulnerabilities"
# Words of the kernel's command line that leave weaknesses open on purpose (kernel-parameters.txt).
SWITCHES = re.compile(
    r"mitigations=off|no(pti|spectre_v[12]|spectre_bhb|spec_store_bypass_disable)"
    r"|(pti|kpti|spectre_v2|spectre_v2_user|spectre_bhi|spec_store_bypass_disable|ssbd|l1tf|mds|tsx_async_abort"
    r"|mmio_stale_data|retbleed|srbds|gather_data_sampling|reg_file_data_sampling|spec_rstack_overflow"
    r"|indirect_target_selection|tsa|vmscape)=(off|force-off|0)"
)
# Weaknesses that the kernel cannot mitigate without one of these flags of the processor, which microcode brings.
NEEDS = {
    "spec_store_bypass": {"ssbd", "virt_ssbd", "amd_ssbd", "ssbs"},
    "retbleed": {"ibrs", "ibrs_enhanced"},
}


def _command() -> str:
    return f"""\
cd {FOLDER} 2>/dev/null && grep -Hs '' *
echo '=virtual'; systemd-detect-virt --vm 2>/dev/null
echo '=words'; cat /proc/cmdline
echo '=flags'; grep -m 1 -E '^(flags|Features)' /proc/cpuinfo
echo '=marks'; ls -d /run/systemd/container /.dockerenv /run/.containerenv 2>/dev/null
true"""


class Processor:
    """What the command told."""

    def __init__(self, text: str) -> None:
        states, virtual, words, flags, marks = parts_of(text)
        self.states = dict(line.split(":", 1) for line in states.splitlines() if ":" in line)
        self.flags = set(flags.partition(":")[2].split())
        self.virtual = virtual.strip() or ("unknown" if "hypervisor" in self.flags else "none")
        self.switches = [word for word in words.split() if SWITCHES.fullmatch(word)]
        self.is_container = bool(marks.strip())

    def weaknesses(self) -> dict[str, str]:
        """What the kernel calls vulnerable."""
        return {name: state for name, state in self.states.items() if "vulnerable" in state.lower()}

    def is_the_hosts(self, name: str, state: str) -> bool:
        """Whether only who runs the virtual machine could mitigate a weakness."""
        if self.virtual == "none":
            return False
        # An emulator (QEMU without KVM; with it the name is kvm) has no microcode to load.
        if self.virtual in ("qemu", "bochs"):
            return True
        if "smt vulnerable" in state.lower():  # one thread of each core is a remedy of one's own
            return False
        if "no microcode" in state.lower():
            return True
        return state.strip() == "Vulnerable" and name in NEEDS and not NEEDS[name] & self.flags


@pytest.fixture
def processor(host: Any) -> Processor:
    return once(host, "kernel", lambda: Processor(output_once(host, _command())))


@control("os-12")
def test_no_weakness_is_open(processor: Processor) -> None:
    if processor.is_container:
        not_applicable("a container shares its host's kernel")
    if not processor.states:
        not_applicable(f"this kernel has no {FOLDER}")
    weak = processor.weaknesses()
    if weak:
        assert processor.switches == [], f"the kernel's command line switches mitigations off: {weak}"
    open_ones = {name: state for name, state in weak.items() if not processor.is_the_hosts(name, state)}
    assert open_ones == {}
    if weak:
        names = ", ".join(f"{name}: {state.strip()}" for name, state in weak.items())
        not_applicable(f"a matter of the host and not of this {processor.virtual} machine: {names}")
