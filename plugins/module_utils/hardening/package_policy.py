# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take packages away with what their removal leaves behind: the database is read once, a tool called when need be."""

from __future__ import annotations

import os

from ansible_collections.hallmark.images.plugins.module_utils.hardening import packages as db
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import family

STATUS = "/var/lib/dpkg/status"
_AUTO = "/var/lib/apt/extended_states"
_RPM = ("/usr/bin/rpm", "/bin/rpm")
_RPM_DB = "/var/lib/rpm"  # what changes of an RPM system are filed under; where it really is depends on the release
_POLICY = "/usr/sbin/policy-rc.d"
_APT = ["apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=300"]


def enforce(tree: Tree, options: dict, run: object) -> dict:
    """Do what module package_policy promises; `options` are its own. Changes are in `tree`, the rest is returned.

    `run` calls a program: it is given a list of words and returns exit status, output and errors.
    """
    for name in options["absent"]:
        if not name or name != name.strip() or set(name) & set(" */|<>=\n"):
            raise HardeningError(f"absent: {name!r} is no name of a package; give one name per item, without wildcards")
    wanted = set(options["absent"]) - set(options["keep"])
    report = {"manager": "", "kept": {}, "missing_packages": [], "found": []}
    text = tree.read(STATUS)
    if text is not None:
        report["manager"] = "apt"
        packages = db.parse_status(text)
        names = {name for name, package in packages.items() if db.is_there(package)}
        _apt(tree, options, packages, wanted, report, run)
    elif any(tree.exists(path) for path in _RPM):
        report["manager"] = "rpm"
        names = _rpm(tree, options, wanted, report, run)
    else:
        return report
    system = family(tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or "")
    report["missing_packages"] = [name for name in options["present"].get(system, []) if name not in names]
    report["found"] = sorted((set(options["report"]) - set(options["keep"])) & names)
    return report


def _command(tree: Tree, words: list[str]) -> list[str]:
    return words if tree.root == "/" else ["chroot", tree.root, *words]


def _call(tree: Tree, words: list[str], run: object) -> str:
    status, output, errors = run(_command(tree, words))
    if status:
        said = [line.strip() for line in (errors or output).splitlines() if line.strip()]
        said = [line for line in said if line.startswith("E: ")] or said
        raise HardeningError(f"{words[0]}: {said[0] if said else f'ended with status {status}'}")
    return output


# --- Debian and Ubuntu -----------------------------------------------------------------------------------------------


def _apt(tree: Tree, options: dict, packages: dict, wanted: set, report: dict, run: object) -> None:
    running = os.uname().release
    going, report["kept"] = db.split_needed(packages, wanted)
    old, newest = db.old_kernels(packages, running)
    # A newest kernel whose file is not there would leave a machine that does not boot.
    old = db.split_needed(packages, old)[0] if tree.exists(f"/boot/vmlinuz-{newest}") else set()
    if options["old_kernels"]:
        going |= old
    rests = {
        rest
        for package in packages.values()
        for rest in package["rests"]
        if options["residual"] and f"-{running}" not in rest and rest.split(":")[0] not in options["keep"]
    }
    marks, orphans = set(), set()
    if options["autoremove"]:
        auto = db.parse_auto(tree.read(_AUTO) or "")
        leaving = {**packages, **{name: {**packages[name], "state": "not-installed"} for name in going}}
        marks = {name for name in db.unneeded(leaving, auto) if db.is_protected(name)}
        orphans = db.unneeded(leaving, auto - marks)
    if not going | rests | marks | orphans:
        return
    for name in sorted(marks):
        tree.note(_AUTO, "automatic", "manual", name)
    if marks and not tree.check_mode:
        _call(tree, ["apt-mark", "manual", *sorted(marks)], run)
    if not going | rests | orphans:
        return
    words = ["purge", *(["--autoremove"] if orphans else []), *sorted(going | rests)]
    gone, fresh = db.simulated(_call(tree, ["apt-get", "-s", "-q", *words], run))
    gone -= {rest.split(":")[0] for rest in rests}
    if marks and tree.check_mode:
        gone &= going | orphans  # apt does not know yet what the marks will keep
    _guard(gone, fresh, going, orphans, old)
    for name in sorted(gone | rests):
        tree.note(STATUS, "configuration only" if name in rests else "installed", "not installed", name)
    if (gone | rests) and not tree.check_mode:
        with _QuietServices(tree):
            _call(tree, [*_APT, *words], run)


