# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mode and policy of SELinux: the keys of its configuration, and the running kernel."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.kernel import is_live
from ansible_collections.hallmark.images.plugins.module_utils.hardening.login_defs import set_keys
from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import family

CONFIG = "/etc/selinux/config"
ENFORCE = "/sys/fs/selinux/enforce"  # exists when the kernel runs SELinux
RELABEL = "/.autorelabel"
#: Where SELinux is at home. Debian has its packages too, but AppArmor in its place.
FAMILIES = ("redhat", "amazon", "alinux", "anolis", "suse")


def value(text: str, key: str) -> str:
    """Value in force of a key of the configuration: the last line counts; empty when not set."""
    found = ""
    for line in text.splitlines():
        name, equals, held = line.partition("=")
        if equals and name.strip() == key:
            found = held.strip()
    return found


def reason_to_leave(tree: Tree, options: dict) -> str:
    """Why this system is left alone; empty when it is not. Raises HardeningError for a policy that is not there."""
    system = family(tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or "")
    if system not in FAMILIES:
        return "SELinux is not at home on this system"
    text = tree.read(CONFIG)
    policies = [name for name in tree.names("/etc/selinux") if tree.names(f"/etc/selinux/{name}/policy")]
    if text is None or not policies:
        return "no SELinux policy is installed"
    if options["policy"] not in policies:
        # The kernel would find no policy and systemd stop the boot.
        raise HardeningError(f"policy: {options['policy']} is not installed; there is {', '.join(policies)}")
    if value(text, "SELINUX") == "disabled" and not options["from_disabled"]:
        return "SELinux is disabled"
    return ""


def set_all(tree: Tree, options: dict) -> dict:
    """Do what module selinux_config promises; `options` are its own. Changes are in `tree`, the rest is returned."""
    reason = reason_to_leave(tree, options)
    if reason:
        return {"left_alone": reason, "next_boot": False, "warnings": []}
    text = tree.read(CONFIG) or ""
    new, keys = set_keys(text, {"SELINUX": options["state"], "SELINUXTYPE": options["policy"]}, equals="=")
    if value(text, "SELINUX") == "disabled":
        tree.write(RELABEL, "", 0o644, "root", "root")
    if new != text:
        tree.write(CONFIG, new, keys=keys)
    live = is_live(tree.root) if options["live"] == "auto" else options["live"] == "true"
    waits, warnings = _running(tree, options["state"]) if live else (False, [])
    return {"left_alone": "", "next_boot": waits, "warnings": warnings}


def _running(tree: Tree, state: str) -> tuple[bool, list[str]]:
    """Bring the running kernel to `state`; returns whether that waits for a boot, and what would undo it then."""
    system = Tree("/")
    words = (system.read("/proc/cmdline") or "").split()
    bad = [word for word in words if word == "selinux=0" or (word == "enforcing=0" and state == "enforcing")]
    warnings = [f"{word} on the kernel's command line undoes this at the next boot; take it out" for word in bad]
    held = (system.read(ENFORCE) or "").strip()
    want = "1" if state == "enforcing" else "0"
    if held and held != want:
        tree.note(ENFORCE, held, want, "running")
        if not tree.check_mode:
            with open(ENFORCE, "w", encoding="ascii") as file:
                file.write(want)
    return not held, warnings
