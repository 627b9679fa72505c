# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sshd_settings import (
    clean,
    drop_in_counts,
    includes,
    set_all,
    statements,
)
from support.image_tree import name_root

PATH = "/etc/ssh/sshd_config.d/00-hallmark-rhosts.conf"
SETTINGS = {"IgnoreRhosts": "yes", "HostbasedAuthentication": "no"}
BODY = "IgnoreRhosts yes\nHostbasedAuthentication no\n"
BLOCK = f"# BEGIN hallmark.images 00-hallmark-rhosts.conf\n{BODY}# END hallmark.images 00-hallmark-rhosts.conf\n"
DEBIAN = "\nInclude /etc/ssh/sshd_config.d/*.conf\n\n#IgnoreRhosts yes\nUsePAM yes\n"
SAID = DEBIAN.replace("*.conf\n", f"*.conf\n{BLOCK}")
MARK = "# hallmark.images 00-hallmark-rhosts.conf has another value: "
EL8 = "#HostbasedAuthentication no\nUsePAM yes\n\nMatch User anoncvs\n\tHostbasedAuthentication yes\n"


@pytest.fixture
def top(tmp_path):
    (tmp_path / "etc/ssh").mkdir(parents=True)
    name_root(tmp_path)
    return tmp_path


def apply(top, present=True, check_mode=False):
    tree = Tree(str(top), check_mode)
    left = set_all(tree, SETTINGS, PATH, present)
    return tree, left


def main(top):
    return (top / "etc/ssh/sshd_config").read_text()


def test_a_drop_in_where_the_vendor_includes_them(top):
    (top / "etc/ssh/sshd_config").write_text(DEBIAN)
    dry, _left = apply(top, check_mode=True)
    assert not (top / PATH[1:]).exists()
    tree, left = apply(top)
    assert (dry.result(), left) == (tree.result(), [])
    assert (top / PATH[1:]).read_text().endswith(f"lost.\n{BODY}")
    assert stat.S_IMODE((top / PATH[1:]).stat().st_mode) == 0o600
    assert main(top) == SAID
    assert apply(top)[0].changes == []
    apply(top, present=False)
    assert not (top / PATH[1:]).exists()
    assert main(top) == DEBIAN
    assert apply(top, present=False)[0].changes == []


@pytest.mark.parametrize(
    "text",
    [
        EL8,
        "",
        "Include /etc/ssh/other.d/*.conf\n",
        "Match User x\n" + DEBIAN,  # drop-ins for one user only
        "# Include /etc/ssh/sshd_config.d/*.conf\n",
    ],
)
def test_the_top_of_the_file_where_a_drop_in_would_not_count(top, text):
    (top / "etc/ssh/sshd_config").write_text(text)
    (top / "etc/ssh/sshd_config").chmod(0o600)
    tree, _left = apply(top)
    assert main(top) == BLOCK + text
    assert [(item["path"], item["key"], item["after"]) for item in tree.changes] == [
        ("/etc/ssh/sshd_config", "IgnoreRhosts", "yes"),
        ("/etc/ssh/sshd_config", "HostbasedAuthentication", "no"),
    ]
    assert stat.S_IMODE((top / "etc/ssh/sshd_config").stat().st_mode) == 0o600
    assert not (top / PATH[1:]).exists()
    assert apply(top)[0].changes == []
    apply(top, present=False)
    assert main(top) == text


def test_an_old_block_is_brought_up_to_date(top):
    (top / "etc/ssh/sshd_config").write_text("# head\n" + BLOCK.replace("yes", "no") + EL8)
    apply(top)
    assert main(top) == "# head\n" + BLOCK + EL8


def test_a_system_that_learned_to_include_keeps_one_copy(top):
    (top / "etc/ssh/sshd_config").write_text(BLOCK + DEBIAN)
    apply(top)
    assert main(top) == SAID
    assert (top / PATH[1:]).exists()
    assert apply(top)[0].changes == []


def test_a_system_that_lost_its_include_keeps_the_block_alone(top):
    (top / "etc/ssh/sshd_config").write_text(SAID)
    apply(top)
    (top / "etc/ssh/sshd_config").write_text(SAID.replace("Include", "# Include"))
    apply(top)
    assert BLOCK in main(top)
    assert not (top / PATH[1:]).exists()
    assert apply(top)[0].changes == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("IgnoreRhosts no\n" + DEBIAN, f"{MARK}IgnoreRhosts no\n{SAID}"),
        (DEBIAN + "hostbasedauthentication=yes\nUsePAM no", SAID + f"{MARK}hostbasedauthentication=yes\nUsePAM no"),
        (DEBIAN + " IgnoreRhosts shosts-only\n", SAID + f"{MARK} IgnoreRhosts shosts-only\n"),
        (EL8.replace("#Host", "Host").replace("n no", "n yes"), f"{BLOCK}{MARK}HostbasedAuthentication yes{EL8[27:]}"),
    ],
)
def test_lines_that_contradict_become_comments_until_the_settings_go(top, before, after):
    (top / "etc/ssh/sshd_config").write_text(before)
    apply(top)
    assert main(top).rstrip("\n") == after.rstrip("\n")
    assert apply(top)[0].changes == []
    apply(top, present=False)
    assert main(top).rstrip("\n") == before.rstrip("\n")


