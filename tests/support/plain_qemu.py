# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image booted as its user would: plain qemu-system-x86_64, with a seed by cloud-localds. None of our code runs."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.place import is_open

USER = "admin"


@dataclass(frozen=True)
class PlainMachine:
    """A booted image with a user who may use sudo.

    :ivar folder: where its key, its known hosts and ``console.log`` are.
    """

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    def variables(self) -> dict[str, object]:
        """Ansible's variables of a host for this machine."""
        options = f"-F /dev/null -o IdentitiesOnly=yes -o UserKnownHostsFile={self.folder}/known"
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": USER,
            "ansible_ssh_private_key_file": str(self.folder / "key"),
            "ansible_ssh_args": f"{options} -o ControlMaster=auto -o ControlPersist=60s",
            "ansible_ssh_timeout": 60,
            "ansible_pipelining": True,
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    def try_ssh(self, command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command as the user, with some input. The host key is learned at first sight."""
        options = ["BatchMode=yes", "IdentitiesOnly=yes", f"UserKnownHostsFile={self.folder}/known", "LogLevel=ERROR"]
        options += ["StrictHostKeyChecking=accept-new", "ConnectTimeout=10"]
        return subprocess.run(
            [
                *("ssh", "-F", "/dev/null", "-i", self.folder / "key", "-p", str(self.port)),
                *(word for option in options for word in ("-o", option)),
                f"{USER}@127.0.0.1",
                command,
            ],
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    def ssh(self, command: str, given: str = "", seconds: float = 300) -> str:
        """What a command prints, once the machine lets the user in and the command succeeds."""
        deadline = time.monotonic() + seconds
        said = ""
        while time.monotonic() < deadline:
            if is_open(self.port):
                done = self.try_ssh(command, given)
                if done.returncode == 0:
                    return done.stdout
                said = done.stdout + done.stderr
                if done.returncode != 255:
                    break
            time.sleep(2)
        console = (self.folder / "console.log").read_text(errors="replace")[-3000:]
        raise AssertionError(f"{command}: {said}\n{console}")


@contextmanager
def booted_plainly(
    image: Path, folder: Path, firmware: str = "bios", more: Sequence[str] = (), is_kept: bool = False
) -> Iterator[PlainMachine]:
    """Boot an image with a new user, and end the machine afterwards.

    :param folder: for its files; a machine that is booted again there has the user of the first time.
    :param more: further arguments of QEMU.
    :param is_kept: whether the image and other disks keep what is written; else their files are not changed.
    """
    folder.mkdir(exist_ok=True)
    key = folder / "key"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (folder / "user-data").write_text(
        f"#cloud-config\nusers:\n  - name: {USER}\n    shell: /bin/bash\n    sudo: ALL=(ALL) NOPASSWD:ALL\n"
        f"    ssh_authorized_keys: ['{key.with_suffix('.pub').read_text().strip()}']\n"
    )
    subprocess.run(["cloud-localds", folder / "seed.img", folder / "user-data"], check=True)
    arguments = [*more] if is_kept else ["-snapshot", *more]
    if firmware == "uefi":
        shutil.copy("/usr/share/OVMF/OVMF_VARS_4M.fd", folder / "vars.fd")
        flash = ("if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",)
        for drive in (*flash, f"if=pflash,format=raw,file={folder}/vars.fd"):
            arguments += ["-drive", drive]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            "qemu-system-x86_64",
            *("-machine", "q35,accel=tcg", "-cpu", "max", "-m", "768", "-display", "none"),
            *("-serial", f"file:{folder}/console.log"),
            *("-drive", f"if=none,id=system,file={image}", "-device", "virtio-blk-pci,drive=system,bootindex=0"),
            *("-drive", f"if=none,id=seed,file={folder}/seed.img,format=raw,readonly=on"),
            *("-device", "virtio-blk-pci,drive=seed"),
            *("-device", "virtio-net-pci,netdev=n", "-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:22"),
            *arguments,
        ],
        stdin=subprocess.DEVNULL,
    )
    try:
        yield PlainMachine(folder, port, process)
    finally:
        process.kill()
        process.wait()
