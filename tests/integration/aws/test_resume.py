# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that was killed at any call is run again for the same build: it goes on, and makes one of everything."""

from __future__ import annotations

import secrets

import pytest

from support.aws_account import HOME


@pytest.mark.parametrize("stage", ["aws_builder", "aws_image"])
def test_run_again_after_a_kill_at_any_call(account, modules, guest, state, launch, stage):
    before = account.everything()
    kill = 0
    while True:
        kill += 1
        build = f"20261124t180000-{secrets.token_hex(3)}"
        guest.admit(state / "hallmark" / build / "builder.key.pub")
        machine = {**launch, "build_id": build}
        image = {"build_id": build, "region": HOME, "name": f"web-{build}", "copies": [{"region": "eu-west-1"}]}
        killed = None
        if stage == "aws_builder":
            killed = modules.run("aws_builder", kill=kill, **machine)
        modules.succeed("aws_builder", **machine)
        if stage == "aws_image":
            killed = modules.run("aws_image", kill=kill, **image)
        made = modules.succeed("aws_image", **image)
        modules.succeed("aws_builder", state="absent", build_id=build)
        where = f"killed at call {kill}, {killed.calls[-1]}"
        new = {name: len(ids) - len(before[name]) for name, ids in account.everything().items()}
        wanted = {f"{region} {kind}" for region in (HOME, "eu-west-1") for kind in ("images", "snapshots")}
        assert new == {name: int(name in wanted) for name in new}, where
        assert [item["region"] for item in made["images"]] == [HOME, "eu-west-1"], where
        modules.succeed("aws_image", state="absent", **image)
        assert account.everything() == before, where
        if killed.result:  # it made fewer calls than that, so every one has been tried
            return
