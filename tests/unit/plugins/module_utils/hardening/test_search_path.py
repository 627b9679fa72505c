# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from ansible_collections.hallmark.images.plugins.module_utils.hardening.search_path import (
    FILES,
    bad_in,
    clean_all,
    clean_text,
    is_bad,
    paths_of,
    split,
)


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("/a:/b", ["/a", "/b"]),
        ("/a:", ["/a", ""]),
        (":/a", ["", "/a"]),
        ("", [""]),
        ("${PATH:+$PATH:}/a", ["${PATH:+$PATH:}/a"]),
        ("/a${PATH:+:${PATH}}:/b", ["/a${PATH:+:${PATH}}", "/b"]),
        ("$(x a:b):/c", ["$(x a:b)", "/c"]),
        ("`x a:b`:/c", ["`x a:b`", "/c"]),
    ],
)
def test_elements_of_a_path(value, elements):
    assert split(value) == elements


def test_what_is_the_current_directory():
    bad = ["", ".", "..", "./bin", "bin", " ", "$PWD", "$PWD/bin", "${PWD}", "$(pwd)", "`pwd`/x"]
    good = ["/", "/bin", "~/bin", "$PATH", "${HOME}/bin", "$PWDX", "$(x)", "@{HOME}/bin", r"\$PATH"]
    assert [element for element in bad + good if is_bad(element)] == bad


@pytest.mark.parametrize(
    ("kind", "text", "new"),
    [
        ("shell", "PATH=/a:.\n", "PATH=/a\n"),
        ("shell", "  export PATH=$PATH:\n", "  export PATH=$PATH\n"),
        ("shell", 'PATH=".:$PATH" # mine\n', 'PATH="$PATH" # mine\n'),
        ("shell", "PATH='/a::/b'; export PATH\n", "PATH='/a:/b'; export PATH\n"),
        ("shell", "if x; then PATH=.:/a; else PATH=/b:; fi\n", "if x; then PATH=/a; else PATH=/b; fi\n"),
        ("shell", "(PATH=/a:bin)\n", "(PATH=/a)\n"),
        ("shell", "PATH=${PATH:+$PATH:}/a:\n", "PATH=${PATH:+$PATH:}/a\n"),
        ("shell", "PATH=/a,b:.\n", "PATH=/a,b\n"),
        ("login_defs", "ENV_PATH\tPATH=/a:/b:\n", "ENV_PATH\tPATH=/a:/b\n"),
        ("login_defs", "ENV_SUPATH /a:.:/b\n", "ENV_SUPATH /a:/b\n"),
        ("sudoers", 'Defaults\tsecure_path="/a:.:/b"\n', 'Defaults\tsecure_path="/a:/b"\n'),
        ("sudoers", "Defaults    secure_path = /a:/b:\n", "Defaults    secure_path = /a:/b\n"),
        ("sudoers", "Defaults:bob !x, secure_path=/a:, env_reset\n", "Defaults:bob !x, secure_path=/a, env_reset\n"),
    ],
)
def test_the_current_directory_is_taken_out_and_nothing_else(kind, text, new):
    assert bad_in(text, kind) != []
    assert clean_text(f"# x\n{text}y\n", kind)[::2] == (f"# x\n{new}y\n", [])
    assert bad_in(new, kind) == []
    assert clean_text(new, kind) == (new, [], [])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("shell", "# PATH=.\n"),
        ("shell", "MANPATH=.:\nAWKPATH=.\nunset PATH\n"),
        ("shell", 'export PATH="$PATH:${snap_bin_path}"\n'),
        ("shell", 'case ":${PATH}:" in *:"$1":*) ;; *) PATH=$1:$PATH ;; esac\n'),
        ("shell", 'if [ -n "${PATH##*:}" ]; then PATH="/usr/local/sbin:$PATH"; fi\n'),
        ("login_defs", "#ENV_PATH PATH=.\nENV_HZ HZ=100\n"),
        ("sudoers", "# Defaults secure_path=.\nroot ALL=(ALL) ALL\nDefaults !secure_path\n"),
    ],
)
def test_what_is_right_stays(kind, text):
    assert bad_in(text, kind) == []
    assert clean_text(text, kind) == (text, [], [])


@pytest.mark.parametrize("text", ["PATH=\n", "PATH=.\n", 'PATH=""\n', 'PATH="$PATH":.\n', "PATH=/a\\ b:.\n"])
def test_what_cannot_be_mended_safely_is_told(text):
    new, changes, left = clean_text(text, "shell")
    assert (new, changes) == (text, [])
    assert left == [text[5:-1]]


@pytest.fixture
def top(tmp_path):
    for path, text in {
        "etc/passwd": "root:x:0:0::/home/root:/bin/sh\n",
        "etc/environment": 'PATH="/usr/bin:."\n',
        "etc/login.defs": "ENV_PATH PATH=/bin:\n",
        "etc/profile": "PATH=.:$PATH\n",
        "etc/profile.d/x.sh": "PATH=$PATH:.\n",
        "etc/profile.d/x.csh": "PATH=.\n",
        "etc/sudoers": 'Defaults secure_path="/bin:."\n',
        "etc/sudoers.d/x": "Defaults secure_path=/bin:\n",
        "etc/sudoers.d/x.bak": "Defaults secure_path=/bin:\n",
        "etc/crontab": "PATH=/bin:.\n",
        "etc/cron.d/x": "PATH=/bin::/sbin\n",
        "home/root/.bashrc": 'PATH="$PATH":.\n',
        "opt/env.sh": "PATH=bin:/bin\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "etc/sudoers").chmod(0o440)
    (tmp_path / "etc/cron.d/folder").mkdir()
    return tmp_path


def test_all_files_of_a_system_in_one_go(top):
    foretold = Tree(str(top), check_mode=True)
    clean_all(foretold, list(FILES), ["/opt/env.sh"])
    tree = Tree(str(top))
    findings = clean_all(tree, list(FILES), ["/opt/env.sh"])
    assert tree.changes == foretold.changes
    assert {item["path"]: item["after"] for item in tree.changes} == {
        "/etc/environment": '"/usr/bin"',
        "/etc/login.defs": "/bin",
        "/etc/profile": "$PATH",
        "/etc/profile.d/x.sh": "$PATH",
        "/etc/sudoers": '"/bin"',
        "/etc/sudoers.d/x": "/bin",
        "/etc/crontab": "/bin",
        "/etc/cron.d/x": "/bin:/sbin",
        "/opt/env.sh": "/bin",
    }
    assert [item["path"] for item in findings] == ["/home/root/.bashrc"]
    assert stat.S_IMODE((top / "etc/sudoers").stat().st_mode) == 0o440
    again = Tree(str(top))
    assert clean_all(again, list(FILES), ["/opt/env.sh"]) == findings
    assert again.changes == []


def test_scope_chooses_the_files(top):
    tree = Tree(str(top))
    assert paths_of(tree, ["sudoers"], []) == ["/etc/sudoers", "/etc/sudoers.d/x"]
    assert paths_of(tree, [], ["/opt/none.sh"]) == []
    clean_all(tree, ["environment"], [])
    assert [item["path"] for item in tree.changes] == ["/etc/environment"]
