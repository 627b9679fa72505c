# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine between sshd and QEMU: a root of its own, for which this computer's serves as the base image.

Each machine is a process tree in namespaces of its own (mounts, processes, host name) whose root is an overlay on this
computer's: it sees this computer's programs and writes to a disk of its own. That disk survives a stop, `capture`
copies it, deletions included, and a machine made from the copy begins with it. Needs root, and a folder on another file
system than / (an overlay cannot write into what it lies on), such as /dev/shm.

What is real: the SSH server, files, users, and what cloud-init does to these, done by a script of ours at the first
boot of an instance: new host keys, the key pair's public key in the user's authorized_keys, a machine id if there is
none, user data that are a script. So what a seal removes is gone in the capture, and what it forgets is found there.

What is simulated: the console and /run/cloud-init/result.json, as with `SshdMachines`. There is no kernel and no init
of its own: sshd is process 1, services cannot be started, /proc/sys and /sys are read-only, and the network is this
computer's. So roles that work on files can be tried in it, and those that load settings into the kernel cannot.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from emulators.machines.base import WITH_US, Spec
from emulators.machines.sshd import SshdMachine, SshdMachines

CONFIG = """\
{listen}
HostKey /etc/ssh/ssh_host_ed25519_key
HostKey /etc/ssh/ssh_host_ecdsa_key
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
PermitRootLogin prohibit-password
MaxStartups 200
MaxSessions 200
Subsystem sftp internal-sftp
"""
#: Folders of this computer that a machine begins without: what is written there while a machine looks at it would be an
#: error of this computer and none of the product (an overlay's lower layer must not change), and it may be a lot. What
#: root's shell reads here when it starts is this computer's own, too, and may wait for whatever it likes.
EMPTY = ("root", "var/cache/apt/archives")
#: Runs with the machine's folder as its argument, in namespaces of its own, and becomes the machine's process 1.
BOOT = r"""
set -e
cd "$1"
mount -t overlay -o "lowerdir=/,upperdir=$1/disk,workdir=$1/work" hallmark root
mount -t tmpfs -o mode=755 dev root/dev
mkdir root/dev/pts root/dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts root/dev/pts
mount -t tmpfs shm root/dev/shm
for name in null zero full random urandom tty; do
    touch "root/dev/$name"
    mount --bind "/dev/$name" "root/dev/$name"
done
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
mount -t proc proc root/proc
mount --bind root/proc/sys root/proc/sys
mount -o remount,ro,bind root/proc/sys
mount -t sysfs -o ro sys root/sys
mount -t tmpfs -o mode=755 run root/run
mount -t tmpfs -o mode=1777 tmp root/tmp
mkdir -p root/run/sshd root/run/cloud-init root/run/machine
mount --bind "$1/seed" root/run/machine
hostname "$2"
exec chroot root sh /run/machine/first-boot "$2" "$3"
"""
#: Runs inside, with the instance id and the user who is to log in. What cloud-init does once for each instance.
FIRST_BOOT = r"""
seen=/var/lib/cloud/data/instance-id
if [ "$(cat $seen 2>/dev/null)" != "$1" ]; then
    rm -f /etc/ssh/ssh_host_*
    for kind in ed25519 ecdsa; do
        ssh-keygen -q -t $kind -N '' -C "root@$1" -f /etc/ssh/ssh_host_${kind}_key
    done
    home=$(getent passwd "$2" | cut -d: -f6)
    mkdir -p -m 700 "$home/.ssh"
    cat /run/machine/authorized_keys >> "$home/.ssh/authorized_keys"
    chmod 600 "$home/.ssh/authorized_keys"
    chown -R "$2" "$home/.ssh"
    [ -s /etc/machine-id ] || tr -d - < /proc/sys/kernel/random/uuid > /etc/machine-id
    echo "$1" > /etc/hostname
    case $(head -c 2 /run/machine/user-data) in '#!') sh /run/machine/user-data ;; esac
    mkdir -p /var/lib/cloud/data
    echo "$1" > $seen
fi
echo '{"v1": {"datasource": "DataSourceEc2Local", "errors": []}}' > /run/cloud-init/result.json
exec "$(command -v sshd || echo /usr/sbin/sshd)" -D -e -f /run/machine/sshd_config
"""


class BoxMachine(SshdMachine):
    """A process tree with a root of its own."""

    machines: BoxMachines

    def _prepare(self) -> None:
        spec = self.spec
        for name in ("work", "root", "seed"):
            (self.folder / name).mkdir()
        if spec.image is None:
            self.disk.mkdir()
            self._forget()
        else:
            copy(spec.image, self.disk)
        listen = "\n".join(f"ListenAddress {address}:{self.port}" for address in spec.addresses)
        (self.folder / "seed/sshd_config").write_text(CONFIG.format(listen=listen))
        (self.folder / "seed/first-boot").write_text(FIRST_BOOT)
        (self.folder / "seed/user-data").write_text(spec.user_data)
        (self.folder / "seed/authorized_keys").write_text("".join(key.strip() + "\n" for key in spec.public_keys))

    def _forget(self) -> None:
        """Of the base image, that is of this computer, nothing may pass for the machine's own."""
        if Path("/etc/machine-id").exists():
            (self.disk / "etc").mkdir()
            (self.disk / "etc/machine-id").touch(mode=0o444)
        for name in EMPTY:
            (self.disk / name).mkdir(parents=True)
            # Hides what lies below (the kernel's Documentation/filesystems/overlayfs.rst, "whiteouts and opaque").
            os.setxattr(self.disk / name, "trusted.overlay.opaque", b"y")
        (self.disk / "root").chmod(0o700)

    @property
    def console(self) -> str:
        """What it would print; its host keys are known once its server answers."""
        return self._console

    def capture(self, target: Path) -> None:
        copy(self.disk, target)

    def boot(self) -> None:
        self._console = ""
        super().boot()
        if not self._destroyed:
            self._console = self._boot_messages()

    def _start(self) -> subprocess.Popen[bytes]:
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc"]
        script = ["sh", "-c", BOOT, "sh", self.folder, self.spec.identifier, self.machines.user]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*WITH_US, *namespaces, *script], stdin=subprocess.DEVNULL, stderr=log, start_new_session=True
            )

    def _key(self, kind: str) -> Path:
        return self.disk / f"etc/ssh/ssh_host_{kind}_key"


class BoxMachines(SshdMachines):
    """Machines with a root of their own.

    :param user: who logs in; must exist on this computer.
    """

    def __init__(self, folder: Path, port: int = 22, user: str = "root") -> None:
        super().__init__(folder, port)
        if os.getuid() != 0:
            raise RuntimeError("boxes need root: they mount file systems")
        folder.mkdir(parents=True, exist_ok=True)
        if folder.stat().st_dev == Path("/").stat().st_dev:
            raise RuntimeError(f"boxes need a folder on another file system than /, such as /dev/shm; {folder} is not")
        self.user = user

    def _make(self, spec: Spec, folder: Path, on_end: Callable[[], None] | None) -> BoxMachine:
        return BoxMachine(spec, folder, self, on_end)


def copy(source: Path, target: Path) -> None:
    """Copy a layer with what overlayfs notes in it: deletions are devices, replaced folders have an attribute."""
    if target.exists():
        shutil.rmtree(target)
    subprocess.run(["cp", "-a", source, target], check=True)
