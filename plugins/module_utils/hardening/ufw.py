# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults of ufw, set in place, without shutting out who is logged in."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.login_defs import set_keys

DEFAULTS = "/etc/default/ufw"
_RULES = ("/etc/ufw/user.rules", "/lib/ufw/user.rules")
_POLICY = "DEFAULT_INPUT_POLICY"


def value_of(text: str, key: str) -> str | None:
    """Value of a shell variable in `text`, quotes taken off; the last line counts."""
    found = None
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name == key:
            found = value.strip()
    return found.strip("\"'") if found is not None else None


def is_enabled(tree: Tree) -> bool:
    """Whether ufw is switched on, which its own file says also while it does not run."""
    return (value_of(tree.read("/etc/ufw/ufw.conf") or "", "ENABLED") or "no").lower() == "yes"


def lets_in(rules: str) -> bool:
    """Whether ufw's rules (the text of user.rules) let any connection in."""
    lines = [line.split() for line in rules.splitlines() if line.startswith("### tuple ###")]
    return any(words[3].split("_")[0].split(":")[0] in ("allow", "limit") for words in lines if len(words) > 3)


def enforce(tree: Tree, settings: dict) -> dict:
    """Set keys of ufw's defaults (None: commented out); nothing where ufw is not installed.

    Raises HardeningError where the change would shut out everybody: ufw is on and no rule lets a connection in.
    """
    text = tree.read(DEFAULTS)
    if text is None:
        return {"installed": False, "enabled": False}
    enabled = is_enabled(tree)
    wanted: dict[str, str | None] = {}
    for key, value in settings.items():
        if value is None:
            wanted[key] = None
            continue
        plain = ("yes" if value else "no") if isinstance(value, bool) else str(value)
        if isinstance(value, (dict, list)) or set(plain) & set("\n\"'`$\\") or not key.replace("_", "").isalnum():
            raise HardeningError(f"settings: {key}: {value!r} is no setting of ufw; give words without quotes, or null")
        if value_of(text, key) != plain:
            wanted[key] = plain if plain in ("yes", "no") else f'"{plain}"'
    rules = "\n".join(tree.read(path) or "" for path in _RULES)
    if enabled and _POLICY in wanted and value_of(text, _POLICY) == "ACCEPT" and not lets_in(rules):
        raise HardeningError(
            f"settings: {_POLICY}: ufw is enabled and no rule lets a connection in; run 'ufw allow OpenSSH' first"
        )
    new, changes = set_keys(text, wanted, equals="=")
    if changes:
        tree.write(DEFAULTS, new, keys=changes)
    return {"installed": True, "enabled": enabled}
