# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading, writing and locking the account files; homes; the name of the cloud's user."""

from __future__ import annotations

import fcntl
import os
import signal
import stat

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import account_files
from ansible_collections.hallmark.images.plugins.module_utils.hardening.account_cloud import default_user, name_in
from ansible_collections.hallmark.images.plugins.module_utils.hardening.account_files import Table, locked, read, write
from ansible_collections.hallmark.images.plugins.module_utils.hardening.account_homes import close, is_private, overlap
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

PASSWD = "root:x:0:0::/root:/bin/sh\n# mine\n+::::::\n-gone::::::\nbad:x:1\nbob:x:one:1::/:/bin/sh\n\nnis:x:9:9:::\n"


@pytest.fixture
def top(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (tmp_path / "etc/shadow").write_text("root:$6$secret:1:0:9:7:::\nbob:!$6$secret:1:0:9:7:::\nann::1::::::\n")
    return tmp_path


def test_lines_that_are_no_entries_stay():
    table = Table("passwd", PASSWD)
    assert [row[0] for row in table.rows] == ["root", "nis"]
    assert table.odd == ["bad", "bob"]
    assert table.text() == PASSWD
    table.set(table.rows[1], account_files.SHELL, "/bin/no", "shell")
    assert table.text() == PASSWD.replace("nis:x:9:9:::\n", "nis:x:9:9:::/bin/no\n")
    assert table.changes == [("nis shell", "(empty)", "/bin/no")]


def test_a_write_keeps_mode_and_shows_no_hash(top):
    (top / "etc/shadow").chmod(0o400)
    tree = Tree(str(top))
    tables = read(tree)
    tables["shadow"].set(tables["shadow"].rows[0], account_files.HASH, "!$6$secret", "password")
    tables["shadow"].set(tables["shadow"].rows[2], account_files.HASH, "!", "password")
    write(tree, tables)
    assert stat.S_IMODE((top / "etc/shadow").stat().st_mode) == 0o400
    assert [path.name for path in (top / "etc").iterdir() if path.name.endswith(".new")] == []
    assert "secret" not in repr(tree.result())
    assert [(item["key"], item["before"], item["after"]) for item in tree.changes] == [
        ("root password", "(hash)", "!(hash)"),
        ("ann password", "(empty)", "!"),
    ]
    assert tree.diffs[0]["after"].startswith("root:!(hash):1:0:9:7:::\nbob:!(hash):1")


def test_a_tree_without_accounts_is_one_clear_line(top):
    (top / "etc/shadow").unlink()
    with pytest.raises(HardeningError, match=r"/etc/shadow does not exist in .*; run pwconv there first"):
        read(Tree(str(top)))
    (top / "etc/passwd").unlink()
    with pytest.raises(HardeningError, match=r"/etc/passwd does not exist in .*; give the top of a system's tree"):
        read(Tree(str(top)))


def test_the_lock_is_that_of_lckpwdf(top):
    with locked(Tree(str(top))):
        lock = top / "etc/.pwd.lock"
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        child = os.fork()
        if not child:  # a lock of fcntl(2) is the process's own
            with open(lock, "w") as file:
                try:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_lock_that_another_program_holds_is_waited_for(top):
    lock, told = top / "etc/.pwd.lock", os.pipe()
    child = os.fork()
    if not child:
        with open(lock, "w") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            os.write(told[1], b"x")
            signal.pause()
        os._exit(0)
    os.read(told[0], 1)
    try:
        message = r"/etc/\.pwd\.lock: another program has held it for 0\.2 seconds"
        with pytest.raises(HardeningError, match=message), locked(Tree(str(top)), 0.2):
            pass
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    with locked(Tree(str(top)), 0.2):
        pass


def test_check_mode_makes_no_lock(top):
    with locked(Tree(str(top), check_mode=True)):
        assert not (top / "etc/.pwd.lock").exists()


# --- homes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *"/ /usr /bin /nonexistent /var /var/www /var/lib/x /run/sshd /etc/x /tmp/x /home /srv /opt home/x".split(),
        *"/home/../etc/x /usr/../var/x /proc/1 /mnt/x //".split(),
        "",
    ],
)
def test_folders_of_the_system_are_nobodys_home(path):
    assert not is_private(path)


