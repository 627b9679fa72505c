# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What make installs: tools/system-packages on machines played by stand-ins for dpkg and apt, and pinned versions."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

DPKG_QUERY = """#!/bin/sh
# Prints what of the asked-for packages is installed, as dpkg-query -W -f does; status 1 when one is not known.
shift 3
for package; do
    case "$package" in {absent}) status=1 ;; *) echo "$package installed" ;; esac
done
exit "${{status:-0}}"
"""
RECORDER = '#!/bin/sh\necho "$(basename "$0") $*" >> "{log}"\n'
SUDO = '#!/bin/sh\necho "sudo $1" >> "{log}"\nexec "$@"\n'

Prepare = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def prepare(root: Path, tmp_path: Path) -> Prepare:
    """Runs tools/system-packages on a made-up machine; gives exit status, messages and calls of apt and sudo."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("bash", "sh", "sed", "grep", "env", "basename", "dirname", "python3"):
        (commands / name).symlink_to(shutil.which(name) or name)
    log = tmp_path / "called"

    def command(name: str, script: str) -> None:
        (commands / name).write_text(script)
        (commands / name).chmod(0o755)

    def run(stage: str, absent: str = "none", user: int = 0, sudo: bool = False) -> tuple[int, str, list[str]]:
        command("dpkg-query", DPKG_QUERY.format(absent=absent))
        command("apt-get", RECORDER.format(log=log))
        command("install", RECORDER.format(log=log))
        command("id", f"#!/bin/sh\necho {user}\n")
        if sudo:
            command("sudo", SUDO.format(log=log))
        script = root / "tools/system-packages"
        done = subprocess.run([script, stage], env={"PATH": str(commands)}, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr, log.read_text().splitlines() if log.exists() else []

    return run


def test_all_there_asks_nothing_of_apt(prepare: Prepare) -> None:
    assert prepare("dev") == (0, "", [])


def test_missing_packages_are_installed_and_no_others(prepare: Prepare) -> None:
    status, said, called = prepare("run", absent="ovmf|mmdebstrap")
    assert (status, said) == (0, "packages: installing mmdebstrap ovmf\n")
    assert [re.sub(r" -o \S+", "", line) for line in called] == [
        "apt-get -qq update",
        "apt-get -qq install -y --no-install-recommends mmdebstrap ovmf",
    ]


def test_ordinary_user_goes_through_sudo(prepare: Prepare) -> None:
    status, dummy, called = prepare("run", absent="ovmf", user=1000, sudo=True)
    assert status == 0
    assert [line for line in called if line.startswith("sudo")] == ["sudo env", "sudo env"]


def test_ordinary_user_without_sudo_is_told_what_is_missing(prepare: Prepare) -> None:
    status, said, called = prepare("run", absent="ovmf|uidmap", user=1000)
    assert (status, called) == (1, [])
    assert said.count("\n") == 1
    assert "apt-get install --no-install-recommends ovmf uidmap" in said


def test_only_the_test_suite_asks_for_its_packages(prepare: Prepare) -> None:
    assert prepare("run", absent="cloud-image-utils") == (0, "", [])
    assert "installing cloud-image-utils" in prepare("dev", absent="cloud-image-utils")[1]


def test_ssh_server_of_the_test_suite_does_not_become_a_service(prepare: Prepare) -> None:
    dummy, dummy, called = prepare("dev", absent="openssh-server")
    assert called[-2].endswith("/etc/ssh/sshd_not_to_be_run")
    assert called[-1].endswith("openssh-server")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_python_package_is_pinned(root: Path, name: str) -> None:
    def packages(name: str) -> set[str]:
        return {normal(line) for line in (root / name).read_text().splitlines() if not line.startswith("#")}

    def normal(line: str) -> str:
        return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~!;\s]", line)[0]).lower()

    assert packages(name) - packages("requirements.lock") == set()
