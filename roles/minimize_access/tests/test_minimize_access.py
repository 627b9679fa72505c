# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area minimize_access: owners and permissions, who may use su, and mounts at boot and now."""

from __future__ import annotations

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
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening import fstab
from ansible_collections.hallmark.images.plugins.module_utils.hardening.swept import SWEEP, Swept

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
PROGRAMS = "/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin"
FILES = """
/etc/shadow /etc/shadow- /etc/gshadow /etc/gshadow- /etc/passwd /etc/passwd- /etc/group /etc/group- /etc/shells
/etc/security/opasswd /etc/security/opasswd.old /bin/su /etc/sudoers /etc/sudoers.d /etc/sudoers.d/*
/boot /dev /dev/shm /home /run /tmp /var /var/log /var/log/audit /var/log/journal /var/tmp
/boot/grub/grub.cfg /boot/grub2/grub.cfg /boot/System.map-* /boot/vmlinuz-*
/etc/ssh/sshd_config /etc/ssh/sshd_config.d/* /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
""".split()
COMPILERS = "as cc gcc gcc-[0-9]* g++ g++-[0-9]* clang clang-[0-9]* make go rustc".split()
LOGIN_LOGS = {"wtmp": 0o664, "lastlog": 0o664, "btmp": 0o660}
SHADOWLESS = ("redhat", "amazon", "alinux", "anolis")  # families whose shadow files nobody may read
WORDS = {"hidepid=invisible": "hidepid=2"}


def _command() -> str:
    compilers = " ".join(f"/usr/bin/{name}" for name in COMPILERS)
    return f"""\
stat -L -c '%U:%G:%a:%F:%n' {" ".join(FILES)} 2>/dev/null
echo '=compilers'; stat -L -c '%U:%G:%a:%F:%n' {compilers} 2>/dev/null
echo '=programs'
find -L $(readlink -f {PROGRAMS} | sort -u) -xdev -type f -perm /022 -print 2>/dev/null
echo '=logs'; find /var/log -type f -perm /0137 -printf '%m:%p\\n' 2>/dev/null
echo '=homes'
awk -F: '$7 !~ /(nologin|false|sync|shutdown|halt)$/ && ($3 == 0 || ($3 >= 1000 && $3 < 65534)) && $6 ~ /^\\/./' \\
  /etc/passwd | while IFS=: read -r name x uid gid text home shell; do
  find "$home" -maxdepth 1 -name '.?*' ! -type l -printf "$uid:$gid:%U:%G:%y:%m:%p\\n" 2>/dev/null
done
echo '=texts'; tail -v -n +1 /etc/pam.d/su /etc/fstab /etc/group /etc/passwd 2>/dev/null
echo '=mounts'; cat /proc/self/mountinfo
echo '=seen'; runuser -u nobody -- ls -d /proc/1 2>/dev/null
echo '=marks'; ls -d /run/systemd/container /.dockerenv /run/.containerenv 2>/dev/null
true"""


class Access:
    """What the command told, and what was found in the file systems."""

    def __init__(self, text: str, swept: Swept) -> None:
        found = re.split(r"^=(\w+)\n", f"=files\n{text}", flags=re.MULTILINE)
        parts = dict(zip(found[1::2], found[2::2], strict=True))
        self.files = self._files(parts["files"])
        self.compilers = self._files(parts["compilers"])
        self.programs = parts["programs"].split()
        self.swept = swept
        self.logs = [line.split(":", 1) for line in parts["logs"].splitlines()]
        self.dot_files = [line.split(":", 6) for line in parts["homes"].splitlines()]
        self.texts = files_in(parts["texts"])
        self.mounts = fstab.mounts(parts["mounts"])
        self.shown_to_nobody = parts["seen"].strip()
        self.is_container = bool(parts["marks"].strip())

    def _files(self, lines: str) -> dict[str, tuple[str, str, str, str]]:
        return {path: rest for *rest, path in (line.split(":", 4) for line in lines.splitlines())}

    def attributes(self, path: str) -> str:
        """Owner, group and mode, such as `root root 0644`."""
        if path not in self.files:
            return "absent"
        owner, group, mode, _kind = self.files[path]
        return f"{owner} {group} {int(mode, 8):04o}"

    def mode(self, path: str) -> int:
        return int(self.files[path][2], 8)

    def names(self, start: str) -> list[str]:
        return [path for path in self.files if path.startswith(start)]

    def differing(self, expected: dict[str, str], must_exist: bool = False) -> dict[str, str]:
        """Attributes of the files that are not as expected; those that do not exist count when they must."""
        found = {path: self.attributes(path) for path in expected}
        return {
            path: have for path, have in found.items() if have != expected[path] and (must_exist or have != "absent")
        }

    def lacking(self, path: str, options: list[str]) -> dict[str, list[str]]:
        """Options that a mount point lacks, at the next boot and now."""
        lines = [WORDS.get(option, option) for option in fstab.options_of(self.texts.get("/etc/fstab", ""), path)]
        found = {f"fstab {path}": [option for option in options if option not in lines]}
        mount = fstab.mounted(path, self.mounts)
        if mount:
            found[f"mounted {path}"] = fstab.lacking(mount, options)
        return {place: lacks for place, lacks in found.items() if lacks}


