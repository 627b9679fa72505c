# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of the kernel in the boot loader's files: those of GRUB on Debian, grubby on the RPM family."""

from __future__ import annotations

import os
import re
from typing import Callable, List, Tuple

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import family

#: Runs a program: its exit code, output and errors.
Run = Callable[[List[str]], Tuple[int, str, str]]
GRUB_CFG = "/boot/grub/grub.cfg"
_ENTRIES = "/boot/loader/entries"
_GRUB_ENV = "/boot/grub2/grubenv"
#: Debian's GRUB makes its menu of these scripts; 00_header, which sets what ours changes, comes first.
PASSWORD_SCRIPT = "/etc/grub.d/01_hallmark-password"
#: Where the RPM family's menu looks for a password.
USER_CFG = "/boot/grub2/user.cfg"
HEADER = "# Managed by Ansible, module hallmark.images.kernel_command_line; changes here are lost."
_DEBIAN = ("debian", "ubuntu")
#: Arguments that only kernels of this architecture know; others would hand them to the first program.
_X86 = ("pti", "vsyscall")
#: Where systems of the RPM family take the arguments of a new kernel from, with what stands before them.
GRUB_DEFAULT = "/etc/default/grub"
_VALUE = "GRUB_CMDLINE_LINUX="
_NEW_KERNELS = (("/etc/kernel/cmdline", ""), (GRUB_DEFAULT, _VALUE))
# Values that can be added to without knowing the shell.
_PLAIN = re.compile(r"""(?:"[^"\\`$]*"|'[^']*'|[^\s"'\\`$#;&|]*)""")
# The drop-in is a piece of shell, and the menu a script of GRUB's own language.
_DROP_IN = """\
{header}
# Here they come after what other files add or put in place of them, and once, though {default} has them too.
set -f
rest=
for word in $GRUB_CMDLINE_LINUX; do
  case " {words} " in *" $word "*) ;; *) rest="$rest $word" ;; esac
done
set +f
GRUB_CMDLINE_LINUX="${{rest# }} {words}"
"""
_OURS = "# Managed by Ansible, module hallmark.images."
_UNSAFE = set(" \t\n\"'`$\\;&|<>(){}#")


def kernel_lines(tree: Tree) -> list[str]:
    """Arguments of every kernel that the boot loader offers, one text per entry; empty without a boot loader."""
    env = ""
    for line in (tree.read(_GRUB_ENV) or "").splitlines():
        if line.startswith("kernelopts="):
            env = line.partition("=")[2]
    found = []
    for name in tree.names(_ENTRIES):
        for line in (tree.read(f"{_ENTRIES}/{name}") or "").splitlines() if name.endswith(".conf") else []:
            if line.startswith("options "):
                found.append(line.replace("$kernelopts", env))
    if not found:
        for path in (GRUB_CFG, "/boot/grub2/grub.cfg"):
            lines = map(str.strip, (tree.read(path) or "").splitlines())
            found += [line for line in lines if line.startswith(("linux ", "linux\t", "linuxefi ", "linux16 /vmlinuz"))]
    return found


def with_arguments(text: str, wanted: list[str]) -> str:
    """Arguments (words with blanks between, perhaps in quotes) with `wanted` in place of others of the same name."""
    quote = text[:1] if text[:1] in "\"'" and text[:1] else ""
    body = text.strip(quote) if quote else text
    names = tuple(word.partition("=")[0] + "=" for word in wanted)
    kept = [word for word in body.split() if not word.startswith(names)]
    return quote + " ".join([*kept, *wanted]) + quote


def lacking(line: str, wanted: list[str]) -> list[str]:
    """Arguments of `wanted` that a kernel's line has not; of several with one name the last counts."""
    last = {word.partition("=")[0]: word for word in line.split()}
    return [word for word in wanted if last.get(word.partition("=")[0]) != word]


def check(options: dict) -> None:
    """Raise HardeningError for options that no boot loader could take."""
    for word in [*options["arguments"], *options["absent"]]:
        if not word or _UNSAFE & set(word):
            raise HardeningError(f"arguments: {word!r} is no kernel argument; write name or name=value without blanks")
    hashed = options["password_hash"]
    if hashed and (not hashed.startswith("grub.pbkdf2.sha512.") or _UNSAFE & set(hashed)):
        raise HardeningError("password_hash: is no hash of GRUB's; make one with grub-mkpasswd-pbkdf2")
    if not options["superuser"] or _UNSAFE & set(options["superuser"]):
        raise HardeningError(f"superuser: {options['superuser']!r} is no name; write a word such as root")


