# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other people's drop-ins that count instead of ours.

One rule for all folders: ours are called zz-hallmark (00-hallmark where the first value counts), so they win over what
packages ship, which begins with a number. A file that wins over ours all the same is somebody's decision: it stays, and
the run says which file and which key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree

#: Folders of one set; of files with one name the first folder's is read (systemd.conf(5), sysctl.d(5), modprobe.d(5)).
TOPS = ("/etc", "/run", "/usr/local/lib", "/usr/lib")
#: Folders of systemd's own settings.
SYSTEMD = tuple(f"{top}/systemd" for top in TOPS)
_OURS = "hallmark.images"  # stands in the first line of every file the collection writes


def read_order(paths: Iterable[str], folders: Iterable[str]) -> list[str]:
    """Those of `paths` that are read, in order: by name, whatever the folder; of one name the first folder's."""
    chosen: dict[str, str] = {}
    for folder in folders:
        for path in paths:
            place, _slash, name = path.rpartition("/")
            if place == folder:
                chosen.setdefault(name, path)
    return [chosen[name] for name in sorted(chosen)]


def systemd_order(paths: Iterable[str], name: str) -> list[str]:
    """Those of `paths` that hold systemd's settings `name` (journald.conf), in the order in which they are read."""
    main = [path for path in (f"{folder}/{name}" for folder in SYSTEMD) if path in paths]
    return main[:1] + read_order(paths, [f"{folder}/{name}.d" for folder in SYSTEMD])


def ini(text: str) -> dict[str, str]:
    """Settings of a file of systemd, by section and key: `[Journal] Storage`."""
    found, section = {}, ""
    for line in map(str.strip, text.splitlines()):
        key, equals, value = line.partition("=")
        if line.startswith("["):
            section = line
        elif equals and line[0] not in "#;":
            found[f"{section} {key.strip()}"] = value.strip()
    return found


def limits(text: str) -> dict[str, str]:
    """Entries of limits.conf(5) by domain, type and item: `* hard core`; the type `-` is both."""
    found = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 4:
            for kind in ("hard", "soft") if words[1] == "-" else (words[1],):
                found[f"{words[0]} {kind} {words[2]}"] = words[3]
    return found


#: Languages of files by the name that module config_files gives them.
LANGUAGES = {"ini": ini, "limits": limits}


def _is_like(name: str, own: str) -> bool:
    """Whether a folder's readers take `name` for a file like `own`: the same ending, or (sudoers.d) none."""
    return name.partition(".")[1:] == ("", "") if "." not in own else name.endswith(f".{own.rpartition('.')[2]}")


def winning(tree: Tree, path: str, text: str, read: Callable, first_counts: bool = False) -> list[str]:
    """A warning for each setting that another file of the folder gives another value, and that counts.

    :param text: what our file at `path` holds or will hold.
    :param read: settings, by key, of a file's text.
    :param first_counts: whether of two values the first counts; the last does otherwise.
    """
    folder, _slash, own = path.rpartition("/")
    ours, found = read(text), []
    places = [top + folder[len("/etc") :] for top in TOPS] if folder.startswith("/etc/") else []
    for file in read_order([f"{place}/{name}" for place in places for name in tree.names(place)], places):
        name = file.rpartition("/")[2]
        if name == own or (name < own) is not first_counts or not _is_like(name, own):
            continue
        held = tree.read(file) or ""
        if _OURS in held.partition("\n")[0]:
            continue
        found += [
            f"{file}: {key} has the value {value!r}, which counts instead of {ours[key]!r} in {path}: "
            f"the file is read {'before' if first_counts else 'after'} it; take the line out, or rename the file"
            for key, value in read(held).items()
            if key in ours and value != ours[key]
        ]
    return found
