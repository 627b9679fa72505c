# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines behind the instances of an emulated cloud: real SSH servers on loopback addresses of their own.

Nothing here knows a cloud. An emulator asks a `Machines` for one `Machine` per instance, boots and stops it, keeps its
disk as an image and reads its console.

- `SshdMachines`: an sshd process of this computer for each instance. Costs a tenth of a second; the guest is this
  computer.
- `BoxMachines`: the same with a root file system of its own, for which this computer's is the base image.
- `QemuMachines`: a QEMU guest for each instance. Costs a boot; the guest is real.
- `winrm.WinrmMachines`: the door of a Windows machine, with nothing behind it.
"""

from emulators.machines.addresses import Addresses
from emulators.machines.base import Machine, Machines, Spec
from emulators.machines.boxes import BoxMachines
from emulators.machines.guests import QemuMachines
from emulators.machines.sshd import SshdMachines

__all__ = ["Addresses", "BoxMachines", "Machine", "Machines", "QemuMachines", "Spec", "SshdMachines"]
