# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.qemu.snapshot import Snapshots, check_name, table_names

# QEMU 7.2.
TWO = """List of snapshots present on all disks:\r
ID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT\r
--        stock              248 MiB 2026-11-24 14:01:02 00:00:48.212           \r
--        later              251 MiB 2026-11-24 14:05:12 00:04:48.212           \r
\r
List of partial (non-loadable) snapshots on 'disk1':\r
ID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT\r
1         half                 0 B 2026-11-24 14:05:12 00:04:48.212           \r
"""


def test_names_are_those_of_the_whole_machine() -> None:
    assert table_names(TWO) == ["stock", "later"]
    assert table_names("There is no snapshot available.\r\n") == []


@pytest.mark.parametrize("name", ["", "1st", "a b", "x" * 40, "a;quit"])
def test_a_name_is_one_harmless_word(name: str) -> None:
    with pytest.raises(HallmarkError, match=r"name: .*a letter, then"):
        check_name(name)
    assert check_name("stock-2") == "stock-2"


def test_a_machine_that_was_never_there(tmp_path) -> None:
    ledger = Ledger("20261124t120000-abcdef", tmp_path)
    with pytest.raises(HallmarkError, match=r"machine 'builder' of build .* does not run"):
        Snapshots(ledger, "builder")
    ledger.open(platform="qemu")
    ledger.intent("runtime", "builder", "t1", {"paths": ["/tmp/none"]})
    ledger.intent("machine", "builder", "no-such-token", {"paths": []})
    with pytest.raises(HallmarkError, match="does not run"):
        Snapshots(ledger, "builder")
