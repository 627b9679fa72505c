# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One walk over all files for all steps of a call: it is made once, and changes nothing of what they find."""

from __future__ import annotations

import os
import shutil
import stat
from types import SimpleNamespace

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import sequence, survey
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree
from support.image_tree import name_root

CALM = {"rules": True, "groups": ["privileged"], "kernel_cmdline": False, "service": False, "mask_journald": False}


@pytest.fixture
def top(tmp_path):
    top = tmp_path / "tree"
    for folder in ("etc/audit/rules.d", "usr/bin", "usr/sbin", "srv/data", "var/lib/docker"):
        (top / folder).mkdir(parents=True)
    (top / "etc/os-release").write_text("ID=debian\nVERSION_ID=12\n")
    name_root(top)
    (top / "usr/sbin/auditd").write_bytes(b"ELF\0")
    modes = {
        "usr/bin/passwd": 0o4755,
        "usr/bin/rcp": 0o4755,
        "usr/bin/own": 0o2755,
        "usr/bin/silent": 0o4644,
        "usr/bin/plain": 0o755,
        "srv/data/tool": 0o4755,
        "srv/data/open": 0o666,
        "var/lib/docker/su": 0o4755,
    }
    for path, mode in modes.items():
        (top / path).write_text("")
        (top / path).chmod(mode)
    return top


class Module(SimpleNamespace):
    """What steps need of Ansible's own class; there is no program in the tree."""

    def __init__(self, check_mode):
        super().__init__(check_mode=check_mode, no_log_values=set())

    def run_command(self, command, **_options):
        raise FileNotFoundError(2, "No such file or directory", command[0])

    def warn(self, text):
        raise AssertionError(text)


def steps(skip=(), world_writable="fix"):
    return [
        {"permission_sweep": {"world_writable": world_writable, "unowned": "ignore", "skip": list(skip)}},
        {"set_id_files": {"deny": ["/usr/bin/rcp"], "persist": False, "skip": list(skip)}},
        {"audit_rules": CALM},
    ]


def harden(top, given, monkeypatch, check_mode=False):
    """The steps' results, and how often the top of the tree was listed."""
    walks, real = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: walks.append(path) or real(path))
    result = sequence.take_all(Module(check_mode), given, str(top))
    monkeypatch.undo()
    return result, walks.count(str(top))


@pytest.mark.parametrize("check_mode", [False, True])
def test_one_walk_finds_what_three_find(top, tmp_path, monkeypatch, check_mode):
    shutil.copytree(top, tmp_path / "other")
    together, walks = harden(top, steps(), monkeypatch, check_mode)
    assert walks == 1
    apart = [harden(tmp_path / "other", [step], monkeypatch, check_mode) for step in steps()]
    assert [count for _result, count in apart] == [1, 1, 1]
    assert together["results"] == [result["results"][0] for result, _count in apart]
    assert together["changes"] == [change for result, _count in apart for change in result["changes"]]
    sweep, set_id, audit = together["results"]
    assert sweep["found"]["world_writable_files"]["paths"] == ["/srv/data/open"]
    # What one step took away is not what the next one finds.
    left = ["/srv/data/tool", "/usr/bin/own", "/usr/bin/passwd", "/usr/bin/silent"]
    assert [item["path"] for item in set_id["set_id"]] == left
    assert audit["programs"] == (sorted([*left, "/usr/bin/rcp"]) if check_mode else left)
    assert stat.S_IMODE((top / "usr/bin/rcp").stat().st_mode) == (0o4755 if check_mode else 0o755)


def test_whoever_leaves_out_other_folders_walks_for_itself(top, monkeypatch):
    result, walks = harden(top, steps(skip=["/srv"]), monkeypatch)
    assert walks == 2
    _sweep, set_id, audit = result["results"]
    assert "/srv/data/tool" not in [item["path"] for item in set_id["set_id"]]
    assert "/srv/data/tool" in audit["programs"]


def test_without_a_sweep_the_next_step_walks_for_all_after_it(top, monkeypatch):
    given = [{"permission_sweep": {"world_writable": "ignore", "unowned": "ignore"}}, *steps()[1:]]
    assert harden(top, given, monkeypatch)[1] == 1


def test_programs_with_capabilities_are_kept_only_for_those_who_ask(top, monkeypatch):
    monkeypatch.setattr(survey.os, "getxattr", lambda place, *_args, **_more: b"x" if "plain" in place else b"")
    tree, kept = Tree(str(top)), {}
    assert survey.survey(tree, [], capabilities=False).capable == []
    assert survey.survey(tree, []).capable == [str(top / "usr/bin/plain")]
    first = survey.survey(tree, [], kept, capabilities=False)
    assert first.capable == [str(top / "usr/bin/plain")]  # the next one may ask
    assert survey.survey(tree, [], kept) is first
