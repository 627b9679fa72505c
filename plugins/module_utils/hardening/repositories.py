# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories of dnf and yum: every section of every file is read and brought to a policy, in place.

Files are read as libdnf reads them (tried with libdnf 0.69): keys are case-sensitive and begin in the first column, an
indented line goes on with the value before it, of two lines with one key the last counts, and so do two sections with
one name as if they were one.
"""

from __future__ import annotations

import fnmatch

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

MAIN = "main"
DNF = "/etc/dnf/dnf.conf"
#: Files with a section of the package manager itself, and which of its settings they know (None: all).
CONFIGS: tuple[tuple[str, tuple[str, ...] | None], ...] = (
    (DNF, None),
    ("/etc/yum.conf", ("gpgcheck", "localpkg_gpgcheck", "repo_gpgcheck")),
    ("/etc/yum/pluginconf.d/rhnplugin.conf", ("gpgcheck",)),
)
#: Folders of repositories where dnf.conf names no others (dnf.conf(5), reposdir).
FOLDERS = ("/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d")
_PROGRAMS = ("/usr/bin/dnf", "/usr/bin/dnf-3", "/usr/bin/dnf5", "/usr/bin/microdnf")
_TRUE, _FALSE = ("1", "yes", "true", "on"), ("0", "no", "false", "off")
_CLEAR = ("http://", "ftp://")


def same(one: str | None, other: str | None) -> bool:
    """Whether dnf understands both values alike: yes, true, on and 1 are one value in any case."""
    return _plain(one) == _plain(other)


def _plain(value: str | None) -> str | None:
    word = (value or "").lower()
    return "1" if word in _TRUE else "0" if word in _FALSE else value


def matches(name: str, patterns: list[str]) -> bool:
    """Whether a repository's id is one of `patterns` (shell wildcards, any case)."""
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


class Ini:
    """The lines of one file; `set` changes only the lines of one key."""

    def __init__(self, text: str, path: str) -> None:
        self.lines = text.split("\n")
        if not self.lines[-1]:
            self.lines.pop()
        self.path = path
        #: Per section its keys: `(section, key, value)` and the numbers of first line and line after the last.
        self.keys: list[tuple[str, str, str, int, int]] = []
        self.sections: list[str] = []
        #: Number of the line after which a new key of a section is put.
        self._ends: dict[str, int] = {}
        self._read()

    def _read(self) -> None:
        self.keys, self.sections, self._ends = [], [], {}
        section: str | None = None
        may_go_on = False
        for number, line in enumerate(self.lines):
            stripped = line.strip()
            if line[:1] in (" ", "\t") and stripped and may_go_on and section is not None:
                held = self.keys[-1]
                self.keys[-1] = (held[0], held[1], f"{held[2]}\n{stripped}", held[3], number + 1)
                self._ends[section] = number + 1
                continue
            may_go_on = False
            if stripped.startswith("[") and "]" in stripped:
                section = stripped[1 : stripped.index("]")]
                if section not in self.sections:
                    self.sections.append(section)
                self._ends[section] = number + 1
            elif section is not None and line[:1] not in ("#", ";", "", " ", "\t") and "=" in line:
                key, _equals, value = line.partition("=")
                self.keys.append((section, key.strip(), value.strip(), number, number + 1))
                self._ends[section] = number + 1
                may_go_on = True

    def get(self, section: str, key: str) -> str | None:
        """Value in force, None when the section does not set it."""
        found = [item[2] for item in self.keys if item[:2] == (section, key)]
        return found[-1] if found else None

    def set(self, section: str, key: str, value: str) -> tuple[str | None, str] | None:
        """Make `value` the one in force; returns `(before, after)`, or None when it was so already."""
        before = self.get(section, key)
        if before is not None and same(before, value):
            return None
        lines = [item[3:] for item in self.keys if item[:2] == (section, key)]
        if lines:
            first, after = lines[-1]
            self.lines[first:after] = [f"{key}={value}"]
        elif section in self.sections:
            self.lines.insert(self._ends[section], f"{key}={value}")
        else:
            self.lines += [*([""] if self.lines else []), f"[{section}]", f"{key}={value}"]
        self._read()
        return before, value

    def text(self) -> str:
        """The file as it is now."""
        return "".join(f"{line}\n" for line in self.lines)


