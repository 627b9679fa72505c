# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.hardening import boot_loader
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import Tree


def put(top, path, text):
    (top / path).parent.mkdir(parents=True, exist_ok=True)
    (top / path).write_text(text)


def test_kernels_of_grub_cfg(tmp_path):
    put(tmp_path, "boot/grub/grub.cfg", "set x=1\nmenuentry a {\n\tlinux\t/boot/vmlinuz ro\n\tinitrd /boot/i\n}\n")
    assert boot_loader.kernel_lines(Tree(str(tmp_path))) == ["linux\t/boot/vmlinuz ro"]


def test_kernel_options_of_loader_entries_and_grubenv(tmp_path):
    put(tmp_path, "boot/loader/entries/a.conf", "title A\noptions $kernelopts $tuned_params\n")
    put(tmp_path, "boot/loader/entries/a.conf.rpmsave", "options old\n")
    put(tmp_path, "boot/grub2/grubenv", "kernelopts=ro audit=1 audit_backlog_limit=8192\n")
    put(tmp_path, "boot/grub2/grub.cfg", "linux /vmlinuz-of-another-time\n")
    expected = ["options ro audit=1 audit_backlog_limit=8192 $tuned_params"]
    assert boot_loader.kernel_lines(Tree(str(tmp_path))) == expected


def test_without_a_boot_loader_there_are_no_kernels(tmp_path):
    assert boot_loader.kernel_lines(Tree(str(tmp_path))) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"quiet audit=0"', '"quiet audit=1"'),
        ("''", "'audit=1'"),
        ("", "audit=1"),
        ("audit=1 quiet", "quiet audit=1"),
        ("audit_backlog_limit=64", "audit_backlog_limit=64 audit=1"),
    ],
)
def test_arguments_replace_those_of_the_same_name(text, expected):
    assert boot_loader.with_arguments(text, ["audit=1"]) == expected
