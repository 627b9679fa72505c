# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that make a base image, and how they are run: found, logged, and dead as soon as we are."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

#: Debian's packages; the others have their program's name.
PACKAGES = {
    "mke2fs": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "newuidmap": "uidmap",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "setpriv": "util-linux",
    "sfdisk": "fdisk",
    "unshare": "util-linux",
}


def search_path() -> str:
    """``PATH`` and the folders of system programs, which ordinary users do not have in theirs."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def find_program(name: str) -> str:
    """The path of a program.

    :raises HallmarkError: when it is not installed; names Debian's package.
    """
    path = shutil.which(name, path=search_path())
    if not path:
        raise HallmarkError(f"{name} is missing", f"install the package {PACKAGES.get(name, name)}")
    return path


def die_with_us(command: list[str]) -> list[str]:
    """The command line, changed so that the program gets SIGKILL when the process that started it ends."""
    return [find_program("setpriv"), "--pdeathsig", "KILL", "--", find_program(command[0]), *command[1:]]


def as_root(command: list[str]) -> list[str]:
    """The command line that runs a program as root: our own when we are root, else that of a user namespace.

    It is the first process of a process namespace and dies with us, and then the kernel ends all it has started. So
    nothing of a build outlives the build.
    """
    mapping = [] if os.geteuid() == 0 else ["--map-root-user", "--map-auto"]
    isolate = [*mapping, "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return die_with_us(["unshare", *isolate, "--", find_program(command[0]), *command[1:]])


def check_root() -> None:
    """Make sure that ``as_root`` will work.

    :raises HallmarkError: says what the administrator has to allow.
    """
    if os.geteuid() == 0:
        return
    user = pwd.getpwuid(os.geteuid()).pw_name
    find_program("newuidmap")
    for path in ("/etc/subuid", "/etc/subgid"):
        if not has_id_range(Path(path), user, os.geteuid()):
            raise HallmarkError(
                f"{path}: has no range of ids for {user}, which building without root needs",
                f"usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}, or build as root",
            )
    done = subprocess.run(as_root(["true"]), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["unshare failed"])[-1]
        raise HallmarkError(
            f"user namespaces cannot be used by {user}: {reason}",
            "allow them (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone), or build as root",
        )


def has_id_range(path: Path, user: str, uid: int) -> bool:
    """Whether subuid(5) or subgid(5) gives a user ids: lines of ``name or uid:first:count``."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any(line.split(":")[0] in (user, str(uid)) for line in lines if line.count(":") == 2)


def run_logged(command: list[str], log: Path, on_line: Callable[[str], None] = lambda line: None) -> int:
    """Run a program, its output going to a file (temporary files beside it), and each line of it to a callback.

    :returns: its exit status.
    """
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "TMPDIR": str(log.parent), "PATH": search_path()}
    with (
        open(log, "ab") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                output.write(line)
                output.flush()
                on_line(line.decode("utf-8", "replace").rstrip())
        except BaseException:
            process.kill()
            raise
    return process.returncode


def run_checked(command: list[str], log: Path, what: str) -> None:
    """Run a program that has to succeed.

    :param what: what it is for, for the message.
    :raises HallmarkError: when it fails; with its last words.
    """
    last = [""]

    def remember(line: str) -> None:
        last[0] = line or last[0]

    if run_logged(command, log, remember):
        raise HallmarkError(f"{what} failed: {last[0]}")
