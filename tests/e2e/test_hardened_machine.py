# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of a hardened image: the roles applied again, packages renewed, all of it checked, each control broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.swept import SWEEP, Swept
from support.breaks import BREAKS, HOW, off_by_default
from support.checks import AREAS, Area
from support.machine import booted

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.machine, pytest.mark.xdist_group("build")]


class Guest:
    """The machine, hardened."""

    def __init__(self, machine, folder):
        self.machine, self.folder = machine, folder

    def play(self, tasks, *arguments):
        """Run tasks on the machine; the result of each by its name."""
        path = self.folder / "play.yml"
        path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "become": True, "tasks": tasks}]))
        environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
        command = [
            "ansible-playbook",
            "-i",
            str(self.machine.inventory),
            str(path),
            *arguments,
        ]
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def baseline(self, areas=(), profile="default"):
        """Outcome of each control of a profile; of some areas only, where they are named."""
        keep = "{{ found.results | to_json }}"
        action = {"gate": False, "profile": profile} | ({"areas": list(areas)} if areas else {})
        copy = {"content": keep, "dest": str(self.folder / "found.json"), "mode": "0600"}
        self.play(
            [
                {"name": "Check", "hallmark.images.baseline": action, "register": "found"},
                {"name": "Keep", "ansible.builtin.copy": copy, "delegate_to": "localhost", "become": False},
            ],
            "-e",
            json.dumps({"ansible_playbook_python": sys.executable}),
        )
        results = json.loads((self.folder / "found.json").read_text())
        return {result["control"]: result for result in results}

    def failing(self, *areas):
        """Ids of failed controls."""
        return {name for name, result in self.baseline(areas).items() if result["status"] == "failed"}

    def harden(self, **variables):
        """Run the umbrella role; what Ansible printed."""
        role = {"name": "Harden", "ansible.builtin.include_role": {"name": "hallmark.images.os_hardening"}}
        return self.play([role], "-e", json.dumps(variables))

    def sudo(self, script):
        """Run a shell script as root; what it printed."""
        return self.machine.ssh("sudo setarch -R sh", given=script)


@pytest.fixture(scope="module")
def hardened(build, tmp_path_factory):
    """A machine booted from the image of the whole build: what the roles did has survived sealing and a boot."""
    assert build.status == 0, build.text[-6000:]
    with booted(build.evidence / "web-1.0.qcow2") as machine:
        guest = Guest(machine, tmp_path_factory.mktemp("hardening"))
        guest.sudo("cloud-init status --wait >/dev/null")
        guest.sudo("\n".join(how.PREPARE for how in HOW.values()))
        yield guest


def test_second_run_changes_nothing(hardened):
    assert "changed=0 " in hardened.harden()


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
