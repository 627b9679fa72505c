# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mount options that last: lines of /etc/fstab and drop-ins for mount units, in any tree.

The kernel's side, what is mounted now, is in running_mounts.
"""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

FSTAB = "/etc/fstab"
FLAGS = ("nodev", "nosuid", "noexec")
#: File systems that systemd mounts before it reads anything: their type, and the flags they get unless fstab has a
#: line for them (mount-setup.c; what an initramfs mounts already has these too). systemd-remount-fs applies the line.
API = {
    "/dev": ("devtmpfs", ("nosuid",)),
    "/dev/shm": ("tmpfs", ("nosuid", "nodev")),
    "/run": ("tmpfs", ("nosuid", "nodev")),
    "/proc": ("proc", FLAGS),
    "/sys": ("sysfs", FLAGS),
}
#: Stands among the options of lines that are ours. Programs ignore options that begin so (mount(8)).
MARK = "x-hallmark"
UNITS = "/etc/systemd/system"
UNIT_FOLDERS = (
    UNITS,
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
#: Sorts after override.conf, which systemctl edit writes.
DROP_IN = "zz-hallmark.conf"
_HEADER = "# Managed by Ansible, module hallmark.images.mount_options; changes here are lost.\n"
_SHIPPED_TMP = "/usr/share/systemd/tmp.mount"
_TMP_UNIT = """\
[Unit]
Description=Temporary Directory /tmp
ConditionPathIsSymbolicLink=!/tmp
DefaultDependencies=no
Conflicts=umount.target
Before=local-fs.target umount.target
After=swap.target

[Mount]
What=tmpfs
Where=/tmp
Type=tmpfs
Options=mode=1777,strictatime,nosuid,nodev