def _guard(gone: set, fresh: set, going: set, orphans: set, old: set) -> None:
    """Refuse what apt would do beyond what was asked for."""
    if fresh:
        raise HardeningError(
            f"absent: apt would install {sorted(fresh)[0]} for what goes; name what needs it in absent or keep"
        )
    for name in sorted(gone - going):
        if name not in orphans:
            raise HardeningError(f"absent: apt would remove {name} too; name what it needs in keep")
        if db.is_kernel(name) and name not in old:
            raise HardeningError(f"autoremove: apt would remove {name}; run 'apt-mark manual {name}' first")


class _QuietServices:
    """In an image tree, no script of a package starts or stops a service of the machine it is worked on by."""

    def __init__(self, tree: Tree) -> None:
        self.path = tree.real(_POLICY)
        self.needed = tree.root != "/" and not os.path.lexists(self.path)

    def __enter__(self) -> None:
        if self.needed:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
            with open(fd, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\nexit 101\n")

    def __exit__(self, *_error: object) -> None:
        if self.needed:
            os.unlink(self.path)


# --- RPM systems -----------------------------------------------------------------------------------------------------


def _rpm(tree: Tree, options: dict, wanted: set, report: dict, run: object) -> set:
    query = "%{NAME} %{VERSION}-%{RELEASE}.%{ARCH}\\n"
    installed: dict[str, list[str]] = {}
    for line in _call(tree, ["rpm", "-qa", "--qf", query], run).splitlines():
        name, _space, release = line.partition(" ")
        installed.setdefault(name, []).append(release)
    going = sorted(wanted & set(installed))
    if options["old_kernels"]:
        old, newest = db.old_rpm_kernels(installed, os.uname().release)
        # Newer systems keep the kernel beside its modules and copy it to /boot.
        places = (f"/boot/vmlinuz-{newest}", f"/lib/modules/{newest}/vmlinuz")
        if old and any(tree.exists(place) for place in places):
            going += sorted(old)
    if going and _needed(tree, going, run):
        for name in going:
            who = _needed(tree, [name], run)
            if who:
                report["kept"][name] = who
        going = [name for name in going if name not in report["kept"]]
        who = _needed(tree, going, run) if going else ""
        if who:
            raise HardeningError(f"absent: {who} needs what would go; name it in absent too, or what it needs in keep")
    for name in going:
        tree.note(_RPM_DB, "installed", "not installed", name)
    if going and not tree.check_mode:
        tool = next((name for name in ("dnf", "yum") if tree.exists(f"/usr/bin/{name}")), "")
        # Only what was asked for: what else nothing needs any more is for the administrator to say.
        words = [tool, "-y", "-q", "--setopt=clean_requirements_on_remove=0", "remove"] if tool else ["rpm", "-e"]
        _call(tree, [*words, *going], run)
    return set(installed)


def _needed(tree: Tree, names: list[str], run: object) -> str:
    """Who needs one of `names` and would not go with them; empty when nobody does."""
    status, output, errors = run(_command(tree, ["rpm", "-e", "--test", *names]))
    for line in (errors + output).splitlines():
        if "needed by (installed) " in line:
            return line.split("needed by (installed) ")[1].strip()
    if status:
        raise HardeningError(f"rpm: {(errors or output).strip().splitlines()[0]}")
    return ""
