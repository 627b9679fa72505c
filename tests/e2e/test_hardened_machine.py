# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of a hardened image, booted by plain QEMU: it is healthy, and people can work with it.

Between its first boot and its second the roles are applied again, packages renewed, and each control is broken.
"""

from __future__ import annotations

import json
import re
import time

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.swept import SWEEP, Swept
from ansible_collections.hallmark.images.plugins.module_utils.qemu.accel import processor
from support.breaks import BREAKS, HOW, off_by_default
from support.checks import AREAS, Area
from support.hardened_guest import HardenedGuest
from support.plain_qemu import booted_plainly

pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("build")]


def without_numbers(line):
    """A line of the journal without what differs from boot to boot."""
    return re.sub(r"[0-9]+|0x[0-9a-f]+", "N", line)


@pytest.fixture(scope="module")
def hardened(build, tmp_path_factory):
    """A machine booted from the image of the whole build: what the roles did has survived sealing and a boot."""
    assert build.status == 0, build.text[-6000:]
    folder = tmp_path_factory.mktemp("hardened")
    more = ("-cpu", processor("tcg"), "-m", "1024")
    with booted_plainly(build.evidence / "web-1.0.qcow2", folder / "machine", "uefi", more) as machine:
        guest = HardenedGuest(machine, folder)
        machine.ssh("cloud-init status --wait >/dev/null", seconds=900)
        guest.journal = guest.sudo("journalctl -b -p err -o cat --no-pager")
        guest.sudo("\n".join(how.PREPARE for how in HOW.values()))
        yield guest


#: What sshd says when a test looks whether its port is open.
KNOCKING = "kex_exchange_identification: Connection closed by remote host"


def test_it_complains_of_no_more_than_before_all(build, hardened):
    known = {without_numbers(line) for line in build.complaints.read_text().splitlines()}
    assert {without_numbers(line) for line in hardened.journal.splitlines() if KNOCKING not in line} - known == set()


def test_second_run_changes_nothing_but_for_who_came_since(hardened):
    """The user whom cloud-init made at the first boot has a key and no password, which must not get too old."""
    lines = [line for line in hardened.harden("-v").splitlines() if line.startswith("changed: [guest] => ")]
    changes = [change for line in lines for change in json.loads(line.partition(" => ")[2])["changes"]]
    new = {"area": "user_accounts", "path": "/etc/shadow", "key": "admin maximum age", "before": "60", "after": "99999"}
    assert changes == [new], lines


def test_nothing_of_the_system_is_broken(hardened):
    assert hardened.machine.ssh("systemctl --failed --no-legend --plain").strip() == ""
    assert hardened.machine.ssh("umask").strip() == "0027"
    assert hardened.machine.ssh("sudo -n true && sudo apt-get check -qq && echo fine").endswith("fine\n")
    complaints = hardened.machine.ssh(
        "sudo useradd -m somebody 2>&1; sudo stat -c %a /home/somebody; sudo userdel -r somebody 2>/dev/null"
    )
    assert complaints == "700\n"


#: Packages whose files and settings the roles change.
RENEWED = "login mount openssh-server passwd sudo util-linux"


@pytest.fixture(scope="module")
def results(hardened):
    """Outcome of each control of the default profile on the hardened machine, after packages were installed anew."""
    hardened.sudo(
        "apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --reinstall "
        f"--no-install-recommends {RENEWED} >/dev/null </dev/null"
    )
    return hardened.baseline()


def test_every_control_that_is_on_passes(results):
    assert {name for name, result in results.items() if result["status"] == "failed"} == set()
    passed = {name for name, result in results.items() if result["status"] == "passed"}
    assert set(BREAKS) - passed == set().union(*(how.DORMANT for how in HOW.values()))


def functions(areas):
    """Shell functions that read what the checks of each area need, and `swept`, which sweeps the file systems."""
    script = f"swept() {{\n{SWEEP}\n}}\n"
    return script + "".join(f"{name}_facts() {{\n{area.module._command()}\n}}\n" for name, area in areas.items())


def facts_of(name, area, text, swept):
    """What the checks of area `name` judge, of an answer that may end with a sweep, and of the last sweep before."""
    own, _mark, sweep = text.partition("@@swept\n")
    parts = (own, Swept(sweep or swept)) if hasattr(area.module, "Swept") else (own,)
    return getattr(area.module, HOW[name].FACTS)(*parts)


@pytest.fixture(scope="module")
def broken(hardened):
    """Ids of the failing controls of its area while a control is broken; all of them in one visit to the machine.

    The file systems are swept once, and again for each control whose break shows there: it takes longer than the rest.
    """
    areas = {name: Area(name) for name in AREAS}
    script = functions(areas) + "swept </dev/null\n"
    owner = {mark.args[0]: name for name, area in areas.items() for mark, _test, _param in area.tests()}
    for control, (wrong, right) in BREAKS.items():
        script += f"echo '@@control {control}'\n"
        # What reads its input must not read the rest of this script.
        sweep = "echo @@swept; swept" if control in getattr(HOW[owner[control]], "SWEPT", ()) else ""
        script += f"{{ {wrong}\n}} </dev/null\n({owner[control]}_facts; {sweep}\n) </dev/null\n"
        script += f"{{ {right}\n}} </dev/null\n"
    before, *answers = hardened.sudo(script).split("@@control ")
    found = {}
    for answer in answers:
        control, _newline, text = answer.partition("\n")
        area = areas[owner[control]]
        found[control] = area.failing(facts_of(owner[control], area, text, before))
    return found


@pytest.mark.parametrize("control", BREAKS)
def test_a_broken_control_fails_alone(broken, control):
    assert broken[control] == {control}


def test_the_baseline_sees_them_too(hardened):
    """Action baseline sees what the area's checks saw above; one control of each of three areas."""
    controls = {"sysctl-30", "ds-limits-01", "x-login_defs-04"}
    hardened.sudo("\n".join(BREAKS[control][0] for control in controls))
    try:
        assert hardened.failing() == controls
    finally:
        hardened.sudo("\n".join(BREAKS[control][1] for control in controls))


