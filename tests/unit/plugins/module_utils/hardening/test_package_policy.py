# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.package_policy import enforce
from support.role_vars import role_value


def stanza(name, depends="", status="install ok installed"):
    return f"Package: {name}\nStatus: {status}\nArchitecture: all\nDepends: {depends}\n"


def auto(*names):
    return "\n".join(f"Package: {name}\nAuto-Installed: 1\n" for name in names)


@pytest.fixture
def top(tmp_path):
    for folder in ("etc", "var/lib/dpkg", "var/lib/apt", "boot"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/os-release").write_text("ID=debian\n")
    return tmp_path


class Apt:
    """Stands for the tree's package tools: says what apt would do, remembers what it was told."""

    def __init__(self, top, says="", status=0):
        self.top, self.says, self.status, self.calls = top, says, status, []

    def __call__(self, words):
        assert words[:2] == ["chroot", str(self.top)]
        self.calls.append(" ".join(words[2:]))
        self.policy = (self.top / "usr/sbin/policy-rc.d").exists()
        return self.status, self.says, "E: Could not get lock\n" if self.status else ""


def done(top, apt, check_mode=False, packages=(), marks=(), **others):
    (top / "var/lib/dpkg/status").write_text("\n".join(packages))
    (top / "var/lib/apt/extended_states").write_text(auto(*marks))
    tree = Tree(str(top), check_mode)
    lists = {"absent": [], "keep": [], "report": [], "present": {}}
    switches = {"old_kernels": True, "residual": True, "autoremove": True}
    report = enforce(tree, {**lists, **switches, **others}, apt)
    return [item["key"] for item in tree.changes], report


def test_nothing_to_do_calls_nothing(top):
    apt = Apt(top)
    packages = [stanza("bash"), stanza("lib"), stanza("tool", "lib")]
    changes, report = done(top, apt, packages=packages, marks=["lib"], absent=["telnet", "nis"])
    assert (changes, apt.calls) == ([], [])
    assert report == {"manager": "apt", "kept": {}, "missing_packages": [], "found": []}


def test_everything_goes_in_one_call(top):
    (top / "boot/vmlinuz-6.1.0-10-amd64").touch()
    packages = [
        stanza("telnet"),
        stanza("old", status="deinstall ok config-files"),
        stanza("orphan"),
        stanza("linux-image-6.1.0-9-amd64"),
        stanza("linux-image-6.1.0-10-amd64"),
    ]
    says = "Purg telnet [1]\nPurg old [1]\nPurg orphan [1]\nPurg linux-image-6.1.0-9-amd64 [1]\n"
    wanted = ["linux-image-6.1.0-9-amd64", "old", "orphan", "telnet"]
    dry = Apt(top, says)
    assert done(top, dry, check_mode=True, packages=packages, marks=["orphan"], absent=["telnet"])[0] == wanted
    assert dry.calls == ["apt-get -s -q purge --autoremove linux-image-6.1.0-9-amd64 old telnet"]
    apt = Apt(top, says)
    assert done(top, apt, packages=packages, marks=["orphan"], absent=["telnet"])[0] == wanted
    assert apt.calls[1:] == [
        "apt-get -y -q -o DPkg::Lock::Timeout=300 purge --autoremove linux-image-6.1.0-9-amd64 old telnet"
    ]
    assert apt.policy
    assert not (top / "usr/sbin/policy-rc.d").exists()


def test_switches(top):
    packages = [stanza("telnet"), stanza("old", status="deinstall ok config-files"), stanza("orphan")]
    for off in ("residual", "autoremove"):
        apt = Apt(top, "Purg telnet [1]\n")
        done(top, apt, packages=packages, marks=["orphan"], absent=["telnet"], **{off: False})
        assert ("old" in apt.calls[-1], "--autoremove" in apt.calls[-1]) == (off != "residual", off != "autoremove")
    apt = Apt(top)
    assert done(top, apt, packages=packages[:2], absent=["telnet"], keep=["telnet", "old"])[0] == []


def test_no_kernel_goes_while_the_newest_has_no_file(top):
    apt = Apt(top)
    packages = [stanza("linux-image-6.1.0-9-amd64"), stanza("linux-image-6.1.0-10-amd64")]
    assert done(top, apt, packages=packages)[0] == []
    assert apt.calls == []


def test_the_running_kernels_rests_stay(top):
    apt = Apt(top)
    packages = [stanza(f"linux-image-{os.uname().release}", status="deinstall ok config-files")]
    assert done(top, apt, packages=packages)[0] == []


def test_what_a_machine_needs_is_marked_instead_of_removed(top):
    apt = Apt(top)
    packages = [stanza("cloud-init", "helper"), stanza("helper")]
    changes = done(top, apt, packages=packages, marks=["cloud-init", "helper"])[0]
    assert changes == ["cloud-init"]
    assert apt.calls == ["apt-mark manual cloud-init"]


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ("Purg telnet [1]\nRemv sshd [1]\n", "apt would remove sshd too; name what it needs in keep"),
        ("Purg telnet [1]\nInst other (1)\n", "apt would install other for what goes"),
    ],
)
def test_what_was_not_asked_for_is_refused(top, says, message):
    apt = Apt(top, says)
    with pytest.raises(HardeningError, match=message):
        done(top, apt, packages=[stanza("telnet"), stanza("sshd")], absent=["telnet"])
    assert len(apt.calls) == 1


