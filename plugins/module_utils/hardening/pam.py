# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of PAM stacks (pam.conf(5)): read them, change their options, and judge whether a stack still lets people in.

A wrong stack locks everybody out, so every stack is walked through the way libpam does it before it is written.
"""

from __future__ import annotations

import re

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

KINDS = ("auth", "account", "password", "session")
# What a word of control means (pam.conf(5)); a result that is not named gets "default".
_CONTROLS = {
    "required": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "bad"},
    "requisite": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "die"},
    "sufficient": {"success": "done", "new_authtok_reqd": "done", "default": "ignore"},
    "optional": {"success": "ok", "new_authtok_reqd": "ok", "default": "ignore"},
}
_NESTED = ("include", "substack")
HASHES = ("md5", "bigcrypt", "sha256", "sha512", "blowfish", "gost_yescrypt", "yescrypt")
QUALITY = ("pam_pwquality.so", "pam_passwdqc.so", "pam_cracklib.so")


class Line:
    """One line of a stack: `kind` auth, account, ...; `may_lack` when a missing module is no error."""

    __slots__ = ("control", "kind", "may_lack", "module", "options")

    def __init__(self, kind: str, control: str, module: str, options: list[str], may_lack: bool) -> None:
        self.kind, self.control, self.module = kind, control, module
        self.options, self.may_lack = options, may_lack


def parse_line(text: str) -> Line | None:
    """The line as PAM reads it; None for comments, @include and what is no line of a stack."""
    kind, _space, rest = text.partition("#")[0].strip().replace("\t", " ").partition(" ")
    may_lack, kind, rest = kind.startswith("-"), kind.lstrip("-").lower(), rest.strip()
    if kind not in KINDS or not rest:
        return None
    control, _end, rest = rest.partition("]") if rest.startswith("[") else rest.partition(" ")
    words = rest.split()
    if not words:
        return None
    control = f"{control}]" if control.startswith("[") else control.lower()
    return Line(kind, control, words[0].rpartition("/")[2], words[1:], may_lack)


def parse(text: str) -> list[Line]:
    """Every line of a stack file."""
    return [line for line in map(parse_line, text.splitlines()) if line]


def actions(control: str) -> dict[str, str]:
    """Result of a module -> what PAM does then."""
    if control.startswith("["):
        pairs = (word.partition("=") for word in control[1:-1].split())
        return {name: action for name, _equals, action in pairs}
    return _CONTROLS.get(control, {"default": "bad"})


class Wish:
    """Options that every line of module `module` and kind `kind` shall have (`add`) and not have (`remove`).

    `settings` are what the module's own file says, by key: an option that says something else, which the module would
    believe, is not to be there either.
    """

    __slots__ = ("add", "kind", "module", "remove", "settings")

    def __init__(
        self,
        kind: str,
        module: str,
        add: list[str] | None = None,
        remove: list[str] | None = None,
        settings: dict | None = None,
    ) -> None:
        self.kind, self.module = kind, module
        self.add, self.remove, self.settings = add or [], remove or [], settings or {}


def change_options(words: list[str], wish: Wish) -> list[str]:
    """A line's options with the wish fulfilled; a `key=value` of its takes the place of every other value."""
    keys = {word.partition("=")[0] for word in wish.add if "=" in word}
    kept = []
    for word in words:
        key, equals, value = word.partition("=")
        other = bool(equals) and (key in keys or wish.settings.get(key, value) != value)
        if word not in wish.remove and (word in wish.add or not other):
            kept.append(word)
    return kept + [word for word in wish.add if word not in kept]


def grant(line: str, wishes: list[Wish]) -> str:
    """A line of a stack file with the wishes about it fulfilled; words that it keeps keep their places."""
    parsed = parse_line(line)
    for wish in wishes:
        if parsed is None or (wish.kind, wish.module) != (parsed.kind, parsed.module):
            continue
        options = change_options(parsed.options, wish)
        if options == parsed.options:
            continue
        head, module, tail = line.partition(wish.module)
        for word in [word for word in parsed.options if word not in options]:
            tail = re.sub(rf"(?<!\S){re.escape(word)}(?!\S)[ \t]*", "", tail, count=1)
        # Next to the module: authselect's templates may end with a condition about the whole line.
        fresh = "".join(f" {word}" for word in options if word not in parsed.options)
        line = f"{head}{module}{fresh}{tail.rstrip()}"
        parsed = parse_line(line)
    return line


# --- does it still let people in? ------------------------------------------------------------------------------------


