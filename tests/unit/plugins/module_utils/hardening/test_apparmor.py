# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import apparmor
from ansible_collections.hallmark.images.plugins.module_utils.hardening.apparmor import (
    complaining,
    is_profile,
    missing_packages,
    set_all,
    without_complain,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from support.image_tree import make, put

FILES = Path(__file__).parent / "files"
STATUS = """Package: apparmor
Status: install ok installed
Architecture: amd64

Package: apparmor-utils
Status: deinstall ok config-files
Architecture: all
"""
OPTIONS = {"exempt": [], "packages": ["apparmor", "apparmor-utils"], "live": "auto"}


@pytest.fixture
def top(tmp_path):
    """An image tree of Debian 12, whose files belong to whoever runs the tests."""
    return make(tmp_path, "debian12")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("profile a /bin/a flags=(complain) {\n", "profile a /bin/a {\n"),
        ("/bin/a flags=(attach_disconnected, complain) {", "/bin/a flags=(attach_disconnected) {"),
        ("/bin/a flags=(complain,attach_disconnected) {", "/bin/a flags=(attach_disconnected) {"),
        ("/bin/a (complain) {", "/bin/a {"),
        ('"/opt/a b" flags = (complain) {', '"/opt/a b" {'),
        ("  ^hat flags=(complain) {", "  ^hat {"),
        ("  profile child flags=(complain) {", "  profile child {"),
        ("@{bin}/a flags=(complain mediate_deleted) {", "@{bin}/a flags=(mediate_deleted) {"),
        ("# profile a flags=(complain) {", "# profile a flags=(complain) {"),
        ("profile a flags=(unconfined) {", "profile a flags=(unconfined) {"),
        ("  mount options=(rw, bind) /complain -> /b,", "  mount options=(rw, bind) /complain -> /b,"),
        ("profile complain /bin/complain {", "profile complain /bin/complain {"),
    ],
)
def test_the_mode_is_taken_out_of_a_profile(text, expected):
    assert without_complain(text) == expected


def test_files_that_the_parser_passes_over():
    names = ["usr.bin.man", ".swp", "usr.bin.man.dpkg-old", "usr.bin.man~", "README"]
    assert [name for name in names if is_profile(name)] == ["usr.bin.man"]


def test_the_kernels_list():
    text = "man (enforce)\na//hat (complain)\nb c (complain)\nd (unconfined)\n"
    assert complaining(text) == ["a//hat", "b c"]


def test_packages_that_are_missing():
    assert missing_packages(STATUS, OPTIONS["packages"]) == ["apparmor-utils"]
    assert missing_packages("", ["apparmor"]) == ["apparmor"]


def profiles(top):
    put(top, "/var/lib/dpkg/status", STATUS)
    put(top, "/usr/lib/systemd/system/apparmor.service")
    for name in ("a", "b", "c", "off"):
        put(top, f"/etc/apparmor.d/{name}", f"profile {name} flags=(complain) {{\n}}\n")
    for folder, name in (("disable", "off"), ("force-complain", "d")):
        (top / f"etc/apparmor.d/{folder}").mkdir()
        (top / f"etc/apparmor.d/{folder}/{name}").symlink_to(f"/etc/apparmor.d/{name}")
    put(top, "/etc/apparmor.d/d", "profile d {\n}\n")
    put(top, "/etc/apparmor.d/abstractions/base", "/x flags=(complain) {\n")


def test_all_profiles_enforce_and_nothing_is_loaded_in_a_tree(top):
    profiles(top)
    put(top, "/sys/kernel/security/apparmor/profiles", "a (complain)\n")
    tree = Tree(str(top))
    report = set_all(tree, OPTIONS | {"exempt": ["b"]}, None)
    assert report == {"left_alone": "", "missing_packages": ["apparmor-utils"], "warnings": []}
    assert [change["path"].removeprefix("/etc/") for change in tree.changes] == [
        "apparmor.d/a",
        "apparmor.d/c",
        "apparmor.d/force-complain/d",
        "systemd/system/sysinit.target.wants/apparmor.service",
    ]
    again = Tree(str(top))
    set_all(again, OPTIONS | {"exempt": ["b"]}, None)
    # The link leads to a file of the tree, as its own system will see it.
    assert again.changes == []


@pytest.mark.parametrize("system", ["rhel9", "amazon2023", "alinux3"])
def test_other_systems_are_left_alone(tmp_path, system):
    profiles(make(tmp_path, system))
    tree = Tree(str(tmp_path))
    assert set_all(tree, OPTIONS, None)["missing_packages"] == []
    assert tree.changes == []


class Parser:
    """Stands for apparmor_parser: loads a file's profile as the file says; one of them has another name."""

    def __init__(self, top, stubborn=""):
        self.top, self.calls, self.stubborn = top, [], stubborn
        self.loaded = put(top, apparmor.LOADED, "man (enforce)\na (complain)\n/bin/d (complain)\n")

    def __call__(self, command):
        self.calls.append(command[3:])
        text = self.loaded.read_text()
        for path in command[3:]:
            name = path.rpartition("/")[2]
            text = text.replace(f"{name} (complain)", f"{name} (enforce)")
        self.loaded.write_text(text + self.stubborn)
        self.stubborn = ""
        return 0, "", ""


def test_changed_profiles_are_loaded_and_all_when_that_was_not_enough(top):
    profiles(top)
    run = Parser(top)
    tree = Tree(str(top))
    assert set_all(tree, OPTIONS | {"live": "true"}, run)["warnings"] == []
    assert run.calls == [[f"/etc/apparmor.d/{name}" for name in "abcd"]]
    run.loaded.write_text("/bin/d (complain)\n")
    again = Tree(str(top))
    set_all(again, OPTIONS | {"live": "true"}, run)
    assert [change["path"] for change in again.changes] == ["kernel"]
    set_all(Tree(str(top)), OPTIONS | {"live": "true"}, run)
    assert len(run.calls) == 2


def test_a_profile_that_goes_on_complaining_is_a_warning_and_no_change(top):
    profiles(top)
    run = Parser(top)
    set_all(Tree(str(top)), OPTIONS | {"live": "true"}, run)
    run.loaded.write_text("snap.x (complain)\n")
    tree = Tree(str(top))
    report = set_all(tree, OPTIONS | {"live": "true"}, run)
    assert "snap.x" in report["warnings"][0]
    assert tree.changes == []


def test_check_mode_loads_nothing(top):
    profiles(top)
    run = Parser(top)
    tree = Tree(str(top), check_mode=True)
    set_all(tree, OPTIONS | {"live": "true"}, run)
    assert run.calls == []
    assert "complain" in (top / "etc/apparmor.d/a").read_text()
    assert tree.changes[-1]["path"] == "kernel"
