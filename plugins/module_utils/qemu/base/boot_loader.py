# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boot loaders, put on the disk by their own tools in a machine that has the disk: no root, no loop device, no
knowledge of GRUB's insides. It boots the image's own kernel and takes seconds with KVM, a minute without."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible_collections.hallmark.images.plugins.module_utils.build.console import tail
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.qemu.accel import choose_accel, processor
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.programs import die_with_us

#: Where the script waits in the image until it has run, once.
SCRIPT_PATH = "/hallmark-install-boot-loaders"
DONE = "HALLMARK-BOOT-LOADERS-INSTALLED"
CONSOLE_LINES = 40

# It goes on from memory, since a file that is removed while it is open leaves work for the next boot's fsck. The
# package's own script is the one place that knows how its loaders are installed and kept up to date.
SCRIPT = f"""\
#!/bin/sh
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
for what in proc:/proc sysfs:/sys devtmpfs:/dev tmpfs:/run; do
    mountpoint -q "${{what#*:}}" || mount -t "${{what%:*}}" "${{what%:*}}" "${{what#*:}}"
done
# The end of the first process is a panic, whose words would bury those of what failed.
trap 'sync; echo o > /proc/sysrq-trigger; sleep 60' EXIT
if [ "$0" = {SCRIPT_PATH} ]; then
    mount -o remount,rw /
    mv "$0" /run/install
    exec /bin/sh /run/install
fi
mount -t vfat /dev/vda15 /boot/efi
touch /etc/grub.d/enable_cloud
/var/lib/dpkg/info/grub-cloud-amd64.postinst configure ""
umount /boot/efi
mount -o remount,ro /
echo {DONE}
"""


def install_boot_loaders(
    disk: Path, kernel: Path, initrd: Path, root: str, folder: Path, accel: str = "auto", timeout: float = 1800
) -> None:
    """Boot the disk once with its own kernel and SCRIPT as its first process.

    :param disk: raw image whose root file system holds SCRIPT at SCRIPT_PATH.
    :param root: UUID of its root file system.
    :param folder: where the console's log is put.
    :param timeout: seconds; without KVM on a busy machine it takes some minutes.
    :raises HallmarkError: with the console's last lines when the machine does not say that it is done.
    """
    console = folder / "boot-loaders.log"
    accel = choose_accel(accel)
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", accel, "-cpu", processor(accel), "-m", "512"]
    command += ["-no-user-config", "-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{console}"]
    command += ["-drive", f"if=virtio,format=raw,cache=unsafe,file={str(disk).replace(',', ',,')}"]
    command += ["-kernel", str(kernel), "-initrd", str(initrd)]
    command += ["-append", f"root=UUID={root} ro console=ttyS0 panic=-1 init={SCRIPT_PATH}"]
    try:
        done = subprocess.run(
            die_with_us(command), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False
        )
        problem = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    except subprocess.TimeoutExpired:
        problem = [f"not done within {timeout:g} s"]
    try:
        finished = DONE in console.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        finished = False
    if not finished:
        reason = "".join(problem) or "the machine ended early"
        said = tail(console, CONSOLE_LINES)
        raise HallmarkError(f"installing the boot loaders failed: {reason}; its console:\n{said}")