def passes(lines: list[Line], results: dict[str, str]) -> bool:
    """Whether a stack of one kind ends with success, as libpam's dispatcher decides it.

    `results` names what modules answer, by `module` or `module option`. Of the others those that could end the stack
    with success (another source of accounts) do not know the user, the rest says yes.
    """
    good: bool | None = None
    skip = 0
    for line in lines:
        if skip:
            skip -= 1
            continue
        if line.control in _NESTED:
            continue
        table = actions(line.control)
        on_success = table.get("success", table.get("default", "bad"))
        answer = "user_unknown" if on_success == "done" or on_success.isdigit() else "success"
        for name in (line.module, *(f"{line.module} {option}" for option in line.options)):
            answer = results.get(name, answer)
        action = table.get(answer, table.get("default", "bad"))
        if action.isdigit():
            skip = int(action)
        elif action in ("ok", "done"):
            good = good is not False
            if action == "done" and good:
                return True
        elif action in ("bad", "die"):
            good = False
            if action == "die":
                return False
        elif action == "reset":
            good = None
    return bool(good) and not skip


_RIGHT = {"pam_unix.so": "success", "pam_deny.so": "auth_err", "pam_faillock.so authfail": "ignore"}
# (kind, answers of modules, must it succeed, what it means when it does not); the first module must be there.
_TRIALS = (
    ("auth", {}, True, "refuses the right password"),
    ("auth", {"pam_unix.so": "auth_err"}, False, "accepts a wrong password"),
    ("auth", {"pam_faillock.so preauth": "auth_err"}, False, "lets a locked account in"),
    ("account", {}, True, "refuses a good account"),
    ("account", {"pam_unix.so": "acct_expired"}, False, "accepts an expired account"),
    ("password", {}, True, "refuses a good new password"),
    ("password", dict.fromkeys(QUALITY, "authtok_err"), False, "accepts a weak password"),
    ("password", {"pam_pwhistory.so": "authtok_err"}, False, "accepts an old password"),
)


def problems(lines: list[Line], modules: set[str]) -> list[str]:
    """What is wrong with stacks that are complete in themselves; `modules` are the file names of installed ones."""
    found = []
    for line in lines:
        if modules and not line.may_lack and line.control not in _NESTED and line.module not in modules:
            found.append(f"module {line.module} is not installed")
    for kind, answers, wanted, meaning in _TRIALS:
        stack = [line for line in lines if line.kind == kind]
        names = {line.module for line in stack} | {f"{line.module} {word}" for line in stack for word in line.options}
        if stack and (not answers or names & set(answers)) and passes(stack, {**_RIGHT, **answers}) is not wanted:
            found.append(f"{kind} {meaning}")
    return found


def check(before: str, after: str, path: str, modules: set[str]) -> None:
    """Raise HardeningError when the new text of a stack has a problem that the old one did not have."""
    old = problems(parse(before), modules)
    new = [text for text in problems(parse(after), modules) if text not in old]
    if new:
        raise HardeningError(f"{path} is left as it is, because in the new one {new[0]}")


def module_folders(tree: Tree) -> list[str]:
    """Where the tree keeps PAM modules: /lib64/security, or a folder per architecture."""
    found = []
    for top in ("/lib", "/lib64", "/usr/lib", "/usr/lib64"):
        places = [top, *(f"{top}/{name}" for name in tree.names(top) if "-linux-" in name)]
        found += [f"{place}/security" for place in places if tree.exists(f"{place}/security")]
    return found


def installed_modules(tree: Tree) -> set[str]:
    """File names of the PAM modules in the tree."""
    return {name for folder in module_folders(tree) for name in tree.names(folder) if name.endswith(".so")}


def changed_lines(before: str, after: str) -> list[tuple]:
    """`(key, before, after)` of each line of a stack that differs, keyed by kind and module."""
    found = []
    old = [line for line in before.splitlines() if parse_line(line)]
    new = [line for line in after.splitlines() if parse_line(line)]
    gone = [line for line in old if line not in new]
    for line in new:
        if line not in old:
            parsed = parse_line(line)
            key = f"{parsed.kind} {parsed.module}"
            twin = next((text for text in gone if _key(text) == key), None)
            if twin is not None:
                gone.remove(twin)
            found.append((key, twin and " ".join(twin.split()), " ".join(line.split())))
    return found + [(_key(line), " ".join(line.split()), None) for line in gone]


def _key(text: str) -> str:
    line = parse_line(text)
    return f"{line.kind} {line.module}" if line else ""
