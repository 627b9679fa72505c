# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module pam_stack does, step by step: settings files, stacks, left-overs, packages."""

from __future__ import annotations

import re
from collections.abc import Callable

from ansible_collections.hallmark.images.plugins.module_utils.hardening import pam_authselect, pam_profiles
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import family
from ansible_collections.hallmark.images.plugins.module_utils.hardening.pam import (
    HASHES,
    Wish,
    changed_lines,
    grant,
    installed_modules,
    parse_line,
)

DEBIAN = ("debian", "ubuntu")
FAILLOCK = "/etc/security/faillock.conf"
PWQUALITY = "/etc/security/pwquality.conf"
PWHISTORY = "/etc/security/pwhistory.conf"
LIBUSER = "/etc/libuser.conf"
TMPFILES = "/etc/tmpfiles.d/hallmark-faillock.conf"
TALLIES = "/run/faillock"
_HEADER = "# Managed by Ansible, module hallmark.images.pam_stack; changes here are lost.\n"
_TALLIES = ("pam_tally.so", "pam_tally2.so")
# su belongs to role minimize_access.
_NOT_OURS = ("su", "su-l")

# Priorities: preauth before every source of accounts (256 is pam_unix), authfail after all of them; the history
# after the strength check (1024), whose password it takes, and before pam_unix. A source that knows the password jumps
# over authfail and what follows, and authfail ends the stack: nothing reaches authsucc, which judges look for. What
# opens an account again is the line among the accounts, behind those that may refuse it.
_PREAUTH = """\
Name: Lock accounts after repeated failed logins (hallmark.images)
Default: yes
Priority: 2048
Auth-Type: Primary
Auth:
\trequired\t\t\tpam_faillock.so preauth
Account-Type: Additional
Account:
\trequired\t\t\tpam_faillock.so
"""
_AUTHFAIL = """\
Name: Count failed logins (hallmark.images)
Default: yes
Priority: 0
Auth-Type: Primary
Auth:
\t[default=die]\t\t\tpam_faillock.so authfail
\tsufficient\t\t\tpam_faillock.so authsucc
"""
_HISTORY = """\
Name: Refuse passwords used before (hallmark.images)
Default: yes
Priority: 1000
Password-Type: Primary
Password:
\trequisite\t\t\tpam_pwhistory.so remember={0} enforce_for_root try_first_pass use_authtok
Password-Initial:
\trequisite\t\t\tpam_pwhistory.so remember={0} enforce_for_root
"""


def clean(option: str, settings: dict) -> dict[str, str | None]:
    """A dict of settings as the file writes them: a flag is "", None and false are "not set"."""
    found: dict[str, str | None] = {}
    for key, value in settings.items():
        text = "" if value is True else str(value).strip()
        if isinstance(value, (dict, list)) or "\n" in text or not str(key).replace("_", "").isalnum():
            raise HardeningError(f"{option}: {key}: {value!r} is no value; give one word, a number, true or false")
        found[str(key)] = None if value is None or value is False else text
    return found


def set_conf(text: str, settings: dict[str, str | None]) -> tuple[str, list[tuple]]:
    """`text` with each `key = value` (or flag) set once, and `(key, before, after)` of what changed.

    The last line with a key is in force: it is changed, earlier ones become comments. A key that stands only in a
    comment is put after that, a new one at the end.
    """
    lines, changes = text.splitlines(), []
    for key, value in settings.items():
        active = [number for number, line in enumerate(lines) if _key(line) == key]
        before = _value(lines[active[-1]]) if active else None
        for number in active if value is None else active[:-1]:
            lines[number] = f"# {lines[number].strip()}"
        if value is not None and before != value:
            line = f"{key} = {value}" if value else key
            if active:
                lines[active[-1]] = line
            else:
                hints = [number for number, held in enumerate(lines) if held.startswith("#") and _key(held[1:]) == key]
                lines.insert(hints[-1] + 1 if hints else len(lines), line)
        if before != value or len(active) > 1:
            changes.append((key, before, value))
    return "".join(f"{line}\n" for line in lines), changes


def _key(line: str) -> str:
    words = line.partition("#")[0].replace("=", " ", 1).split(None, 1)
    # In comments a sentence may begin with the key's word.
    return words[0] if words and ("=" in line or len(words) == 1) else ""


def _value(line: str) -> str:
    return line.partition("#")[0].partition("=")[2].strip()


