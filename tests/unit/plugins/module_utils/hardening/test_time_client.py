# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.time_client import DROP_IN, TIMESYNCD, set_all
from support.image_tree import make, put

FILES = Path(__file__).parent / "files"
UNITS = "/usr/lib/systemd/system"
OPTIONS = {"client": "auto", "servers": [], "live": "auto"}


@pytest.fixture
def top(tmp_path):
    """An image tree of Debian 12, whose files belong to whoever runs the tests."""
    return make(tmp_path, "debian12")


def timesyncd(top):
    put(top, f"{UNITS}/{TIMESYNCD}")
    put(top, "/etc/systemd/timesyncd.conf", "[Time]\n#NTP=\n#FallbackNTP=ntp.example.org\n")
    put(top, f"/etc/systemd/system/sysinit.target.wants/{TIMESYNCD}")


def chrony(top, unit, path, text):
    put(top, f"{UNITS}/{unit}")
    return put(top, path, text)


def test_servers_of_the_distribution_become_visible(top):
    timesyncd(top)
    tree = Tree(str(top))
    report = set_all(tree, OPTIONS, None)
    assert report == {"client": "timesyncd", "missing_packages": [], "warnings": []}
    assert (top / DROP_IN[1:]).read_text().endswith("[Time]\nFallbackNTP=ntp.example.org\n")
    again = Tree(str(top))
    set_all(again, OPTIONS, None)
    assert again.changes == []


def test_given_servers_come_first(top):
    timesyncd(top)
    set_all(Tree(str(top)), OPTIONS | {"servers": ["10.0.0.1", "10.0.0.2"]}, None)
    assert (top / DROP_IN[1:]).read_text().endswith("[Time]\nNTP=10.0.0.1 10.0.0.2\n")


def test_units_below_lib_count_where_it_is_not_merged_into_usr(top):
    put(top, f"/lib/systemd/system/{TIMESYNCD}")
    put(top, "/lib/systemd/system/chrony.service")
    put(top, "/etc/chrony/chrony.conf", "pool a.example iburst\n")
    assert set_all(Tree(str(top)), OPTIONS, None)["client"] == "chrony"
    units = top / "etc/systemd/system"
    assert os.readlink(units / "multi-user.target.wants/chrony.service") == "/lib/systemd/system/chrony.service"
    assert os.readlink(units / TIMESYNCD) == "/dev/null"


def test_servers_that_nobody_knows_are_a_warning(top):
    timesyncd(top)
    put(top, "/etc/systemd/timesyncd.conf", "[Time]\n#FallbackNTP=\n")
    tree = Tree(str(top))
    assert "none is given" in set_all(tree, OPTIONS, None)["warnings"][0]
    assert tree.changes == []


def test_chrony_is_preferred_and_the_other_masked(top):
    timesyncd(top)
    chrony(top, "chrony.service", "/etc/chrony/chrony.conf", "pool a.example iburst\nsourcedir /etc/chrony/sources.d\n")
    wanted = OPTIONS | {"servers": ["10.0.0.1"]}
    assert set_all(Tree(str(top)), wanted, None)["client"] == "chrony"
    units = top / "etc/systemd/system"
    assert os.readlink(units / TIMESYNCD) == "/dev/null"
    assert os.readlink(units / "multi-user.target.wants/chrony.service") == f"{UNITS}/chrony.service"
    assert "server 10.0.0.1 iburst prefer\n" in (top / "etc/chrony/sources.d/hallmark.sources").read_text()
    again = Tree(str(top))
    set_all(again, wanted, None)
    assert again.changes == []
    # And back again.
    set_all(Tree(str(top)), OPTIONS, None)
    assert not (top / "etc/chrony/sources.d/hallmark.sources").exists()
    assert set_all(Tree(str(top)), OPTIONS | {"client": "timesyncd"}, None)["client"] == "timesyncd"
    assert os.readlink(units / "chrony.service") == "/dev/null"
    assert not (units / TIMESYNCD).is_symlink()


@pytest.mark.parametrize("system", ["rhel8", "rhel9", "amazon2023", "alinux3", "anolis8"])
def test_chrony_of_the_rpm_family_has_a_block(tmp_path, system):
    make(tmp_path, system)
    vendor = "pool 2.example iburst\nsourcedir /run/chrony-dhcp\n"
    conf = chrony(tmp_path, "chronyd.service", "/etc/chrony.conf", vendor)
    put(tmp_path, "/etc/systemd/system/multi-user.target.wants/chronyd.service")
    set_all(Tree(str(tmp_path)), OPTIONS, None)
    assert conf.read_text() == vendor
    set_all(Tree(str(tmp_path)), OPTIONS | {"servers": ["10.0.0.1"]}, None)
    assert conf.read_text() == (
        vendor
        + "# BEGIN hallmark.images.time_client\nserver 10.0.0.1 iburst prefer\n# END hallmark.images.time_client\n"
    )
    set_all(Tree(str(tmp_path)), OPTIONS, None)
    assert conf.read_text() == vendor


@pytest.mark.parametrize(
    ("client", "package"), [("auto", "chrony"), ("chrony", "chrony"), ("timesyncd", "systemd-timesyncd")]
)
def test_a_client_that_is_not_there_is_named(top, client, package):
    tree = Tree(str(top))
    report = set_all(tree, OPTIONS | {"client": client}, None)
    assert report == {"client": "", "missing_packages": [package], "warnings": []}
    assert tree.changes == []


def test_a_running_client_is_told(top):
    timesyncd(top)
    chrony(top, "chrony.service", "/etc/chrony/chrony.conf", "pool a.example\n")
    (top / "run/systemd/system").mkdir(parents=True)
    calls = []

    def run(command):
        calls.append(command)
        return (1, "", "no such\nunit") if "stop" in command else (0, "", "")

    report = set_all(Tree(str(top)), OPTIONS | {"live": "true"}, run)
    assert calls == [
        ["systemctl", "daemon-reload"],
        ["systemctl", "stop", TIMESYNCD],
        ["systemctl", "start", "chrony.service"],
    ]
    assert report["warnings"] == [f"systemctl stop {TIMESYNCD}: no such unit"]
    set_all(Tree(str(top)), OPTIONS | {"live": "true"}, run)
    assert len(calls) == 3
    tree = Tree(str(top), check_mode=True)
    set_all(tree, OPTIONS | {"live": "true", "client": "timesyncd"}, run)
    assert tree.changes
    assert len(calls) == 3


@pytest.mark.parametrize("server", ["", "a b", "a;b", "$(id)"])
def test_bad_servers_are_one_clear_line(top, server):
    timesyncd(top)
    with pytest.raises(HardeningError, match="is no server; write a name or an address"):
        set_all(Tree(str(top)), OPTIONS | {"servers": [server]}, None)
