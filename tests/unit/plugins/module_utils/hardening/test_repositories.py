# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.repositories import Ini, enforce, is_clear, same
from support.image_tree import name_root
from support.role_vars import role_value

REPOSITORY = """\
# Vendor's words stay.
[base]
name=Base
baseurl=https://repo.invalid/base
  https://other.invalid/base
gpgcheck = 0

; gpgcheck=1
[base-debuginfo]
name=Debug
baseurl=https://repo.invalid/debug

[extra]
name=Extra
gpgcheck=yes
enabled=False
"""


@pytest.fixture
def top(tmp_path):
    for folder in ("etc/dnf", "etc/yum.repos.d", "usr/bin"):
        (tmp_path / folder).mkdir(parents=True)
    name_root(tmp_path)
    (tmp_path / "etc/dnf/dnf.conf").write_text("[main]\ngpgcheck=1\nbest=False\n")
    (tmp_path / "etc/yum.conf").symlink_to("dnf/dnf.conf")
    (tmp_path / "etc/yum.repos.d/base.repo").write_text(REPOSITORY)
    return tmp_path


def options(**others):
    return {
        "main": role_value("yum", "__yum_main"),
        "repositories": role_value("yum", "__yum_repositories"),
        "exempt": [],
        "disable": role_value("yum", "yum_disable_repos"),
        "disable_clear_text": True,
        "remove_files": role_value("yum", "yum_remove_files"),
        **others,
    }


def done(top, check_mode=False, **others):
    """What changed as `path: section key`, and the report."""
    tree = Tree(str(top), check_mode)
    report = enforce(tree, options(**others))
    return [f"{item['path'].rpartition('/')[2]}: {item['key']}" for item in tree.changes], report


def test_every_section_is_brought_to_the_policy_in_place(top):
    (top / "etc/yum.repos.d/CentOS-Vault.repo").write_text("[C7-base]\nname=old\n")
    (top / "etc/yum.repos.d/notes.txt").write_text("[base]\ngpgcheck=0\n")
    wanted = [
        "dnf.conf: [main] localpkg_gpgcheck",
        "dnf.conf: [main] clean_requirements_on_remove",
        "dnf.conf: [main] best",
        "CentOS-Vault.repo: file",
        "base.repo: [base] gpgcheck",
        "base.repo: [base-debuginfo] gpgcheck",
        "base.repo: [base-debuginfo] enabled",
    ]
    assert done(top, check_mode=True)[0] == wanted
    assert (top / "etc/yum.repos.d/base.repo").read_text() == REPOSITORY
    changes, report = done(top)
    assert changes == wanted
    assert (top / "etc/yum.repos.d/base.repo").read_text() == REPOSITORY.replace("gpgcheck = 0", "gpgcheck=1").replace(
        "repo.invalid/debug\n", "repo.invalid/debug\ngpgcheck=1\nenabled=0\n"
    )
    assert (top / "etc/dnf/dnf.conf").read_text() == (
        "[main]\ngpgcheck=1\nbest=True\nlocalpkg_gpgcheck=1\nclean_requirements_on_remove=1\n"
    )
    assert (top / "etc/yum.conf").is_symlink()
    assert not (top / "etc/yum.repos.d/CentOS-Vault.repo").exists()
    assert (top / "etc/yum.repos.d/notes.txt").read_text() == "[base]\ngpgcheck=0\n"
    assert report == {
        "repositories": ["base", "base-debuginfo", "extra"],
        "exempt": [],
        "disabled": ["base-debuginfo"],
        "unverified": [],
    }
    assert done(top)[0] == []


def test_exempt_repositories_keep_their_words(top):
    changes, report = done(top, exempt=["BASE"])
    assert "base.repo: [base] gpgcheck" not in changes
    assert (report["exempt"], report["unverified"]) == (["base"], ["base"])
    assert "gpgcheck = 0" in (top / "etc/yum.repos.d/base.repo").read_text()


def test_an_exempt_repository_in_clear_text_is_switched_off(top):
    path = top / "etc/yum.repos.d/base.repo"
    path.write_text(REPOSITORY.replace("https://other", "http://other"))
    assert done(top, exempt=["base"], disable_clear_text=False)[1]["unverified"] == ["base"]
    assert "base.repo: [base] enabled" in done(top, exempt=["base"])[0]
    assert "gpgcheck = 0\nenabled=0\n" in path.read_text()


def test_a_repository_without_the_key_inherits(top):
    (top / "etc/yum.repos.d/base.repo").write_text("[local]\nbaseurl=file:///repo\n")
    assert done(top, exempt=["local"])[1]["unverified"] == []
    (top / "etc/dnf/dnf.conf").write_text("[main]\n")
    assert done(top, main={}, exempt=["local"])[1]["unverified"] == ["local"]


def test_a_link_to_a_file_of_repositories_is_followed_once(top):
    (top / "etc/yum.repos.d/base.repo").rename(top / "etc/base.repo")
    for name in ("one.repo", "two.repo"):
        (top / "etc/yum.repos.d" / name).symlink_to("/etc/base.repo")
    changes, report = done(top)
    assert len([item for item in changes if item.startswith("two.repo")]) == 0
    assert report["repositories"] == ["base", "base-debuginfo", "extra"]
    assert (top / "etc/yum.repos.d/one.repo").is_symlink()
    assert "gpgcheck=1" in (top / "etc/base.repo").read_text()


