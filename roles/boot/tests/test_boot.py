# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area boot: arguments of the kernels that the boot loader offers, and of the one that runs."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    files_in,
    marker,
    not_applicable,
    once,
    os_family,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.boot_loader import lacking

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
ALL = ("slab_nomerge", "init_on_alloc=1", "page_alloc.shuffle=1", "randomize_kstack_offset=on")
X86 = ("pti=on", "vsyscall=none")  # only kernels of this architecture know them
DEBIAN = ("debian", "ubuntu")
QUOTES = "\"'"
# Its fifth byte is 1 where it is on (UEFI specification, global variables).
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
CONTAINER = "/run/systemd/container /.dockerenv /run/.containerenv"


def _command() -> str:
    return f"""\
tail -v -n +1 /etc/default/grub /etc/default/grub.d/*.cfg /boot/loader/entries/*.conf /boot/grub2/grubenv \\
  /boot/grub2/user.cfg /etc/selinux/config 2>/dev/null
echo; echo '=kernels'
grep -hE '^[[:space:]]*linux(efi|16)?[[:space:]].*root=' /boot/grub/grub.cfg /boot/grub2/grub.cfg 2>/dev/null
echo '=menu'; grep -hE '^(set superusers|password_pbkdf2 |set menuentry_id_option=|menuentry )' \\
  /boot/grub/grub.cfg /boot/grub2/grub.cfg 2>/dev/null
echo '=machine'; echo "name $(uname -m)"
echo "btime $(awk '$1 == "btime" {{print $2}}' /proc/stat)"
echo "written $(stat -c %Y /boot/grub/grub.cfg /boot/grub2/grub.cfg /boot/loader/entries/*.conf 2>/dev/null | sort -n |
  tail -n 1)"
echo "cmdline $(cat /proc/cmdline)"; echo "lockdown $(cat /sys/kernel/security/lockdown 2>/dev/null)"
echo "secureboot $(od -An -t u1 -j 4 -N 1 {SECURE_BOOT} 2>/dev/null)"
ls -d {CONTAINER} 2>/dev/null
true"""


class Boot:
    """What the command told."""

    def __init__(self, text: str) -> None:
        texts, kernels, self.menu, machine = parts_of(text)
        self.texts = files_in(texts)
        told = {line.partition(" ")[0]: line.partition(" ")[2].strip() for line in machine.splitlines()}
        self.is_container = any(line.startswith("/") for line in told)
        self.is_x86 = told["name"] in ("x86_64", "i386", "i586", "i686")
        self.cmdline, self.lockdown = told["cmdline"], told["lockdown"]
        # Distributions' kernels lock themselves down where the firmware only starts what is signed.
        self.is_secure_boot = told["secureboot"] == "1"
        # A kernel that was started after the boot loader's files were written shows what they really do.
        self.is_booted = int(told["btime"] or 0) > int(told["written"] or 0)
        env = re.search(r"^kernelopts=(.*)", self.texts.get("/boot/grub2/grubenv", ""), re.MULTILINE)
        entries = [text for path, text in self.texts.items() if path.startswith("/boot/loader/entries/")]
        options = re.findall(r"^options (.*)", "\n".join(entries), re.MULTILINE)
        self.kernels = [line.replace("$kernelopts", env[1] if env else "") for line in options]
        self.kernels = self.kernels or kernels.splitlines()

    def settings(self, place: str = "/etc/default/grub*") -> str:
        """Arguments that Debian's GRUB gives to the kernels of the menu it makes next, those of files at `place`."""
        texts = [text for path, text in self.texts.items() if fnmatch.fnmatchcase(path, place)]
        words = {"": "", "_DEFAULT": ""}
        for name, value in re.findall(r"^GRUB_CMDLINE_LINUX(|_DEFAULT)=(.*)", "\n".join(texts), re.MULTILINE):
            # With a variable it adds to what was said before, else it takes its place.
            words[name] = f"{words[name] if '$' in value else ''} {value.strip(QUOTES)}"
        return " ".join(words.values())

    def lacking(self, words: list[str], system: str) -> tuple[dict, dict]:
        """What each kernel lacks of `words`, and what would be right."""
        found: dict[str, Any] = {}
        if self.kernels and system in DEBIAN:
            found["menus to come"] = lacking(self.settings(), words)
            # Files of cloud images overrule it, but scanners read nothing else.
            if "/etc/default/grub" in self.texts:
                found["/etc/default/grub"] = lacking(self.settings("/etc/default/grub"), words)
        for number, line in enumerate(self.kernels, 1):
            found[f"kernel {number} of the boot loader"] = lacking(line, words)
        expected: dict[str, Any] = {place: [] for place in found}
        if self.is_booted or not self.kernels:
            found["the running kernel"], expected["the running kernel"] = lacking(self.cmdline, words), []
        else:
            note = "not asked: it was started before the boot loader's files were written"
            found["the running kernel"] = expected["the running kernel"] = note
        return found, expected

    def uses_selinux(self) -> bool:
        """Whether the system is set up for SELinux."""
        modes = re.findall(r"^SELINUX=(\w+)", self.texts.get("/etc/selinux/config", ""), re.MULTILINE)
        return bool(modes) and modes[-1] != "disabled"


