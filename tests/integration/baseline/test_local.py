# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action baseline on the local connection: outcomes, controls, waivers, reports."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MARKED = """
    @pytest.mark.control("x-01", title="Rate limit", severity="high", tier="baseline", refs=["CIS 1"])
    def test_limit(host):
        assert int(host.check_output("echo 1000")) == 100, "net.ipv4.icmp_ratelimit"
"""


def test_a_failed_control_holds_the_gate_with_one_line(audit: Callable[..., Any]) -> None:
    done = audit(MARKED)
    assert done.rc == 2
    assert "x-01: net.ipv4.icmp_ratelimit: expected 100, found 1000 (high)" in done.output
    assert "Traceback" not in done.output
    assert done.result["failed"] is True
    assert done.result["changed"] is False
    assert done.result["counts"] == {"total": 1, "passed": 0, "failed": 1, "waived": 0, "not_applicable": 0}
    entry = done.entry("x-01")
    assert (entry["title"], entry["severity"], entry["refs"]) == ("Rate limit", "high", ["CIS 1"])
    assert (entry["expected"], entry["found"]) == ("100", "1000")


def test_without_gate_the_same_is_only_reported(audit: Callable[..., Any]) -> None:
    done = audit(MARKED, {"gate": False})
    assert done.rc == 0
    assert done.statuses() == {"x-01": "failed"}
    assert done.result["msg"] == "1 control: 1 failed"


def test_check_mode_runs_the_checks(audit: Callable[..., Any]) -> None:
    assert audit(MARKED, {}, None, "--check").entry("x-01")["found"] == "1000"


OUTCOMES = """
    from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import not_applicable, os_family

    def test_passes(host):
        '''It passes.'''
        assert host.run("exit 3").rc == 3
        assert host.file("/etc/passwd").exists

    def test_mode(host):
        assert host.file("/etc/passwd").mode == 0o600

    def test_bare(host):
        assert host.file("/nowhere").exists

    def test_not_here(host):
        not_applicable("no such hardware")

    @pytest.fixture
    def hardware(host):
        not_applicable("none either")

    def test_fixture_not_here(hardware):
        raise SystemExit

    def test_skipped():
        pytest.skip("not today")

    @pytest.mark.xfail
    def test_xfailed():
        assert False

    def test_boom():
        raise RuntimeError("boom\\nsecond line")

    def test_fixture(no_such_fixture):
        pass

    def test_teardown(request):
        request.addfinalizer(lambda: 1 / 0)

    def test_said(host):
        try:
            assert 1 == 2
        except AssertionError:
            pass
        assert host.run("false").succeeded, "the service is down"

    @pytest.mark.parametrize("number", [1, 2])
    def test_numbers(host, number):
        assert number == 1

    def test_expect(host):
        host.check_output("echo to-stderr >&2; exit 4")

    class TestInClass:
        def test_method(self, host):
            assert os_family(host) in ("debian", "ubuntu", "redhat", "amazon", "alinux", "anolis", "suse")

    def test_plugins(request):
        assert not request.config.pluginmanager.hasplugin("xdist")
        assert not request.config.pluginmanager.hasplugin("testinfra")
"""


def test_every_way_a_check_can_end(audit: Callable[..., Any]) -> None:
    done = audit(OUTCOMES, {"gate": False}, None, "-v")
    assert done.rc == 0, done.output
    assert done.statuses() == {
        "test_passes": "passed",
        "test_mode": "failed",
        "test_bare": "failed",
        "test_not_here": "not_applicable",
        "test_fixture_not_here": "not_applicable",
        "test_skipped": "failed",
        "test_xfailed": "failed",
        "test_boom": "failed",
        "test_fixture": "failed",
        "test_teardown": "failed",
        "test_said": "failed",
        "test_numbers[1]": "passed",
        "test_numbers[2]": "failed",
        "test_expect": "failed",
        "test_method": "passed",
        "test_plugins": "passed",
    }
    words = {entry["control"].rpartition("::")[2]: entry["message"] for entry in done.result["results"]}
    assert words["test_mode"] == "test_mode: expected 0600, found 0644"
    assert words["test_bare"] == "test_bare: not true: <file /nowhere>.exists"
    assert words["test_not_here"] == "no such hardware"
    assert words["test_skipped"].startswith("test_skipped: the check was skipped (not today)")
    assert words["test_boom"] == "test_boom: the check itself failed: RuntimeError: boom"
    assert words["test_fixture"] == "test_fixture: the check itself failed: fixture 'no_such_fixture' not found"
    assert words["test_said"] == "the service is down"
    assert "Unexpected exit code 4" in words["test_expect"]
    assert "ZeroDivisionError" in words["test_teardown"]
    assert done.entry("test_passes")["title"] == "It passes"
    assert done.entry("test_passes")["severity"] == "medium"
    # Verbose: one line for each control as it is done.
    assert "web: not_applicable test_app.py::test_not_here: no such hardware (medium)" in done.output


SHELL = """
    def test_commands_are_independent(host):
        assert host.run("cd /usr; x=1; exit 7").rc == 7
        assert host.check_output("pwd; echo $x").split() == ["/"]

    def test_binary(host):
        assert host.run("printf 'a\\\\000\\\\377'").stdout_bytes == b"a\\0\\xff"

    def test_not_utf8_is_text_all_the_same(host):
        assert host.run("printf '\\\\377'").stdout == "\\udcff"

    def test_hangs(host):
        host.run("sleep 300", timeout=0.5)

    def test_kills_the_shell(host):
        host.run("kill -9 $$")

    def test_goes_on(host):
        assert host.run("echo on").stdout == "on\\n"

    def test_environment(host):
        assert host.check_output("echo $LANG $TERM; cat") == "C dumb"