def test_switches_of_the_areas(hardened):
    hardened.sudo(BREAKS["sysctl-30"][0] + "\n" + BREAKS["ds-limits-01"][0])
    try:
        hardened.harden(os_hardening_skip=sorted(set(AREAS) - {"sysctl"}))
        assert hardened.failing("sysctl", "limits") == {"ds-limits-01"}
    finally:
        hardened.sudo(BREAKS["ds-limits-01"][1])
    with pytest.raises(AssertionError, match=r"limit is no area; areas are packages, yum, sysctl"):
        hardened.harden(os_hardening_skip=["limit"])


def test_files_in_tmp_stay_in_sight_until_the_next_boot(hardened):
    """systemd would start tmp.mount for the first service with a /tmp of its own."""
    only = {"os_hardening_skip": sorted(set(AREAS) - {"mount_options"})}
    hardened.sudo("umount -l /tmp && touch /tmp/somebodys")
    assert "changed=1 " in hardened.harden(**only)
    assert "changed=0 " in hardened.harden(**only)
    hardened.sudo("systemd-run -q --wait -p PrivateTmp=yes true && test -e /tmp/somebodys && ! mountpoint -q /tmp")
    hardened.sudo("rm /tmp/somebodys")
    assert "changed=1 " in hardened.harden(**only)
    hardened.sudo("mountpoint -q /tmp && systemctl restart tmp.mount")
    assert "changed=0 " in hardened.harden(**only)


OFF = {control: area for area, controls in off_by_default.OFF.items() for control in controls}


@pytest.fixture(scope="module")
def states(hardened):
    """Per control that is off by default, outcomes of all controls of its area in its two states of the machine."""
    areas = {name: Area(name) for name in off_by_default.OFF}
    script = functions(areas) + f"{{ {off_by_default.PREPARE}\n}} </dev/null\nswept </dev/null\n"
    for control, area in OFF.items():
        *both, back = off_by_default.OFF[area][control]
        sweep = "echo @@swept; swept" if control in off_by_default.SWEPT else ""
        for state in both:
            script += (
                f"echo '@@control {control}'\n{{ :; {state}\n}} </dev/null\n({area}_facts; {sweep}\n) </dev/null\n"
            )
        script += f"{{ :; {back}\n}} </dev/null\n"
    before, *answers = hardened.sudo(f"{script}true").split("@@control ")
    found = {control: [] for control in OFF}
    for answer in answers:
        control, _newline, text = answer.partition("\n")
        name = OFF[control]
        found[control].append(areas[name].outcomes(facts_of(name, areas[name], text, before)))
    return found


@pytest.mark.parametrize("control", OFF)
def test_a_control_that_is_off_by_default_fails_alone(states, control):
    one, other = states[control]
    differ = {name for name in one if "failed" in (one[name], other[name]) and one[name] != other[name]}
    assert differ == {control} | off_by_default.ALSO.get(control, set())


#: What people do with a machine: packages, a service of their own, another account, cron; and auditing goes on.
EVERYDAY = """set -eu
test "$(sudo -n id -u)" = 0
sudo -n apt-get -qq update
sudo -n env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends cron tree >/dev/null
printf '* * * * * root date >/run/cron-ran\\n' | sudo -n tee /etc/cron.d/job >/dev/null
tree --version >/dev/null
units=~/.config/systemd/user
mkdir -p $units
printf '[Service]\\nType=oneshot\\nExecStart=/bin/sh -c "id -un >%%h/service-ran"\\n' > $units/job.service
systemctl --user daemon-reload
systemctl --user start job.service
test "$(cat ~/service-ran)" = "$(id -un)"
sudo -n useradd -m -s /bin/bash bob
test "$(sudo -n su - bob -c 'id -un')" = bob
for _ in $(seq 120); do test -e /run/cron-ran && break; sleep 1; done
test -e /run/cron-ran
"""
HEALTHY = """set -eu
cloud-init status --wait >/dev/null
test -z "$(systemctl --failed --no-legend --plain)"
test "$(sudo -n systemctl is-active auditd)" = active
test "$(sudo -n auditctl -l | wc -l)" -gt 20
"""


def test_people_can_work_with_it(hardened):
    """After all of the above, and after a boot with all that they did."""
    machine = hardened.machine
    assert machine.ssh("sudo -n cat /etc/motd && id -un").splitlines() == ["hello", "admin"]
    machine.ssh("bash -s", HEALTHY)
    machine.ssh("bash -s", EVERYDAY)
    boot = machine.ssh("cat /proc/sys/kernel/random/boot_id")
    machine.try_ssh("sudo -n systemctl --no-block reboot")
    deadline = time.monotonic() + 300
    while machine.try_ssh("cat /proc/sys/kernel/random/boot_id").stdout in ("", boot):
        assert time.monotonic() < deadline, "it did not come up again"
        time.sleep(2)
    machine.ssh("bash -s", HEALTHY)
    assert machine.ssh("id -un && sudo -n su - bob -c 'id -un'").split() == ["admin", "bob"]