[Install]
WantedBy=local-fs.target
"""


def check_paths(paths: dict) -> dict[str, list[str]]:
    """Option `paths` with its values checked; paths without flags are left out."""
    wanted = {}
    for path, flags in paths.items():
        if not isinstance(flags, list) or not all(flag in FLAGS for flag in flags):
            raise HardeningError(f"paths: {path}: {flags!r} is no list of {', '.join(FLAGS)}")
        if not str(path).startswith("/") or path == "/" or path.endswith("/") or set(path) & set(" \t\n#\\"):
            raise HardeningError(f"paths: {path!r} is no mount point; give an absolute path other than /")
        if flags:
            wanted[path] = [flag for flag in FLAGS if flag in flags]
    return wanted


def merge(held: str, flags: list[str]) -> str:
    """Option field `held` with all of `flags`; options that say the opposite are taken out."""
    opposite = [flag[2:] for flag in flags]
    kept = [option for option in held.split(",") if option and option not in opposite]
    return ",".join(kept + [flag for flag in flags if flag not in kept])


# --- fstab -----------------------------------------------------------------------------------------------------------


def fields_of(line: str) -> list[str]:
    """Fields of an fstab line; empty for comments and what is no mount."""
    fields = [] if line.lstrip().startswith("#") else line.split()
    return fields if len(fields) > 2 and fields[1].startswith("/") else []


def set_field(line: str, text: str) -> str:
    """An fstab line with another option field, its spaces kept."""
    fields = line.split()
    if len(fields) == 3:
        return f"{line.rstrip()} {text}"
    start = 0
    for field in fields[:3]:
        start = line.index(field, start) + len(field)
    start = line.index(fields[3], start)
    return line[:start] + text + line[start + len(fields[3]) :]


def new_lines(wanted: dict[str, list[str]], var_tmp: bool) -> dict[str, str]:
    """Lines for mount points that no one has put into fstab, by mount point.

    `noauto` keeps `mount -a`, which cloud-init runs, away from them: it takes what an initramfs mounted by another name
    (udev on Debian) for something else and tries to mount it once more. systemd-remount-fs does not mind the word.
    """
    lines = {}
    for path, flags in wanted.items():
        kind, given = API.get(path, ("", FLAGS))
        if set(flags) - set(given):
            lines[path] = f"{kind} {path} {kind} {merge('noauto,' + ','.join(given), flags)},{MARK} 0 0"
    if var_tmp:  # onto itself: what lies there stays there
        lines["/var/tmp"] = f"/var/tmp /var/tmp none {merge('bind', list(FLAGS))},{MARK} 0 0"
    return lines


def edit_fstab(text: str, wanted: dict[str, list[str]], var_tmp: bool) -> tuple[str, list[tuple]]:
    """fstab with the flags for each mount point, and what changed as `(mount point, options before, after)`.

    Lines get what they lack and keep the rest, which may be another role's. Those of ours that are no longer wanted go,
    and new ones come at the end.
    """
    ours, result, changes, seen = new_lines(wanted, var_tmp), [], [], set()
    for line in text.splitlines():
        fields = fields_of(line)
        if not fields:
            result.append(line)
            continue
        path = fields[1].rstrip("/") or "/"
        held = fields[3] if len(fields) > 3 else ""
        options = held
        if path in wanted or path in ours:
            options = merge(held, wanted.get(path, list(FLAGS)))
            if path == "/dev" and "noauto" not in options.split(","):
                options += ",noauto"  # whoever wrote the line: of these, /dev is what has another name (see new_lines)
        fresh = line if options == held else set_field(line, options)
        if MARK in held.split(",") and (path in seen or path not in ours):
            fresh = ""
        if fresh != line:
            changes.append((path, held or "defaults", fields_of(fresh)[3] if fresh else "removed"))
        if fresh:
            seen.add(path)
            result.append(fresh)
    for path, line in ours.items():
        if path not in seen:
            changes.append((path, None, line.split()[3]))
            result.append(line)
    return "".join(f"{line}\n" for line in result), changes


def in_fstab(text: str) -> set[str]:
    """Mount points in fstab."""
    return {fields[1].rstrip("/") for fields in map(fields_of, text.splitlines()) if fields}


# --- units -----------------------------------------------------------------------------------------------------------


def unit_name(path: str) -> str:
    """Name of the unit that mounts `path` (systemd-escape --path)."""
    return path.strip("/").replace("-", "\\x2d").replace("/", "-") + ".mount"


def mount_options(text: str) -> str | None:
    """Value of the last `Options=` in the texts of a unit and its drop-ins; None when there is none."""
    value, section = None, ""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Mount]" and line.partition("=")[0].rstrip() == "Options":
            value = line.partition("=")[2].strip()
    return value


def find_unit(tree: Tree, name: str) -> str:
    """Path of a unit file that is no mask; empty when there is none."""
    for folder in UNIT_FOLDERS:
        path = f"{folder}/{name}"
        if tree.exists(path) and tree.read(path):
            return path
    return ""


def held_options(tree: Tree, unit: str, name: str) -> str:
    """Options of unit `name`, whose text is `unit`, as they are without our drop-in."""
    texts, chosen = [unit], {}
    for folder in UNIT_FOLDERS:
        for item in tree.names(f"{folder}/{name}.d"):
            if item.endswith(".conf") and item != DROP_IN:
                chosen.setdefault(item, f"{folder}/{name}.d/{item}")
    texts += [tree.read(chosen[item]) or "" for item in sorted(chosen)]
    return mount_options("\n".join(texts)) or ""


def resize(options: str, size: str) -> str:
    """Options of a tmpfs with another size."""
    number = size[:-1] if size[-1:] in "%kmgKMG" else size
    if not number.isdigit():
        raise HardeningError(f"tmp_size: {size!r} is no size; give bytes, or a number with k, m, g or %")
    kept = [option for option in options.split(",") if option and not option.startswith("size=")]
    return ",".join([*kept, f"size={size.replace('%', '%%')}"])


def enable_tmp(tree: Tree) -> str:
    """Have systemd mount a tmpfs on /tmp at boot, by the vendor's unit where there is one; returns the unit's text."""
    name = "tmp.mount"
    own = f"{UNITS}/{name}"
    unit = find_unit(tree, name)
    text = tree.read(unit or _SHIPPED_TMP)
    if text is None:
        text = _HEADER + _TMP_UNIT
        tree.write(own, text, 0o644, "root", "root")
    elif not unit:
        tree.link(own, _SHIPPED_TMP)
    elif unit != own and name in tree.names(UNITS):  # a mask, or find_unit would have found it first
        tree.remove(own)
    wants = [f"{folder}/local-fs.target.wants" for folder in UNIT_FOLDERS]
    if not any(name in tree.names(folder) for folder in wants):
        tree.link(f"{wants[0]}/{name}", unit or own)
    return text


def edit_units(tree: Tree, wanted: dict[str, list[str]], units: dict[str, str], tmp_size: str) -> None:
    """Give mount units the flags by drop-ins. `units`: texts of the units by mount point."""
    for path, flags in wanted.items():
        name = unit_name(path)
        place = f"{UNITS}/{name}.d/{DROP_IN}"
        if path not in units:
            tree.remove(place)
            continue
        held = held_options(tree, units[path], name)
        options = merge(held, flags)
        if path == "/tmp" and tmp_size:
            options = resize(options, tmp_size)
        text = f"{_HEADER}[Mount]\nOptions={options}\n"
        tree.write(place, text, 0o644, "root", "root", [(path, held, options)])


def set_all(tree: Tree, options: dict) -> dict:
    """Do to the files what module mount_options promises; `options` are its own.

    Changes are in `tree`. Returns `flags` wanted by mount point and `starts`: mount points that are one from now on.
    """
    wanted = check_paths(options["paths"])
    text = tree.read(FSTAB) or ""
    new, keys = edit_fstab(text, wanted, options["var_tmp"])
    if new != text:
        tree.write(FSTAB, new, keys=keys)
    fstab = in_fstab(new)
    units = {}
    if tree.exists("/usr/lib/systemd") or tree.exists("/lib/systemd"):
        for path in wanted:
            unit = "" if path in fstab or path in API else find_unit(tree, unit_name(path))
            if unit:
                units[path] = tree.read(unit) or ""
        if options["tmp"] and "/tmp" not in fstab:
            units["/tmp"] = enable_tmp(tree)
        edit_units(tree, wanted, units, options["tmp_size"])
    if options["var_tmp"]:
        wanted["/var/tmp"] = list(FLAGS)
    starts = ["/tmp"] if options["tmp"] and ("/tmp" in units or "/tmp" in fstab) else []
    return {"flags": wanted, "starts": [*starts, *(["/var/tmp"] if options["var_tmp"] else [])]}
