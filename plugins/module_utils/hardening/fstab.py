# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of /etc/fstab, set or merged by mount point, and the table of what is mounted.

systemd-remount-fs gives file systems that systemd itself has mounted (/dev, /dev/shm, /proc, /run) the options of their
lines here at every boot (systemd-remount-fs.service(8)); `mount -o remount <mount point>` does the same now.
"""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

FSTAB = "/etc/fstab"
MOUNT_TABLE = "/proc/self/mountinfo"
# Of each of these only one holds; mount(8) takes the last.
_OPPOSITES = (
    ("rw", "ro"),
    ("suid", "nosuid"),
    ("dev", "nodev"),
    ("exec", "noexec"),
    ("relatime", "noatime", "strictatime", "norelatime", "nostrictatime", "atime"),
)


class Mount:
    """One line of the mount table: its options are those of the mount point and of the file system together."""

    __slots__ = ("device", "inner", "path", "fstype", "options")

    def __init__(self, device: str, inner: str, path: str, fstype: str, options: list[str]) -> None:
        self.device, self.inner, self.path, self.fstype, self.options = device, inner, path, fstype, options


def plain(field: str) -> str:
    """A field of fstab or the mount table without its escapes, which are octal numbers (\\040 is a blank)."""
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\043", "#"), ("\\134", "\\")):
        field = field.replace(code, char)
    return field


def mounts(text: str) -> list[Mount]:
    """What is mounted, from the text of /proc/<pid>/mountinfo (proc_pid_mountinfo(5)), in the order of mounting."""
    found = []
    for line in text.splitlines():
        place, dash, rest = line.partition(" - ")
        fields, kind = place.split(" "), rest.split(" ")
        if dash and len(fields) > 5 and len(kind) > 2:
            options = [*fields[5].split(","), *kind[2].split(",")]
            found.append(Mount(fields[2], plain(fields[3]), plain(fields[4]), kind[0], options))
    return found


def mounted(path: str, table: list[Mount]) -> Mount | None:
    """What is mounted at `path`; of several the last, which hides the others."""
    return next((mount for mount in reversed(table) if mount.path == path), None)


def entry(text: str, path: str) -> list[str] | None:
    """The fields of the line for mount point `path` (source, path, type, options …); of several the last counts."""
    found = None
    for line in text.splitlines():
        fields = line.split()
        if len(fields) > 2 and not fields[0].startswith("#") and _place(fields[1]) == _place(path):
            found = fields
    return found


def options_of(text: str, path: str) -> list[str]:
    """Options of the line for mount point `path`; empty when there is no line or it has none."""
    fields = entry(text, path)
    return fields[3].split(",") if fields and len(fields) > 3 else []


def merge_options(have: list[str], want: list[str]) -> list[str]:
    """`have` with the options `want`: opposites and other values of the same key go, everything else stays."""
    merged = list(have)
    for option in want:
        key = option.partition("=")[0]
        rivals = next((group for group in _OPPOSITES if option in group), ())
        if option not in merged:
            merged = [held for held in merged if held not in rivals and held.partition("=")[0] != key]
            merged.append(option)
        else:  # a later opposite would win
            merged = [held for held in merged if held == option or held not in rivals]
    return merged


def set_line(text: str, path: str, options: list[str], source: str = "", fstype: str = "") -> str:
    """fstab's text with `options` on the line of mount point `path`.

    A line that exists keeps its source, type and other options. Without one it is added when `source` and `fstype`
    are given, else the text stays as it is.
    """
    lines, place = text.splitlines(), None
    for number, line in enumerate(lines):
        fields = line.split()
        if len(fields) > 2 and not fields[0].startswith("#") and _place(fields[1]) == _place(path):
            place = number
    if place is None:
        if not source or not fstype:
            return text
        added = f"{source} {path} {fstype} {','.join(options)} 0 0"
        return "".join(f"{line}\n" for line in [*lines, added])
    fields = lines[place].split()
    have = fields[3].split(",") if len(fields) > 3 else []
    merged = merge_options(have, options)
    if merged == have:
        return text
    lines[place] = " ".join([*fields[:3], ",".join(merged), *(fields[4:] or ["0", "0"])])
    return "".join(f"{line}\n" for line in lines)


def put(tree: Tree, lines: list[tuple[str, list[str], str, str]]) -> bool:
    """Do to the tree's fstab what `set_line` says, for `lines` of mount point, options, source and type, in one step.

    Returns whether it changed; each changed line is an item with the mount point as its key.
    """
    held = tree.read(FSTAB)
    before = text = held or ""
    for path, options, source, fstype in lines:
        for option in options:
            if not option or any(char in option for char in " \t\n,#"):
                raise HardeningError(f"{FSTAB}: {path}: {option!r} is no mount option; give one per item, like nodev")
        text = set_line(text, path, options, source, fstype)
    if text == before:
        return False
    keys = []
    for path in dict.fromkeys(line[0] for line in lines):
        was, now = (",".join(options_of(side, path)) for side in (before, text))
        if was != now:
            keys.append((path, was or "no line", now))
    new = (0o644, "root", "root") if held is None else (None, None, None)
    return tree.write(FSTAB, text, *new, keys=keys)


def lacking(mount: Mount, options: list[str]) -> list[str]:
    """Those of `options` that a mounted file system does not have; what the kernel does not show is not asked for."""
    have = set(mount.options)
    if any(option in have for option in ("hidepid=invisible", "hidepid=2")):  # the kernel's two ways to say it
        have |= {"hidepid=invisible", "hidepid=2"}
    if "rw" not in have or "ro" in have:
        have.discard("rw")
    shown = [option for option in options if option in _SHOWN or option.partition("=")[0] in ("hidepid", "gid")]
    return [option for option in shown if option not in have]


_SHOWN = frozenset(["rw", "ro", "nosuid", "nodev", "noexec", "relatime"])


def _place(path: str) -> str:
    return plain(path).rstrip("/") or "/"
