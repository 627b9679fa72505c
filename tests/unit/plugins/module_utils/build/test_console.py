# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.build import console


def test_the_tail_of_a_console_is_plain_text(tmp_path):
    log = tmp_path / "console.log"
    log.write_bytes(b"first\r\n\x1b[0;32m  OK  \x1b[0m started\r\n\r\nlast\x07\r\n")
    assert console.tail(log, 2) == "  OK   started\nlast"
    assert console.tail(tmp_path / "missing", 2) == ""
