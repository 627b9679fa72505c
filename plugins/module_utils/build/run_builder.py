# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state machine of every ``<platform>_builder`` module: present, absent, check mode, diff, errors, undo."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hallmark.images.plugins.module_utils.build import janitor
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import (
    Abandoned,
    HallmarkError,
    system_error,
)
from ansible_collections.hallmark.images.plugins.module_utils.build.events import EventLog, stage_events
from ansible_collections.hallmark.images.plugins.module_utils.build.identifiers import check_build_id, new_build_id
from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger
from ansible_collections.hallmark.images.plugins.module_utils.build.lifecycle import (
    Restore,
    create,
    tear_down,
    undo,
    with_left,
)
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import Provider
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter

#: Options that every builder module shares; described by the doc fragment hallmark.images.builder.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent", "kept"], "default": "present"},
    "build_id": {"type": "str"},
    "name": {"type": "str"},
    "definition": {"type": "str", "default": ""},
    "lifetime": {"type": "str", "choices": ["controller", "deadline"], "default": "controller"},
    "expires_after": {"type": "int", "default": 180},
    "wait": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 900},
    "on_error": {"type": "str", "choices": ["cleanup", "keep"], "default": "cleanup"},
    "leave": {"type": "list", "elements": "str", "default": []},
    "stage": {"type": "str", "default": "launch"},
    "events_file": {"type": "path"},
}

LONGEST_LIFE = 7 * 24 * 60  # minutes; a machine without an end of its own is what nobody notices until it is paid for


def run_builder(module: AnsibleModule, platform: str, make: Callable[[Ledger], Provider], restore: Restore) -> None:
    """Do what the module was asked for and leave through exit_json or fail_json.

    :param module: has the options of ARGUMENT_SPEC and the platform's own.
    :param platform: its name, for the ledger.
    :param make: the provider for this module's options and a build's ledger; raises HallmarkError on bad input.
    :param restore: the platform's way from a ledger entry to a resource.
    """
    try:
        action = {"present": _present, "absent": _absent, "kept": _kept}[module.params["state"]]
        result = action(module, platform, make, restore)
    except HallmarkError as error:
        module.fail_json(msg=str(error))
    except OSError as error:  # a disk that is full, or a file system that has become read-only
        module.fail_json(msg=system_error(error))
    module.exit_json(**result)


def _present(
    module: AnsibleModule, platform: str, make: Callable[[Ledger], Provider], restore: Restore
) -> dict[str, Any]:
    params = module.params
    if not 1 <= params["expires_after"] <= LONGEST_LIFE:
        raise HallmarkError(f"expires_after: {params['expires_after']}", f"minutes, from 1 to {LONGEST_LIFE}")
    ledger = Ledger(params["build_id"] or new_build_id())
    params["name"] = params["name"] or "builder"
    provider = make(ledger)
    resources = provider.resources()
    plan = [resource.plan() for resource in resources]
    known = ledger.read().entries
    missing = [item.key for item in resources if item.key not in known or known[item.key].gone]
    result: dict[str, Any] = {
        "build_id": ledger.build_id,
        "changed": bool(missing),
        "plan": plan,
        "diff": {"before": _listing(known, missing), "after": "".join(f"{item.key}\n" for item in resources)},
    }
    if module.check_mode:
        result["msg"] = f"would create {', '.join(missing)}" if missing else "everything is there"
        return result
    events = EventLog(params["events_file"], params["stage"])
    events.check()
    controller = janitor.find_controller() if params["lifetime"] == "controller" else 0
    status = ledger.open(
        platform=platform,
        definition=params["definition"],
        expires=(datetime.now(UTC) + timedelta(minutes=params["expires_after"])).isoformat(timespec="seconds"),
        controller=controller,
        controller_started=janitor.start_time(controller),
    )
    if status.closing:
        raise HallmarkError(f"build_id: {ledger.build_id} was torn down already", "a new build id")
    _ensure_janitor(ledger, controller, restore)
    started = janitor.start_time(controller)

    def abandoned() -> bool:
        # A module outlives an ansible-playbook that was killed. Whatever ends its machine then does so for good.
        return ledger.read().closing or bool(controller and not janitor.alive(controller, started))

    begun = time.monotonic()
    with stage_events(params["events_file"], params["stage"], machine=params["name"]) as events:
        waiter = Waiter(params["timeout"], provider.interval, events=events, abandoned=abandoned)

        def bring_up() -> None:
            identifiers = {}
            for resource in resources:
                identifiers[resource.key], created = create(ledger, resource, waiter)
                if created:
                    events.write("created", resource=resource.key)
            if params["wait"]:
                result.update(provider.wait_ready(identifiers, waiter))

        try:
            try:
                bring_up()
            except HallmarkError as error:
                # Nothing has been done to this machine yet, so a second one in its place loses nothing.
                if abandoned() and not isinstance(error, Abandoned):
                    raise Abandoned(str(error)) from None
                if isinstance(error, Abandoned) or not provider.worth_another_try(error):
                    raise
                events.write("retry", reason=str(error).split("\n", maxsplit=1)[0])
                with ledger.lock():
                    undo(ledger, restore, ledger.read().open_entries(params["name"]))
                bring_up()
        except Abandoned:
            raise
        except BaseException as error:
            left = _clean_up_after(ledger, restore, params, str(error))
            raise with_left(error, left) from None
    result.update(
        seconds=round(time.monotonic() - begun, 3),
        msg=f"{params['name']} is {'ready' if params['wait'] else 'started'}",
        state_folder=str(ledger.folder),
    )
    return result


