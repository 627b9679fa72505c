# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of sshd: in a marked block of sshd_config, and before it in a file of their own where such are included.

sshd takes the first value it reads of a key (sshd_config(5)). Vendors include the drop-ins at the top; releases before
OpenSSH 8.2 (EL 8 and its kin) know no Include at all. The drop-in beats those of others, such as cloud-init's; the
block is for people and scanners that read nothing but sshd_config.
"""

from __future__ import annotations

import fnmatch
import re

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree, set_block

MAIN = "/etc/ssh/sshd_config"
# These do not set a key but change what the lines after them mean.
_BLOCKS = ("match", "include")
# Each line with one of these adds to those before it.
ADDING = frozenset("acceptenv allowgroups allowusers denygroups denyusers setenv".split())
# Of these a second line with the same value would be an error, so they stand in one place only.
ONCE = frozenset("hostcertificate hostkey listenaddress port subsystem".split())
_OURS = "hallmark.images"


def statements(text: str) -> list[tuple[str, str, bool]]:
    """Statements of an sshd_config text: `(key in lower case, value, whether below a Match line)`."""
    found, matched = [], False
    for line in text.splitlines():
        words = line.strip().replace("=", " ", 1).split(None, 1)
        if not words or words[0].startswith("#"):
            continue
        key = words[0].lower()
        matched = matched or key == "match"
        found.append((key, words[1].strip().strip('"') if len(words) > 1 else "", matched))
    return found


def includes(value: str, path: str) -> bool:
    """Whether an Include line's value takes in file `path`; relative patterns are below /etc/ssh."""
    patterns = [word.strip('"') for word in value.split()]
    return any(fnmatch.fnmatchcase(path, name if name[:1] == "/" else f"/etc/ssh/{name}") for name in patterns)


def is_included(text: str, path: str) -> bool:
    """Whether sshd_config's `text` includes file `path` for everybody."""
    return any(key == "include" and includes(value, path) and not below for key, value, below in statements(text))


def by_key(text: str) -> dict[str, str]:
    """Values of a file that hold for everybody, in lower case; of several the first counts. Not what adds up."""
    found: dict[str, str] = {}
    for key, value, matched in statements(text):
        if not matched and key not in ADDING | ONCE:
            found.setdefault(key, value.lower())
    return found


def drop_in_counts(text: str, settings: dict[str, str], path: str) -> bool:
    """Whether a drop-in `path` is read before sshd_config's own `text` says anything else about `settings`."""
    keys = {key.lower(): value.lower() for key, value in settings.items()}
    for key, value, matched in statements(text):
        if matched or (key in keys and value.lower() != keys[key]):
            return False
        if key == "include" and includes(value, path):
            return True
    return False


def clean(settings: dict) -> dict[str, str]:
    """Settings as sshd_config writes them; raises HardeningError for what would break the file."""
    found = {}
    for key, value in settings.items():
        text = ("yes" if value else "no") if isinstance(value, bool) else str(value)  # what YAML made of yes and no
        if not key.isalnum() or key.lower() in _BLOCKS:
            raise HardeningError(f"settings: {key!r} is no plain keyword of sshd_config(5), such as IgnoreRhosts")
        if isinstance(value, (dict, list)) or value is None or not text.strip() or "\n" in text:
            raise HardeningError(f"settings: {key}: {value!r} is no value; give one line of text, such as 'yes'")
        found[key] = text.strip()
    return found


def comment_out(text: str, settings: dict[str, str], mark: str) -> str:
    """`text` with lines that contradict `settings` as comments that begin with `mark`.

    Lines below a Match are for some users only, and a block of the collection belongs to its role.
    """
    keys = {key.lower(): value.lower() for key, value in settings.items() if key.lower() not in ADDING | ONCE}
    lines, matched, ours = text.split("\n"), False, False
    for number, line in enumerate(lines):
        ours = line.startswith(f"# BEGIN {_OURS} ") or (ours and not line.startswith(f"# END {_OURS} "))
        for key, value, begins in statements(line):
            matched = matched or begins
            if not matched and not ours and keys.get(key, value.lower()) != value.lower():
                lines[number] = mark + line
    return "\n".join(lines)


def place_block(text: str, marker: str, body: str, path: str) -> str:
    """`text`, which has no such block yet, with it right after the line that includes `path`, else at the very top."""
    block = set_block("", marker, body)
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if any(key == "include" and includes(value, path) for key, value, _matched in statements(line)):
            return "".join([*lines[:number], line, block, *lines[number + 1 :]])
    return block + text


def set_all(tree: Tree, settings: dict, path: str, present: bool) -> list[str]:
    """Have sshd read `settings` (or take them away again); returns the paths left alone because there is no sshd.

    Where the drop-in would not count, the block stands at the top of sshd_config and there is no drop-in.
    """
    text = tree.read(MAIN)
    if text is None:
        return [MAIN]
    wanted = clean(settings) if present else {}
    marker = f"{_OURS} {path.rpartition('/')[2]}"
    mark = f"# {marker} has another value: "
    ended = text + "\n" if wanted and text and not text.endswith("\n") else text
    base = comment_out(re.sub(rf"^{re.escape(mark)}", "", ended, flags=re.MULTILINE), wanted, mark)
    plain = set_block(base, marker, "")
    dropped = bool(wanted) and drop_in_counts(plain, wanted, path)
    if dropped:
        # Only root's sshd reads it.
        head = "# Managed by Ansible, module hallmark.images.sshd_settings; changes here are lost.\n"
        tree.write(path, head + body_of(wanted), 0o600, "root", "root")
    else:
        tree.remove(path)
    body = body_of({key: value for key, value in wanted.items() if not dropped or key.lower() not in ONCE})
    held = base.partition(f"# BEGIN {marker}\n")
    if not body:
        new = plain
    elif held[1] and dropped == drop_in_counts(held[0], wanted, path):
        new = set_block(base, marker, body)  # it stands where it should
    else:
        new = place_block(plain, marker, body, path) if dropped else set_block("", marker, body) + plain
    items = [(key, None, value) for key, value in wanted.items()] or [("settings", "set", "removed")]
    tree.write(MAIN, new, keys=items)
    return []


def body_of(settings: dict[str, str]) -> str:
    """Lines of sshd_config for the settings."""
    return "".join(f"{key} {value}\n" for key, value in settings.items())
