# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many steps in one call, on a made-up tree: in order, checked before the first, and waiting for packages."""

from __future__ import annotations

import importlib
import inspect
import os
import re
from types import SimpleNamespace

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import sequence
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError
from ansible_collections.hallmark.images.plugins.modules import harden
from support.image_tree import name_root
from support.role_vars import ROOT


class Module(SimpleNamespace):
    """What steps need of Ansible's own class; the one program that it knows is rpm, with an empty database."""

    def __init__(self, check_mode=False):
        super().__init__(check_mode=check_mode, no_log_values=set(), warnings=[])

    def run_command(self, command, **_options):
        if command[0] != "rpm":
            raise FileNotFoundError(2, "No such file or directory", command[0])
        return 1, "", ""

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture
def top(tmp_path):
    name_root(tmp_path)
    return tmp_path


@pytest.fixture
def steps(top):
    """Makers of steps on the tree: one that writes a file, one that needs a package, one that fails."""

    def write(path, area="", content="x\n", **more):
        return {"area": area, "config_files": {"files": [{"path": path, "content": content}], "root": str(top)}} | more

    def need(area="", *names):
        return {"area": area, "needed_packages": {"names": list(names), "root": str(top)}}

    def fail(area=""):
        return {"area": area, "config_files": {"files": [{"path": "/etc", "state": "absent"}], "root": str(top)}}

    return SimpleNamespace(write=write, need=need, fail=fail)


def module_of(name):
    """The module that runs a step alone."""
    return importlib.import_module(f"ansible_collections.hallmark.images.plugins.modules.{name}")


def taken(result):
    """The area and module of every step that was taken."""
    return [(item["area"], item["module"]) for item in result["results"]]


def test_steps_are_taken_in_order(top, steps):
    given = [steps.write("/etc/a", content="1\n"), steps.need(), steps.write("/etc/a", content="2\n")]
    result = sequence.take_all(Module(), given)
    assert taken(result) == [("", "config_files"), ("", "needed_packages"), ("", "config_files")]
    assert (top / "etc/a").read_text() == "2\n"
    assert [item["changed"] for item in result["results"]] == [True, False, True]
    assert [diff["after"] for diff in result["diff"] if diff["after"] in ("1\n", "2\n")] == ["1\n", "2\n"]


def test_nothing_to_do(steps):
    given = [steps.write("/etc/a"), steps.need()]
    sequence.take_all(Module(), given)
    result = sequence.take_all(Module(), given)
    assert (result["changed"], result["changes"], result["diff"], result["waiting"]) == (False, [], [], [])
    assert sequence.take_all(Module(), [])["results"] == []


def test_what_a_step_returns_is_in_its_result(steps):
    written, needed = sequence.take_all(Module(), [steps.write("/etc/a"), steps.need("pam", "p")])["results"]
    assert written == {"area": "", "module": "config_files", "left_alone": [], "changed": True}
    assert (needed["family"], needed["missing_packages"], needed["changed"]) == ("", ["p"], False)


def test_changes_carry_the_area(steps):
    result = sequence.take_all(Module(), [steps.write("/etc/a", "limits"), steps.write("/etc/b", "pam")])
    assert [(change["area"], change["path"]) for change in result["changes"]] == [
        ("limits", "/etc/a"),
        ("pam", "/etc/b"),
    ]
    assert result["changed"] is True


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"config_files": {"file": []}}, r"^config_files: .*file\. Supported parameters include: files, record, root"),
        ({"area": "limits", "config_files": {}}, "^limits: config_files: missing required arguments: files"),
        ({"area": "limits", "config_files": None}, "^limits: config_files: missing required arguments: files"),
        ({"config_files": {"files": [{"path": "/etc/b"}]}}, "^config_files: state is file but .*content"),
        ({"needed_packages": {"packages": 1}}, "^needed_packages: .*packages.* is of type"),
        ({"no_such": {}}, "^steps: no_such: one module of account_policy, .* and its options are a step$"),
        ({"area": "limits"}, "^steps: a step without a module: one module of "),
        ({"config_files": {"files": []}, "login_defs": {}}, "^steps: config_files, login_defs: one module of "),
    ],
)
def test_every_step_is_checked_before_the_first_is_taken(top, steps, item, message):
    with pytest.raises(HardeningError, match=message):
        sequence.take_all(Module(), [steps.write("/etc/a"), item])
    assert not (top / "etc/a").exists()