def _ensure_janitor(ledger: Ledger, controller: int, restore: Restore) -> None:
    """One janitor per build, started before the first create call."""
    if not controller:
        return
    with ledger.lock():
        path = ledger.folder / "janitor"
        try:
            pid, started = (int(word) for word in path.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            pid, started = 0, 0
        if janitor.alive(pid, started):
            return
        pid = janitor.start(ledger, controller, restore)
        path.write_text(f"{pid} {janitor.start_time(pid)}\n", encoding="ascii")


def _clean_up_after(ledger: Ledger, restore: Restore, params: dict[str, Any], why: str) -> list[str]:
    ledger.note("failed", name=params["name"], reason=why[-2000:])
    if params["on_error"] == "keep":
        ledger.note("keep", name=params["name"])
        return []
    with ledger.lock():
        return undo(ledger, restore, ledger.read().open_entries(params["name"]))


def _absent(
    module: AnsibleModule, platform: str, make: Callable[[Ledger], Provider], restore: Restore
) -> dict[str, Any]:
    params = module.params
    if not params["build_id"]:
        raise HallmarkError("build_id: missing", "with state=absent, the build whose resources are to be removed")
    ledger = Ledger(check_build_id(params["build_id"]))
    status = ledger.read()
    entries = [item for item in status.open_entries(params["name"]) if item.kind not in params["leave"]]
    whole = params["name"] is None and not params["leave"]
    changed = bool(entries) or (whole and ledger.exists() and not status.closed)
    result: dict[str, Any] = {
        "build_id": ledger.build_id,
        "changed": changed,
        "diff": {"before": "".join(f"{item.key}\n" for item in entries), "after": ""},
        "left": [],
    }
    if module.check_mode or not changed:
        result["msg"] = f"would remove {len(entries)} resources" if changed else "nothing is left of it"
        return result
    with stage_events(params["events_file"], params["stage"]):
        if whole:
            result["left"] = tear_down(ledger, restore, by="module", seconds=params["timeout"])
        else:
            with ledger.lock():
                result["left"] = undo(ledger, restore, entries, params["timeout"])
    if result["left"]:
        raise HallmarkError("not everything could be removed: " + "; ".join(result["left"]), "run the play reap later")
    result["msg"] = f"removed {len(entries)} resources"
    return result


def _kept(module: AnsibleModule, platform: str, make: Callable[[Ledger], Provider], restore: Restore) -> dict[str, Any]:
    params = module.params
    ledger = Ledger(check_build_id(params["build_id"] or ""))
    status = ledger.read()
    result = {"build_id": ledger.build_id, "expires": status.build.get("expires", "")}
    if not status.open_entries():
        return {**result, "changed": False, "kept": False, "msg": "nothing of it is there to be kept"}
    if not status.keep and not module.check_mode:
        ledger.append("keep", by="module")
    message = f"build {ledger.build_id} stays until {result['expires']}"
    return {**result, "changed": not status.keep, "kept": True, "msg": message}


def _listing(known: dict[str, Any], missing: list[str]) -> str:
    return "".join(f"{key}\n" for key, entry in known.items() if not entry.gone and key not in missing)
