# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module audit_rules does with files: the daemon's settings, its rules, who may read them, the units.

Kernel arguments are in boot_loader, the running kernel and daemon in audit_live.
"""

from __future__ import annotations

import os
import stat

from ansible_collections.hallmark.images.plugins.module_utils.hardening import audit_live, audit_rules
from ansible_collections.hallmark.images.plugins.module_utils.hardening.boot_loader import set_arguments
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.kernel import is_live
from ansible_collections.hallmark.images.plugins.module_utils.hardening.login_defs import key_is_known, set_keys
from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import family
from ansible_collections.hallmark.images.plugins.module_utils.hardening.survey import survey

CONF = "/etc/audit/auditd.conf"
RULES_FOLDER = "/etc/audit/rules.d"
# augenrules takes the last -b and -f of all files, and the vendors' own file is called audit.rules.
RULES = f"{RULES_FOLDER}/zz-hallmark.rules"
LOGS = "/var/log/audit"
GRUB_DROP_IN = "/etc/default/grub.d/zz-hallmark-audit.cfg"
FINALIZE = f"{RULES_FOLDER}/99-finalize.rules"
_HEADER = "# Managed by Ansible, module hallmark.images.audit_rules; changes here are lost."
_DAEMONS = ("/usr/sbin/auditd", "/sbin/auditd")
_TOOLS = ("/sbin/auditctl", "/sbin/auditd")
_UNIT_FOLDERS = ("/usr/lib/systemd/system", "/lib/systemd/system")
JOURNALD_SOCKET = "systemd-journald-audit.socket"
_LIBRARY_FOLDERS = ("/usr/lib64", "/lib64", "/usr/lib", "/lib")
_LIBRARY = "libaudit.so.1"
_WORDS = {True: "yes", False: "no"}  # what YAML made of yes and no


def set_all(tree: Tree, options: dict, run: audit_live.Run, surveys: dict | None = None) -> dict:
    """Do what module audit_rules promises; `options` are its own, `surveys` those of the call.

    Changes are in `tree`, the rest is returned.
    """
    system = family(tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or "")
    extra = audit_rules.check_extra(options["extra_rules"])
    settings = clean_settings(options["settings"])
    live = is_live(tree.root) if options["live"] == "auto" else options["live"] == "true"
    if live and options["live"] == "true" and tree.root != "/":  # the rules would land in the builder's own kernel
        raise HardeningError(f"live: {tree.root} is not the running system; leave it at auto")
    daemon = next((data for data in map(tree.read_bytes, _DAEMONS) if data), b"")
    if not daemon and not tree.check_mode:
        raise HardeningError(f"there is no auditd in {tree.root}; install package auditd (Debian) or audit (RPM) first")

    unknown = sorted(key for key in settings if not key_is_known(daemon, key))
    new_settings = _settings(tree, {key: value for key, value in settings.items() if key not in unknown})
    wants_programs = options["rules"] and "privileged" in options["groups"]
    programs, left_out = set_id_programs(tree, surveys) if wants_programs else ([], [])
    lines = rule_lines(tree, system, options, extra, programs) if options["rules"] else []
    new_rules = write_rules(tree, lines, options)
    if options["drop_never_task"]:
        new_rules = drop_never_task(tree) or new_rules
    if options["private_files"]:
        private_files(tree)
    warnings = []
    if options["kernel_cmdline"]:
        wanted = ["audit=1", f"audit_backlog_limit={options['backlog_limit']}"]
        warnings += set_arguments(tree, system, GRUB_DROP_IN, _HEADER, wanted, [], run)
    masked = options["mask_journald"] and system != "suse" and mask_journald(tree)
    if options["service"]:
        enable(tree, run)

    next_boot = False
    if live:
        if masked:
            audit_live.restart_journald(tree, JOURNALD_SOCKET, run)
        if options["service"]:
            audit_live.start(tree, run)
        next_boot, more = audit_live.bring_up(tree, lines, new_settings, new_rules, run)
        warnings += more
    return {
        "family": system,
        "live": live,
        "unknown_keys": unknown,
        "programs": programs,
        "left_out": left_out,
        "next_boot": next_boot,
        "warnings": warnings,
    }


# --- the daemon's settings -------------------------------------------------------------------------------------------


def clean_settings(raw: dict) -> dict[str, str | None]:
    """Option `settings` as auditd.conf writes it, None for "not set"; raises HardeningError for what would break it."""
    settings = {}
    for key, value in raw.items():
        text = None if value is None else str(_WORDS.get(value, value) if isinstance(value, bool) else value).strip()
        if isinstance(value, (dict, list)) or text == "" or "\n" in (text or ""):
            raise HardeningError(f"settings: {key}: {value!r} is no value; give one word or number, or null to unset")
        settings[str(key)] = text
    left, admin = settings.get("space_left") or "", settings.get("admin_space_left") or ""
    # auditd would not start.
    if left.isdigit() and admin.isdigit() and int(left) <= int(admin):
        raise HardeningError(f"settings: space_left: {left} must be more than admin_space_left ({admin})")
    return settings


def _settings(tree: Tree, settings: dict[str, str | None]) -> bool:
    new, changes = set_keys(tree.read(CONF) or "", settings, equals=" = ")
    return tree.write(CONF, new, 0o640, "root", "root", changes) and bool(changes)


# --- the rules -------------------------------------------------------------------------------------------------------


def uid_min(login_defs: str) -> int:
    """Lowest id of a person's account by the text of login.defs; 1000 when it does not say."""
    found = 1000
    for line in login_defs.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "UID_MIN" and words[1].isdigit():
            found = int(words[1])
    return found


