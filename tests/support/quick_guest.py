# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian that comes up in a third of the time, for tests of what a controller does with a machine that runs.

Most of the boot of an emulated guest is the four starts of cloud-init's Python. Here a script of a few lines takes from
the seed what the product gives it, and says what the product waits for. Whatever is about the guest itself, its first
boot or its image is tested with the base image as it is.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from pathlib import Path

from ansible_collections.hallmark.images.plugins.module_utils.build.console import tail
from ansible_collections.hallmark.images.plugins.module_utils.qemu.accel import choose_accel, processor
from support.machine import playbook

BASE = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - hallmark.images.qemu_base_image: {release: bookworm}
      register: base
    - ansible.builtin.copy: {content: "{{ base.path }}", dest: "{{ playbook_dir }}/base", mode: "0600"}
"""
SCRIPT = r"""#!/bin/sh
set -eu
mkdir -p /run/seed
mount -o ro LABEL=cidata /run/seed
install -d -m 700 -o debian -g debian /home/debian/.ssh
sed 's/.*"public-keys": \["\([^"]*\)".*/\1/' /run/seed/meta-data >/home/debian/.ssh/authorized_keys
umount /run/seed
[ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
{
    echo '-----BEGIN SSH HOST KEY KEYS-----'
    cat /etc/ssh/ssh_host_ed25519_key.pub
    echo '-----END SSH HOST KEY KEYS-----'
} >/dev/console
mkdir -p /run/cloud-init
echo '{"v1": {"errors": []}}' >/run/cloud-init/result.json
"""
UNIT = """[Unit]
DefaultDependencies=no
Wants=dev-disk-by\\x2dlabel-cidata.device
After=local-fs.target dev-disk-by\\x2dlabel-cidata.device
Before=ssh.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/quick-seed
[Install]
WantedBy=multi-user.target
"""
NETWORK = "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n"
USER_DATA = {
    "write_files": [
        {"path": "/usr/local/sbin/quick-seed", "permissions": "0755", "content": SCRIPT},
        {"path": "/etc/systemd/system/quick-seed.service", "content": UNIT},
        {"path": "/etc/systemd/network/90-quick.network", "content": NETWORK},
        {"path": "/etc/cloud/cloud-init.disabled", "content": ""},
    ],
    "ssh_genkeytypes": ["ed25519"],
    "runcmd": [
        # Where the same code lies at other addresses in each process, QEMU before 8 translates it again for each: a
        # boot took 39 s, and 32 s with this.
        "sed -i -E '/^[[:space:]]*linux[[:space:]]/s/$/ norandmaps/' /boot/grub/grub.cfg",
        "systemctl enable -q quick-seed.service",
        "rm -f /etc/netplan/50-cloud-init.yaml /etc/systemd/network/10-cloud-init* /etc/ssh/ssh_host_*",
        "sync",
        "poweroff",
    ],
}


def quick_image(folder: Path) -> Path:
    """The image, made in that folder unless it is there; several processes may ask for the same one.

    :raises AssertionError: when the machine that becomes it does not end as it should.
    """
    folder.mkdir(exist_ok=True)
    image = folder / "quick.qcow2"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.exists():
            os.replace(_make(folder), image)
    return image


def _make(folder: Path) -> Path:
    done = playbook(BASE, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    base = (folder / "base").read_text()
    disk, seed, console = folder / "making.qcow2", folder / "seed.img", folder / "console.log"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, disk], check=True)
    (folder / "user-data").write_text("#cloud-config\n" + json.dumps(USER_DATA) + "\n")
    subprocess.run(["cloud-localds", seed, folder / "user-data"], check=True)
    accel = choose_accel()
    command = ["qemu-system-x86_64", "-machine", f"q35,accel={accel}", "-cpu", processor(accel), "-smp", "2"]
    command += ["-m", "1024", "-display", "none", "-nodefaults", "-serial", f"file:{console}"]
    command += ["-drive", f"if=virtio,format=qcow2,cache=unsafe,file={disk}"]
    command += ["-drive", f"if=virtio,format=raw,readonly=on,file={seed}"]
    command += ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci"]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True, timeout=900)
    assert "Power down" in console.read_text(errors="replace"), tail(console, 40)
    whole = folder / "whole.qcow2"
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", disk, whole], check=True)
    disk.unlink()
    return whole
