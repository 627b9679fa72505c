# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import file_sweep, permissions
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.permissions import Permissions

ME, MINE = os.getuid(), os.getgid()


@pytest.fixture
def top(tmp_path):
    for path in ("etc", "usr/bin", "usr/local/bin", "var/log/apt", "home/a"):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path).chmod(0o755)
    (tmp_path / "etc/passwd").write_text(
        f"root:x:{ME}:{MINE}::/root:/bin/sh\na:x:{ME or 1000}:{MINE}::/home/a:/bin/sh\n"
    )
    (tmp_path / "etc/group").write_text(f"root:x:{MINE}:\n")
    (tmp_path / "bin").symlink_to("usr/bin")
    return tmp_path


def put(path, mode):
    path.write_text("")
    path.chmod(mode)
    return path


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def item(path, **given):
    return dict.fromkeys(("owner", "group", "mode", "mode_max"), None) | {"path": path, "families": []} | given


def rights(top, check=False):
    return Permissions(Tree(str(top), check))


def test_files_get_their_modes_once(top):
    files = [put(top / f"etc/{name}", 0o664) for name in ("shadow", "key_a", "key_b", ".key_c", "other")]
    items = [
        item("/etc/shadow", owner="root", group="root", mode="0640", families=["debian"]),
        item("/etc/shadow", mode="0000", families=["redhat"]),
        item("/etc/key_*", mode_max="0600"),
        item("/etc/none", mode="0600", group="none"),
    ]
    one = rights(top)
    permissions.set_items(one, items, "debian", [])
    assert [mode(path) for path in files] == [0o640, 0o600, 0o600, 0o664, 0o664]
    assert [change["path"] for change in one.tree.changes] == ["/etc/shadow", "/etc/key_a", "/etc/key_b"]
    assert one.tree.changes[0]["before"].endswith(" 0664")
    again = rights(top)
    permissions.set_items(again, items, "debian", [])
    assert again.tree.changes == []


def test_a_stricter_mode_stays_under_the_most(top):
    file = put(top / "etc/a", 0o400)
    permissions.set_items(rights(top), [item("/etc/a", mode_max="0640")], "debian", [])
    assert mode(file) == 0o400


def test_check_mode_foretells_and_touches_nothing(top):
    file = put(top / "etc/a", 0o666)
    dry = rights(top, check=True)
    permissions.set_items(dry, [item("/etc/a", mode="0600")], "debian", [])
    assert len(dry.tree.changes) == 1
    assert mode(file) == 0o666


def test_paths_can_be_left_alone(top):
    file = put(top / "usr/bin/su", 0o755)
    permissions.set_items(rights(top), [item("/bin/su", mode="0700")], "debian", ["/usr/bin/su"])
    permissions.set_items(rights(top), [item("/bin/su", mode="0700")], "debian", ["/bin/su"])
    assert mode(file) == 0o755


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (item("etc/a", mode="0600"), "etc/a: is no absolute path"),
        (item("/etc/a", mode="384"), "files: /etc/a: mode: '384' is not a mode"),
        (item("/etc/a", mode="0600", mode_max="0600"), "mode and mode_max exclude each other"),
    ],
)
def test_bad_items_are_one_clear_line(wrong, message):
    with pytest.raises(HardeningError, match=message):
        permissions.check_items([wrong])


def test_a_link_put_in_the_way_is_not_followed(top):
    """Somebody who may write the folder swaps the file for a link while the sweep runs."""
    secret, file = put(top / "etc/secret", 0o600), put(top / "etc/bait", 0o666)
    held = os.lstat(file)
    file.unlink()
    file.symlink_to(secret)
    one = rights(top)
    assert one.change(str(file), held, 0o664) is False
    assert mode(secret) == 0o600
    assert one.failures[0]["path"] == "/etc/bait"
    file.unlink()
    os.link(secret, file)
    assert one.change(str(file), held, 0o664) is False
    assert mode(secret) == 0o600
    file.unlink()
    assert one.change(str(file), held, 0o664) is False
    assert len(one.failures) == 2


