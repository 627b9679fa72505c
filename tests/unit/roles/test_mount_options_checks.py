# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area mount_options on made-up machines: each fails when, and only when, its own control is broken."""

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.mounts import edit_fstab, merge
from support.checks import Area
from support.role_vars import role_value

MOUNTS = Area("mount_options")
PATHS = role_value("mount_options", "__mount_options_paths")
# A Debian 12 cloud machine after the role, and others with more mount points.
MOUNTED = {
    "/": "rw,relatime",
    "/dev": "rw,nosuid,noexec,relatime",
    "/dev/shm": "rw,nosuid,nodev,noexec",
    "/run": "rw,nosuid,nodev,noexec,relatime",
    "/tmp": "rw,nosuid,nodev,noexec",
    "/boot/efi": "rw,relatime",
}
PARTITIONS = {path: merge("rw,relatime", flags) for path, flags in PATHS.items() if path not in MOUNTED}
UNIT = """\
# /etc/systemd/system/tmp.mount
[Mount]
What=tmpfs
Options=mode=1777,strictatime,nosuid,nodev,size=50%%,nr_inodes=1m

# /etc/systemd/system/tmp.mount.d/zz-hallmark.conf
[Mount]
Options=mode=1777,strictatime,nosuid,nodev,size=50%%,nr_inodes=1m,noexec
"""
WANTS = "/etc/systemd/system/local-fs.target.wants/tmp.mount\n"


def facts(replace=(), mounted=None, fstab="UUID=1 / ext4 rw 0 1\n"):
    """A hardened machine whose answer has parts replaced (old must be there)."""
    lines = [f"{n} 1 8:1 / {path} {flags} - x x rw" for n, (path, flags) in enumerate((mounted or MOUNTED).items())]
    fstab = edit_fstab(fstab, PATHS, False)[0]
    answer = "\n".join([*lines, "=fstab", fstab, "=units", UNIT, "=wants", WANTS])
    answer += "=changed\n1000\n=booted\n2000\n=marks\n"
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return MOUNTS.module.Mounts(answer)


def partitions():
    """A machine with a partition for each mount point."""
    lines = "".join(f"UUID=x {path} ext4 defaults 0 2\n" for path in PARTITIONS)
    return {"mounted": MOUNTED | PARTITIONS, "fstab": lines}


def test_a_hardened_machine_meets_every_control():
    outcomes = MOUNTS.outcomes(facts())
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} == {"x-mount-03", "x-mount-04"}
    outcomes = MOUNTS.outcomes(facts(**partitions()))
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} == set()


SHM = "tmpfs /dev/shm tmpfs noauto,nosuid,nodev,noexec"
DEV = "devtmpfs /dev devtmpfs noauto,nosuid,noexec"


@pytest.mark.parametrize(
    ("replace", "controls"),
    [
        ([("/dev rw,nosuid,noexec", "/dev rw,nosuid")], {"os-14"}),
        ([("/dev rw,nosuid,noexec", "/dev rw,noexec")], {"os-15"}),
        ([("/run rw,nosuid,nodev", "/run rw,nodev")], {"os-15"}),
        ([("/run rw,nosuid,nodev", "/run rw,nosuid")], {"os-16"}),
        ([("/dev/shm rw,nosuid,nodev,noexec", "/dev/shm rw,nosuid,nodev")], {"os-14", "x-mount-02"}),
        ([("/tmp rw,nosuid,nodev,noexec", "/tmp rw,nosuid,nodev")], {"os-14", "x-mount-01"}),
        # Of mounts over one another the last counts.
        ([("=fstab", "9 1 0:1 / /dev rw,nosuid - devtmpfs udev rw\n=fstab")], {"os-14"}),
        # What would not survive a boot.
        ([(DEV, DEV.replace(",noexec", ""))], {"os-14"}),
        ([(DEV, DEV + ",exec")], {"os-14"}),
        ([(DEV, DEV.replace("nosuid,", ""))], {"os-15"}),
        ([(DEV, f"#{DEV}")], {"os-14"}),
        ([(SHM, SHM.replace(",nodev", ""))], {"x-mount-02"}),
        ([(SHM, f"#{SHM}")], {"x-mount-02"}),
        ([(",noexec\n\n=wants", "\n\n=wants")], {"x-mount-01"}),
        ([(WANTS, "")], {"x-mount-01"}),
        ([("# /etc/systemd/system/tmp.mount\n", "# Unit tmp.mount is masked.\n")], set()),
        ([(UNIT, "# Unit tmp.mount is masked.\n")], {"x-mount-01"}),
    ],
)
def test_a_broken_flag_fails_its_control_alone(replace, controls):
    assert MOUNTS.failing(facts(replace)) == controls


@pytest.mark.parametrize(
    ("path", "controls"),
    [
        ("/boot", {"os-14", "os-15", "os-16"}),
        ("/home", {"os-15", "os-16"}),
        ("/var", {"os-15", "os-16"}),
        ("/var/log/audit", {"os-14", "os-15", "os-16"}),
        ("/var/tmp", {"os-14", "os-15", "os-16"}),
    ],
)
def test_partitions_count_now_and_at_boot(path, controls):
    machine = partitions()
    machine["mounted"] = machine["mounted"] | {path: "rw,relatime"}
    assert MOUNTS.failing(facts(**machine)) == controls
    machine = partitions()
    flags = ",".join(PATHS[path])
    assert MOUNTS.failing(facts([(f"{path} ext4 defaults,{flags}", f"{path} ext4 defaults")], **machine)) == controls


NO_TMP = {path: flags for path, flags in MOUNTED.items() if path != "/tmp"}


def test_tmp_that_waits_for_the_next_boot_says_so():
    since = [("=changed\n1000", "=changed\n3000")]
    outcomes = MOUNTS.outcomes(facts(since, mounted=NO_TMP))
    assert {outcomes[name] for name in ("os-14", "os-15", "os-16")} == {"passed"}
    assert outcomes["x-mount-01"] == "not applicable"
    # Not so when it would not come then, or should have come with this one.
    assert MOUNTS.failing(facts([*since, (WANTS, "")], mounted=NO_TMP)) == {"x-mount-01"}
    assert MOUNTS.failing(facts(mounted=NO_TMP)) == {"x-mount-01"}


def test_tmp_may_be_a_partition():
    line = "UUID=9 /tmp ext4 defaults 0 2\n"
    assert MOUNTS.failing(facts([(WANTS, ""), (UNIT, "")], fstab=line)) == set()


def test_what_an_option_implies():
    flags_of = MOUNTS.module.flags_of
    assert flags_of("rw,user") == {"nodev", "nosuid", "noexec"}
    assert flags_of("user,exec") == {"nodev", "nosuid"}
    assert flags_of("noexec,defaults") == {"noexec"}


def test_switches():
    paths = role_value("mount_options", "__mount_options_paths", mount_options_overrides={"/dev": []})
    assert (paths["/dev"], paths["/run"]) == ([], ["nodev", "nosuid"])
