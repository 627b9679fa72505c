# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cheap machine: an sshd of this computer for each instance.

What is real: the SSH server, its host keys, which are new for each instance, the address, who may log in, that it stops
and starts, and one folder per instance that stands for its disk. What is simulated:

- The guest is this computer: never let a role, or anything else that changes the system, run in it; `BoxMachines` and
  `QemuMachines` are for that. The session's HOME is the instance's folder; it survives a stop, `capture` copies it, and
  a machine made from that copy begins with it. Everything else that a session reaches is this computer's own.
- Who logs in must exist here, and must be the running user unless that is root.
- No cloud-init runs. User data are kept in the file `user-data` beside the disk and not executed. With
  ``cloud_init=True`` a session finds a made-up /run/cloud-init/result.json that reports no errors; only the
  sessions of that machine see it (a mount namespace).
- The console is made up: the lines cloud-init prints, around the machine's real host keys.
- Security groups are not enforced, and a machine without a public address answers on its private one to everybody.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from emulators.machines.base import WITH_US, Machine, Machines, Spec

CONFIG = """\
{listen}
HostKey {folder}/ssh_host_ed25519_key
HostKey {folder}/ssh_host_ecdsa_key
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
AuthorizedKeysFile {folder}/authorized_keys
PermitRootLogin prohibit-password
PermitUserRC no
PrintMotd no
MaxStartups 200
MaxSessions 200
Subsystem sftp internal-sftp
SetEnv HOME={disk} HALLMARK_INSTANCE={identifier}
{command}
"""
# As cloud-init's module keys-to-console prints them (cloudinit/config/cc_keys_to_console.py and its helper program).
CONSOLE = """\
[    0.000000] Linux version 6.1.0-cloud-amd64 (emulated) #1 SMP
[    3.141592] cloud-init[421]: Cloud-init v. 22.4.2 running 'init' at {when}
ci-info: no authorized SSH keys fingerprints found for user root.
<14>{stamp} ec2:
<14>{stamp} ec2: #############################################################
<14>{stamp} ec2: -----BEGIN SSH HOST KEY FINGERPRINTS-----
{fingerprints}
<14>{stamp} ec2: -----END SSH HOST KEY FINGERPRINTS-----
<14>{stamp} ec2: #############################################################
-----BEGIN SSH HOST KEY KEYS-----
{keys}
-----END SSH HOST KEY KEYS-----
[    4.271828] cloud-init[533]: Cloud-init v. 22.4.2 finished at {when}. Datasource DataSourceEc2Local.  Up 4.27 seconds
"""
# Runs as the parent of sshd. What it mounts is seen by this process and those below it only.
WITH_RESULT = """\
mount -t tmpfs -o mode=755 hallmark "$1" &&
mkdir "$1/upper" "$1/work" "$1/upper/cloud-init" &&
echo '{"v1": {"datasource": "DataSourceEc2Local", "errors": []}}' > "$1/upper/cloud-init/result.json" &&
mount -t overlay -o "lowerdir=/run,upperdir=$1/upper,workdir=$1/work" hallmark /run &&
shift && exec "$@"
"""


