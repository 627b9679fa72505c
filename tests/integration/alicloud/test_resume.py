# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A launch that was killed at any change is made again for the same build: it goes on, and makes one of everything."""

from __future__ import annotations

import pytest

from support.alicloud_build import Build

READS = ("Describe", "Get", "List")


@pytest.mark.parametrize("lost", [True, False], ids=["answer-lost", "never-made"])
def test_run_again_after_a_kill_at_any_change(cloud, host, lost):
    whole = Build(cloud, host)
    outcome = host.run("alicloud_builder", **whole.options(eip=True))
    there = whole.left()
    assert whole.tear_down() == []
    numbers = [number for number, call in enumerate(outcome.calls, 1) if not call.startswith(READS)]
    for number in numbers:
        build = Build(cloud, host)
        killed = host.run("alicloud_builder", kill=number, lost=lost, **build.options(eip=True))
        where = f"killed at call {number}, {killed.calls[-1]}"
        assert killed.result is None, where
        build.launch(eip=True)
        assert build.left() == there, where
        again = host.run("alicloud_builder", **build.options(eip=True))
        assert again.result["changed"] is False, where
        assert all(call.startswith(READS) for call in again.calls), where
        assert build.tear_down() == [], where
