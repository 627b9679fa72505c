# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pytest plugin of the check process: fixture C(host), mark C(control), outcomes over the wire.

Imported in the check process only; pytest and testinfra are therefore imported inside functions.
"""

from __future__ import annotations

import re
import typing as t

from .api import NotApplicable
from .backend import make_host
from .results import FAILED, NOT_APPLICABLE, PASSED
from .wire import Wire

_LONGEST = 500


def shown(value: t.Any) -> str:
    """Return a value as a person would write it: text without quotes, lists with commas, nothing endless."""
    if isinstance(value, str):
        text = value if value.strip() else repr(value)
    elif isinstance(value, (list, tuple, set, frozenset)) and value:
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        text = ", ".join(shown(item) for item in items)
    else:
        text = repr(value)
    return _cut(" ".join(text.split()))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def comparison(op: str, left: t.Any, right: t.Any) -> tuple[str, str]:
    """Return (expected, found) of a failed comparison whose left side is what was found."""
    if op == "==" and isinstance(left, dict) and isinstance(right, dict):
        # A table of settings: only what differs is news.
        keys = [key for key in right if key not in left or left[key] != right[key]]
        keys += [key for key in left if key not in right]
        sides = (
            "; ".join(f"{key}: {shown(side[key])}" if key in side else f"no {key}" for key in keys)
            for side in (right, left)
        )
        expected, found = map(_cut, sides)
        return expected, found
    if op in ("in", "not in") and isinstance(right, str):
        # "word in text" can only mean that the text was found.
        return f"{'' if op == 'in' else 'not '}containing {shown(left)}", shown(right)
    words = {"==": "", "is": "", "!=": "other than ", "is not": "other than ", "in": "one of ", "not in": "none of "}
    return words.get(op, f"{op} ") + shown(right), shown(left)


def make_plugin(wire: Wire, name: str) -> t.Any:
    """Return the plugin object for pytest.main().

    :param wire: the child's end of the wire.
    :param name: the inventory name of the machine.
    """
    import pytest

    class Plugin:
        def __init__(self) -> None:
            self._errors: list[dict[str, t.Any]] = []
            self._compared: tuple[str, str, str] | None = None
            self._failure: dict[str, t.Any] | None = None
            self._seconds = 0.0

        @pytest.fixture(scope="session")
        def host(self) -> t.Any:
            """The machine under test, over one open shell."""
            return make_host(wire, name)

        def pytest_configure(self, config: t.Any) -> None:
            config.addinivalue_line("markers", "control(id, title, severity, tier, …): the requirement a check serves")

        def pytest_collectreport(self, report: t.Any) -> None:
            if report.failed:
                self._errors.append(_collect_error(report))

        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(self, session: t.Any, config: t.Any, items: list[t.Any]) -> None:
            """Tell the action what was collected, and run what it answers."""
            wire.send("collected", tests=[_describe(item) for item in items], errors=self._errors)
            dummy, fields, dummy = wire.receive()
            wanted = set(fields["nodeids"])
            items[:] = [item for item in items if item.nodeid in wanted]

        def pytest_assertrepr_compare(self, op: str, left: t.Any, right: t.Any) -> None:
            self._compared = (op, *comparison(op, left, right))

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_setup(self, item: t.Any) -> None:
            self._compared = self._failure = None
            self._seconds = 0.0

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(self, item: t.Any, call: t.Any) -> t.Generator[None, t.Any, t.Any]:
            report = yield
            self._seconds += call.duration
            error = call.excinfo.value if call.excinfo else None
            if error is not None and self._failure is None:
                self._failure = _failure(error, report, self._compared)
            if call.when == "teardown":
                outcome = self._failure or {"status": PASSED}
                wire.send("test", nodeid=item.nodeid, seconds=self._seconds, **outcome)
            return report

    return Plugin()


def _describe(item: t.Any) -> dict[str, t.Any]:
    mark = item.get_closest_marker("control")
    doc = (getattr(item.obj, "__doc__", None) or "").strip().splitlines()
    return {
        "nodeid": item.nodeid,
        "path": str(item.path),
        "line": (item.location[1] or 0) + 1,
        "name": getattr(item, "originalname", None) or item.name,
        "param": item.callspec.id if hasattr(item, "callspec") else None,
        "doc": doc[0].rstrip(".") if doc else "",
        "mark": {"args": [_plain(arg) for arg in mark.args], "kwargs": _plain(mark.kwargs)} if mark else None,
    }


def _plain(value: t.Any) -> t.Any:
    """Return a value JSON can hold; what it cannot hold becomes a text that validation will refuse."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


def _collect_error(report: t.Any) -> dict[str, t.Any]:
    """Return file, line and message of a file that could not be read as checks."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(report.longrepr).strip()
    # The last line that says what went wrong; pytest marks it with E.
    marked = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    message = marked[-1] if marked else (crash.message if crash else text.splitlines()[-1])
    # Where the file itself is at fault: Python names it in a syntax error, pytest in the traceback's last entry.
    syntax = re.findall(r'^E +File "(.+)", line (\d+)', text, re.MULTILINE)
    entries = re.findall(r"^(\S+\.py):(\d+): ", text, re.MULTILINE)
    where = ":".join((syntax or entries or [("", "")])[-1]).strip(":")
    return {"file": report.nodeid, "where": where, "message": message}


def _failure(error: BaseException, report: t.Any, compared: tuple[str, str, str] | None) -> dict[str, t.Any]:
    """Return status and words for an exception that ended a check."""
    import pytest

    if isinstance(error, NotApplicable):
        return {"status": NOT_APPLICABLE, "reason": str(error)}
    details = str(report.longrepr)
    if isinstance(error, pytest.skip.Exception) or report.outcome == "skipped":
        # A skipped check proves nothing, whoever skipped it and why.
        reason = (
            f"the check was skipped ({str(error) or 'no reason'}); a control that does not apply says not_applicable()"
        )
        return {"status": FAILED, "reason": reason}
    if isinstance(error, pytest.FixtureLookupError):
        return {"status": FAILED, "reason": f"the check itself failed: fixture {error.argname!r} not found"}
    if not isinstance(error, AssertionError):
        line = str(error).strip().splitlines()
        return {
            "status": FAILED,
            "reason": f"the check itself failed: {type(error).__name__}: {line[0] if line else ''}".rstrip(": "),
            "details": details,
        }
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Rewritten asserts: "text\nassert a == b" with a text of the check's own, "assert a == b" without one.
    own = lines[0] if lines and not lines[0].startswith("assert ") else None
    where = [line.partition(" = ")[2] for line in lines if line.startswith("+") and " where " in line]
    # Looking for the operator keeps out a comparison that the check made, and caught, before.
    if compared and any(line.startswith("assert ") and f" {compared[0]} " in line for line in lines):
        expected, found = compared[1:]
        if any(text.endswith(".mode") for text in where) and expected.isdigit() and found.isdigit():
            expected, found = (f"{int(mode):04o}" for mode in (expected, found))
        return {"status": FAILED, "subject": own, "expected": expected, "found": found, "details": details}
    # "assert False" alone says nothing; the first "where False = …" names what was asked.
    reason = own or f"not true: {where[0] if where else lines[0][len('assert ') :] if lines else 'an assertion'}"
    return {"status": FAILED, "subject": own, "reason": shown(reason), "details": details}