def test_programs_lose_write_permission_of_others_once(top):
    program = put(top / "usr/bin/a", 0o777)
    behind = put(top / "etc/alternative", 0o775)
    (top / "usr/bin/link").symlink_to("/etc/alternative")
    (top / "usr/bin/X11").symlink_to(".")
    (top / "usr/bin/nowhere").symlink_to("/none")
    one = rights(top)
    permissions.close_programs(one, ["/usr/local/bin", "/usr/bin", "/bin", "/none"])
    assert (mode(program), mode(behind)) == (0o755, 0o755)
    assert sorted(change["path"] for change in one.tree.changes) == ["/etc/alternative", "/usr/bin/a"]


def test_logs_are_closed_and_those_of_logins_keep_their_group(top):
    files = {name: put(top / "var/log" / name, 0o666) for name in ("apt/a.log", "wtmp", "wtmp.1", "btmp-20260101")}
    permissions.close_logs(rights(top), "/var/log", 0o640)
    assert [mode(path) for path in files.values()] == [0o640, 0o664, 0o664, 0o660]


def test_dot_files_of_homes(top):
    home = top / "home/a"
    bashrc, history, plain = (put(home / name, 0o666) for name in (".bashrc", ".bash_history", "open"))
    (home / ".config").mkdir(mode=0o777)
    (home / ".config").chmod(0o777)
    shared = put(top / "etc/shared", 0o666)
    os.link(shared, home / ".second")
    put(home / ".forward", 0o600)
    one = rights(top)
    (top / "etc/passwd").write_text(f"a:x:{ME}:{MINE}::/home/a:/bin/sh\nb:x:1001:1001::/none:/bin/sh\n")
    odd = permissions.close_homes(one)
    assert odd == ["/home/a/.forward"]
    assert [mode(path) for path in (bashrc, history, plain, home / ".config")] == [0o644, 0o600, 0o666, 0o755]
    assert mode(shared) == 0o666


def test_homes_of_people_only(top):
    (top / "etc/passwd").write_text(
        "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\na:x:1000:1000::/home/a/:/bin/sh\n"
        "b:x:1001:1001::/home/a:/bin/sh\nnobody:x:65534:65534::/none:/bin/sh\nbroken\nc:x:1002:1002::/:/bin/sh\n"
    )
    assert permissions.homes(Tree(str(top))) == [(0, 0, "/root"), (1000, 1000, "/home/a")]


def test_the_sweep_closes_what_everybody_may_write(top):
    file, folder, sticky = put(top / "etc/a", 0o666), top / "var/drop", top / "var/tmp"
    for path, bits in ((folder, 0o777), (sticky, 0o1777)):
        path.mkdir()
        path.chmod(bits)
    found = file_sweep.sweep(rights(top), "report", "report", [])
    assert found["world_writable_files"] == {"count": 1, "paths": ["/etc/a"]}
    assert found["world_writable_folders"] == {"count": 1, "paths": ["/var/drop"]}
    assert found["unowned"]["count"] == 0
    assert file_sweep.sweep(rights(top), "fix", "ignore", ["/etc"])["world_writable_files"]["count"] == 0
    one = rights(top)
    file_sweep.sweep(one, "fix", "ignore", [])
    assert (mode(file), mode(folder), mode(sticky)) == (0o664, 0o1777, 0o1777)
    again = rights(top)
    file_sweep.sweep(again, "fix", "ignore", [])
    assert again.tree.changes == []
    assert file_sweep.sweep(again, "ignore", "ignore", [])["unowned"] == {"count": 0, "paths": []}


def test_what_nobody_owns_is_reported_and_can_be_roots(top):
    (top / "etc/passwd").write_text(f"root:x:{ME + 1}:{MINE}::/root:/bin/sh\n")
    file = put(top / "etc/a", 0o4777)
    dry = rights(top, check=True)
    found = file_sweep.sweep(dry, "fix", "root", [])
    assert "/etc/a" in found["unowned"]["paths"]
    change = next(change for change in dry.tree.changes if change["path"] == "/etc/a")
    assert change["after"] == f"0:{MINE} 0775"
    assert mode(file) == 0o4777


def test_long_lists_are_counted():
    found = file_sweep.Found()
    for number in range(1000):
        found.add(str(number))
    assert (found.result()["count"], len(found.result()["paths"])) == (1000, 100)
