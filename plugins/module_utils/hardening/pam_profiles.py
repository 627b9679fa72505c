# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's PAM profiles: the common-* files as pam-auth-update(8) writes them from /usr/share/pam-configs.

The vendor's tool merges in place and cannot say beforehand what it would write; here the same merge is made in memory,
so check mode, diff and a look at the result come first, and it works in an image tree. What is written is what the tool
itself would write: files, its memory in /var/lib/pam, local options kept. So it goes on from there at every upgrade.
"""

from __future__ import annotations

import re

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.pam import (
    Wish,
    change_options,
    changed_lines,
    check,
    parse_line,
)

FOLDER = "/usr/share/pam-configs"
MEMORY = "/var/lib/pam"
TYPES = ("auth", "account", "password", "session", "session-noninteractive")
_FIRST = '# here are the per-package modules (the "Primary" block)'
_FALLBACK = "# here's the fallback if no module succeeds"
_MORE = '# and here are more per-package modules (the "Additional" block)'
_END = "# end of pam-auth-update config"
_NOTHING = "[default=1]\t\t\tpam_permit.so"
_FIELD = re.compile(r"(\S+):\s+(.*)\s*$")
_LINE = re.compile(r"((?:\[[^]]+\]|\w+)\s+\S+)\s*(.*)")


def parse_profile(text: str) -> dict[str, str]:
    """Fields of a profile as the tool reads them; lines of a field are joined by newlines."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        found = _FIELD.match(line)
        if found:
            name = re.sub("-Final$", "", found[1])
            fields[name] = found[2].strip()
        elif line.strip():
            fields[name] = f"{fields.get(name, '')}\n{line.strip()}".strip("\n")
    if "Session-Interactive-Only" not in fields:
        for end in ("-Type", "", "-Initial"):
            if f"Session{end}" in fields:
                fields[f"Session-noninteractive{end}"] = fields[f"Session{end}"]
    return fields


def order(profiles: dict[str, dict]) -> list[str]:
    """Names of the profiles in the order of their lines."""
    names = sorted(profiles, reverse=True)
    return sorted(names, key=lambda name: -int(profiles[name].get("Priority") or 0))


def _block(profiles: dict, enabled: list[str], kind: str, block: str) -> list[tuple[str, list[str]]]:
    """Lines of each enabled profile for one block of a file."""
    title, found = kind.capitalize(), []
    for name in enabled:
        if profiles[name].get(f"{title}-Type") == block:
            first = profiles[name].get(f"{title}-Initial") if not found else None
            lines = (first or profiles[name].get(title, "")).split("\n")
            found.append((name, [line for line in lines if line]))
    return found


def _no_number(line: str) -> str:
    return re.sub(r"(\[[^0-9]*)[0-9]+(.*\])", r"\1\2", line)


class Local:
    """What the administrator changed in one file: options added and removed per control and module."""

    def __init__(self) -> None:
        self.mods: list[str] = []
        self.add: dict[str, list[str]] = {}
        self.remove: dict[str, list[str]] = {}


def local_changes(text: str, memory: str, kind: str) -> Local | None:
    """What differs between a common-* file and the tool's memory of it; None when it holds lines of its own."""
    saved, name = [], ""
    for line in memory.splitlines():
        if line.startswith("Module: "):
            name = line[8:]
        else:
            saved.append((name, re.sub(r"(\[.*)end(.*\])", r"\1\2", _no_number(line))))
    local, inside, seen_end = Local(), False, False
    kind = kind.replace("-noninteractive", "")
    for line in text.splitlines():
        if line.startswith((_FIRST, _MORE)):
            inside = True
        elif line.startswith((_FALLBACK, _END)):
            inside, seen_end = False, line.startswith(_END)
        elif inside:
            now = _no_number(re.sub(rf"^{kind}\s+", "", line))
            while saved:
                name, old = saved.pop(0)
                found = _LINE.match(old)
                if found and re.match(re.escape(found[1]) + r"(?!\S)", now):
                    break
            else:
                return None
            options, before = now[len(found[1]) :].split(), found[2].split()
            local.mods.append(name)
            local.add.setdefault(found[1], []).extend(word for word in options if word not in before)
            local.remove.setdefault(found[1], []).extend(word for word in before if word not in options)
        if seen_end:
            break
    return local if seen_end else None


def _merge(line: str, count: int, kind: str, local: Local, wishes: list[Wish]) -> str:
    """One line of a profile as it stands in the file, `end` being a jump over `count` lines."""
    found = _LINE.match(line)
    if not found:
        raise HardeningError(f"{FOLDER}: {line!r} is no line of a PAM stack")
    head, words = found[1].replace("end", str(count)), found[2].split()
    key = _no_number(head)
    fresh = local.add.get(key, [])
    for word in [word for word in words if word in fresh]:
        fresh.remove(word)
    kept = [word for word in words if word not in local.remove.get(key, [])]
    options = [*kept, *sorted(fresh)]
    parsed = parse_line(f"{kind} {line}")
    for wish in wishes:
        if parsed and (wish.kind, wish.module) == (kind, parsed.module):
            options = change_options(options, wish)
    still = [word for word in kept if word in options]
    return f"{kind}\t{head} {' '.join([*still, *sorted(word for word in options if word not in still)])}"


