# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module is killed at every single call that it makes; then reap alone: the account is what it was.

Each call is a case: it takes effect and its answer is lost. Each that changes something is one more: it is never made
(what the call before it did stands in the ledger by then).
"""

from __future__ import annotations

import secrets
import shutil

import pytest

from support.aws_account import HOME, REGIONS

STAGES = ("launch", "capture", "publish")
NEEDED = {"launch": "RunInstances", "capture": "CreateImage", "publish": "CopyImage"}
READS = ("Describe", "Get")
ABROAD = [region for region in REGIONS if region != HOME]
#: Where one copy is all that is published, and encrypted with a key.
AWAY = ABROAD[0]
KEY = f"arn:aws:kms:{AWAY}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ONLY_THE_COPY = {"copies": [{"region": AWAY, "kms_key_id": KEY}], "keep_in_build_region": False}
#: By the name of a series: the stage, further options of the launch, and of the image.
SERIES = {
    **{stage: (stage, {}, {}) for stage in STAGES},
    "launch-on-spot": ("launch", {"market": "spot", "spot_max_price": "0.05"}, {}),
    "publish-only-a-copy": ("publish", {}, ONLY_THE_COPY),
}
#: To publish changes what its copy alone changes, once more for each region: half of that series shows nothing new.
CASES = [(series, lost) for series in SERIES for lost in (True, False) if (series, lost) != ("publish", False)]


def _steps(launch, build, more):
    image = {"build_id": build, "region": HOME, "name": f"web-{build}"}
    published = {"copies": [{"region": region} for region in ABROAD], "launch_users": ["123456789012"]}
    return {
        "launch": ("aws_builder", launch),
        "capture": ("aws_image", {**image, "publish": False}),
        "publish": ("aws_image", {**image, **published, "deprecate_at": "+90d", **more}),
    }


def _with_build(launch, guest, state, more):
    build = f"20261124t180000-{secrets.token_hex(3)}"
    guest.admit(state / "hallmark" / build / "builder.key.pub")
    return _steps({**launch, "build_id": build}, build, more), build


def _published(state, build, regions):
    text = state / "hallmark" / build / "ledger.jsonl"
    return text.exists() and text.read_text().count('"released"') == len(regions)


def after_publication(account, before, regions):
    """Whether there is one image more in each region, and of nothing else more than before but its snapshot."""
    new = {name: len(ids) - len(before[name]) for name, ids in account.everything().items()}
    made = {f"{region} {kind}" for region in regions for kind in ("images", "snapshots")}
    return new == {name: int(name in made) for name in new}


def _up_to(modules, steps, stage):
    """Run the stages before one; module and options of that."""
    for earlier in STAGES[: STAGES.index(stage)]:
        module, options = steps[earlier]
        modules.succeed(module, **options)
    return steps[stage]


def _calls(launch, guest, state, modules, stage, more):
    """The calls of a stage that nobody kills; its build is removed as a whole."""
    steps, build = _with_build(launch, guest, state, more)
    module, options = _up_to(modules, steps, stage)
    outcome = modules.run(module, **options)
    assert outcome.result, outcome.output
    assert not outcome.result.get("failed"), outcome.result["msg"]
    modules.succeed("aws_image", state="absent", **steps["publish"][1])
    modules.succeed("aws_builder", state="absent", build_id=build)
    return outcome.calls


@pytest.mark.parametrize(
    ("series", "lost"),
    [pytest.param(*case, id=f"{case[0]}-{'answer-lost' if case[1] else 'never-made'}") for case in CASES],
)
def test_reap_after_a_kill_at_any_call(account, modules, guest, state, launch, series, lost):
    before = account.everything()
    stage, of_launch, more = SERIES[series]
    launch |= of_launch
    regions = [AWAY] if more else REGIONS
    calls = _calls(launch, guest, state, modules, stage, more)
    assert any(call.startswith(NEEDED[stage]) for call in calls)
    for kill, call in enumerate(calls, 1):
        if call.startswith(READS) and (more or not lost):
            continue  # to die around a look leaves what to die before the change after it leaves
        steps, build = _with_build(launch, guest, state, more)
        module, options = _up_to(modules, steps, stage)
        outcome = modules.run(module, kill=kill, lost=lost, **options)
        where = f"left after a kill at call {kill}, {outcome.calls[-1]}"
        assert outcome.result is None, where
        if (state / "hallmark" / build / "ledger.jsonl").exists():  # else it was still planning
            report = modules.succeed("reap", build=build)
            assert {item["action"] for item in report["builds"]} <= {"removed"}
        if _published(state, build, regions):
            # Killed when it only had to say so: what is published is nobody's to reap, and goes when it is asked for.
            assert after_publication(account, before, regions)
            modules.succeed("aws_image", state="absent", **steps["publish"][1])
        assert account.everything() == before, where


def test_tags_alone_are_enough(account, modules, launch, build, state):
    before = account.everything()
    modules.open_expired("aws", build)
    modules.succeed("aws_builder", **launch)
    steps = _steps(launch, build, {})
    module, options = steps["capture"]
    modules.succeed(module, **{**options, "timeout": 0})  # an image has the time of its stages
    shutil.rmtree(state / "hallmark" / build)
    assert list(modules.runtime.glob(f"*{build}*"))
    planned = modules.succeed("reap", aws_regions=[HOME], check_mode=True)
    assert account.everything() != before
    done = modules.succeed("reap", aws_regions=[HOME])
    assert [item["build"] for item in planned["builds"]] == [item["build"] for item in done["builds"]] == [build]
    assert account.everything() == before
    assert list(modules.runtime.glob(f"*{build}*")) == [], "what this computer had of it is gone, too"


def test_tags_of_what_lives_are_left_alone(account, modules, launch, build):
    modules.succeed("aws_builder", **launch)
    there = account.everything()
    assert modules.succeed("reap", aws_regions=[HOME])["builds"] == []
    assert account.everything() == there
    modules.succeed("aws_builder", state="absent", build_id=build)