def set_id_programs(tree: Tree, surveys: dict | None = None) -> tuple[list[str], list[str]]:
    """Set-id files of the local file systems, and those whose names no rule can hold; both sorted."""
    found, left_out = [], []
    for path in survey(tree, [], surveys, capabilities=False).set_id:
        try:
            mode = os.lstat(path).st_mode
        except OSError:  # vanished since it was seen
            continue
        if mode & 0o6000 and stat.S_ISREG(mode):
            name = path if tree.root == "/" else path[len(tree.root) :]
            (left_out if any(char.isspace() for char in name) else found).append(name)
    return sorted(found), sorted(left_out)


def rule_lines(tree: Tree, system: str, options: dict, extra: list[str], programs: list[str]) -> list[str]:
    """Every rule of the file, in the order of the groups, the user's own last."""
    machine = audit_rules.machine_of(tree.read_bytes("/bin/sh")) or os.uname().machine
    lowest = uid_min(tree.read("/etc/login.defs") or "")
    library = _library(tree)
    more = {
        "network": [
            (f"{folder}/{name}", "system-locale")
            for folder, start in audit_rules.NETWORK_NAMES
            for name in tree.names(folder)
            if name.startswith(start)
        ],
        "scope": [(options["sudo_log"], "actions")] if options["sudo_log"] else [],
    }
    lines = []
    for name in audit_rules.GROUPS:
        if name in options["groups"]:
            lines += audit_rules.render_group(name, system, machine, lowest, library, more.get(name, ()), programs)
    return lines + extra


def _library(tree: Tree) -> bytes:
    folders = list(_LIBRARY_FOLDERS)
    folders += [f"/usr/lib/{name}" for name in tree.names("/usr/lib") if name.endswith(("-linux-gnu", "-gnueabihf"))]
    return next((data for data in (tree.read_bytes(f"{folder}/{_LIBRARY}") for folder in folders) if data), b"")