@pytest.fixture
def access(host: Any) -> Access:
    return once(host, "minimize_access", lambda: Access(output_once(host, _command()), Swept(output_once(host, SWEEP))))


def shadow(host: Any) -> str:
    """What shadow files have on this family of systems."""
    return "root root 0000" if os_family(host) in SHADOWLESS else "root shadow 0640"


@control("os-02")
def test_shadow_is_as_the_vendor_has_it(access: Access, host: Any) -> None:
    assert access.differing({"/etc/shadow": shadow(host)}, must_exist=True) == {}
    assert access.files["/etc/shadow"][3].startswith("regular")
    assert access.mode("/etc/shadow") & 0o115 == 0


@control("os-03")
def test_passwd_is_written_by_root_only(access: Access) -> None:
    assert access.differing({"/etc/passwd": "root root 0644"}, must_exist=True) == {}
    assert access.files["/etc/passwd"][3].startswith("regular")


@control("os-11")
def test_log_folder_is_roots(access: Access) -> None:
    owner, group, _mode, kind = access.files["/var/log"]
    assert (owner, kind) == ("root", "directory")
    assert group in ("root", "syslog")


@control("ds-min-01")
def test_programs_are_written_by_their_owners_only(access: Access) -> None:
    assert access.programs == []


@control("ds-min-02")
def test_shadow_files_are_private(access: Access, host: Any) -> None:
    assert access.differing({"/etc/gshadow": shadow(host)}, must_exist=True) == {}
    assert access.differing(dict.fromkeys(("/etc/shadow-", "/etc/gshadow-"), shadow(host))) == {}


@control("ds-min-03")
def test_group_files_are_written_by_root_only(access: Access) -> None:
    assert access.differing(dict.fromkeys(("/etc/group", "/etc/passwd-", "/etc/group-"), "root root 0644")) == {}


@control("ds-min-04")
def test_su_is_for_root_only(access: Access) -> None:
    if "/bin/su" not in access.files:
        not_applicable("su is not installed")
    assert access.attributes("/bin/su") == "root root 0750"


@control("ds-min-05")
def test_processes_of_others_are_hidden(access: Access, host: Any) -> None:
    if access.is_container:
        not_applicable("a container's /proc is mounted by its host")
    if os_family(host) not in ("debian", "ubuntu"):
        not_applicable("the vendor advises against hidepid with systemd (Red Hat, solution 6704531)")
    wanted = ["nosuid", "nodev", "noexec", "relatime", "hidepid=2"]
    assert access.lacking("/proc", wanted) == {}
    assert access.shown_to_nobody == ""


@control("ds-min-06")
def test_folders_of_the_system(access: Access, host: Any) -> None:
    # Whose /var/log is, is another control's question.
    owned = dict.fromkeys(("/dev", "/home", "/run", "/var"), "root root 0755")
    owned |= dict.fromkeys(("/dev/shm", "/tmp", "/var/tmp"), "root root 1777")
    owned |= dict.fromkeys(("/boot", "/var/log/audit"), "root root 0700")
    assert access.differing(owned) == {}
    assert access.mode("/var/log") in ((0o755, 0o775) if os_family(host) == "ubuntu" else (0o755,))


@control("ds-min-07")
def test_file_systems_of_the_kernel_are_in_fstab(access: Access) -> None:
    if access.is_container:
        not_applicable("a container's /dev and /run are mounted by its host")
    lines = {"/dev": "devtmpfs", "/dev/shm": "tmpfs", "/run": "tmpfs"}
    text = access.texts.get("/etc/fstab", "")
    assert {path: (fstab.entry(text, path) or ["", "", "no line"])[2] for path in lines} == lines
    lacks = access.lacking("/dev", ["rw", "nosuid", "noexec"])
    lacks |= access.lacking("/dev/shm", ["rw", "nosuid", "nodev", "noexec"])
    lacks |= access.lacking("/run", ["rw", "nosuid", "nodev"])
    assert lacks == {}


@control("x-min-01")
def test_no_file_is_writable_by_everybody(access: Access) -> None:
    assert (access.swept.is_swept, access.swept.writable_files) == (True, [])


@control("x-min-02")
def test_folders_that_everybody_writes_are_sticky(access: Access) -> None:
    assert (access.swept.is_swept, access.swept.odd_folders) == (True, [])


@control("x-min-03")
def test_every_file_is_somebodys(access: Access) -> None:
    assert (access.swept.is_swept, access.swept.unowned) == (True, [])


