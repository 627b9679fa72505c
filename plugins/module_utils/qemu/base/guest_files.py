# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and commands that make a tree of Debian packages into a machine image."""

from __future__ import annotations

import io
import tarfile

# nofail: nothing but an upgrade of the boot loader needs the EFI system partition, and a machine so slow that its
# device takes longer than systemd waits (90 s) must not end in emergency mode for it.
FSTAB = """\
UUID={root} / ext4 rw,discard,errors=remount-ro 0 1
UUID={system} /boot/efi vfat umask=0077,nofail 0 0
"""

HOSTS = """\
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
"""

# The last console is /dev/console: clouds and QEMU's users read the serial one. Without no_timer_check the kernel
# counts the timer's ticks for a moment and panics when there are none, as on an emulated machine of a busy computer.
GRUB = """\
GRUB_TIMEOUT=0
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200 no_timer_check"
GRUB_TERMINAL="console serial"
GRUB_SERIAL_COMMAND="serial --speed=115200"
GRUB_DISABLE_OS_PROBER=true
"""

# Only sources that need no network: with others in the list, a machine without a seed spends minutes on asking
# addresses that nobody answers. The lists of modules are Debian's less those for other distributions, for services that
# are not installed, and for boot loaders (grub-cloud-amd64 does that); each costs a second on a slow machine.
CLOUD = """\
datasource_list: [NoCloud, ConfigDrive, None]
locale: C.UTF-8
ssh_genkeytypes: [ed25519, ecdsa]
cloud_init_modules:
 - seed_random
 - bootcmd
 - write-files
 - growpart
 - resizefs
 - disk_setup
 - mounts
 - set_hostname
 - update_hostname
 - update_etc_hosts
 - ca-certs
 - users-groups
 - ssh
cloud_config_modules:
 - ssh-import-id
 - keyboard
 - locale
 - set-passwords
 - apt-pipelining
 - apt-configure
 - ntp
 - timezone
 - runcmd
cloud_final_modules:
 - package-update-upgrade-install
 - write-files-deferred
 - scripts-vendor
 - scripts-per-once
 - scripts-per-boot
 - scripts-per-instance
 - scripts-user
 - ssh-authkey-fingerprints
 - keys-to-console
 - install-hotplug
 - phone-home
 - final-message
 - power-state-change
"""

# cloud-init always runs: without a seed the machine gets its network (DHCP) and its host keys from the source None. And
# it looks for its seed itself, so there is no need for the generator's shell script to look for one first.
IDENTIFY = "policy: enabled\n"

#: Runs in the tree (chroot) when all packages are there.
FINISH = """\
set -eu
systemctl enable systemd-networkd.service systemd-resolved.service systemd-timesyncd.service ssh.service
# These look after LVM snapshots, of which there are none.
systemctl disable e2scrub_reap.service e2scrub_all.timer
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
passwd --quiet --lock root
rm -f /etc/ssh/ssh_host_* /var/lib/systemd/random-seed /vmlinuz.old /initrd.img.old
rm -f /etc/apt/apt.conf.d/99mmdebstrap /etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -rf /var/log/journal/*
"""


def guest_files(root: str, system: str) -> dict[str, str]:
    """The files by path, all of root and of mode 0644.

    :param root: UUID of the root file system.
    :param system: volume id of the EFI system partition, as ``ABCD-1234``.
    """
    return {
        "etc/fstab": FSTAB.format(root=root, system=system),
        "etc/hostname": "debian\n",
        "etc/hosts": HOSTS,
        "etc/default/locale": "LANG=C.UTF-8\n",
        "etc/default/grub.d/50_hallmark.cfg": GRUB,
        "etc/cloud/cloud.cfg.d/95_hallmark.cfg": CLOUD,
        "etc/cloud/ds-identify.cfg": IDENTIFY,
    }


def archive(files: dict[str, str]) -> bytes:
    """A tar archive of the files and of the folder for the EFI system partition."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        folder = tarfile.TarInfo("boot/efi")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        for name, text in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text.encode()), 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()
