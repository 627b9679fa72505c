# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ast
import json
import os
import subprocess
import sys

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hallmark.images.plugins.module_utils.hardening import data_disk_program, data_disks, mounts
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.data_disks import OPTIONS
from ansible_collections.hallmark.images.plugins.plugin_utils.definition.schema import load_schema
from support.image_tree import name_root

FSTAB = "# a comment\nUUID=1  /  ext4  rw,discard  0 1\n"
LINE = (
    "/dev/disk/by-hallmark/data /data ext4 nodev,nosuid,noauto,nofail,"
    "x-systemd.requires=hallmark-data-disk-data.service,x-systemd.before=local-fs.target,"
    "x-systemd.device-timeout=80,x-systemd.growfs,x-hallmark-data 0 2\n"
)
UNIT = "etc/systemd/system/hallmark-data-disk-data.service"


@pytest.fixture
def top(tmp_path):
    name_root(tmp_path)
    (tmp_path / "etc/fstab").write_text(FSTAB)
    return tmp_path


def checked(*disks):
    """Disks with the defaults of the module, checked."""
    result = ArgumentSpecValidator({"disks": OPTIONS["disks"]}).validate({"disks": list(disks)})
    assert result.error_messages == []
    return data_disks.check(result.validated_parameters["disks"])


def put(top, *disks, check=False, timeout=20):
    tree = Tree(str(top), check)
    data_disks.put(tree, checked(*disks), timeout, "/usr/bin/python3")
    return tree.changes


DATA = {"name": "data", "path": "/data"}


def test_check_mode_foretells_the_first_run_and_a_second_changes_nothing(top):
    foretold = put(top, DATA, check=True)
    assert (top / "etc/fstab").read_text() == FSTAB
    assert not (top / "data").exists()
    assert put(top, DATA) == foretold
    assert (top / "etc/fstab").read_text() == FSTAB + LINE
    assert (top / "data").is_dir()
    assert "Description=Data disk data for /data\n" in (top / UNIT).read_text()
    link = top / "etc/systemd/system/local-fs.target.wants/hallmark-data-disks.service"
    assert os.readlink(link) == "/etc/systemd/system/hallmark-data-disks.service"
    assert (
        "ExecStart=-/bin/systemctl start /data\n"
        in (top / "etc/systemd/system/hallmark-data-disks.service").read_text()
    )
    assert put(top, DATA) == []


def test_what_is_no_longer_wanted_leaves_nothing_behind(top):
    before = {path.relative_to(top) for path in top.rglob("*") if not path.is_dir()}
    put(top, DATA, {"name": "logs", "path": "/srv/logs", "position": 1})
    put(top, {"name": "logs", "path": "/srv/logs", "position": 1})
    assert not (top / UNIT).exists()
    assert "/data" not in (top / "etc/fstab").read_text()
    put(top)
    assert {path.relative_to(top) for path in top.rglob("*") if not path.is_dir()} == before
    assert (top / "etc/fstab").read_text() == FSTAB
    assert put(top) == []


def test_flags_of_the_hardening_stay_and_other_options_follow_the_list(top):
    disk = {"name": "logs", "path": "/var/log", "options": ["nodev", "noatime"]}
    put(top, disk)
    text = (top / "etc/fstab").read_text()
    (top / "etc/fstab").write_text(mounts.edit_fstab(text, {"/var/log": ["nodev", "nosuid", "noexec"]}, False)[0])
    assert "nosuid" in (top / "etc/fstab").read_text()
    assert put(top, disk) != []  # another order of the options, once
    assert put(top, disk) == []
    put(top, {**disk, "options": ["nodev"]}, timeout=5)
    options = (top / "etc/fstab").read_text().splitlines()[-1].split()[3].split(",")
    assert {"nodev", "nosuid", "noexec", "x-systemd.device-timeout=65"} <= set(options)
    assert "noatime" not in options
    put(top, {**disk, "options": ["nodev", "exec"]})
    assert "noexec" not in (top / "etc/fstab").read_text()


def test_the_hardening_of_mounts_leaves_lines_alone_that_it_knows_nothing_of(top):
    put(top, DATA)
    text = (top / "etc/fstab").read_text()
    assert mounts.edit_fstab(text, {"/dev/shm": ["noexec"]}, False)[0].startswith(text)


def test_a_line_of_somebody_else_is_refused(top):
    (top / "etc/fstab").write_text("LABEL=x /data/ ext4 defaults 0 2\n")
    with pytest.raises(HardeningError, match="/etc/fstab: there is another line for /data"):
        put(top, DATA)


