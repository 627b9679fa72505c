# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages lack, by files, by dpkg's status file and by what rpm answers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps import needed_packages
from ansible_collections.hallmark.images.plugins.module_utils.hardening.task import perform

STATUS = """Package: here
Status: install ok installed

Package: held
Status: hold ok installed

Package: broken
Status: install ok half-configured

Package: rest
Status: deinstall ok config-files

Package: gone
Status: purge ok not-installed
"""


@pytest.fixture
def top(tmp_path):
    (tmp_path / "etc").mkdir()
    return tmp_path


def report(top, run=None, check_mode=False, **given):
    """What the module returns; without `run` there is no program."""

    def nothing(command, **_options):
        raise FileNotFoundError(2, "No such file or directory", command[0])

    checked = ArgumentSpecValidator(needed_packages.OPTIONS).validate(given | {"root": str(top)})
    assert checked.error_messages == []
    module = SimpleNamespace(check_mode=check_mode, run_command=run or nothing)
    return perform(module, needed_packages, checked.validated_parameters)


def missing(top, run=None, **given):
    return report(top, run, **given)["missing_packages"]


def dpkg(top, status=STATUS):
    (top / "var/lib/dpkg").mkdir(parents=True)
    (top / "var/lib/dpkg/status").write_text(status)


def rpm(answer, asked):
    """A run that answers as rpm does and keeps what it was asked."""

    def run(command, **_options):
        asked.append(command)
        return 1, answer, ""

    return run


def test_dpkg_knows_what_is_installed(top):
    dpkg(top)
    names = ["gone", "here", "held", "broken", "rest", "never"]
    assert missing(top, names=names) == ["gone", "rest", "never"]
    assert missing(top, packages=[{"name": name} for name in names]) == ["gone", "rest", "never"]


def test_rpm_is_asked_once_for_all(top):
    asked = []
    answer = "audit\npackage chrony is not installed\nkernel\nkernel\n"
    run = rpm(answer, asked)
    assert missing(top, run, packages=[{"name": "audit"}, {"name": "chrony"}], names=["kernel", "aud"]) == [
        "aud",
        "chrony",
    ]
    (command,) = asked
    assert command[:4] == ["rpm", "--root", str(top), "-q"]
    assert sorted(command[-4:]) == ["aud", "audit", "chrony", "kernel"]


def test_no_database_is_asked_when_files_tell(top):
    given = [{"name": "nftables", "unless": ["/usr/sbin/nft"]}]
    assert missing(top, packages=given) == ["nftables"]
    (top / "usr/sbin").mkdir(parents=True)
    (top / "usr/sbin/nft").touch()
    assert missing(top, packages=given) == []


@pytest.mark.parametrize("path", ["usr/bin/aide", "usr/sbin/aide"])
def test_one_of_the_files_is_enough(top, path):
    file = top / path
    file.parent.mkdir(parents=True)
    file.touch()
    assert missing(top, packages=[{"name": "aide", "unless": ["/usr/bin/aide", "/usr/sbin/aide"]}]) == []


def test_a_file_counts_though_the_database_does_not_know_the_package(top):
    dpkg(top)
    (top / "bin").mkdir()
    (top / "bin/x").touch()
    assert missing(top, packages=[{"name": "never", "unless": ["/bin/x"]}]) == []


@pytest.mark.parametrize(
    ("release", "family", "names"),
    [
        ("ID=debian\n", "debian", ["a", "c"]),
        ("ID=ubuntu\nID_LIKE=debian\n", "ubuntu", ["a", "c"]),
        ('ID="rocky"\n', "redhat", ["b", "c"]),
        ('ID="amzn"\n', "amazon", ["c"]),
        ("ID=haiku\n", "", ["c"]),
    ],
)
@pytest.mark.parametrize("place", ["etc", "usr/lib"])
def test_families_know_packages_by_their_own_names(top, release, family, names, place):
    (top / place).mkdir(parents=True, exist_ok=True)
    (top / place / "os-release").write_text(release)
    given = [
        {"name": "a", "families": ["debian", "ubuntu"], "unless": ["/x"]},
        {"name": "b", "families": ["redhat"], "unless": ["/x"]},
        {"name": "c", "unless": ["/x"]},
    ]
    found = report(top, packages=given)
    assert (found["missing_packages"], found["family"]) == (names, family)


def test_nothing_asked_is_nothing_missing(top):
    assert missing(top) == []
    assert missing(top, packages=[{"name": "x", "families": ["suse"]}]) == []


@pytest.mark.parametrize("check_mode", [False, True])
def test_it_changes_nothing(top, check_mode):
    found = report(top, packages=[{"name": "x", "unless": ["/x"]}], check_mode=check_mode)
    assert (found["changed"], found["changes"], found["diff"]) == (False, [], [])
    assert [path.name for path in top.rglob("*")] == ["etc"]


def test_without_any_database_it_says_what_it_looked_for(top):
    with pytest.raises(HardeningError, match="No such file or directory: 'rpm'"):
        missing(top, names=["x"])


@pytest.mark.parametrize(("there", "asked"), [("sbin/tool", "/usr/sbin/tool"), ("usr/lib/x/tool", "/lib/x/tool")])
def test_a_file_of_a_system_that_is_not_merged_into_usr_is_seen(top, there, asked):
    package = {"packages": [{"name": "tool", "unless": [asked]}]}
    assert report(top, **package)["missing_packages"] == ["tool"]
    (top / there).parent.mkdir(parents=True)
    (top / there).touch()
    assert report(top, **package)["missing_packages"] == []
