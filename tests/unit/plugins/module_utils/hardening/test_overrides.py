# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import overrides
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.overrides import Wish, persist
from support.image_tree import name_root

DROP_IN = "/etc/tmpfiles.d/x.conf"
SU = Wish("/usr/bin/su", "root", "root", 0o750)


@pytest.fixture
def top(tmp_path):
    for path in ("etc", "var/lib/dpkg", "usr/bin", "usr/lib/tmpfiles.d"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "usr/bin/su").write_text("")
    name_root(tmp_path)
    return tmp_path


def test_dpkg_gets_both_names_of_a_program_and_keeps_other_lines(top):
    (top / "var/lib/dpkg/status").write_text("")
    database = top / "var/lib/dpkg/statoverride"
    database.write_text("root messagebus 4754 /usr/lib/helper\nroot root 4755 /bin/su\n")
    tree = Tree(str(top))
    assert persist(tree, [SU], DROP_IN) is True
    assert database.read_text() == (
        "root messagebus 4754 /usr/lib/helper\nroot root 750 /usr/bin/su\nroot root 750 /bin/su\n"
    )
    assert tree.changes[0]["key"] == "/usr/bin/su"
    assert persist(Tree(str(top)), [SU], DROP_IN) is False
    assert not (top / "etc/tmpfiles.d").exists()


def test_other_systems_get_a_file_of_their_own(top):
    drop_in = top / DROP_IN.lstrip("/")
    (top / "usr/bin/gone").write_text("")
    gone = Wish("/usr/bin/gone", "root", "root", 0o755)
    assert persist(Tree(str(top)), [SU, gone], DROP_IN) is True
    assert drop_in.read_text().splitlines()[1:] == [
        "z /usr/bin/gone 0755 root root - -",
        "z /usr/bin/su 0750 root root - -",
    ]
    assert persist(Tree(str(top)), [SU, gone], DROP_IN) is False
    # What is wished no more stays closed while it exists, and is not allowed.
    assert persist(Tree(str(top)), [], DROP_IN) is False
    (top / "usr/bin/gone").unlink()
    assert persist(Tree(str(top)), [], DROP_IN) is True
    assert persist(Tree(str(top)), [], DROP_IN, frozenset(["/usr/bin/su"])) is True
    assert not drop_in.exists()
    assert persist(Tree(str(top)), [], DROP_IN) is False


def test_lines_of_dpkgs_database_are_read():
    text = "root root 755 /usr/bin/a b\n#5 #6 4755 /x\nbroken\n"
    assert overrides.overrides(text) == {"/usr/bin/a b": ("root", "root", 0o755), "/x": ("#5", "#6", 0o4755)}


def test_boot_modes_come_and_go(top):
    (top / "var/lib/dpkg/status").write_text("")
    line = "z /boot/vmlinuz-* 0600 root root - -"
    hook, drop_in = top / overrides.APT_HOOK.lstrip("/"), top / DROP_IN.lstrip("/")
    assert overrides.boot_modes(Tree(str(top)), [line], DROP_IN) is True
    assert drop_in.read_text().splitlines()[1:] == [line]
    assert f"systemd-tmpfiles --create {DROP_IN} ||" in hook.read_text()
    assert overrides.boot_modes(Tree(str(top)), [line], DROP_IN) is False
    assert overrides.boot_modes(Tree(str(top)), [], DROP_IN) is True
    assert not hook.exists()
    assert not drop_in.exists()


def test_a_system_without_tmpfiles_gets_no_file(top):
    (top / "usr/lib/tmpfiles.d").rmdir()
    assert overrides.boot_modes(Tree(str(top)), ["z /a 0600"], DROP_IN) is False
