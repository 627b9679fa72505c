# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import set_id, set_id_known, survey
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from support.image_tree import name_root

# Attributes of security.capability as Linux wrote them: setcap cap_net_raw=ep, cap_net_admin,cap_net_raw=p,
# cap_setuid=i, and cap_bpf=ep, one of the high numbers.
RAW = bytes.fromhex("0100000200200000000000000000000000000000")
ADMIN_RAW = bytes.fromhex("0000000200300000000000000000000000000000")
SETUID = bytes.fromhex("0000000200000000800000000000000000000000")
BPF = bytes.fromhex("0100000200000000000000008000000000000000")


def options(**given):
    return {
        "deny": [],
        "allow": [],
        "known": [],
        "unknown": "report",
        "capabilities": "report",
        "persist": True,
        "skip": [],
    } | given


@pytest.fixture
def top(tmp_path):
    for path in ("etc", "usr/bin", "usr/lib/openssh", "opt", "var/lib/dpkg"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    name_root(tmp_path)
    (tmp_path / "var/lib/dpkg/status").write_text("")
    for path in ("usr/bin/mount", "usr/bin/chsh", "usr/lib/openssh/ssh-keysign", "opt/own"):
        (tmp_path / path).write_text("")
        (tmp_path / path).chmod(0o4755)
    return tmp_path


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_denied_programs_lose_their_bits_for_good(top):
    tree = Tree(str(top))
    report = set_id.set_all(tree, options(deny=["/usr/lib/openssh/ssh-keysign", "/bin/chsh", "/usr/bin/none"]))
    assert (mode(top / "usr/lib/openssh/ssh-keysign"), mode(top / "usr/bin/chsh")) == (0o755, 0o755)
    assert (top / "var/lib/dpkg/statoverride").read_text().splitlines() == [
        "root root 755 /usr/lib/openssh/ssh-keysign",
        "root root 755 /usr/bin/chsh",
        "root root 755 /bin/chsh",
    ]
    assert [item["path"] for item in report["set_id"]] == ["/opt/own", "/usr/bin/mount"]
    assert report["set_id"][1] == {"path": "/usr/bin/mount", "mode": "4755", "owner": "root", "group": "root"}
    assert report["unknown"] == ["/opt/own"]
    again = Tree(str(top))
    set_id.set_all(again, options(deny=["/usr/lib/openssh/ssh-keysign", "/bin/chsh"]))
    assert again.changes == []


def test_check_mode_foretells_and_touches_nothing(top):
    given = options(deny=["/opt/own"], unknown="strip")
    dry = Tree(str(top), check_mode=True)
    set_id.set_all(dry, given)
    assert mode(top / "opt/own") == 0o4755
    real = Tree(str(top))
    set_id.set_all(real, given)
    assert dry.changes == real.changes


def test_a_stricter_choice_of_the_administrator_stays(top):
    database = top / "var/lib/dpkg/statoverride"
    (top / "opt/own").chmod(0o4700)
    set_id.set_all(Tree(str(top)), options(deny=["/opt/own"]))
    assert mode(top / "opt/own") == 0o700
    assert database.read_text() == "root root 700 /opt/own\n"


def test_allowed_beats_denied_by_whatever_name(top):
    tree = Tree(str(top))
    report = set_id.set_all(tree, options(deny=["/usr/bin/chsh", "/opt/own"], allow=["/bin/chsh", "/opt/own"]))
    assert tree.changes == []
    assert report["unknown"] == []


def test_unknown_programs_can_lose_their_bits(top):
    given = options(unknown="strip", known=["/usr/lib/openssh/ssh-keysign"])
    report = set_id.set_all(Tree(str(top)), given)
    assert (mode(top / "opt/own"), mode(top / "usr/bin/mount")) == (0o755, 0o4755)
    assert report["unknown"] == ["/opt/own"]
    assert "root root 755 /opt/own\n" in (top / "var/lib/dpkg/statoverride").read_text()
    again = Tree(str(top))
    assert set_id.set_all(again, given)["unknown"] == []
    assert again.changes == []


def test_rpm_systems_keep_what_was_taken_before(top):
    (top / "var/lib/dpkg/status").unlink()
    (top / "etc/os-release").write_text("ID=rocky\n")
    set_id.set_all(Tree(str(top)), options(unknown="strip"))
    drop_in = top / set_id.DROP_IN.lstrip("/")
    assert "z /opt/own 0755 root root - -\n" in drop_in.read_text()
    again = Tree(str(top))
    set_id.set_all(again, options(unknown="strip"))
    assert again.changes == []
    set_id.set_all(again, options(allow=["/opt/own"]))
    assert "/opt/own" not in drop_in.read_text()


def test_on_an_unknown_system_nothing_unknown_is_taken(top):
    (top / "etc/os-release").write_text("ID=slackware\n")
    report = set_id.set_all(Tree(str(top)), options(unknown="strip"))
    assert report["known_release"] is False
    assert mode(top / "usr/bin/mount") == 0o4755
    assert report["failures"][0]["reason"].startswith("no known set for this system")


def test_without_need_the_system_is_not_walked(top, monkeypatch):
    monkeypatch.setattr(survey, "walk", None)
    report = set_id.set_all(Tree(str(top)), options(deny=["/opt/own"], unknown="ignore", capabilities="ignore"))
    assert report["set_id"] == []


def test_capabilities_are_decoded():
    assert set_id.decode(RAW) == {"cap_net_raw"}
    assert set_id.decode(ADMIN_RAW) == {"cap_net_admin", "cap_net_raw"}
    assert set_id.decode(SETUID) == {"cap_setuid"}
    assert set_id.decode(BPF) == {"cap_bpf"}
    assert set_id.decode(RAW[:4]) == set()
    assert set_id.decode(bytes.fromhex("01000002" + "00000000" * 2 + "00020000" + "00000000")) == {"cap_unknown"}


def test_capabilities_are_compared_with_the_known(top, monkeypatch):
    have = {
        "/usr/bin/mount": frozenset(),
        "/usr/bin/ping": frozenset(["cap_net_raw"]),
        "/opt/own": frozenset(["cap_bpf"]),
    }
    (top / "usr/bin/ping").write_text("")
    (top / "usr/bin/ping").chmod(0o755)
    monkeypatch.setattr(set_id, "capabilities", lambda place: have.get(place[len(str(top)) :], frozenset()))
    monkeypatch.setattr(survey.os, "getxattr", lambda place, *_args, **_named: have.get(place[len(str(top)) :], b""))
    removed = []
    monkeypatch.setattr(set_id.os, "removexattr", lambda place, *_args, **_named: removed.append(place))
    report = set_id.set_all(Tree(str(top)), options())
    assert report["unknown_capabilities"] == [{"path": "/opt/own", "capabilities": ["cap_bpf"]}]
    assert removed == []
    assert set_id.set_all(Tree(str(top)), options(allow=["/opt/own"]))["unknown_capabilities"] == []
    tree = Tree(str(top))
    set_id.set_all(tree, options(capabilities="strip"))
    assert removed == [f"{top}/opt/own"]
    assert {"path": "/opt/own", "key": "capabilities", "before": "cap_bpf", "after": "none"} in tree.changes


def test_each_family_has_a_known_set():
    for name, release in (("debian", "12"), ("ubuntu", "24.04"), ("amzn", "2023"), ("alinux", "3"), ("anolis", "8.8")):
        known = set_id_known.known_set_id(f'ID={name}\nVERSION_ID="{release}"\n')
        assert {"/usr/bin/su", "/bin/su", "/usr/bin/sudo", "/usr/sbin/unix_chkpwd"} <= set(known)
    old = "/usr/lib/policykit-1/polkit-agent-helper-1"
    assert old in set_id_known.known_set_id("ID=debian\nVERSION_ID=11\n")
    assert old not in set_id_known.known_set_id("ID=debian\nVERSION_ID=12\n")
    assert set_id_known.known_set_id("ID=slackware\n") is None
    assert set_id_known.known_capabilities("ID=slackware\n") is None