@pytest.mark.parametrize(("when", "names"), [(True, ["a", "b"]), (False, ["b"])])
def test_a_step_may_be_left_out(top, steps, when, names):
    result = sequence.take_all(Module(), [steps.write("/etc/a", when=when), steps.write("/etc/b", "x")])
    assert [change["path"] for change in result["changes"]] == [f"/etc/{name}" for name in names]
    assert sequence.take_all(Module(), [{"no_such": {}, "when": False}])["results"] == []


def test_an_area_waits_for_its_packages(top, steps):
    given = [
        steps.write("/etc/before", "pam"),
        steps.need("pam", "libpam-x", "libpam-y"),
        steps.write("/etc/after", "pam"),
        steps.write("/etc/other", "ssh"),
        steps.need("time", "libpam-y", "chrony"),
        steps.write("/etc/late", "time"),
    ]
    result = sequence.take_all(Module(), given)
    assert sorted(path.name for path in (top / "etc").iterdir()) == ["before", "group", "other", "passwd"]
    assert result["waiting"] == ["pam", "time"]
    assert result["missing_packages"] == ["libpam-x", "libpam-y", "chrony"]
    assert [change["path"] for change in result["changes"]] == ["/etc/before", "/etc/other"]


def test_steps_without_an_area_wait_too(top, steps):
    result = sequence.take_all(Module(), [steps.need("", "p"), steps.write("/etc/a"), steps.write("/etc/b", "ssh")])
    assert (result["waiting"], result["changed"]) == ([""], True)
    assert not (top / "etc/a").exists()
    assert (top / "etc/b").exists()


def test_unwanted_packages_are_waited_for(top, steps, monkeypatch):
    report = {"missing_packages": [], "unwanted_packages": ["old"]}
    monkeypatch.setattr(sequence.load("pam_stack"), "apply", lambda _task: dict(report))
    given = [{"area": "pam", "pam_stack": {"root": str(top)}}, steps.write("/etc/a", "pam")]
    result = sequence.take_all(Module(), given)
    assert (result["waiting"], result["unwanted_packages"], result["missing_packages"]) == (["pam"], ["old"], [])
    assert result["changes"] == []
    foretold = sequence.take_all(Module(check_mode=True), given)
    assert foretold["waiting"] == []
    assert foretold["changes"][0] == {
        "area": "pam", "path": "old", "key": "package", "before": "installed", "after": "absent",
    }  # fmt: skip


def test_check_mode_foretells_packages_and_what_comes_after_them(top, steps):
    given = [steps.need("pam", "libpam-x"), steps.write("/etc/a", "pam")]
    result = sequence.take_all(Module(check_mode=True), given)
    assert result["changes"][0] == {
        "area": "pam", "path": "libpam-x", "key": "package", "before": "absent", "after": "installed",
    }  # fmt: skip
    assert [change["path"] for change in result["changes"]] == ["libpam-x", "/etc/a"]
    assert (result["waiting"], result["changed"]) == ([], True)
    assert [item["changed"] for item in result["results"]] == [True, True]
    assert not (top / "etc/a").exists()


def test_a_probe_finds_packages_and_changes_nothing(top, steps, monkeypatch):
    def apply(task):
        task.tree.write("/etc/a", "x\n")
        return {"missing_packages": ["libpam-x"], "unwanted_packages": ["old"]}

    monkeypatch.setattr(sequence.load("pam_stack"), "apply", apply)
    given = [
        steps.need("ssh", "p") | {"probe": True},
        {"area": "pam", "pam_stack": {"root": str(top)}, "probe": True},
        steps.write("/etc/b", "pam"),
    ]
    result = sequence.take_all(Module(), given)
    assert (result["missing_packages"], result["unwanted_packages"], result["waiting"]) == (["p", "libpam-x"], [], [])
    assert [change["path"] for change in result["changes"]] == ["/etc/b"]
    assert taken(result) == [("pam", "config_files")]
    assert not (top / "etc/a").exists()


