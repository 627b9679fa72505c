# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of /etc/login.defs and of the files that must agree with it, set in place.

The vendor's file is kept: its keys differ per shadow release, and one that the release does not know makes every
useradd complain (tried with shadow 4.13).
"""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import (
    HardeningError,
    Tree,
    octal,
    set_block,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import family

LOGIN_DEFS = "/etc/login.defs"
_USERADD = ("/usr/sbin/useradd", "/usr/bin/useradd")
_WORDS = {True: "yes", False: "no"}  # what YAML made of yes and no
# Where shadow can make yescrypt hashes and the distribution's PAM uses them too. EL stays with SHA512.
_YESCRYPT_FAMILIES = ("debian", "ubuntu", "amazon")
_MARK = "hallmark.images.login_defs"
# Debian and Ubuntu: every session; pam-auth-update keeps lines after its own part.
_DEBIAN_SESSIONS = ("/etc/pam.d/common-session", "/etc/pam.d/common-session-noninteractive")
# RPM systems: jobs of cron and at. Logins, SSH and su get their umask from the vendor's postlogin, which these do not
# include.
_RPM_SESSIONS = ("/etc/pam.d/crond", "/etc/pam.d/atd")
_POSTLOGIN = "/etc/pam.d/postlogin"


def key_is_known(program: bytes, key: str) -> bool:
    """Whether shadow's useradd (its bytes) knows `key`: every shadow program carries the table of all keys.

    Linkers let UID_MIN share the end of SYS_UID_MIN, so only a key's end is looked for. Without the program (a tree
    without shadow) every key counts as known.
    """
    return not program or key.encode() + b"\0" in program


def clean(key: str, value: object) -> str | None:
    """A value as the file writes it, None for "not set"; raises HardeningError for what would break the file."""
    if value is None:
        return None
    text = (_WORDS[value] if isinstance(value, bool) else str(value)).strip()
    if isinstance(value, (dict, list)) or "\n" in text:
        raise HardeningError(
            f"settings: {key}: {value!r} is no value; give one word or number, or null to unset the key"
        )
    if key in ("ENV_PATH", "ENV_SUPATH"):
        if not text.startswith("PATH="):
            raise HardeningError(f"settings: {key}: {text!r} must begin with PATH=")
        # An empty element is the current directory: whoever writes there decides what a user runs.
        if any(not part.startswith("/") for part in text[5:].split(":")):
            raise HardeningError(f"settings: {key}: {text!r} has an element that is empty or not an absolute path")
    if key in ("UMASK", "HOME_MODE"):
        octal(text, f"settings: {key}")
    return text


def set_keys(text: str, settings: dict[str, str | None], equals: str = "\t") -> tuple[str, list[tuple]]:
    """`text` with each key set once, and what changed as `(key, before, after)`; None makes the key a comment.

    The last line that sets a key is the one in force: it is changed, earlier ones become comments. A key that has only
    a commented line is put after it, a new one at the end. `equals` stands between key and value.
    """
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    changes = []
    for key, value in settings.items():
        active = [number for number, line in enumerate(lines) if _key_of(line) == key]
        before = _value_of(lines[active[-1]], key) if active else None
        for number in active if value is None else active[:-1]:
            lines[number] = f"#{lines[number].lstrip()}"
        if value is not None and before != value:
            line = f"{key}{equals}{value}"
            if active:
                lines[active[-1]] = line
            else:
                hints = [
                    number
                    for number, held in enumerate(lines)
                    if held.startswith(f"#{key}") and _key_of(held[1:]) == key
                ]
                lines.insert(hints[-1] + 1 if hints else len(lines), line)
        if before != value or len(active) > 1:
            changes.append((key, before, value))
    return "".join(f"{line}\n" for line in lines), changes


def _key_of(line: str) -> str:
    words = line.replace("=", " ", 1).split(None, 1)
    return words[0] if words else ""


def _value_of(line: str, key: str) -> str:
    return line.strip()[len(key) :].lstrip(" \t=").strip()


def desired(options: dict, system: str, program: bytes) -> tuple[dict, list[str]]:
    """Settings for this family and shadow release, and the keys left out because it does not know them."""
    raw = {**options["settings"], **options["family_settings"].get(system, {}), **options["overrides"]}
    method = options["encrypt_method"]
    knows = key_is_known(program, "YESCRYPT_COST_FACTOR")
    if method == "yescrypt" and not knows:
        raise HardeningError("encrypt_method: this system's shadow does not know yescrypt; choose sha512 or auto")
    if method == "auto":
        method = "yescrypt" if knows and system in _YESCRYPT_FAMILIES else "sha512"
    raw = {"ENCRYPT_METHOD": method.upper(), **raw}
    # An empty text leaves the key to the system.
    settings = {key: clean(key, value) for key, value in raw.items() if value != ""}
    skipped = sorted(key for key, value in settings.items() if value is not None and not key_is_known(program, key))
    return {key: value for key, value in settings.items() if key not in skipped}, skipped


def set_all(tree: Tree, options: dict) -> dict:
    """Do what module login_defs promises; `options` are its own. Changes are in `tree`, the rest is returned."""
    system = family(tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or "")
    program = next((data for data in map(tree.read_bytes, _USERADD) if data), b"")
    settings, skipped = desired(options, system, program)
    mode = octal(options["mode"], "mode")
    text = tree.read(LOGIN_DEFS)
    if text is None:
        raise HardeningError(f"{LOGIN_DEFS} does not exist in {tree.root}; install the system's shadow package first")

    new, changes = set_keys(text, settings)
    tree.write(LOGIN_DEFS, new, mode, "root", "root", changes)
    _companion(tree, "/etc/adduser.conf", {"DIR_MODE": settings.get("HOME_MODE")})
    if options["inactive_days"] >= 0:
        _companion(tree, "/etc/default/useradd", {"INACTIVE": str(options["inactive_days"])})
    _shell_umask(tree, settings.get("UMASK") if options["shell_umask"] else None, options["umask_script"], system)
    return {"family": system, "unknown_keys": skipped, "settings": settings}


def _companion(tree: Tree, path: str, settings: dict) -> None:
    text = tree.read(path)
    settings = {key: value for key, value in settings.items() if value is not None}
    if text is not None and settings:
        new, changes = set_keys(text, settings, equals="=")
        tree.write(path, new, keys=changes)


def _shell_umask(tree: Tree, umask: str | None, script: str, system: str) -> None:
    """Shells (login by a script of profile.d, interactive by bash's own file) and PAM sessions get `umask`.

    Debian has no pam_umask, and Ubuntu one that loosens 027 to 007 for users with a group of their own. A postlogin of
    RPM systems that is a link is authselect's, and has it.
    """
    line = f"umask {umask}" if umask else ""
    if umask:
        tree.write(
            script, f"# Managed by Ansible, module {_MARK}; changes here are lost.\n{line}\n", 0o644, "root", "root"
        )
    else:
        tree.remove(script)
    for path in ("/etc/bash.bashrc", "/etc/bashrc"):
        _block(tree, path, line)
    if system in ("debian", "ubuntu"):
        for path in _DEBIAN_SESSIONS:
            _block(tree, path, "session optional pam_umask.so nousergroups" if umask else "")
    elif system in ("redhat", "amazon", "alinux", "anolis"):
        vendor = set_block(tree.read(_POSTLOGIN) or "", _MARK, "")
        is_vendors = tree.target(_POSTLOGIN) is not None or "pam_umask.so" in vendor
        for path in (*_RPM_SESSIONS, *(() if is_vendors else (_POSTLOGIN,))):
            _block(tree, path, "session optional pam_umask.so" if umask else "")


def _block(tree: Tree, path: str, body: str) -> None:
    text = tree.read(path)
    if text is not None:
        new = set_block(text, _MARK, body)
        tree.write(path, new, keys=[("umask", None, body or "removed")])
