# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.cron import enforce
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree

TABLES = ["/etc/crontab", "/etc/cron.d", "/etc/cron.hourly"]


@pytest.fixture
def top(tmp_path):
    for folder in ("etc/cron.d", "usr/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text(f"root:x:{os.getuid()}:{os.getgid()}::/root:/bin/sh\n")
    (tmp_path / "etc/group").write_text(f"root:x:{os.getgid()}:\ncrontab:x:107:\ndaemon:x:1:\n")
    (tmp_path / "etc/crontab").write_text("@daily root true\n")
    (tmp_path / "etc/crontab").chmod(0o644)
    (tmp_path / "etc/cron.d").chmod(0o755)
    for name in ("cron.deny", "at.deny"):
        (tmp_path / "etc" / name).write_text("nobody\n")
    return tmp_path


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def done(top, check_mode=False, **others):
    tree = Tree(str(top), check_mode)
    report = enforce(tree, {"tables": TABLES, "cron_allow": ["root"], "at_allow": ["root"], **others})
    return [(item["path"], item["key"]) for item in tree.changes], report


def test_tables_become_private_and_lists_are_written(top):
    (top / "usr/bin/at").touch()
    wanted = [
        ("/etc/crontab", "attributes"),
        ("/etc/cron.d", "directory"),
        ("/etc/cron.allow", "content"),
        ("/etc/cron.deny", "file"),
        ("/etc/at.allow", "content"),
        ("/etc/at.deny", "file"),
    ]
    assert done(top, check_mode=True) == (wanted, {"absent": ["/etc/cron.hourly"]})
    assert mode(top / "etc/crontab") == 0o644
    assert done(top)[0] == wanted
    assert (mode(top / "etc/crontab"), mode(top / "etc/cron.d")) == (0o600, 0o700)
    assert (top / "etc/crontab").read_text() == "@daily root true\n"
    assert (top / "etc/cron.allow").read_text() == "root\n"
    assert mode(top / "etc/at.allow") == 0o640
    assert not (top / "etc/cron.deny").exists()
    assert done(top)[0] == []


def test_stricter_permissions_stay(top):
    (top / "etc/crontab").chmod(0o400)
    done(top)
    assert mode(top / "etc/crontab") == 0o400


def test_without_at_there_is_no_list_for_it(top):
    done(top)
    assert not (top / "etc/at.allow").exists()
    assert not (top / "etc/at.deny").exists()


def test_lists_can_be_left_alone(top):
    changes, _report = done(top, cron_allow=None, at_allow=None, tables=[])
    assert changes == []
    assert (top / "etc/cron.deny").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to groups")
@pytest.mark.parametrize(("bits", "group"), [(0o2755, 107), (0o4755, 0), (0o755, 0)])
def test_the_list_can_be_read_by_the_group_of_the_program(top, bits, group):
    program = top / "usr/bin/crontab"
    program.touch()
    os.chown(program, 0, 107)
    program.chmod(bits)
    done(top)
    assert (top / "etc/cron.allow").stat().st_gid == group


@pytest.mark.parametrize("name", ["", "two names", "#root", "a\nb"])
def test_a_bad_name_is_one_clear_line(top, name):
    with pytest.raises(HardeningError, match=r"cron_allow: .* is no name of a user") as caught:
        done(top, cron_allow=[name])
    assert "\n" not in str(caught.value)
