# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PAM stacks of RPM systems: system-auth and password-auth, through authselect where it is in charge.

authselect owns the files it generates and refuses to go on when they were edited. So its own way is taken: a custom
profile made from the one in use, with its features; the tool then writes the stacks, and says beforehand what it would
write. Without authselect the two files are edited, keeping every line of the vendor's.
"""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.pam import (
    HASHES,
    QUALITY,
    Wish,
    changed_lines,
    check,
    grant,
    parse,
    parse_line,
)

STACKS = ("system-auth", "password-auth")
CHOICE = "/etc/authselect/authselect.conf"
CUSTOM = "/etc/authselect/custom"
OURS = "hallmark"
_SHIPPED = ("/usr/share/authselect/vendor", "/usr/share/authselect/default")
#: Lines to put in: (kind, line, words by which such a line is known, modules before whose first line it goes).
_FAILLOCK = (
    ("auth", "auth        required      pam_faillock.so preauth silent", ("preauth",), ("pam_unix.so",)),
    ("auth", "auth        required      pam_faillock.so authfail", ("authfail",), ("pam_deny.so",)),
    ("account", "account     required      pam_faillock.so", (), ("pam_unix.so",)),
)
_PWHISTORY = (("password", "password    requisite     pam_pwhistory.so", (), ("pam_unix.so",)),)
_PWQUALITY = ("password", "password    requisite     pam_pwquality.so", (), ("pam_pwhistory.so", "pam_unix.so"))
_FEATURES = {"faillock": ("with-faillock", _FAILLOCK), "remember": ("with-pwhistory", _PWHISTORY)}


def _module(line: str) -> str:
    parsed = parse_line(line)
    return parsed.module if parsed else ""


def _insert(lines: list[str], what: tuple, path: str) -> None:
    kind, text, words, anchors = what
    module = _module(text)
    spots = []
    for number, line in enumerate(lines):
        parsed = parse_line(line)
        if parsed is None or parsed.kind != kind:
            continue
        if parsed.module == module and set(words) <= set(parsed.options):
            return
        if parsed.module in anchors:
            spots.append(number)
    if not spots:
        raise HardeningError(f"{path}: has no line {kind} {anchors[-1]}, so there is no place for {module}")
    lines.insert(spots[0], text)


def edit(text: str, options: dict, wishes: list[Wish], path: str) -> str:
    """A stack (or authselect's template of it) with the lines and options that `options` ask for."""
    lines = text.splitlines()
    for name, (_feature, wanted) in _FEATURES.items():
        if options[name]:
            for what in wanted:
                _insert(lines, what, path)
        else:
            module = _module(wanted[0][1])
            lines = [line for line in lines if _module(line) != module]
    if options["quality"] == "pwquality" and not {_module(line) for line in lines} & set(QUALITY):
        _insert(lines, _PWQUALITY, path)
    return "".join(f"{grant(line, wishes)}\n" for line in lines)


def hash_wishes(texts: list[str], method: str, rounds: int) -> list[Wish]:
    """Wishes about the hash of new passwords; `auto` keeps the vendor's. Only SHA hashes take so many rounds."""
    words = {word for text in texts for line in parse(text) if line.kind == "password" for word in line.options}
    held = next((word for word in reversed(HASHES) if word in words), "")
    chosen = held if method == "auto" else method
    if not chosen:
        return []
    add = [chosen, *([f"rounds={rounds}"] if rounds and chosen in ("sha256", "sha512") else [])]
    return [Wish("password", "pam_unix.so", add, [word for word in HASHES if word != chosen])]


def apply(tree: Tree, options: dict, wishes: list[Wish], modules: set[str], run: Callable) -> None:
    """Bring the stacks of an RPM system to their state; `run(words)` runs a program of the tree: (code, output)."""
    choice = (tree.read(CHOICE) or "").split("\n")
    if choice[0].strip():
        _select(tree, choice, options, wishes, modules, run)
        return
    texts = {f"/etc/pam.d/{name}": tree.read(f"/etc/pam.d/{name}") for name in STACKS}
    texts = {path: text for path, text in texts.items() if text is not None}
    if not texts:
        raise HardeningError(
            "/etc/pam.d/system-auth does not exist in the target, which is neither Debian nor of the Red Hat family"
        )
    wishes = [*wishes, *hash_wishes(list(texts.values()), options["hash"], options["rounds"])]
    new = {path: edit(text, options, wishes, path) for path, text in texts.items()}
    for path, text in texts.items():
        check(text, new[path], path, modules)
    for path, text in texts.items():
        tree.write(path, new[path], keys=changed_lines(text, new[path]))


def _folder(tree: Tree, profile: str) -> str:
    places = (
        [f"/etc/authselect/{profile}"] if profile.startswith("custom/") else [f"{top}/{profile}" for top in _SHIPPED]
    )
    for place in places:
        if tree.exists(place):
            return place
    raise HardeningError(f"authselect_profile: {profile} is not in {' or '.join(places)}; authselect list names all")


def _select(tree: Tree, choice: list[str], options: dict, wishes: list[Wish], modules: set[str], run: Callable) -> None:
    """Make the custom profile, or take the given one, and have authselect write it out when anything changed."""
    held, features = choice[0].strip(), {line.strip() for line in choice[1:] if line.strip()}
    profile = options["authselect_profile"] or f"custom/{OURS}"
    base = held if profile == f"custom/{OURS}" else profile  # one of ours that is not in use may be out of date
    folder = _folder(tree, base)
    texts = {name: tree.read(f"{folder}/{name}") or "" for name in tree.names(folder)}
    stacks = "".join(texts.get(name, "") for name in STACKS)

    for name, (feature, _lines) in _FEATURES.items():
        features.discard(feature)
        if options[name] and f'"{feature}"' in stacks:
            features.add(feature)
    if not options["nullok"] and '"without-nullok"' in stacks:
        features.add("without-nullok")
    features.update(options["extra_features"])
    unknown = [name for name in sorted(features) if f'"{name}"' not in "".join(texts.values())]
    if unknown:
        raise HardeningError(f"extra_features: authselect's profile {base} has no feature {unknown[0]}")

    changed = held != profile or {line.strip() for line in choice[1:] if line.strip()} != features
    if profile == f"custom/{OURS}":
        wishes = [*wishes, *hash_wishes([stacks], options["hash"], options["rounds"])]
        for name, text in texts.items():
            path = f"{CUSTOM}/{OURS}/{name}"
            new = edit(text, options, wishes, path) if name in STACKS else text
            changed |= tree.write(
                path, new, 0o644, "root", "root", changed_lines(text, new) if base == profile else None
            )
    if not changed:
        return
    tree.note(CHOICE, " ".join([held, *choice[1:]]).strip(), " ".join([profile, *sorted(features)]), "profile")
    if tree.check_mode:
        return
    words = [profile, *sorted(features)]
    for name in STACKS:
        code, output = run(["authselect", "test", *words, f"--{name}"])
        if code:
            raise HardeningError(f"authselect test {' '.join(words)}: {_last(output)}")
        check(tree.read(f"/etc/pam.d/{name}") or "", output, f"/etc/pam.d/{name}", modules)
    code, output = run(["authselect", "select", *words])
    if code:
        raise HardeningError(
            f"authselect select {' '.join(words)}: {_last(output)}; when the stacks were edited by hand, "
            f"run authselect select {held} --force once"
        )


def _last(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no output"
