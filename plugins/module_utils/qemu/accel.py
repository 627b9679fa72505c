# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: QEMU's processor with all that it can emulate but two features that make Linux slower there: with fast string
#: operations the kernel copies by one instruction for any length, and with SMAP it opens and closes the way to user
#: memory around each copy. Two looks through all files of a Debian 12 took 5.7 and 7.1 s with them, 4.8 and 5.6 s
#: without, and a boot to the end of cloud-init 65 s and 61 s (QEMU 7.2, measured in turn).
EMULATED = "max,erms=off,fsrm=off,smap=off"


def kvm_problem(device: str = "/dev/kvm", cpuinfo: str = "/proc/cpuinfo") -> str:
    """Why KVM cannot be used, or an empty text when it can.

    The device alone says nothing: it exists, and hangs, on machines whose processor shows no virtualization
    extension, so the flags decide first (svm: AMD64 manual volume 2 chapter 15; vmx: Intel SDM volume 3C).
    """
    try:
        lines = Path(cpuinfo).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        return f"{cpuinfo}: {error.strerror}"
    flags = {word for line in lines if line.startswith("flags") for word in line.partition(":")[2].split()}
    if not flags & {"svm", "vmx"}:
        return "the processor shows neither svm nor vmx"
    if not os.path.exists(device):
        return f"{device} does not exist"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"{device} may not be opened by this user (group kvm)"
    return ""


def choose_accel(requested: str = "auto", device: str = "/dev/kvm", cpuinfo: str = "/proc/cpuinfo") -> str:
    """The accelerator to use: ``kvm`` or ``tcg``.

    :param requested: auto, kvm or tcg.
    :raises HallmarkError: when kvm is demanded and cannot be used.
    """
    if requested == "tcg":
        return "tcg"
    problem = kvm_problem(device, cpuinfo)
    if requested == "kvm" and problem:
        raise HallmarkError(f"accel: kvm cannot be used: {problem}", "accel: auto, or tcg")
    return "tcg" if problem else "kvm"


def processor(accel: str) -> str:
    """QEMU's name of the processor that a machine gets with an accelerator, ``kvm`` or ``tcg``."""
    return "host" if accel == "kvm" else EMULATED