def write_settings(tree: Tree, options: dict) -> None:
    """faillock.conf and pwhistory.conf in place, pwquality in a drop-in and in the main file alike."""
    if options["faillock"]:
        _set_file(tree, FAILLOCK, clean("faillock_settings", options["faillock_settings"]))
    if options["remember"] and tree.exists(PWHISTORY):
        _set_file(tree, PWHISTORY, {"remember": str(options["remember"]), "enforce_for_root": ""})
    path, settings = options["pwquality_file"], clean("pwquality_settings", options["pwquality_settings"])
    chosen = options["quality"] == "pwquality"
    held = tree.read(PWQUALITY)
    if held is not None:
        # The main file is read last (pwquality.conf(5)), and some judges read no other.
        ours = {_key(line): _value(line) for line in (tree.read(path) or "").splitlines() if _key(line)}
        stale = {key: None for key, value in ours.items() if set_conf(held, {key: value}) == (held, [])}
        text, changes = set_conf(held, {**stale, **settings} if chosen else stale)
        tree.write(PWQUALITY, text, keys=changes)
    if not chosen:
        tree.remove(path)
        return
    tree.directory(path.rpartition("/")[0])
    lines = [f"{key} = {value}" if value else key for key, value in settings.items() if value is not None]
    tree.write(path, _HEADER + "".join(f"{line}\n" for line in lines), 0o644, "root", "root")


def keep_tallies(tree: Tree, wanted: bool) -> None:
    """Have the folder of pam_faillock's counts there from boot on, not from the first failure: auditd watches it.

    RPM systems see to it themselves.
    """
    if not wanted:
        if _HEADER in (tree.read(TMPFILES) or ""):
            tree.remove(TMPFILES)
        return
    tree.write(TMPFILES, f"{_HEADER}d {TALLIES} 0755 root root -\n", 0o644, "root", "root")
    if tree.exists("/run/systemd/system"):  # otherwise what is made here is gone at the boot
        tree.directory(TALLIES)


def _set_file(tree: Tree, path: str, settings: dict) -> None:
    text, changes = set_conf(tree.read(path) or "", settings)
    tree.write(path, text, keys=changes)


def common_wishes(options: dict) -> list[Wish]:
    """Options of modules that are wanted on every family."""
    wishes = []
    if not options["nullok"]:
        wishes += [Wish(kind, "pam_unix.so", remove=["nullok", "nullok_secure"]) for kind in ("auth", "password")]
    if options["no_pass_expiry"]:
        wishes.append(Wish("account", "pam_unix.so", ["no_pass_expiry"]))
    if options["hash"] != "auto":
        others = [word for word in HASHES if word != options["hash"]]
        wishes.append(Wish("password", "pam_unix.so", [options["hash"]], others))
    # An option counts more than the file of settings, and vendors have some (deny=4 of EL 8, retry=3 of Debian).
    if options["faillock"]:
        settings = clean("faillock_settings", options["faillock_settings"])
        wishes += [Wish(kind, "pam_faillock.so", settings=settings) for kind in ("auth", "account")]
    if options["quality"] == "pwquality":
        settings = clean("pwquality_settings", options["pwquality_settings"])
        wishes.append(Wish("password", "pam_pwquality.so", settings=settings))
    return wishes


def debian_change(tree: Tree, options: dict) -> pam_profiles.Change:
    """Profiles and options for Debian and Ubuntu."""
    own = {
        "hallmark-faillock": _PREAUTH if options["faillock"] else None,
        "hallmark-faillock-authfail": _AUTHFAIL if options["faillock"] else None,
        "hallmark-pwhistory": _HISTORY.format(options["remember"]) if options["remember"] else None,
    }
    wishes = common_wishes(options)
    vendor = tree.read(f"{pam_profiles.FOLDER}/unix") or ""
    is_yescrypt = options["hash"] == "yescrypt" or (options["hash"] == "auto" and "yescrypt" in vendor)
    if options["yescrypt_cost"] and is_yescrypt:
        wishes.append(Wish("password", "pam_unix.so", [f"rounds={options['yescrypt_cost']}"]))
    if options["quality"] == "passwdqc":
        wishes.append(Wish("password", "pam_passwdqc.so", options["passwdqc_options"].split()))
    # Two strength checks in a row would ask for the new password twice.
    quality = options["quality"]
    others = [name for name in ("pwquality", "passwdqc") if quality not in (name, "none")]
    ready = [quality] if tree.exists(f"{pam_profiles.FOLDER}/{quality}") else []
    enable = [*ready, *options["extra_features"]]
    return pam_profiles.Change(own, wishes, enable=enable, disable=others, drop=options["absent_profiles"])