def arguments(tree: Tree, system: str, options: dict, machine: str) -> list[str]:
    """The arguments that a kernel of `machine` (as uname -m names it) shall have on this system."""
    is_x86 = machine in ("x86_64", "i386", "i586", "i686")
    wanted = [word for word in options["arguments"] if is_x86 or word.partition("=")[0] not in _X86]
    if options["apparmor"] and system in _DEBIAN and not has_selinux(tree):
        wanted += ["apparmor=1", "security=apparmor"]
    return wanted


def has_selinux(tree: Tree) -> bool:
    """Whether the system is set up for SELinux, which AppArmor's arguments would switch off."""
    lines = [line.strip() for line in (tree.read("/etc/selinux/config") or "").splitlines()]
    modes = [line.partition("=")[2] for line in lines if line.startswith("SELINUX=")]
    return bool(modes) and modes[-1] != "disabled"


def password_script(superuser: str, password_hash: str) -> str:
    """Script of Debian's GRUB that has changes to an entry, and GRUB's own shell, ask for a password.

    Entries start without it: their commands in the menu take their options from a variable, as one may see there.
    """
    return f"""#!/bin/sh
{HEADER}
cat <<'END'
set superusers="{superuser}"
export superusers
password_pbkdf2 {superuser} {password_hash}
set menuentry_id_option="--unrestricted $menuentry_id_option"
export menuentry_id_option
END
"""


def set_password(tree: Tree, system: str, superuser: str, password_hash: str) -> bool:
    """Write the password of the boot loader, or take ours away; returns whether the menu must be made anew."""
    if system in _DEBIAN:
        path, text, mode = PASSWORD_SCRIPT, password_script(superuser, password_hash), 0o700
        is_ours, has_place = tree.exists(path), tree.exists(os.path.dirname(path))
    else:
        path, text, mode = USER_CFG, f"{HEADER}\nGRUB2_PASSWORD={password_hash}\n", 0o600
        is_ours, has_place = HEADER in (tree.read(path) or ""), tree.exists(os.path.dirname(path))
    before = len(tree.diffs)
    if not password_hash:
        changed = is_ours and tree.remove(path)
    else:
        changed = has_place and tree.write(path, text, mode, "root", "root")
    for diff in tree.diffs[before:]:  # a hash does not belong into a log
        diff.update(before="another password or none\n", after="the password\n" if password_hash else "")
    return changed and system in _DEBIAN


def set_all(tree: Tree, options: dict, run: Run, machine: str) -> dict:
    """Do what module kernel_command_line promises; returns the arguments, those not in force yet, and warnings."""
    check(options)
    system = family(tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or "")
    wanted = arguments(tree, system, options, machine)
    absent = [word for word in options["absent"] if word not in wanted]
    stale = set_password(tree, system, options["superuser"], options["password_hash"])
    warnings = set_arguments(tree, system, options["drop_in"], HEADER, wanted, absent, run, stale)
    return {"arguments": wanted, "warnings": warnings}


def set_arguments(
    tree: Tree,
    system: str,
    drop_in: str,
    header: str,
    wanted: list[str],
    absent: list[str],
    run: Run,
    stale: bool = False,
) -> list[str]:
    """Give every kernel, present and future, the arguments `wanted` and none of `absent`; returns warnings.

    :param system: the family of systems.
    :param drop_in: one of the two files for them on Debian and Ubuntu, `header` its first line; removed when nothing is
        wanted. Cloud images have files that overrule the other, which is the one that scanners read.
    :param stale: whether the menu must be made anew in any case.
    """
    if system in _DEBIAN:
        has_grub = tree.exists(GRUB_DEFAULT) or tree.exists("/usr/sbin/grub-mkconfig")
        text = _DROP_IN.format(header=header, default=GRUB_DEFAULT, words=" ".join(wanted))
        gone = [word for word in _words_of(tree, drop_in) if word not in wanted]
        changed = _new_kernels(tree, GRUB_DEFAULT, _VALUE, wanted, gone)
        stale = stale or (changed and tree.exists(drop_in))
        if not wanted:
            stale = tree.remove(drop_in) or stale
        elif has_grub:
            is_new = not tree.exists(drop_in)
            written = tree.write(drop_in, text, 0o644, "root", "root")
            if is_new and not stale and _come_last(tree, drop_in) and _extend(tree, wanted):
                return []
            stale = written or stale
        return _make(tree, ["update-grub"], wanted, [], stale, run) if tree.exists(GRUB_CFG) else []
    for path, start in _NEW_KERNELS:
        _new_kernels(tree, path, start, wanted, absent)
    command = ["grubby", "--update-kernel=ALL"]
    command += [f"--args={' '.join(wanted)}"] if wanted else []
    command += [f"--remove-args={' '.join(absent)}"] if absent else []
    return _make(tree, command, wanted, absent, False, run)