@pytest.mark.parametrize(
    "line",
    ["IgnoreRhosts YES\n", "#IgnoreRhosts no\n", "Match User x\n\tIgnoreRhosts no\n"],
)
def test_lines_that_do_not_contradict_stay(top, line):
    (top / "etc/ssh/sshd_config").write_text(DEBIAN + line)
    apply(top)
    assert main(top) == SAID + line


def test_two_lists_leave_each_others_block_alone(top):
    (top / "etc/ssh/sshd_config").write_text(DEBIAN)
    other = "/etc/ssh/sshd_config.d/00-hallmark.conf"

    def both():
        tree = Tree(str(top))
        set_all(tree, {"IgnoreRhosts": "no"}, other, True)
        set_all(tree, SETTINGS, PATH, True)
        return tree.changes

    assert both()
    assert both() == []
    assert main(top).count("BEGIN") == 2
    assert "has another value" not in main(top)


def test_keywords_that_add_up_are_not_repeated_or_commented_out(top):
    (top / "etc/ssh/sshd_config").write_text(DEBIAN + "Port 22\nAllowGroups admin\n")
    set_all(Tree(str(top)), {"Port": "2222", "AllowGroups": "sudo"}, PATH, True)
    assert (top / PATH[1:]).read_text().endswith("Port 2222\nAllowGroups sudo\n")
    assert main(top) == SAID.replace(BODY, "AllowGroups sudo\n") + "Port 22\nAllowGroups admin\n"
    set_all(Tree(str(top)), {"Port": "2222"}, PATH, True)
    assert main(top) == DEBIAN + "Port 22\nAllowGroups admin\n"


def test_without_sshd_nothing_is_done(top):
    tree, left = apply(top)
    assert (tree.changes, left) == ([], ["/etc/ssh/sshd_config"])
    assert os.listdir(top / "etc/ssh") == []


def test_statements():
    text = 'Port 22\n# UsePAM no\nIgnoreRhosts=yes\n  banner "none"\nMatch User x\n\tX11Forwarding\tno\nUsePAM\n'
    assert statements(text) == [
        ("port", "22", False),
        ("ignorerhosts", "yes", False),
        ("banner", "none", False),
        ("match", "User x", True),
        ("x11forwarding", "no", True),
        ("usepam", "", True),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/etc/ssh/sshd_config.d/*.conf", True),
        ("sshd_config.d/*.conf", True),
        ('"/etc/ssh/sshd_config.d/*.conf"', True),
        ("/etc/other /etc/ssh/sshd_config.d/*", True),
        ("/etc/ssh/sshd_config.d/50-*.conf", False),
        ("/etc/ssh/*.conf.d/x", False),
    ],
)
def test_include_patterns(value, expected):
    assert includes(value, PATH) is expected


def test_a_value_that_agrees_does_not_hide_the_drop_ins():
    assert drop_in_counts("IgnoreRhosts YES\n" + DEBIAN, SETTINGS, PATH)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Match": "User x"}, "settings: 'Match' is no plain keyword"),
        ({"Ignore Rhosts": "yes"}, "settings: 'Ignore Rhosts' is no"),
        ({"IgnoreRhosts": "yes\nPermitRootLogin yes"}, "settings: IgnoreRhosts: .* is no value"),
        ({"IgnoreRhosts": None}, "settings: IgnoreRhosts: None is no value"),
        ({"IgnoreRhosts": []}, r"settings: IgnoreRhosts: \[\] is no value"),
        ({"IgnoreRhosts": " "}, "settings: IgnoreRhosts: ' ' is no value"),
    ],
)
def test_bad_input_is_one_clear_line(settings, message):
    with pytest.raises(HardeningError, match=message):
        clean(settings)


def test_what_yaml_made_of_yes_and_no():
    assert clean({"IgnoreRhosts": True, "UsePAM": False, "Port": 22}) == {
        "IgnoreRhosts": "yes",
        "UsePAM": "no",
        "Port": "22",
    }
