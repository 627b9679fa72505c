# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets in at a console: root's password locked, and no getty that logs somebody in by itself.

The gettys stay, that of the serial console above all: it is the last way into a cloud machine. Only the options that
skip the password are taken out of their command lines.
"""

from __future__ import annotations

import fcntl
import os
import re
import time

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree, set_block

SHADOW, PASSWD, PAM = "/etc/shadow", "/etc/passwd", "/etc/pam.d/login"
_LOCK = "/etc/.pwd.lock"  # lckpwdf(3), which every tool that changes accounts takes
_PATIENCE = 15  # seconds, as lckpwdf(3) itself waits
OWN = "/etc/systemd/system"
# Of unit files and drop-ins with one name the first folder's counts (systemd.unit(5)).
FOLDERS = (
    OWN,
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_MARK = "hallmark.images.console_login"
# An unknown name goes on to the password, so nobody learns which names exist.
_SECURETTY = "auth [user_unknown=ignore success=ok ignore=ignore default=bad] pam_securetty.so"
_WORD = r"""(?:'[^']*'|"[^"]*"|\S+)"""
# agetty(8) and mingetty(8); getopt_long(3) takes short forms of long options.
_AUTOLOGIN = re.compile(rf"\s(?:--a[a-z]*(?:=|\s+)|-a\s*){_WORD}")
_LOGIN_OPTIONS = re.compile(rf"\s(?:--login-o[a-z]*(?:=|\s+)|-o\s*)({_WORD})")


def locked(text: str, none: tuple[str, ...] = ()) -> str:
    """A shadow or passwd text in which root's password field begins with ! or * (or is one of `none`).

    The hash stays behind the mark, as with usermod -L, which passwd -u takes away.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines):
        fields = line.split(":")
        if fields[0] == "root" and len(fields) > 1 and fields[1][:1] not in ("!", "*") and fields[1] not in none:
            fields[1] = f"!{fields[1]}"
            lines[number] = ":".join(fields)
    return "\n".join(lines)


def lock_root(tree: Tree) -> None:
    """Lock root's password, wherever it stands, keeping owner, mode and label of the files."""
    # A hash in passwd counts before the one in shadow; x sends to shadow.
    files = [(SHADOW, ()), (PASSWD, ("x",))]
    if all(locked(tree.read(path) or "", none) == (tree.read(path) or "") for path, none in files):
        return
    lock = None if tree.check_mode else _take_lock(tree)
    try:
        for path, none in files:
            text = tree.read(path)
            if text is not None and locked(text, none) != text:
                tree.write(path, locked(text, none), keys=[("root's password", "usable", "locked")])
                # Not the file: hashes of passwords do not belong into a log.
                tree.diffs[-1].update(before="root's password can be used\n", after="root's password is locked\n")
    finally:
        if lock is not None:
            os.close(lock)


def _take_lock(tree: Tree) -> int:
    handle = os.open(tree.real(_LOCK), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except OSError:
            if time.monotonic() > deadline:
                os.close(handle)
                raise HardeningError(
                    f"{_LOCK}: another program has been changing accounts for {_PATIENCE} seconds; try again later"
                ) from None
            time.sleep(0.1)


def without_autologin(text: str) -> str:
    """A unit file's or drop-in's text whose gettys ask for name and password; equal to `text` when they do."""
    found = []
    lines = iter(text.split("\n"))
    for line in lines:
        whole = [line]
        while whole[-1].endswith("\\"):
            whole.append(next(lines, ""))
        command = " ".join(part.rstrip("\\").strip() for part in whole) if len(whole) > 1 else line
        asked = _ask(command)
        found += whole if asked == command else [asked]
    return "\n".join(found)


def _ask(command: str) -> str:
    key, equals, words = command.partition("=")
    if key.strip() != "ExecStart" or "getty" not in words:
        return command
    words = _AUTOLOGIN.sub("", f" {words}")
    # login -f takes a name without asking for the password.
    words = _LOGIN_OPTIONS.sub(lambda found: "" if "-f" in found[1].strip("'\"").split() else found[0], words)
    return f"{key}{equals}{words[1:]}"


def getty_files(tree: Tree) -> dict[str, str]:
    """Files that make up the gettys, by their name below a folder of units, with the path that counts."""
    found: dict[str, str] = {}
    for folder in FOLDERS:
        for name in tree.names(folder):
            if "getty" not in name and not name.startswith("autovt@"):
                continue
            if name.endswith(".service"):
                found.setdefault(name, f"{folder}/{name}")
            elif name.endswith(".service.d"):
                for drop_in in tree.names(f"{folder}/{name}"):
                    if drop_in.endswith(".conf"):
                        found.setdefault(f"{name}/{drop_in}", f"{folder}/{name}/{drop_in}")
    return found


def stop_autologin(tree: Tree) -> bool:
    """Have every getty ask; files of packages are not changed but shadowed. Returns whether something changed."""
    changed = False
    places = tuple(tree.real(folder) + "/" for folder in FOLDERS)
    for name, path in getty_files(tree).items():
        real = tree.real(path)
        held = os.path.join(tree.real(os.path.dirname(path)), os.path.basename(path))
        # A masked unit, or a second name of a unit that is looked at under its first.
        if not os.path.isfile(real) or (real != held and real.startswith(places)):
            continue
        text = tree.read(path) or ""
        new = without_autologin(text)
        if new != text:
            in_etc = path.startswith(f"{OWN}/")
            changed = True
            tree.write(
                path if in_etc else f"{OWN}/{name}", new, keys=[("ExecStart", "autologin", "asks for a password")]
            )
    return changed


def with_securetty(text: str, wanted: bool) -> str:
    """PAM's text for logins at terminals, asking /etc/securetty first of all, or no longer because of us.

    A line of somebody else's that asks it already is enough, and is never taken away.
    """
    plain = set_block(text, _MARK, "")
    lines = plain.split("\n")
    if not wanted or any("pam_securetty.so" in line.partition("#")[0] for line in lines):
        return plain
    rules = [number for number, line in enumerate(lines) if line.split()[:1] in (["auth"], ["-auth"])]
    if not rules:
        raise HardeningError(f"enforce_securetty: {PAM} has no line that begins with auth, before which ours would be")
    lines[rules[0] : rules[0]] = set_block("", _MARK, _SECURETTY).splitlines()
    return "\n".join(lines)


def enforce_securetty(tree: Tree, wanted: bool) -> None:
    """Have PAM ask /etc/securetty when somebody logs in at a terminal, or take that back."""
    text = tree.read(PAM)
    if text is not None:
        tree.write(PAM, with_securetty(text, wanted), keys=[("pam_securetty", not wanted, wanted)])
    elif wanted:
        raise HardeningError(f"enforce_securetty: {PAM} does not exist; install the system's login, or leave it off")


def set_all(tree: Tree, options: dict) -> bool:
    """Do what module console_login promises; returns whether systemd must read its units again."""
    enforce_securetty(tree, options["enforce_securetty"])
    if options["lock_root"]:
        lock_root(tree)
    return stop_autologin(tree) if options["stop_autologin"] else False
