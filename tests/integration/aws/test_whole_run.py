# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From launch to publication and back to nothing."""

from __future__ import annotations

from support.aws_account import HOME


def test_whole_run(account, modules, launch, build):
    before = account.everything()
    machine = modules.succeed("aws_builder", **launch)
    assert machine["guest"]["host"] == "127.0.0.1"
    again = modules.succeed("aws_builder", **launch)
    assert again["guest"] == machine["guest"]
    assert not again["changed"]
    image = {"build_id": build, "region": HOME, "name": f"web-{build}"}
    captured = modules.succeed("aws_image", publish=False, **image)
    assert captured["images"][0]["name"] == f"web-{build}"
    assert not captured["published"]
    modules.succeed("aws_builder", state="absent", build_id=build, name="builder", leave=["key"])
    published = modules.succeed("aws_image", **image)
    assert published["published"]
    modules.succeed("aws_builder", state="absent", build_id=build)
    after = account.everything()
    new = {name: sorted(set(after[name]) - set(before[name])) for name in after if after[name] != before[name]}
    assert new == {
        f"{HOME} images": [published["images"][0]["id"]],
        f"{HOME} snapshots": published["images"][0]["snapshots"],
    }
    assert modules.succeed("aws_image", **image)["changed"] is False
    modules.succeed("aws_image", state="absent", **image)
    assert account.everything() == before
