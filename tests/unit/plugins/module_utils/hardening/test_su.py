# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import groups, su
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.permissions import Permissions

DEBIAN = """\
# The PAM configuration file for su
auth       sufficient pam_rootok.so
# auth       required   pam_wheel.so
# auth       sufficient pam_wheel.so trust
@include common-auth
"""
REDHAT = """\
#%PAM-1.0
auth\t\tsufficient\tpam_rootok.so
#auth\t\trequired\tpam_wheel.so use_uid
auth\t\tsubstack\tsystem-auth
"""
RULE = "auth       required   pam_wheel.so use_uid group=sugroup"


@pytest.fixture
def top(tmp_path):
    me, mine = os.getuid(), os.getgid()
    for path in ("etc/pam.d", "usr/bin"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "usr/bin/su").write_text("")
    (tmp_path / "usr/bin/su").chmod(0o4755)
    (tmp_path / "etc/pam.d/su").write_text(DEBIAN)
    (tmp_path / "etc/passwd").write_text(f"root:x:{me}:{mine}::/root:/bin/sh\npolkitd:x:998:997::/:/bin/false\n")
    (tmp_path / "etc/group").write_text(f"root:x:{mine}:\nx:x:999:\npolkitd:x:997:")
    (tmp_path / "etc/gshadow").write_text("root:*::\n")
    return tmp_path


@pytest.mark.parametrize("text", [DEBIAN, REDHAT])
def test_the_rule_stands_right_after_root(text):
    lines = su.set_rule(text, "sugroup").splitlines()
    assert lines[1].split()[1:] == ["sufficient", "pam_rootok.so"]
    assert lines[2] == RULE
    assert [line for line in lines if line != RULE] == text.splitlines()
    assert su.set_rule(su.set_rule(text, "sugroup"), "sugroup") == su.set_rule(text, "sugroup")


def test_another_rule_is_replaced_and_other_uses_of_the_module_stay():
    trust = "auth sufficient pam_wheel.so trust\nauth required pam_wheel.so deny group=nosu\n"
    text = DEBIAN + "auth required pam_wheel.so\n" + trust
    new = su.set_rule(text, "sugroup")
    assert new.count("required pam_wheel.so\n") == 0
    assert new.endswith(trust)


def test_without_root_first_nothing_is_done():
    with pytest.raises(HardeningError, match="has no line 'auth sufficient pam_rootok"):
        su.set_rule("auth required pam_unix.so\n", "sugroup")


def test_root_only(top):
    tree = Tree(str(top))
    su.set_su(tree, Permissions(tree), "root_only", "sugroup")
    assert stat.S_IMODE((top / "usr/bin/su").stat().st_mode) == 0o750
    assert RULE in (top / "etc/pam.d/su").read_text()
    assert (top / "etc/group").read_text().endswith("polkitd:x:997:\nsugroup:x:998:\n")
    assert (top / "etc/gshadow").read_text() == "root:*::\nsugroup:!::\n"
    assert (top / su.DROP_IN.lstrip("/")).read_text().endswith("z /usr/bin/su 0750 root root - -\n")
    again = Tree(str(top))
    su.set_su(again, Permissions(again), "root_only", "sugroup")
    assert again.changes == []


def test_check_mode_knows_the_group_that_would_be_made(top):
    dry = Tree(str(top), check_mode=True)
    su.set_su(dry, Permissions(dry), "group", "sugroup")
    change = next(item for item in dry.changes if item["path"] == "/usr/bin/su")
    assert change["after"] == f"{os.getuid()}:998 4750"
    assert "sugroup" not in (top / "etc/group").read_text()


def test_the_vendors_su_and_no_su_are_left_alone(top):
    tree = Tree(str(top))
    su.set_su(tree, Permissions(tree), "vendor", "sugroup")
    (top / "usr/bin/su").unlink()
    (top / "etc/pam.d/su").unlink()
    su.set_su(tree, Permissions(tree), "root_only", "sugroup")
    assert tree.changes == []


def test_a_group_that_exists_keeps_number_and_members(top):
    (top / "etc/group").write_text("sugroup:x:500:a\n")
    tree = Tree(str(top))
    assert groups.add_group(tree, "sugroup") == 500
    assert tree.changes == []
    assert groups.members("sugroup:x:500:a,b\n", "sugroup") == ["a", "b"]


@pytest.mark.parametrize("name", ["", "a:b", "9x", "Wheel", "a b"])
def test_names_that_would_break_the_database_are_refused(top, name):
    with pytest.raises(HardeningError, match="is no name of a group"):
        groups.add_group(Tree(str(top)), name)


def test_when_no_number_is_left_it_says_so(top):
    (top / "etc/group").write_text("".join(f"g{number}:x:{number}:\n" for number in range(100, 1000)))
    with pytest.raises(HardeningError, match="no number between 100 and 999 is left for group sugroup"):
        groups.add_group(Tree(str(top)), "sugroup")


def test_members_are_those_that_exist(top):
    tree = Tree(str(top))
    groups.add_group(tree, "proc")
    assert groups.add_members(tree, "proc", ["polkitd", "nobody-here"]) is True
    assert "proc:x:998:polkitd\n" in (top / "etc/group").read_text()
    assert "proc:!::polkitd\n" in (top / "etc/gshadow").read_text()
    assert groups.add_members(tree, "proc", ["polkitd", "nobody-here"]) is False