"""


def test_one_bad_command_spoils_only_its_check(audit: Callable[..., Any]) -> None:
    done = audit(SHELL)
    failed = [name for name, status in done.statuses().items() if status == "failed"]
    assert failed == ["test_hangs", "test_kills_the_shell"]
    assert done.entry("test_hangs")["message"] == "no answer within 0.5 s: sleep 300"
    assert done.entry("test_kills_the_shell")["message"] == "the shell ended during: kill -9 $$"


def test_the_limit_of_a_command_is_an_option(audit: Callable[..., Any]) -> None:
    done = audit("def test_hangs(host): host.run('sleep 300')", {"timeout": 0.4})
    assert done.entry("test_hangs")["message"] == "no answer within 0.4 s: sleep 300"


def test_lookups_cost_one_round_trip_each_and_commands_one_each(audit: Callable[..., Any]) -> None:
    checks = """
        def test_lookups(host):
            for dummy in range(10):
                assert host.exists("sh")

        def test_commands(host):
            for dummy in range(10):
                host.run("true")
    """
    # One to get to know the machine, "command -v command", "command -v sh", ten commands.
    assert audit(checks).result["round_trips"] == 13


CONTROLS = """
    @pytest.mark.parametrize("key", ["a", "b"])
    @pytest.mark.control("x-01", title="Keys", severity="low")
    def test_keys(host, key):
        assert key == "a"

    @pytest.mark.parametrize("number", [
        pytest.param(1, marks=pytest.mark.control("x-02", title="One", severity="low")),
        pytest.param(2, marks=pytest.mark.control("x-03", title="Two", severity="critical")),
    ])
    def test_table(host, number):
        assert number == 3
"""


def test_checks_and_controls_need_not_be_one_to_one(audit: Callable[..., Any]) -> None:
    waivers = [
        {"control": "x-02", "reason": "r", "owner": "o", "expires": "2999-01-01"},
        {"control": "x-03", "reason": "r", "owner": "Ada", "expires": "2001-02-03"},
    ]
    done = audit(CONTROLS, {"waivers": waivers})
    assert done.statuses() == {"x-01": "failed", "x-02": "waived", "x-03": "failed"}
    assert done.entry("x-01")["message"] == "b: expected a, found b"
    assert "x-03: Two: expected 3, found 2; waiver of Ada expired on 2001-02-03 (critical)" in done.output
    assert done.entry("x-02")["waiver"] == {"reason": "r", "owner": "o", "expires": "2999-01-01"}
    # The gate shows the worst first, and not what is waived.
    assert done.output.index("x-03: Two") < done.output.index("x-01: b: expected")
    assert "x-02" not in done.result["msg"]


def test_reports_are_written_where_told(audit: Callable[..., Any], tmp_path: Path) -> None:
    done = audit(MARKED, {"report_dir": "deep/er", "report_name": "before"})
    assert done.result["report"] == {
        "json": f"{tmp_path}/deep/er/before.json",
        "junit": f"{tmp_path}/deep/er/before-junit.xml",
        "html": f"{tmp_path}/deep/er/before.html",
    }
    data = json.loads((tmp_path / "deep/er/before.json").read_text())
    assert data["results"][0]["control"] == "x-01"
    assert data["os"]["kernel"].startswith(os.uname().release)
    assert data["round_trips"] == done.result["round_trips"]
    junit = (tmp_path / "deep/er/before-junit.xml").read_text()
    assert "test_app.py:5" in junit, "the JUnit report has the place of the failure for the check's author"


def test_conftest_beside_a_check_counts(audit: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        textwrap.dedent(
            """
            import pytest

            @pytest.fixture(scope="session")
            def table(host):
                return host.check_output("echo table")
            """
        )
    )
    done = audit("def test_x(table): assert table == 'table'")
    assert done.rc == 0, done.output


def test_the_environment_and_configuration_of_pytest_do_not_matter(
    audit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '--no-such-option'\n")
    done = audit("def test_x(host): assert True")
    assert done.rc == 0, done.output
    assert not list(tmp_path.rglob("__pycache__"))
    assert not list(tmp_path.rglob(".pytest_cache"))


def test_nothing_stays_behind(audit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    assert audit("def test_x(host): assert True").rc == 0
    assert list(temporary.iterdir()) == []


def test_what_is_left_when_it_is_killed_lies_in_ansibles_own_folder(audit: Callable[..., Any], tmp_path: Path) -> None:
    """There, who started Ansible looks for it: a build has this folder in its own."""
    done = audit("import os\ndef test_x(host): assert os.getcwd() == '/'", {"gate": False})
    assert f"{tmp_path}/local/" in done.entry("test_x")["message"]
