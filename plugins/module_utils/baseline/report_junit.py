# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JUnit report: one test case per control, as GitLab, Jenkins and GitHub actions read it."""

from __future__ import annotations

import re
import typing as t
import xml.etree.ElementTree as ET

from .results import FAILED, NOT_APPLICABLE, PASSED, Result

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def junit_report(data: dict[str, t.Any], results: t.Sequence[Result]) -> str:
    """Return the report as XML text.

    :param data: host, profile, time, seconds, counts, error.
    """
    counts = data["counts"]
    numbers = {
        "tests": str(counts["total"] + bool(data["error"])),
        "failures": str(counts[FAILED]),
        "errors": str(int(bool(data["error"]))),
        "skipped": str(counts["total"] - counts[FAILED] - counts[PASSED]),
        "time": f"{data['seconds']:.3f}",
    }
    root = ET.Element("testsuites", {"name": "hallmark.images.baseline", **numbers})
    suite = ET.SubElement(
        root,
        "testsuite",
        {
            "name": f"baseline {data['profile']}",
            "hostname": _clean(data["host"]),
            "timestamp": data["time"].rstrip("Z"),
            **numbers,
        },
    )
    properties = ET.SubElement(suite, "properties")
    for key, value in {"profile": data["profile"], **{f"os.{key}": value for key, value in data["os"].items()}}.items():
        ET.SubElement(properties, "property", {"name": key, "value": _clean(value)})
    for result in results:
        _case(suite, result)
    if data["error"]:
        case = ET.SubElement(suite, "testcase", {"classname": "baseline", "name": "audit completed", "time": "0"})
        ET.SubElement(case, "error", {"message": _clean(data["error"]), "type": "incomplete"})
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, result: Result) -> None:
    control = result.control
    case = ET.SubElement(
        suite,
        "testcase",
        {
            "classname": _clean(f"baseline.{control.area or 'definition'}"),
            "name": _clean(f"{control.id} {control.title}"),
            "time": f"{result.seconds:.3f}",
        },
    )
    message = _clean(result.message)
    if result.status == FAILED:
        failure = ET.SubElement(
            case, "failure", {"message": f"{message} ({control.severity})", "type": control.severity}
        )
        failure.text = _clean(result.details or result.message)
    elif result.status == NOT_APPLICABLE:
        ET.SubElement(case, "skipped", {"message": f"not applicable: {message}"})
    elif result.status != PASSED:
        waiver = result.waiver.as_dict() if result.waiver else {}
        words = "waived until {expires} by {owner}: {reason}".format(**waiver)
        ET.SubElement(case, "skipped", {"message": _clean(f"{words} ({message})")})
