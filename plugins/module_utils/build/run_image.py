# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state machine of every ``<platform>_image`` module: capture, publish, remove; check mode, diff, errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import (
    Abandoned,
    HallmarkError,
    system_error,
)
from ansible_collections.hallmark.images.plugins.module_utils.build.events import EventLog, stage_events
from ansible_collections.hallmark.images.plugins.module_utils.build.labels import expiry
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.lifecycle import Restore, undo, with_left
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import GONE, PENDING, Busy, State
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter

#: Options that every image module shares; described by the doc fragment hallmark.images.image.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "build_id": {"type": "str", "required": True},
    "machine": {"type": "str", "default": "builder"},
    "name": {"type": "str", "required": True},
    "publish": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 1800},
    "stage": {"type": "str"},
    "events_file": {"type": "path"},
}


MACHINE_LIFE = 180  # minutes for the boot check between capture and publication, as a machine lives by default


class ImageProvider(Protocol):
    """A platform's images, seen from ``run_image``.

    :ivar interval: the longest pause between two polls, in seconds.
    :ivar searched: the places that are searched by tags where the build has no ledger; empty where that cannot be.
    """

    interval: float
    searched: Sequence[str]

    def captured(self) -> bool:
        """Whether this build's image is complete, published or not."""

    def published(self) -> bool:
        """Whether this build's image is where others find it."""

    def plan(self) -> list[str]:
        """The paths or names of what is, or would be, there. Raises HallmarkError on bad input; no side effect."""

    def capture(self, waiter: Waiter, events: EventLog) -> None:
        """Stop the machine and make the image, not yet visible to others."""

    def publish(self, waiter: Waiter) -> None:
        """Make it visible to others."""

    def remove(self) -> bool:
        """Remove it wherever it is; whether there was anything. Raises Busy when it must be tried again later."""

    def describe(self) -> dict[str, Any]:
        """What is returned of them: ``images``, one per disk, and what the platform adds."""


def run_image(module: AnsibleModule, make: Callable[[Ledger], ImageProvider], restore: Restore) -> None:
    """Do what the module was asked for and leave through exit_json or fail_json.

    :param module: has the options of ARGUMENT_SPEC and the platform's own.
    :param make: the provider for this module's options and a build's ledger; raises HallmarkError on bad input.
    :param restore: the platform's way from a ledger entry to a resource.
    """
    try:
        ledger = Ledger(module.params["build_id"])
        if module.params["state"] == "present" and not module.check_mode:
            _extend(ledger, module.params["timeout"])
        provider = make(ledger)
        result = (_present if module.params["state"] == "present" else _absent)(module, ledger, provider, restore)
    except HallmarkError as error:
        module.fail_json(msg=str(error))
    except OSError as error:  # a disk that is full, or a file system that has become read-only
        module.fail_json(msg=system_error(error))
    module.exit_json(**result)


def _extend(ledger: Ledger, seconds: int) -> None:
    """Let the build expire only after the stages of its image, which may take longer than any machine lives: nobody
    must take it away, by the ledger or by the image's tags, while it is made, tried and published. A build that has
    expired stays so: somebody may be removing it.

    :param seconds: time that capture, and then publication, may take.
    """
    status = ledger.read()
    known = status.build.get("expires")
    if not known or status.closing:
        return
    needed = expiry(MACHINE_LIFE + -(-2 * seconds // 60))
    if datetime.now(UTC) < datetime.fromisoformat(known) < datetime.fromisoformat(needed):
        ledger.append("expires", expires=needed)


def _present(module: AnsibleModule, ledger: Ledger, provider: ImageProvider, restore: Restore) -> dict[str, Any]:
    params = module.params
    plan = provider.plan()
    to_capture = not provider.captured()
    to_publish = params["publish"] and not provider.published()
    names = "".join(f"{name}\n" for name in plan)
    result: dict[str, Any] = {
        "build_id": ledger.build_id,
        "changed": to_capture or to_publish,
        "diff": {"before": "" if to_capture else names, "after": names},
    }
    if module.check_mode:
        result["msg"] = f"would make {', '.join(plan)}" if result["changed"] else "the image is there"
        return result
    begun = time.monotonic()
    if result["changed"]:
        with stage_events(params["events_file"], params["stage"] or ("capture" if to_capture else "publish")) as events:
            waiter = Waiter(
                params["timeout"], provider.interval, events=events, abandoned=lambda: ledger.read().closing
            )
            try:
                if to_capture:
                    provider.capture(waiter, events)
                if to_publish:
                    provider.publish(waiter)
            except Abandoned:
                raise
            except BaseException as error:
                with ledger.lock():
                    images = [item for item in ledger.read().open_entries() if item.kind == "capture"]
                    left = undo(ledger, restore, images)
                raise with_left(error, left) from None
    result.update(provider.describe())
    result["published"] = provider.published()
    result["seconds"] = round(time.monotonic() - begun, 3)
    result["msg"] = f"{'published' if to_publish else 'captured'} {', '.join(plan)}"
    return result


def _absent(module: AnsibleModule, ledger: Ledger, provider: ImageProvider, restore: Restore) -> dict[str, Any]:
    there = provider.captured()
    names = "".join(f"{name}\n" for name in provider.plan()) if there else ""
    if there and not module.check_mode:
        remove(ledger, provider, Waiter(module.params["timeout"], provider.interval))
    absent = "nothing is there"
    if not ledger.read().entries and provider.searched:
        absent += f": {', '.join(provider.searched)} has nothing of that name with the tag of build {ledger.build_id}"
    elif not ledger.read().entries:
        absent += f" that this computer knows of: it has no ledger of build {ledger.build_id}"
    return {
        "build_id": ledger.build_id,
        "changed": there,
        "diff": {"before": names, "after": ""},
        "msg": "removed" if there else absent,
    }


def remove(ledger: Ledger, provider: ImageProvider, waiter: Waiter) -> None:
    """Remove images; what something else still uses is tried again until the time is up.

    :raises HallmarkError: when it is in use to the end, and by what.
    """

    def probe() -> State:
        try:
            provider.remove()
        except Busy as error:
            return State(PENDING, str(error))
        return State(GONE)

    waiter.wait(f"images of build {ledger.build_id}", probe, until=GONE)