@control("x-min-04")
def test_password_history_is_private(access: Access) -> None:
    assert access.differing({"/etc/security/opasswd": "root root 0600"}) == {}
    old = "/etc/security/opasswd.old"
    assert old not in access.files or access.mode(old) == 0o600


@control("x-min-05")
def test_list_of_shells_is_written_by_root_only(access: Access) -> None:
    if "/etc/shells" not in access.files:
        not_applicable("there is no list of shells")
    assert access.attributes("/etc/shells") == "root root 0644"


@control("x-min-06")
def test_boot_files_are_private(access: Access) -> None:
    loader = [path for path in ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg") if path in access.files]
    private = [*loader, *access.names("/boot/System.map-"), *access.names("/boot/vmlinuz-")]
    if not private:
        not_applicable("there is no boot loader and no kernel")
    assert [path for path in private if access.mode(path) & ~0o600] == []
    assert {access.attributes(path)[:9] for path in loader} <= {"root root"}


@control("x-min-07")
def test_sudo_files_are_private(access: Access) -> None:
    if "/etc/sudoers" not in access.files:
        not_applicable("sudo is not installed")
    assert access.attributes("/etc/sudoers") == "root root 0440"
    assert "/etc/sudoers.d" not in access.files or access.mode("/etc/sudoers.d") & ~0o750 == 0
    assert [path for path in access.names("/etc/sudoers.d/") if access.mode(path) != 0o440] == []


@control("x-min-08")
def test_compilers_are_for_root(access: Access) -> None:
    if not access.compilers:
        not_applicable("no compiler is installed")
    assert {
        path: (owner, group, mode) for path, (owner, group, mode, _kind) in access.compilers.items()
    } == dict.fromkeys(access.compilers, ("root", "root", "750"))


@control("x-min-09")
def test_logs_are_not_for_others(access: Access) -> None:
    open_logs = []
    for mode, path in access.logs:
        base = re.split(r"[.-]", path.rpartition("/")[2])[0]
        if int(mode, 8) & ~(0o640 | LOGIN_LOGS.get(base, 0)):
            open_logs.append(path)
    assert open_logs == []
    assert access.files.get("/var/log/journal", ["root", "systemd-journal"])[1] == "systemd-journal"


@control("x-min-10")
def test_ssh_files_have_safe_modes(access: Access, host: Any) -> None:
    if "/etc/ssh/sshd_config" not in access.files:
        not_applicable("no SSH server is installed")
    assert access.attributes("/etc/ssh/sshd_config") == "root root 0600"
    keys = [path for path in access.names("/etc/ssh/ssh_host_") if not path.endswith(".pub")]
    wrong = [path for path in access.names("/etc/ssh/sshd_config.d/") if access.mode(path) & ~0o600]
    wrong += [path for path in access.names("/etc/ssh/ssh_host_") if access.mode(path) & ~0o644]
    for path in keys:
        shared = os_family(host) in SHADOWLESS and access.files[path][1] == "ssh_keys"
        if access.files[path][0] != "root" or access.mode(path) & ~(0o640 if shared else 0o600):
            wrong.append(path)
    assert wrong == []


@control("x-min-11")
def test_dot_files_are_private(access: Access) -> None:
    wrong = []
    for uid, gid, owner, group, kind, mode, path in access.dot_files:
        most = 0o600 if kind == "f" and path.endswith("/.bash_history") else 0o7755
        if (owner, group) != (uid, gid) or int(mode, 8) & ~most or path.endswith("/.forward"):
            wrong.append(path)
    assert wrong == []


@control("x-min-12")
def test_su_asks_for_a_group_without_members(access: Access) -> None:
    text = access.texts.get("/etc/pam.d/su")
    if text is None:
        not_applicable("su is not installed")
    lines = [line.partition("#")[0].split() for line in text.splitlines()]
    asked = [words for words in lines if words[:1] == ["auth"] and len(words) > 2]
    rules = [words[3:] for words in asked if words[1] == "required" and words[2].endswith("pam_wheel.so")]
    rules = [words for words in rules if "use_uid" in words and not {"trust", "deny"} & set(words)]
    assert rules, "no line 'auth required pam_wheel.so use_uid group=…'"
    assert asked[0][1:3] == ["sufficient", "pam_rootok.so"]
    name = next((word[6:] for word in rules[0] if word.startswith("group=")), "wheel")
    found = [line.split(":") for line in access.texts["/etc/group"].splitlines() if line.startswith(f"{name}:")]
    assert [fields[3] for fields in found] == [""], f"members of {name}"
    first = [
        line.split(":")[0] for line in access.texts["/etc/passwd"].splitlines() if line.split(":")[3:4] == found[0][2:3]
    ]
    assert first == [], f"users whose own group is {name}"
