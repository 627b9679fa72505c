# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area profile on made-up machines: each fails when, and only when, its control is broken."""

from __future__ import annotations

import subprocess

import pytest

from support.role_vars import role_value

CORE = "/etc/profile.d/zz-hallmark-core.sh"
IDLE = "/etc/profile.d/zz-hallmark-idle.sh"


def files(**variables):
    items = role_value("profile", "__profile_files", **variables)
    return {item["path"]: item["content"] for item in items if item.get("state", "file") == "file"}


def facts(areas, more=None, replace=(), **variables):
    """A machine with the role's own files, more of them, and parts of the answer replaced."""
    texts = {"/etc/profile": "umask 022\n"} | files(**variables) | (more or {})
    answer = "".join(f"{path} root root 644\n" for path in texts) + "=texts\n"
    answer += "\n".join(f"==> {path} <==\n{text}" for path, text in texts.items())
    answer += f"\n=shell\ncore 0\nidle {variables.get('profile_idle_timeout', '')}\n"
    for old, new in replace:
        assert old in answer
        answer = answer.replace(old, new)
    return areas["profile"].module.Profile(answer)


def test_the_roles_own_files_meet_the_control_that_is_on(areas):
    assert areas["profile"].outcomes(facts(areas)) == {"ds-profile-01": "passed", "ds-profile-02": "failed"}


@pytest.mark.parametrize(
    ("more", "replace", "controls"),
    [
        ({"/etc/profile.d/zzz.sh": "ulimit -S -c unlimited\n"}, [], {"ds-profile-01"}),
        ({"/etc/profile.d/zzz.sh": "ulimit -c 100\n"}, [], {"ds-profile-01"}),
        ({"/etc/profile.d/zzz.sh": "# ulimit -c 100\n"}, [], set()),
        ({}, [(f"{CORE} root root 644", f"{CORE} root root 750")], {"ds-profile-01"}),
        ({}, [("core 0", "core unlimited")], {"ds-profile-01"}),
        ({CORE: ""}, [], {"ds-profile-01"}),
    ],
)
def test_a_broken_control_fails_alone(areas, more, replace, controls):
    assert areas["profile"].failing(facts(areas, more, replace)) == controls


@pytest.mark.parametrize(
    ("seconds", "replace", "outcome"),
    [
        (900, [], "passed"),
        (300, [], "passed"),
        (1800, [], "failed"),
        (900, [("idle 900", "idle ")], "failed"),
        (900, [(f"{IDLE} root root 644", f"{IDLE} root root 600")], "failed"),
    ],
)
def test_idle_shells(areas, seconds, replace, outcome):
    machine = facts(areas, replace=replace, profile_idle_timeout=seconds)
    assert areas["profile"].outcomes(machine)["ds-profile-02"] == outcome


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("", "", "900"),
        ("", ". {path}", "900"),  # read twice
        ("readonly TMOUT=300", "", "300"),
        ("TMOUT=300", "", "900"),
    ],
)
def test_the_idle_script_never_breaks_a_shell(tmp_path, shell, before, after, says):
    path = tmp_path / "idle.sh"
    path.write_text(files(profile_idle_timeout=900)[IDLE])
    script = f"{before}\n. {path}\n{after.format(path=path)}\necho $TMOUT"
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{says}\n", "")


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(
    ("before", "left"),
    [("ulimit -c 0", "0 0"), ("ulimit -S -c 0", "0 {hard}"), ("ulimit -S -c $(ulimit -H -c)", "0 {hard}")],
)
def test_the_core_script_lowers_the_soft_limit_alone_and_never_complains(tmp_path, shell, before, left):
    path = tmp_path / "core.sh"
    path.write_text(files()[CORE])
    script = f"set -e; ulimit -H -c; {before}; . {path}; . {path}; echo $(ulimit -S -c) $(ulimit -H -c)"
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=True)
    hard, said = done.stdout.splitlines()
    assert (said, done.stderr) == (left.format(hard=hard), "")


def test_the_core_script_says_it_as_lynis_looks_for_it():
    lines = [line for line in files()[CORE].splitlines() if "ulimit -c " in line]
    assert lines[-1].split(" ")[:3] == ["ulimit", "-c", "0"]


def test_switches():
    assert set(files()) == {CORE}
    assert set(files(profile_core_limit=False, profile_idle_timeout=600)) == {IDLE}
    assert "readonly" in files(profile_idle_timeout=600)[IDLE]
    assert "readonly" not in files(profile_idle_timeout=600, profile_idle_readonly=False)[IDLE]
