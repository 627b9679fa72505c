# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module ``qemu_base_image`` does: the one way from its options to its result."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.events import stage_events
from ansible_collections.hallmark.images.plugins.module_utils.build.urls import credentials_in
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.cache import Cache, Entry, default_cache
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.lifeline import ends_with_ansible
from ansible_collections.hallmark.images.plugins.module_utils.qemu.base.sources import Source, source_for

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "release": {"type": "str"},
    "path": {"type": "path"},
    "url": {"type": "str"},
    "checksum": {"type": "str"},
    "mirror": {"type": "str"},
    "security_mirror": {"type": "str"},
    "components": {"type": "list", "elements": "str"},
    "packages": {"type": "list", "elements": "str"},
    "max_age": {"type": "float", "default": 0},
    "accel": {"type": "str", "choices": ["auto", "kvm", "tcg"], "default": "auto"},
    "cache_dir": {"type": "path"},
    "events_file": {"type": "path"},
}


def run_base_image(module: AnsibleModule) -> None:
    """Do what the module was asked for and leave through exit_json or fail_json."""
    begun = time.monotonic()
    module.no_log_values.update(credentials_in(module.params["url"] or ""))
    try:
        source = source_for(module.params)
        cache = Cache(Path(module.params["cache_dir"] or default_cache()).resolve())
        with ends_with_ansible():
            result = (_present if module.params["state"] == "present" else _absent)(module, source, cache)
    except HallmarkError as error:
        module.fail_json(msg=str(error))
    except KeyboardInterrupt:
        module.fail_json(msg="base image: interrupted; an unfinished download is gone on with the next time")
    except OSError as error:
        module.fail_json(msg=f"{error.filename or 'base image'}: {error.strerror or error}")
    result["seconds"] = round(time.monotonic() - begun, 3)
    module.exit_json(**result)


def _present(module: AnsibleModule, source: Source, cache: Cache) -> dict[str, Any]:
    entry, problem = _usable(source, cache, module.params["max_age"])
    if entry:
        if not module.check_mode:
            cache.used(source.key)
        return _result(source, entry, cached=True)
    source.check(cache)
    if module.check_mode:
        after = f"{source.doing}\n"
        return {
            **source.plan(),
            "changed": True,
            "cached": False,
            "source": source.describe(None),
            "diff": {"before": "", "after": after},
            "msg": f"would {source.doing}" + (f" ({problem})" if problem else ""),
        }
    if problem:
        module.warn(f"base image: {problem}; it is made anew")
    with stage_events(module.params["events_file"], "source", key=source.key) as events:

        def waiting() -> None:
            events.write("progress", percent=0, step="another process makes the same base image; waiting for it")

        with cache.lock(source.key, waiting):
            cache.sweep()
            # Whoever held the lock before may have made it.
            entry, dummy = _usable(source, cache, module.params["max_age"])
            made = entry is None
            entry = entry or source.make(cache, events)
    return _result(source, entry, cached=not made)


def _absent(module: AnsibleModule, source: Source, cache: Cache) -> dict[str, Any]:
    entry, problem = cache.find(source.key)
    there = bool(entry or problem)
    before = f"{entry.path if entry else problem}\n" if there else ""
    if there and not module.check_mode:
        with cache.lock(source.key):
            cache.remove(source.key)
            cache.sweep()
    return {
        "changed": there,
        "diff": {"before": before, "after": ""},
        "msg": ("would be removed" if module.check_mode else "removed") if there else "nothing is there",
    }


def _usable(source: Source, cache: Cache, max_age: float) -> tuple[Entry | None, str]:
    """The cached image if it may be used, and else why not."""
    entry, problem = cache.find(source.key)
    if entry and 0 < max_age < entry.age:
        return None, f"{entry.path} is {entry.age:.1f} days old, max_age is {max_age:g}"
    return entry, problem


def _result(source: Source, entry: Entry, cached: bool) -> dict[str, Any]:
    return {
        "changed": not cached,
        "path": str(entry.path),
        "format": entry.record["format"],
        "virtual_size": entry.record["virtual_size"],
        "sha256": entry.record["sha256"],
        "cached": cached,
        "source": source.describe(entry),
        "diff": {"before": f"{entry.path}\n" if cached else "", "after": f"{entry.path}\n"},
        "msg": f"{entry.path} " + ("is there" if cached else "is made"),
    }
