# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import html.parser
import json
import os
import stat
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.controls import Control
from ansible_collections.hallmark.images.plugins.module_utils.baseline.reports import versions, write_reports
from ansible_collections.hallmark.images.plugins.module_utils.baseline.results import Result
from ansible_collections.hallmark.images.plugins.module_utils.baseline.waivers import Waiver

WAIVER = Waiver("c-3", "why <b>not</b>", "me & you", datetime.date(2027, 1, 31))
NASTY = "<script>alert(1)</script> \"'& \x00\x1b[31m \udcff ]]>"


def control(number: int, **fields: Any) -> Control:
    values = {"title": f"Title {number}", "severity": "high", "refs": ("CIS 1.1",), "area": "sysctl", **fields}
    return Control(id=f"c-{number}", tier="baseline", default="on", variable=None, **values)


RESULTS = [
    Result(control(1), "passed", 0.01),
    Result(control(2, title=NASTY), "failed", 0.02, NASTY, NASTY, NASTY, details=NASTY),
    Result(control(3), "waived", 0.03, "x: expected 1, found 2", "1", "2", WAIVER),
    Result(control(4, area=None), "not_applicable", 0.04, "no IPv6 here"),
]
META = {
    "host": "web<1>", "profile": "default", "os": {"name": "Debian", "kernel": "6.1"}, "round_trips": 12,
    "seconds": 1.5, "error": "", "versions": {"python": "3.11"},
}  # fmt: skip


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, str]:
    return write_reports(str(tmp_path / "a" / "b"), "baseline", META, RESULTS)


def test_names(paths: dict[str, str], tmp_path: Path) -> None:
    names = {kind: os.path.basename(path) for kind, path in paths.items()}
    assert names == {"json": "baseline.json", "junit": "junit.xml", "html": "baseline.html"}
    assert sorted(os.listdir(tmp_path / "a" / "b")) == sorted(names.values()), "no temporary file stays"
    other = write_reports(str(tmp_path), "before", META, RESULTS)
    assert sorted(os.path.basename(path) for path in other.values()) == [
        "before-junit.xml", "before.html", "before.json",
    ]  # fmt: skip


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = write_reports(str(tmp_path), "baseline", META, RESULTS)["json"]
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640


def test_json(paths: dict[str, str]) -> None:
    data = json.loads(Path(paths["json"]).read_text())
    assert data["counts"] == {"total": 4, "passed": 1, "failed": 1, "waived": 1, "not_applicable": 1}
    assert [result["status"] for result in data["results"]] == ["passed", "failed", "waived", "not_applicable"]
    assert data["results"][1]["found"] == NASTY
    assert data["results"][2]["waiver"]["expires"] == "2027-01-31"
    assert (data["host"], data["profile"], data["round_trips"]) == ("web<1>", "default", 12)
    datetime.datetime.fromisoformat(data["time"])


def test_junit(paths: dict[str, str]) -> None:
    root = ET.parse(paths["junit"]).getroot()
    suite = root.find("testsuite")
    assert suite is not None
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4", "failures": "1", "errors": "0", "skipped": "2",
    }  # fmt: skip
    cases = suite.findall("testcase")
    assert [case.get("classname") for case in cases] == ["baseline.sysctl"] * 3 + ["baseline.definition"]
    assert cases[0].get("name") == "c-1 Title 1"
    assert len(cases[0]) == 0
    failure = cases[1].find("failure")
    assert failure is not None
    assert "<script>" in str(failure.get("message"))
    assert "waived until 2027-01-31 by me & you" in str(cases[2].find("skipped").get("message"))  # type: ignore[union-attr]
    assert cases[3].find("skipped").get("message") == "not applicable: no IPv6 here"  # type: ignore[union-attr]


def test_an_audit_that_broke_off_says_so_everywhere(tmp_path: Path) -> None:
    paths = write_reports(str(tmp_path), "baseline", {**META, "error": "lost web after 1 of 4"}, RESULTS[:1])
    error = ET.parse(paths["junit"]).getroot().find("testsuite/testcase/error")
    assert error is not None
    assert error.get("message") == "lost web after 1 of 4"
    assert "Not complete: lost web after 1 of 4" in Path(paths["html"]).read_text()
    assert json.loads(Path(paths["json"]).read_text())["error"] == "lost web after 1 of 4"


class Page(html.parser.HTMLParser):
    """Collects tags, rows by status, and everything that would load something else."""

    VOID = ("meta", "input", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        self.links += [str(values[key]) for key in ("src", "href") if key in values]
        if tag == "tr" and values.get("class"):
            self.rows.append(str(values["class"]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_one_safe_page(paths: dict[str, str]) -> None:
    text = Path(paths["html"]).read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert page.rows == ["failed", "waived", "passed", "not_applicable"]
    assert page.links == []
    assert "script" not in page.tags
    assert "url(" not in text
    assert "@import" not in text
    assert "&lt;script&gt;" in text
    assert "web&lt;1&gt;" in text
    # Each status that occurs has its filter and its rule.
    for state in ("all", "failed", "waived", "passed", "not_applicable"):
        assert f'id="p-{state}"' in text
    assert "#p-failed:checked ~ table tbody tr:not(.failed) { display: none; }" in text


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write_reports(str(tmp_path), "baseline", META, RESULTS)
    before = Path(paths["json"]).read_text()

    def refuse(*dummy: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="no space left"):
        write_reports(str(tmp_path), "baseline", META, RESULTS[:1])
    assert Path(paths["json"]).read_text() == before
    assert len(os.listdir(tmp_path)) == 3


def test_versions(root: Path) -> None:
    found = versions(str(root))
    assert set(found) == {"python", "ansible-core", "pytest", "pytest-testinfra", "hallmark.images"}
    assert found["hallmark.images"][0].isdigit()