def write_rules(tree: Tree, lines: list[str], options: dict) -> bool:
    """Write the rules and the lock, or take away what is ours; returns whether something changed."""
    if lines:
        # -i: one rule that this kernel refuses must not keep those after it from being loaded.
        head = ["-i", f"-b {options['backlog_limit']}", f"-f {options['failure_mode']}"]
        before = _rules_of(tree.read(RULES) or "")
        keys = [(line, "absent", "present") for line in [*head, *lines] if line not in before]
        keys += [(line, "present", "absent") for line in before if line not in lines and line not in head]
        changed = tree.write(RULES, "\n".join([_HEADER, *head, *lines]) + "\n", 0o640, "root", "root", keys)
    else:
        changed = tree.remove(RULES)
    if options["immutable"]:
        return tree.write(FINALIZE, f"{_HEADER}\n-e 2\n", 0o640, "root", "root") or changed
    if (tree.read(FINALIZE) or "").startswith(_HEADER):
        return tree.remove(FINALIZE) or changed
    return changed


def _rules_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def drop_never_task(tree: Tree) -> bool:
    """Make the vendors' rule against all records a comment: with it, every other rule loads and stays silent."""
    changed = False
    for name in tree.names(RULES_FOLDER):
        path = f"{RULES_FOLDER}/{name}"
        lines = (tree.read(path) or "").splitlines() if name.endswith(".rules") else []
        bad = [line for line in lines if audit_rules.is_never_task(line)]
        if bad:
            text = "".join(f"# {line}\n" if line in bad else f"{line}\n" for line in lines)
            changed = tree.write(path, text, keys=[(line.strip(), "present", "comment") for line in bad])
    return changed


# --- who may read them -----------------------------------------------------------------------------------------------


def private_files(tree: Tree) -> None:
    """Logs, rules and tools are not open to more than they must be; what is stricter stays."""
    _limit(tree, LOGS, 0o750)
    for name in tree.names(LOGS):
        _limit(tree, f"{LOGS}/{name}", 0o640)
    for path in [f"{RULES_FOLDER}/{name}" for name in tree.names(RULES_FOLDER)]:
        _limit(tree, path, 0o640, owned=True)
    _limit(tree, "/etc/audit/audit.rules", 0o640)
    for path in _TOOLS:
        _limit(tree, path, 0o755, owned=True)


def _limit(tree: Tree, path: str, most: int, owned: bool = False) -> None:
    """Take the permissions beyond `most` from `path`; `owned`: give it to root."""
    target = tree.real(path)
    try:
        held = os.stat(target)
    except FileNotFoundError:
        return
    mode = stat.S_IMODE(held.st_mode)
    owner = (tree.id_of("root", "passwd"), tree.id_of("root", "group"))
    if mode & ~most:
        tree.note(path, f"{mode:04o}", f"{mode & most:04o}", "mode")
        if not tree.check_mode:
            os.chmod(target, mode & most)
    if owned and (held.st_uid, held.st_gid) != owner:
        tree.note(path, f"{held.st_uid}:{held.st_gid}", f"{owner[0]}:{owner[1]}", "owner")
        if not tree.check_mode:
            os.chown(target, *owner)


# --- units -----------------------------------------------------------------------------------------------------------


def mask_journald(tree: Tree) -> bool:
    """Keep journald from writing down every record a second time; returns whether that is new."""
    if not any(tree.exists(f"{folder}/{JOURNALD_SOCKET}") for folder in _UNIT_FOLDERS):
        return False
    return tree.link(f"/etc/systemd/system/{JOURNALD_SOCKET}", "/dev/null")


def enable(tree: Tree, run: audit_live.Run) -> None:
    """Have the daemon start at every boot."""
    units = "/etc/systemd/system"
    if not any(tree.exists(f"{folder}/auditd.service") for folder in _UNIT_FOLDERS):
        return
    if any("auditd.service" in tree.names(f"{units}/{name}") for name in tree.names(units) if name.endswith(".wants")):
        return
    tree.note("auditd.service", "disabled", "enabled", "unit")
    if not tree.check_mode:
        # With --root it only makes the links, which is right in a tree and in a chroot too.
        code, _out, error = run(["systemctl", f"--root={tree.root}", "enable", "auditd.service"])
        if code:
            raise HardeningError(f"auditd.service cannot be enabled: {audit_live.one_line(error)}")
