# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import selinux
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from support.image_tree import name_root

FILES = Path(__file__).parent / "files"
RPM = ("rhel8", "rhel9", "amazon2023", "alinux3", "anolis8")
CONFIG = """\
# SELINUX= can take one of these three values:
#     disabled - No SELinux policy is loaded.
SELINUX={}
# SELINUXTYPE= can take one of these three values:
SELINUXTYPE=targeted
"""


@pytest.fixture
def top(tmp_path):
    (tmp_path / "etc/selinux/targeted/policy").mkdir(parents=True)
    (tmp_path / "etc/selinux/targeted/policy/policy.33").write_text("")
    name_root(tmp_path)
    return tmp_path


def put(top, system="rhel9", held="permissive", check=False, **others):
    shutil.copy(FILES / system / "os-release", top / "etc/os-release")
    if held:
        (top / "etc/selinux/config").write_text(CONFIG.format(held))
    tree = Tree(str(top), check)
    options = {"state": "enforcing", "policy": "targeted", "from_disabled": False, "live": "auto", **others}
    return tree, selinux.set_all(tree, options)


@pytest.mark.parametrize("system", RPM)
def test_permissive_becomes_enforcing_in_place(top, system):
    tree, report = put(top, system)
    assert (top / "etc/selinux/config").read_text() == CONFIG.format("enforcing")
    change = {"path": "/etc/selinux/config", "key": "SELINUX", "before": "permissive", "after": "enforcing"}
    assert tree.changes == [change]
    assert report == {"left_alone": "", "next_boot": False, "warnings": []}
    assert not (top / ".autorelabel").exists()
    assert put(top, system, "enforcing")[0].changes == []


@pytest.mark.parametrize("system", ["debian12", "ubuntu2404"])
def test_debian_is_left_alone(top, system):
    tree, report = put(top, system)
    assert report["left_alone"] == "SELinux is not at home on this system"
    assert tree.changes == []


def test_a_disabled_system_is_left_alone_unless_told(top):
    tree, report = put(top, held="disabled")
    assert (report["left_alone"], tree.changes) == ("SELinux is disabled", [])
    _tree, report = put(top, held="disabled", from_disabled=True)
    assert report["left_alone"] == ""
    assert "\nSELINUX=enforcing\n" in (top / "etc/selinux/config").read_text()
    assert (top / ".autorelabel").exists()


def test_check_mode_writes_nothing(top):
    tree, _report = put(top, check=True)
    assert len(tree.changes) == 1
    assert (top / "etc/selinux/config").read_text() == CONFIG.format("permissive")


def test_without_a_policy_nothing_is_done(top):
    _tree, report = put(top, held="")
    assert report["left_alone"] == "no SELinux policy is installed"
    (top / "etc/selinux/targeted/policy/policy.33").unlink()
    assert put(top)[1]["left_alone"] == "no SELinux policy is installed"


def test_a_policy_that_is_not_installed_is_refused(top):
    with pytest.raises(HardeningError, match=r"policy: mls is not installed; there is targeted"):
        put(top, policy="mls")


def test_the_running_kernel(top, monkeypatch):
    (top / "enforce").write_text("0")
    monkeypatch.setattr(selinux, "ENFORCE", str(top / "enforce"))
    tree, report = put(top, live="true", check=True)
    assert [item["key"] for item in tree.changes] == ["SELINUX", "running"]
    assert (top / "enforce").read_text() == "0"
    tree, report = put(top, live="true")
    assert (top / "enforce").read_text() == "1"
    assert report["next_boot"] is False
    (top / "enforce").unlink()
    assert put(top, live="true")[1]["next_boot"] is True