def test_an_error_names_area_and_step_and_carries_what_changed_before(top, steps):
    given = [steps.write("/etc/a", "limits"), steps.fail("pam"), steps.write("/etc/b", "ssh")]
    with pytest.raises(HardeningError, match=r"^pam: config_files: /etc: is a directory") as caught:
        sequence.take_all(Module(), given)
    result = caught.value.result
    assert (result["changed"], taken(result)) == (True, [("limits", "config_files")])
    assert [(change["area"], change["path"]) for change in result["changes"]] == [("limits", "/etc/a")]
    assert not (top / "etc/b").exists()


def test_an_error_of_the_system_is_one_line_too(top, monkeypatch):
    def apply(_task):
        raise PermissionError(13, "Permission denied", "/etc/shadow")

    monkeypatch.setattr(sequence.load("login_defs"), "apply", apply)
    with pytest.raises(HardeningError, match=r"^login_defs: \[Errno 13\] Permission denied: '/etc/shadow'$"):
        sequence.take_all(Module(), [{"login_defs": {"settings": {}, "root": str(top)}}])


def test_changes_before_and_in_a_failing_step_are_both_carried(top, steps, monkeypatch):
    def apply(task):
        task.tree.note("kernel.x", "0", "1")
        raise HardeningError("The kernel refused: kernel.y", **task.tree.result())

    monkeypatch.setattr(sequence.load("sysctl_set"), "apply", apply)
    with pytest.raises(HardeningError) as caught:
        sequence.take_all(Module(), [steps.write("/etc/a"), {"sysctl_set": {"settings": {}, "root": str(top)}}])
    assert [change["path"] for change in caught.value.result["changes"]] == ["/etc/a", "kernel.x"]


@pytest.mark.parametrize(("lists", "age", "fresh"), [
    (["deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages"], 0, True),
    (["deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages.lz4"], 3500, True),
    (["deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages"], 3700, False),
    (["lock", "partial"], 0, False),
    (None, 0, False),
])  # fmt: skip
def test_lists_of_packages_are_young_for_an_hour(tmp_path, monkeypatch, lists, age, fresh):
    folder = tmp_path / "lists"
    if lists is not None:
        folder.mkdir()
        for name in lists:
            (folder / name).touch()
        now = os.stat(folder).st_mtime
        os.utime(folder, (now - age, now - age))
    monkeypatch.setattr(sequence, "_LISTS", str(folder))
    monkeypatch.setattr(sequence.os.path, "exists", lambda path: path == "/usr/bin/apt-get")
    assert sequence.package_manager() == {"name": "apt", "fresh": fresh}


def test_without_apt_it_is_dnf(monkeypatch):
    monkeypatch.setattr(sequence.os.path, "exists", lambda _path: False)
    assert sequence.package_manager() == {"name": "dnf", "fresh": False}


def test_the_result_tells_the_package_manager(monkeypatch):
    monkeypatch.setattr(sequence, "package_manager", lambda: {"name": "apt", "fresh": True})
    assert sequence.take_all(Module(), [])["package_manager"] == {"name": "apt", "fresh": True}


def test_lists_of_steps_agree():
    known = list(sequence.STEPS)
    files = sorted(path.stem for path in (ROOT / "plugins/module_utils/hardening/steps").glob("[!_]*.py"))
    assert known == files
    assert re.findall(r"^ {8}(\w+),$", inspect.getsource(sequence._taken_along), re.MULTILINE) == known
    assert re.findall(r"M\(hallmark\.images\.(\w+)\)", harden.DOCUMENTATION) == known


def test_modules_that_name_packages_say_so():
    documented = [name for name in sequence.STEPS if "\nmissing_packages:" in module_of(name).RETURN]
    assert sorted(sequence.NAMING_PACKAGES) == documented


@pytest.mark.parametrize("name", sequence.STEPS)
def test_a_step_is_a_module_of_its_own_too(name, monkeypatch):
    step = sequence.load(name)
    assert set(step.OPTIONS["root"]) == {"type", "default"}
    assert callable(step.apply)
    module = module_of(name)
    ran = []
    monkeypatch.setattr(module, "run_module", ran.append)
    module.main()
    assert ran == [step]