def rpm_wishes(tree: Tree, options: dict) -> list[Wish]:
    """Options for RPM systems, where only newer releases of pam_pwhistory read a file of their own."""
    wishes = common_wishes({**options, "hash": "auto"})  # the hash comes with its rounds
    asks_before = ["use_authtok"] if options["quality"] == "pwquality" else []
    arguments = [] if tree.exists(PWHISTORY) else [f"remember={options['remember']}", "enforce_for_root"]
    if options["remember"]:
        wishes.append(Wish("password", "pam_pwhistory.so", [*asks_before, *arguments]))
    if asks_before or options["remember"]:
        wishes.append(Wish("password", "pam_unix.so", ["use_authtok"]))
    return wishes


def clear_other_stacks(tree: Tree, wishes: list[Wish], done: tuple[str, ...]) -> None:
    """Services with stacks of their own: no blank passwords there, no line for a module that PAM gave up long ago."""
    for name in tree.names("/etc/pam.d"):
        path = f"/etc/pam.d/{name}"
        text = None if name in _NOT_OURS or name in done else tree.read(path)
        if not text or ("nullok" not in text and "pam_tally" not in text):
            continue
        kept = [line for line in text.splitlines() if getattr(parse_line(line), "module", "") not in _TALLIES]
        removals = [wish for wish in wishes if wish.remove and not wish.add]
        new = "".join(f"{grant(line, removals)}\n" for line in kept)
        if changed_lines(text, new):
            tree.write(path, new, keys=changed_lines(text, new))


def set_libuser(tree: Tree, style: str) -> None:
    """Hash of passwords that libuser's programs make, where libuser is installed."""
    text = tree.read(LIBUSER)
    if text is None or not style:
        return
    found = re.findall(r"^[ \t]*crypt_style[ \t]*=[ \t]*(.*?)[ \t]*$", text, re.MULTILINE)
    new, line = text, f"crypt_style = {style}"
    if found and set(found) != {style}:
        new = re.sub(r"^[ \t]*crypt_style[ \t]*=.*$", line, text, flags=re.MULTILINE)
    elif not found:
        new = text.replace("[defaults]\n", f"[defaults]\n{line}\n", 1)
        new = new if new != text else f"[defaults]\n{line}\n{text}"
    tree.write(LIBUSER, new, 0o640, "root", "root", [("crypt_style", found[0] if found else None, style)])


def packages(system: str, wanted: list[dict], modules: set[str]) -> tuple[list[str], list[str]]:
    """Packages of the list that lack and that must go; one counts as installed when its PAM module is there."""
    mine = [item for item in wanted if system in item["families"]]
    missing = [item["name"] for item in mine if item["state"] == "present" and item["module"] not in modules]
    unwanted = [item["name"] for item in mine if item["state"] == "absent" and item["module"] in modules]
    return missing, unwanted


def set_all(tree: Tree, options: dict, run: Callable) -> dict:
    """Do what module pam_stack promises; `options` are its own, `run(words)` runs a program of the tree."""
    system = family(tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or "")
    if options["quality"] == "passwdqc" and system not in DEBIAN:
        raise HardeningError("quality: passwdqc is for Debian and Ubuntu; choose pwquality here")
    if options["yescrypt_cost"] and not 3 <= options["yescrypt_cost"] <= 11:
        raise HardeningError(f"yescrypt_cost: {options['yescrypt_cost']} is not from 3 to 11, nor 0 (the system's own)")
    modules = installed_modules(tree)
    clean("pwquality_settings", options["pwquality_settings"])
    clean("faillock_settings", options["faillock_settings"])
    # The stacks first: they refuse what they do not understand before anything is written.
    if system in DEBIAN:
        change = debian_change(tree, options)
        pam_profiles.apply(tree, change, modules, options["replace_local_changes"])
        done = tuple(f"common-{kind}" for kind in pam_profiles.TYPES)
        clear_other_stacks(tree, change.wishes, done)
        keep_tallies(tree, options["faillock"])
    else:
        # A check that is not there yet asks for no password that the next module could take.
        lacks = options["quality"] == "pwquality" and modules and "pam_pwquality.so" not in modules
        wanted = {**options, "quality": "none"} if lacks else options
        wishes = rpm_wishes(tree, wanted)
        pam_authselect.apply(tree, wanted, wishes, modules, run)
        if not tree.exists(pam_authselect.CHOICE):
            clear_other_stacks(tree, wishes, pam_authselect.STACKS)
    write_settings(tree, options)
    set_libuser(tree, options["libuser_crypt_style"])
    missing, unwanted = packages(system, options["packages"], modules)
    return {"family": system, "missing_packages": missing, "unwanted_packages": unwanted}