def test_the_program_runs_in_the_machine_by_itself(top):
    put(top, DATA)
    program = top / "usr/local/sbin/hallmark-data-disk"
    assert program.stat().st_mode & 0o777 == 0o755
    text = program.read_text()
    assert text.startswith("#!/usr/bin/python3 -I\n")
    imported = {
        alias.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for alias in node.names
    }
    assert imported <= sys.stdlib_module_names
    table = top / "etc/hallmark/data-disks.json"
    assert json.loads(table.read_text())["disks"][0] == {
        "filesystem": "ext4", "group": "root", "label": "data", "mode": "0755", "name": "data", "owner": "root",
        "path": "/data", "serial": "data",
    }  # fmt: skip
    text = text.replace('TABLE = "/etc', f'TABLE = "{top}/etc')
    done = subprocess.run([sys.executable, "-I", "-c", text], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: hallmark-data-disk prepare data\n")


def test_names_become_labels_that_fit():
    long = "a-name-of-20-letters"
    assert checked({"name": long, "path": "/a"})[0]["label"] == "a-name-of-20-let"
    assert checked({"name": long, "path": "/a", "filesystem": "xfs"})[0]["label"] == "a-name-of-20"


@pytest.mark.parametrize(
    ("disk", "message"),
    [
        ({"name": "Data", "path": "/data"}, r"disks\[0\]: name: 'Data': give at most 20 of"),
        ({"name": "d", "path": "data"}, r"disks: d: path: 'data': give an absolute path"),
        ({"name": "d", "path": "/a b"}, r"path: '/a b'"),
        ({"name": "d", "path": "/a/../etc"}, r"path: '/a/../etc'"),
        ({"name": "d", "path": "/var"}, r"disks: d: path: /var holds what the system needs"),
        ({"name": "d", "path": "/usr/lib/x"}, r"path: /usr/lib/x holds what the system needs"),
        ({"name": "d", "path": "/d", "filesystem": "xfs", "label": "x" * 13}, r"label: 'x+': give at most 12"),
        ({"name": "d", "path": "/d", "position": 0}, r"position: 0: give 1"),
        ({"name": "d", "path": "/d", "serial": "a b"}, r"serial: 'a b'"),
        ({"name": "d", "path": "/d", "mode": "755x"}, r"disks: d: mode: '755x' is not a mode"),
        ({"name": "d", "path": "/d", "options": ["nodev,nosuid"]}, r"options: 'nodev,nosuid': give one mount option"),
        ({"name": "d", "path": "/d", "owner": "a:b"}, r"owner: 'a:b'"),
    ],
)
def test_bad_disks_are_refused(disk, message):
    with pytest.raises(HardeningError, match=message):
        checked(disk)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"name": "data", "path": "/b"}, "name: 'data' is also that of data"),
        ({"name": "b", "path": "/data"}, "disks: b: path: '/data' is also that of data"),
        ({"name": "b", "path": "/b", "label": "data"}, "label: 'data' is also"),
        ({"name": "b", "path": "/b", "serial": "data"}, "serial: 'data' is also"),
    ],
)
def test_what_is_there_twice_is_refused(second, message):
    with pytest.raises(HardeningError, match=message):
        checked(DATA, second)


def test_two_ways_to_write_one_device_name_are_one():
    with pytest.raises(HardeningError, match="disks: b: ebs: 'xvdf' is also that of a"):
        checked({"name": "a", "path": "/a", "ebs": "/dev/sdf"}, {"name": "b", "path": "/b", "ebs": "xvdf"})


def test_an_unknown_owner_is_refused_before_anything_changes(top):
    with pytest.raises(HardeningError, match="postgres: no such name in /etc/passwd"):
        put(top, {**DATA, "owner": "postgres"})
    assert not (top / "data").exists()


def test_role_and_definitions_have_the_options_of_the_module(root):
    specs = yaml.safe_load((root / "roles/data_disks/meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    of_role = specs["options"]["data_disks_mounts"]["options"]
    keys = load_schema()["properties"]["data_disks"]["else"]["items"]["else"]["properties"]
    assert set(of_role) == set(keys) == set(OPTIONS["disks"]["options"])
    for name, option in OPTIONS["disks"]["options"].items():
        assert {key: value for key, value in of_role[name].items() if key != "description"} == option
        assert keys[name].get("default") == option.get("default")


def test_unit_and_table_agree_with_the_program():
    assert data_disk_program.LINKS in LINE
    assert f"ExecStart={data_disks.PROGRAM} prepare data\n" in data_disks.unit(checked(DATA)[0])