def _words_of(tree: Tree, drop_in: str) -> list[str]:
    """Arguments that the drop-in as it is now gives."""
    lines = [line for line in (tree.read(drop_in) or "").splitlines() if line.startswith(_VALUE)]
    words = lines[-1][len(_VALUE) :].strip('"').split() if lines else []
    return [word for word in words if not _UNSAFE & set(word)]  # not the variable with what stood there before


def _come_last(tree: Tree, drop_in: str) -> bool:
    """Whether what the drop-in gives counts: no file that GRUB reads after it sets the arguments, but our own."""
    folder, name = os.path.split(drop_in)
    later = [other for other in tree.names(folder) if other > name and other.endswith(".cfg")]
    texts = [tree.read(f"{folder}/{other}") or "" for other in later]
    return not any("GRUB_CMDLINE_LINUX=" in text and _OURS not in text for text in texts)


def _extend(tree: Tree, wanted: list[str]) -> bool:
    """Add arguments that the menu's kernels do not have in any form, as update-grub would.

    It asks the disks for everything in the menu anew, which is the longest single work of all hardening.

    :returns: whether that was enough; otherwise nothing is changed.
    """
    text = tree.read(GRUB_CFG)
    names = {word.partition("=")[0] for word in wanted}
    lines = (text or "").splitlines(keepends=True)
    for number, line in enumerate(lines):
        words = line.split()
        if not words or words[0] not in ("linux", "linuxefi") or "root=" not in line:
            continue
        if line.rstrip().endswith("\\") or names & {word.partition("=")[0] for word in words}:
            return False
        lines[number] = f"{line.rstrip()} {' '.join(wanted)}\n"
    new = "".join(lines)
    item = ("kernel arguments", "other arguments", " ".join(wanted))
    return text is not None and new != text and tree.write(GRUB_CFG, new, keys=[item])


def _wrong(tree: Tree, wanted: list[str], absent: list[str]) -> list[str]:
    """What some kernel of the boot loader has not, or has too much."""
    lines = [line for line in kernel_lines(tree) if not line.startswith("linux") or "root=" in line]  # no memory tests
    found = {word for line in lines for word in lacking(line, wanted)}
    return sorted(found | {f"no {word}" for line in lines for word in absent if word in line.split()})


def _make(tree: Tree, command: list[str], wanted: list[str], absent: list[str], stale: bool, run: Run) -> list[str]:
    before = kernel_lines(tree)
    wrong = _wrong(tree, wanted, absent)
    if not stale and not wrong:
        return []
    if tree.check_mode:
        tree.note("boot loader", "other arguments", " ".join(wanted), "kernel arguments")
        return []
    if tree.root != "/":
        if not tree.names("/proc"):
            return [f"{command[0]} was not run because nothing is mounted on {tree.root}/proc; run it in the tree"]
        command = ["chroot", tree.root, *command]
    menu = tree.real(GRUB_CFG)
    mode = os.stat(menu).st_mode & 0o7777 if os.path.exists(menu) else None
    code, _out, error = run(command)
    if mode is not None and os.path.exists(menu) and os.stat(menu).st_mode & 0o7777 != mode:
        os.chmod(menu, mode)  # update-grub lets everybody read a menu without a password
    if stale or kernel_lines(tree) != before:
        tree.note("boot loader", "other arguments", " ".join(wanted), "kernel arguments")
    wrong = _wrong(tree, wanted, absent)
    if code or wrong:
        complaint = " ".join(error.split())
        return [
            f"{' '.join(command)}: kernels of the boot loader still lack {' '.join(wrong) or 'nothing'}: {complaint}"
        ]
    return []


def _new_kernels(tree: Tree, path: str, start: str, wanted: list[str], absent: list[str]) -> bool:
    """Have the file that new kernels' arguments come from say `wanted` and not `absent`; returns whether it changed."""
    text = tree.read(path)
    if text is None:
        return False
    lines = text.splitlines()
    if start and wanted and not any(line.startswith(start) for line in lines):
        lines.append(f'{start}""')
    for number, line in enumerate(lines):
        if not line.strip() or not line.startswith(start):
            continue
        held = line[len(start) :].rstrip()
        if start and not _PLAIN.fullmatch(held):
            continue
        words = held.strip("\"'")
        missing = lacking(words, wanted)
        if missing or any(word in words.split() for word in absent):
            quote = held[:1] if held[:1] in ("'", '"') else '"' if start else ""
            kept = " ".join(word for word in words.split() if word not in (*absent, *missing))
            lines[number] = start + with_arguments(f"{quote}{kept}{quote}", missing)
    new = "".join(f"{line}\n" for line in lines)
    return new != text and tree.write(path, new, keys=[("kernel arguments", "other arguments", " ".join(wanted))])