@pytest.fixture
def boot(host: Any) -> Boot:
    return once(host, "boot", lambda: Boot(output_once(host, _command())))


@control("x-boot-01")
def test_memory_and_processor_are_defended(host: Any, boot: Boot) -> None:
    if boot.is_container:
        not_applicable("a container shares its host's kernel")
    found, expected = boot.lacking([*ALL, *(X86 if boot.is_x86 else ())], os_family(host))
    assert found == expected


@control("x-boot-02")
def test_changes_at_the_menu_need_a_password(boot: Boot) -> None:
    if boot.is_container:
        not_applicable("a container shares its host's kernel")
    user = re.search(r"^GRUB2_PASSWORD=grub\.pbkdf2\.\S+", boot.texts.get("/boot/grub2/user.cfg", ""), re.MULTILINE)
    entries = re.findall(r"^menuentry .*", boot.menu, re.MULTILINE)
    starts_all = bool(user) or 'menuentry_id_option="--unrestricted' in boot.menu
    found = {
        "superuser": bool(re.search(r'^set superusers="\S+"', boot.menu, re.MULTILINE)),
        "password": bool(user or re.search(r"^password_pbkdf2 \S+ grub\.pbkdf2\.", boot.menu, re.MULTILINE)),
        "entries start without it": starts_all or all("--unrestricted" in entry for entry in entries),
    }
    assert found == dict.fromkeys(found, True)


@control("x-boot-03")
def test_kernels_are_told_of_apparmor(host: Any, boot: Boot) -> None:
    if os_family(host) not in DEBIAN:
        not_applicable("is for other systems than this")
    if boot.is_container:
        not_applicable("a container shares its host's kernel")
    if boot.uses_selinux():
        not_applicable("this system is set up for SELinux")
    found, expected = boot.lacking(["apparmor=1", "security=apparmor"], os_family(host))
    assert found == expected


@control("x-boot-04")
def test_the_kernel_is_locked_down(boot: Boot) -> None:
    if boot.is_container:
        not_applicable("a container shares its host's kernel")
    given = [bool(re.search(r"\slockdown=(integrity|confidentiality)(\s|$)", line)) for line in boot.kernels]
    found = {
        "now": boot.lockdown or "this kernel has no lockdown",
        "after a boot": boot.is_secure_boot or all(given),
    }
    is_locked = re.search(r"\[(integrity|confidentiality)\]", boot.lockdown)
    assert found == {"now": boot.lockdown if is_locked else "none [integrity] confidentiality", "after a boot": True}