def compose(text: str, profiles: dict, enabled: list[str], kind: str, local: Local, wishes: list[Wish]) -> str:
    """A common-* file with the lines of the enabled profiles; what stands outside the tool's blocks stays."""
    pam_kind = kind.replace("-noninteractive", "")
    result, inside = [], False
    for line in text.splitlines():
        if inside and not line.startswith((_FALLBACK, _END)):
            continue
        inside = False
        result.append(line)
        if line.startswith((_FIRST, _MORE)):
            inside = True
            block = "Primary" if line.startswith(_FIRST) else "Additional"
            lines = [line for _name, lines in _block(profiles, enabled, kind, block) for line in lines]
            if block == "Primary" and not lines:
                result.append(f"{pam_kind}\t{_NOTHING}")
            for number, item in enumerate(lines):
                count = len(lines) - number - (block == "Additional")
                result.append(_merge(item, count, pam_kind, local, wishes))
    return "".join(f"{line}\n" for line in result)


def remember(profiles: dict, enabled: list[str], kind: str) -> str:
    """The tool's memory of a file: what it wrote, before local options."""
    result = ""
    for block in ("Primary", "Additional"):
        found = _block(profiles, enabled, kind, block)
        result += "".join("Module: {}\n{}\n".format(name, "\n".join(lines)) for name, lines in found if lines)
        if block == "Primary" and not found:
            result += f"Module: null\n{_NOTHING}\n"
    return result


class Change:
    """What shall hold on a system with profiles: texts of our `own` by name (None: gone), names of others.

    Those to `enable` are put into the stacks, those to `disable` taken out, those to `drop` removed altogether.
    """

    def __init__(self, own: dict[str, str | None], wishes: list[Wish], **names: list[str]) -> None:
        self.own, self.wishes = own, wishes
        self.enable, self.disable, self.drop = (names.get(key, []) for key in ("enable", "disable", "drop"))


def apply(tree: Tree, change: Change, modules: set[str], replace_local: bool = False) -> None:
    """Bring profiles and common-* files to their state; nothing is written unless the result lets people in."""
    gone = {name for name, text in change.own.items() if text is None} | set(change.drop)
    profiles = {}
    for name in tree.names(FOLDER):
        if not name.endswith("~") and not name.startswith("#") and name not in gone:
            profiles[name] = parse_profile(tree.read(f"{FOLDER}/{name}") or "")
    profiles.update({name: parse_profile(text) for name, text in change.own.items() if text is not None})
    unknown = [name for name in change.enable if name not in profiles]
    if unknown:
        raise HardeningError(f"extra_features: {unknown[0]} is no profile in {FOLDER}; install its package first")

    texts = {kind: tree.read(f"/etc/pam.d/common-{kind}") for kind in TYPES}
    memories = {kind: tree.read(f"{MEMORY}/{kind}") or "" for kind in TYPES}
    lacking = [kind for kind, text in texts.items() if text is None or _END not in text]
    if lacking:
        raise HardeningError(
            f"/etc/pam.d/common-{lacking[0]}: has no part of pam-auth-update; run pam-auth-update --force once"
        )
    locals_ = {kind: local_changes(texts[kind], memories[kind], kind) for kind in TYPES}
    foreign = [kind for kind, local in locals_.items() if local is None]
    if foreign and not replace_local:
        raise HardeningError(
            f"/etc/pam.d/common-{foreign[0]}: lines of its own stand inside pam-auth-update's part, which the tool "
            "would not touch either; move them outside that part, or set replace_local_changes to drop them"
        )
    known = [line[8:] for text in memories.values() for line in text.splitlines() if line.startswith("Module: ")]
    mods = {name for local in locals_.values() if local for name in local.mods} if not foreign else set(known)
    ours = [name for name, text in change.own.items() if text is not None]
    wanted = {name for name in mods if name in profiles and name not in change.disable} | {*ours, *change.enable}
    enabled = [name for name in order(profiles) if name in wanted]
    new = {
        kind: compose(texts[kind], profiles, enabled, kind, locals_[kind] or Local(), change.wishes) for kind in TYPES
    }
    for kind in TYPES:
        check(texts[kind], new[kind], f"/etc/pam.d/common-{kind}", modules)

    for name, text in change.own.items():
        if text is None:
            tree.remove(f"{FOLDER}/{name}")
        else:
            tree.write(f"{FOLDER}/{name}", text, 0o644, "root", "root")
    for name in change.drop:
        tree.remove(f"{FOLDER}/{name}")
    for kind in TYPES:
        path = f"/etc/pam.d/common-{kind}"
        tree.write(path, new[kind], keys=changed_lines(texts[kind], new[kind]))
        tree.write(f"{MEMORY}/{kind}", remember(profiles, enabled, kind))
    seen = (tree.read(f"{MEMORY}/seen") or "").splitlines()
    fresh = [name for name in [*ours, *change.enable, *change.disable] if name in profiles and name not in seen]
    tree.write(f"{MEMORY}/seen", "".join(f"{name}\n" for name in [*seen, *fresh] if name not in gone))