def test_other_files_with_settings(top):
    (top / "etc/yum.conf").unlink()
    (top / "etc/yum.conf").write_text("[main]\ngpgcheck=0\n")
    (top / "etc/yum/pluginconf.d").mkdir(parents=True)
    (top / "etc/yum/pluginconf.d/rhnplugin.conf").write_text("[main]\nenabled = 0\n")
    (top / "etc/dnf/dnf.conf").write_text("[main]\nreposdir=/srv/repos, /srv/more\n[inline]\nbaseurl=https://x/\n")
    (top / "srv/repos").mkdir(parents=True)
    (top / "srv/repos/here.repo").write_text("[here]\n")
    report = done(top)[1]
    assert report["repositories"] == ["inline", "here"]
    assert (top / "etc/yum.conf").read_text() == "[main]\ngpgcheck=1\nlocalpkg_gpgcheck=1\n"
    assert (top / "etc/yum/pluginconf.d/rhnplugin.conf").read_text() == "[main]\nenabled = 0\ngpgcheck=1\n"
    assert (top / "etc/dnf/dnf.conf").read_text().endswith("[inline]\nbaseurl=https://x/\ngpgcheck=1\n")
    assert (top / "srv/repos/here.repo").read_text() == "[here]\ngpgcheck=1\n"
    assert (top / "etc/yum.repos.d/base.repo").read_text() == REPOSITORY  # dnf does not read it


def test_without_a_configuration_dnf_gets_one_and_debian_none(top):
    (top / "etc/dnf/dnf.conf").unlink()
    (top / "etc/yum.repos.d/base.repo").unlink()
    assert done(top)[0] == []
    (top / "usr/bin/dnf").touch()
    done(top)
    assert (top / "etc/dnf/dnf.conf").read_text().startswith("[main]\ngpgcheck=1\n")
    assert done(top)[0] == []


# What libdnf 0.69 said of the same texts.
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[a]\nname=a\n  gpgcheck=0\n", None),
        ("[a]\ngpgcheck=1\ngpgcheck=0\n", "0"),
        ("[a]\ngpgcheck=1\n[b]\nname=b\n[a]\ngpgcheck=0\n", "0"),
        ("[a]\ngpgcheck=1\n  0\n", "1\n0"),
        ("[a]\nGPGCHECK=0\n", None),
        ("[a]\ngpgcheck = No\n; gpgcheck=1\n#gpgcheck=1\n", "No"),
        ("[a]\ngpgcheck=1\n  \n", "1"),
        (" [a]\ngpgcheck=0", "0"),
        ("[a] # note\ngpgcheck=0", "0"),
        ("gpgcheck=0\n", None),
    ],
)
def test_files_are_read_as_dnf_reads_them_and_set_so_that_it_agrees(text, value):
    ini = Ini(text, "a.repo")
    assert ini.get("a", "gpgcheck") == value
    ini.set("a", "gpgcheck", "1")
    assert same(Ini(ini.text(), "a.repo").get("a", "gpgcheck"), "1")
    assert ini.set("a", "gpgcheck", "1") is None


def test_words_that_dnf_understands_alike():
    assert all(same(word, "1") for word in ("1", "True", "yes", "ON"))
    assert not any(same(word, "1") for word in ("0", "False", "", None, "2", "1\n0"))


def test_addresses_in_clear_text():
    ini = Ini("[a]\nbaseurl=https://x/,\n  HTTP://y/\n[b]\nmirrorlist=http://x/\n[c]\nmetalink=https://x/http://\n", "")
    assert [is_clear(ini, name) for name in "abc"] == [True, True, False]


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"disable": ["*"]}, r"disable: '\*' would mean every repository"),
        ({"exempt": [" "]}, "exempt: ' ' would mean every repository"),
        ({"main": {"gpg check": 1}}, "main: gpg check: 1 is no setting"),
        ({"repositories": {"gpgcheck": "1\n[x]"}}, "repositories: gpgcheck: .* is no setting"),
        ({"repositories": {"gpgcheck": [1]}}, "repositories: gpgcheck: .* is no setting"),
        ({"remove_files": ["../passwd"]}, "remove_files: '../passwd' is no name of a file"),
    ],
)
def test_bad_input_is_one_clear_line_and_changes_nothing(top, others, message):
    with pytest.raises(HardeningError, match=message) as caught:
        done(top, **others)
    assert "\n" not in str(caught.value)
    assert (top / "etc/yum.repos.d/base.repo").read_text() == REPOSITORY


@pytest.mark.parametrize(
    ("variables", "main", "repositories"),
    [
        ({"yum_gpgcheck": False}, {"localpkg_gpgcheck", "clean_requirements_on_remove", "best"}, set()),
        ({"yum_localpkg_gpgcheck": False}, {"gpgcheck", "clean_requirements_on_remove", "best"}, {"gpgcheck"}),
        ({"yum_clean_on_remove": False, "yum_best": False}, {"gpgcheck", "localpkg_gpgcheck"}, {"gpgcheck"}),
        ({"yum_repo_gpgcheck": True}, None, {"gpgcheck", "repo_gpgcheck"}),
    ],
)
def test_switches_of_the_role(variables, main, repositories):
    assert set(role_value("yum", "__yum_repositories", **variables)) == repositories
    if main:
        assert set(role_value("yum", "__yum_main", **variables)) == main