def clean(options: dict) -> None:
    """Refuse what would break a file or mean everything; raises HardeningError."""
    for name in ("main", "repositories"):
        for key, value in options[name].items():
            text = str(value)
            if not key or not key.replace("_", "").isalnum() or "\n" in text or isinstance(value, (dict, list)):
                raise HardeningError(f"{name}: {key}: {value!r} is no setting; give a key and one word or number")
    for name in ("exempt", "disable"):
        for pattern in options[name]:
            if not pattern.strip() or (set(pattern) <= {"*", "?"} and name == "disable"):
                raise HardeningError(f"{name}: {pattern!r} would mean every repository; give ids or patterns of ids")
    for name in options["remove_files"]:
        if "/" in name or not name.endswith(".repo"):
            raise HardeningError(f"remove_files: {name!r} is no name of a file such as CentOS-Media.repo")


def _word(value: object) -> str:
    # What YAML made of yes and no; dnf's own files write 1 and 0.
    return str(int(value)) if isinstance(value, bool) else str(value).strip()


def folders(main: Ini | None) -> list[str]:
    """Folders that dnf reads repositories from."""
    named = (main.get(MAIN, "reposdir") or "") if main else ""
    return named.replace(",", " ").split() or list(FOLDERS)


def urls(ini: Ini, section: str) -> list[str]:
    """Every address a repository is fetched from."""
    found = [ini.get(section, key) or "" for key in ("baseurl", "mirrorlist", "metalink")]
    return [url for value in found for url in value.replace(",", " ").split()]


def is_clear(ini: Ini, section: str) -> bool:
    """Whether some address of a repository is fetched without encryption."""
    return any(url.lower().startswith(_CLEAR) for url in urls(ini, section))


def enforce(tree: Tree, options: dict) -> dict:
    """Do what module repo_policy promises; `options` are its own. Changes are in `tree`, the rest is returned."""
    clean(options)
    main = {key: _word(value) for key, value in options["main"].items()}
    wanted = {key: _word(value) for key, value in options["repositories"].items()}
    report: dict = {"repositories": [], "exempt": [], "disabled": [], "unverified": []}
    seen: set[str] = set()
    inherited = None  # the package manager's own gpgcheck, which a repository without the key gets
    first = None
    for path, known in CONFIGS:
        ini = _open(tree, path, seen)
        if ini is None and path == DNF and any(tree.exists(program) for program in _PROGRAMS):
            ini = Ini("", path)  # without the file dnf checks no signature
        if ini is None:
            continue
        changes = []
        if MAIN in ini.sections or path == DNF:
            for key, value in main.items():
                if known is None or key in known:
                    _set(ini, MAIN, key, value, changes)
        if first is None:
            first, inherited = ini, ini.get(MAIN, "gpgcheck")
        _sections(ini, wanted, options, inherited, report, changes)
        _save(tree, ini, changes)
    for folder in folders(first):
        for name in tree.names(folder):
            if name in options["remove_files"]:
                tree.remove(f"{folder}/{name}")
                continue
            ini = _open(tree, f"{folder}/{name}", seen) if name.endswith(".repo") else None
            if ini:
                changes = []
                _sections(ini, wanted, options, inherited, report, changes)
                _save(tree, ini, changes)
    return report


def _open(tree: Tree, path: str, seen: set[str]) -> Ini | None:
    """The file, None when there is none or another name of it was worked on already."""
    real = tree.real(path)
    if real in seen:
        return None
    text = tree.read(path)
    if text is None:
        return None
    seen.add(real)
    return Ini(text, path)


def _set(ini: Ini, section: str, key: str, value: str, changes: list) -> None:
    changed = ini.set(section, key, value)
    if changed:
        changes.append((f"[{section}] {key}", *changed))


def _sections(ini: Ini, wanted: dict, options: dict, inherited: str | None, report: dict, changes: list) -> None:
    for section in [name for name in ini.sections if name != MAIN]:
        report["repositories"].append(section)
        if matches(section, options["exempt"]):
            report["exempt"].append(section)
        else:
            for key, value in wanted.items():
                _set(ini, section, key, value, changes)
        checked = ini.get(section, "gpgcheck")
        unverified = not same(inherited if checked is None else checked, "1")
        enabled = ini.get(section, "enabled")
        if not same("1" if enabled is None else enabled, "1"):
            continue
        if matches(section, options["disable"]) or (
            options["disable_clear_text"] and unverified and is_clear(ini, section)
        ):
            _set(ini, section, "enabled", "0", changes)
            report["disabled"].append(section)
        elif unverified:
            report["unverified"].append(section)


def _save(tree: Tree, ini: Ini, changes: list) -> None:
    if changes:
        tree.write(ini.path, ini.text(), keys=changes)