@pytest.mark.parametrize(
    "path", ["/home/a", "/home/a/", "/srv/sftp/a", "/var/home/a", "/opt/a/b", "//home/a", "/usrx/a"]
)
def test_homes_of_one_account(path):
    assert is_private(path)


def test_roots_home_may_be_one_name_deep():
    assert is_private("/root", is_root=True)
    assert not is_private("/root")
    assert not is_private("/", is_root=True)


@pytest.mark.parametrize(
    ("home", "uid", "found"),
    [
        ("/home/bob", 1000, ""),
        ("/home/bob", 1001, "/home/bob"),  # shared
        ("/home/bob/sub", 1001, "/home/bob"),  # bob could put a link there
        ("/home/web", 1002, "/home/web/app"),  # 0700 would lock app out
        ("/home/bobby", 1003, ""),
    ],
)
def test_homes_that_others_need(home, uid, found):
    others = [("/", 5), ("/nonexistent", 6), ("/var", 7), ("/home/bob", 1000), ("/home/web/app", 33), ("", 8)]
    assert overlap(home, uid, others) == found


def test_a_home_is_closed_and_nothing_below_it(top):
    home = top / "home/bob"
    (home / "sub").mkdir(parents=True, mode=0o755)
    home.chmod(0o755)
    tree = Tree(str(top))
    assert close(tree, "/home/bob", 0o700, os.getuid(), "home of bob") == ""
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "sub").stat().st_mode) == 0o755
    assert tree.changes[0]["before"].endswith(" 0755")
    again = Tree(str(top))
    close(again, "/home/bob", 0o700, os.getuid(), "home of bob")
    assert again.changes == []


def test_a_link_in_place_of_a_home_is_refused(top):
    (top / "home").mkdir()
    (top / "etc").chmod(0o755)
    os.symlink("/etc", top / "home/bob")
    os.symlink("../etc", top / "home/ann")
    for name in ("bob", "ann"):
        assert close(Tree(str(top)), f"/home/{name}", 0o700, 4242, "home").startswith("is no folder")
    assert close(Tree(str(top)), "/home/nobody", 0o700, 4242, "home") == "does not exist"
    assert stat.S_IMODE((top / "etc").stat().st_mode) == 0o755


def test_homes_behind_a_link_of_the_system_are_inside_the_tree(top):
    (top / "var/home/bob").mkdir(parents=True)
    os.symlink("/var/home", top / "home")
    assert close(Tree(str(top)), "/home/bob", 0o711, None, "home") == ""
    assert stat.S_IMODE((top / "var/home/bob").stat().st_mode) == 0o711


# --- cloud-init ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("system_info:\n   default_user:\n     name: debian\n     groups: [a]\n", "debian"),
        ("system_info:\n  default_user:\n    # who\n    lock_passwd: True\n    name: 'ec2-user'  # yes\n", "ec2-user"),
        ("system_info:\n  default_user: {gecos: x, name: ubuntu}\n", "ubuntu"),
        ('{"system_info": {"default_user": {"name": "x"}}}\n', ""),  # not known is not wrong
        ("system_info:\n  default_user:\n    sudo:\n      name: no\n  name: no\n", ""),
        ("#default_user:\n#  name: no\nusers:\n  - name: no\n", ""),
    ],
)
def test_name_of_the_cloud_user(text, name):
    assert name_in(text) == name


def test_the_last_drop_in_counts(top):
    folder = top / "etc/cloud/cloud.cfg.d"
    folder.mkdir(parents=True)
    (top / "etc/cloud/cloud.cfg").write_text("system_info:\n  default_user:\n    name: first\n")
    assert default_user(Tree(str(top))) == "first"
    for number, name in (("10", "second"), ("20", "third")):
        (folder / f"{number}.cfg").write_text(f"system_info:\n  default_user:\n    name: {name}\n")
    (folder / "30.cfg").write_text("system_info:\n  default_user:\n    lock_passwd: true\n")
    (folder / "40.txt").write_text("system_info:\n  default_user:\n    name: no\n")
    assert default_user(Tree(str(top))) == "third"