def test_autoremoval_of_a_kernel_is_refused(top):
    apt = Apt(top, "Purg linux-image-6.1.0-10-amd64 [1]\n")
    name = "linux-image-6.1.0-10-amd64"
    with pytest.raises(HardeningError, match=f"autoremove: apt would remove {name}"):
        done(top, apt, packages=[stanza(name)], marks=[name])


def test_a_tool_that_fails_and_bad_names_are_one_clear_line(top):
    with pytest.raises(HardeningError, match=r"^apt-get: E: Could not get lock$"):
        done(top, Apt(top, status=100), packages=[stanza("telnet")], absent=["telnet"])
    for name in ("", "tel*", "a b"):
        with pytest.raises(HardeningError, match=r"absent: .* is no name of a package"):
            done(top, Apt(top), absent=[name])


def test_reports(top):
    packages = [stanza("nginx"), stanza("rpcbind"), stanza("nfs-common", "rpcbind")]
    present = {"debian": ["debsums", "nginx"], "redhat": ["dnf-automatic"]}
    report = done(top, Apt(top), packages=packages, absent=["rpcbind"], report=["nginx", "squid"], present=present)[1]
    assert report == {
        "manager": "apt",
        "kept": {"rpcbind": "nfs-common"},
        "missing_packages": ["debsums"],
        "found": ["nginx"],
    }


def test_a_tree_without_a_package_database(tmp_path):
    report = enforce(Tree(str(tmp_path)), {"absent": [], "keep": []}, None)
    assert report["manager"] == ""


def test_the_role_names_packages_per_family_only_on_request():
    assert role_value("packages", "__packages_present") == {}
    both = role_value("packages", "__packages_present", packages_auto_updates=True, packages_tools=True)
    assert both["debian"][0] == "unattended-upgrades"
    assert "debsums" in both["ubuntu"]
    assert both["amazon"] == ["dnf-automatic"]


def test_files_of_the_role_come_and_go_with_their_switches():
    def states(**variables):
        files = role_value("packages", "__packages_files", **variables)
        return {item["path"].rpartition("/")[2]: item.get("state", "file") for item in files}

    assert states() == {"99hallmark": "file", "99hallmark-updates": "absent", "hallmark.conf": "absent"}
    assert states(packages_apt_settings={})["99hallmark"] == "absent"
    on = states(packages_auto_updates=True, packages_tools=True)
    assert (on["99hallmark-updates"], on["hallmark.conf"], on["automatic.conf"]) == ("file", "file", "file")