class SshdMachine(Machine):
    """An sshd that is the machine."""

    def __init__(self, spec: Spec, folder: Path, machines: SshdMachines, on_end: Callable[[], None] | None) -> None:
        super().__init__(spec, folder, machines.port, on_end)
        self.machines = machines
        self.disk = folder / "disk"
        self._console = ""
        self._prepare()

    def _prepare(self) -> None:
        """Make the disk, host keys and the server's settings."""
        spec, folder, machines = self.spec, self.folder, self.machines
        if spec.image is None:
            self.disk.mkdir()
        else:
            shutil.copytree(spec.image, self.disk, symlinks=True)
        for kind in ("ed25519", "ecdsa"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"root@{spec.identifier}", "-f", self._key(kind)],
                check=True,
            )
        (folder / "user-data").write_text(spec.user_data)
        (folder / "authorized_keys").write_text("".join(key.strip() + "\n" for key in spec.public_keys))
        (folder / "sshd_config").write_text(
            CONFIG.format(
                listen="\n".join(f"ListenAddress {address}:{self.port}" for address in spec.addresses),
                folder=folder,
                disk=self.disk,
                identifier=spec.identifier,
                command=f"ForceCommand {machines.command}" if machines.command else "",
            )
        )

    @property
    def console(self) -> str:
        return self._console

    def capture(self, target: Path) -> None:
        shutil.copytree(self.disk, target, symlinks=True)

    def _start(self) -> subprocess.Popen[bytes]:
        self._console = self._boot_messages()
        command: list[str | Path] = [*WITH_US, self.machines.program, "-D", "-e", "-f", self.folder / "sshd_config"]
        if self.machines.cloud_init:
            mounts = self.folder / "mounts"
            mounts.mkdir(exist_ok=True)
            user = [] if os.getuid() == 0 else ["--map-current-user", "--keep-caps"]
            command = ["unshare", *user, "--mount", "sh", "-c", WITH_RESULT, "sh", mounts, *command]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, start_new_session=True)

    def boot(self) -> None:
        """Switch the machine on and wait for its server, which comes up at once or never.

        :raises RuntimeError: when it does not come up.
        """
        super().boot()
        while self.process is not None and self.process.poll() is None:
            if self.answers(0.05):
                return
        if self.process is not None and self.process.returncode > 0:  # below 0: it was ended, which is no problem here
            raise RuntimeError(f"sshd did not start: {(self.folder / 'log').read_text().strip()}")

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        # The sessions are processes of their own; a machine that is off has none.
        for pid in [process.pid, *below(process.pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait()

    def destroy(self) -> None:
        self.shut_down()
        super().destroy()

    def _key(self, kind: str) -> Path:
        return self.folder / f"ssh_host_{kind}_key"

    def host_keys(self) -> list[str]:
        """The public host keys, each as ``type base64 comment``."""
        return [self._key(kind).with_suffix(".pub").read_text().strip() for kind in ("ecdsa", "ed25519")]

    def _boot_messages(self) -> str:
        now = time.gmtime()
        stamp = time.strftime("%b %d %H:%M:%S", now)
        files = [self._key(kind).with_suffix(".pub") for kind in ("ecdsa", "ed25519")]
        prints = [fingerprint(file) for file in files]
        return CONSOLE.format(
            when=time.strftime("%a, %d %b %Y %H:%M:%S +0000", now),
            stamp=stamp,
            fingerprints="\n".join(f"<14>{stamp} ec2: {found}" for found in prints),
            keys="\n".join(self.host_keys()),
        )


class SshdMachines(Machines):
    """Machines that are sshd processes.

    :param command: what each session runs instead of what the client asks for.
    :param cloud_init: whether sessions find a made-up result of cloud-init; see above.
    """

    def __init__(self, folder: Path, port: int = 22, command: str = "", cloud_init: bool = False) -> None:
        super().__init__(folder, port)
        program = shutil.which("sshd", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
        if not program:
            raise RuntimeError("emulated machines need sshd (Debian: package openssh-server)")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # where sshd separates its privileges; the service makes it
        self.program = program
        self.command = command
        self.cloud_init = cloud_init

    def _make(self, spec: Spec, folder: Path, on_end: Callable[[], None] | None) -> SshdMachine:
        return SshdMachine(spec, folder, self, on_end)


def fingerprint(file: Path) -> str:
    """A key's fingerprint as ssh-keygen words it."""
    return subprocess.run(["ssh-keygen", "-lf", file], check=True, capture_output=True, text=True).stdout.strip()


def below(pid: int) -> list[int]:
    """The processes below one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name of the program, in parentheses, may hold spaces; the parent is the second word after it.
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found[1:]
