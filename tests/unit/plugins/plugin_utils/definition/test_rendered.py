# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What templates, group_vars and the command line give is checked like the file, and so is what the files hold."""

from __future__ import annotations

import datetime
import re

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultedValue

from ansible_collections.hallmark.images.plugins.plugin_utils.definition.rendered import check_rendered

# Texts are made when pytest reads the file; the suite may run over midnight before it comes to a test.
PAST, FUTURE = (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=days) for days in (-1, 30))
SOURCES = {
    "qemu": {"release": "bookworm"},
    "aws": {"id": "ami-0123456789abcdef0"},
    "alicloud": {"id": "m-bp67acfmxazb4p"},
}


@pytest.fixture
def check(tmp_path):
    """Write a definition and files beside it, and check sections; what is wrong, with the folder left out."""

    def run(text="{source: {release: bookworm}}", platform="qemu", files=None, **sections):
        folder = tmp_path / "images" / platform / "linux" / "web"
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in ({"main.yml": text} | (files or {})).items():
            (folder / name).write_text(content)
        definition = {"name": "web", "platform": platform, "directory": str(folder), "path": str(folder / "main.yml")}
        sections = {"source": SOURCES[platform]} | sections
        return [str(line).replace(f"{folder}/", "") for line in check_rendered(definition, sections, DataLoader())]

    return run


def waiver(control="ds-limits-01", expires=FUTURE, **more):
    return {"control": control, "reason": "why", "owner": "me", "expires": str(expires), **more}


@pytest.mark.parametrize("platform", SOURCES)
def test_what_is_right_passes_on_every_platform(check, platform):
    sections = {
        "provision": False,
        "hardening": {"os_hardening_skip": ["limits"]},
        "baseline": {"waivers": [waiver()], "areas": ["sysctl"], "gate": False, "tests": ["test_app.py"]},
        "image": {"name": "web"},
        "builder": {},
        "boot_check": {"machines": 2},
    }
    assert check("source: {}\n", platform, {"test_app.py": "def test_app(host): ...\n"}, **sections) == []


@pytest.mark.parametrize("platform", SOURCES)
@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"source": {}}, r"main\.yml:1: source: \(missing\): what the image is made from"),
        ({"image": {"name": "web\n"}}, r'web: build_image\.name: "web\\n": .*128'),
        (
            {"baseline": {"profile": "strictest"}},
            r"web: build_baseline\.profile: strictest: baseline, default or strict",
        ),
        ({"baseline": {"areas": ["sysctll"]}}, r"web: build_baseline\.areas\[0\]: sysctll: .*sysctl\?"),
        ({"hardening": {"sysctl_overides": {}}}, r"web: build_hardening\.sysctl_overides: .*sysctl_overrides\?"),
        (
            {"hardening": {"os_hardening_skip": ["limts"]}},
            r"web: build_hardening\.os_hardening_skip\[0\]: limts: .*limits\?",
        ),
        (
            {"hardening": "false"},
            r"""web: build_hardening: "false": .*; -e NAME=VALUE gives a text: .*"build_hardening": …""",
        ),
        (
            {"boot_check": "false"},
            r"""web: build_boot_check: "false": true, false or a mapping.*"build_boot_check": …""",
        ),
        ({"boot_check": "maybe"}, r"web: build_boot_check: maybe: true, false or a mapping"),
        ({"baseline": "{}"}, r"""web: build_baseline: .*"build_baseline": …"""),
        ({"provision": "missing.yml"}, r"web: build_provision: missing.yml: a file that exists"),
        ({"provision": "false"}, r"""web: build_provision: "false": .*"build_provision": …"""),
        (
            {"baseline": {"waivers": [waiver("nosuch-01")]}},
            r"web: .*waivers\[0\]\.control: nosuch-01: the id of a control",
        ),
        ({"baseline": {"waivers": [waiver(), waiver()]}}, r"web: .*waivers\[1\]\.control: ds-limits-01: .*one already"),
        (
            {"baseline": {"waivers": [waiver(expires=PAST)]}},
            r"web: .*waivers\[0\]\.expires: .*a day that is not over",
        ),
        (
            {"baseline": {"tests": ["test_missing.py"]}},
            r"web: build_baseline\.tests\[0\]: test_missing.py: a file that exists",
        ),
        (
            {"builder": {"user_data": "password: canary"}},
            r"web: build_builder\.user_data: \(not shown\): .*begins with #cloud-config",
        ),
        (
            {"builder": {"user_data": "{{ not rendered }}"}},
            r"web: build_builder\.user_data: \(not shown\): .*#cloud-config",
        ),
        (
            {"builder": {"user_data": "#cloud-config\na: [canary"}},
            r"web: build_builder\.user_data: \(not shown\): a mapping in YAML.*which line \d is not",
        ),
        (
            {"builder": {"user_data": "#cloud-config\n- canary\n"}},
            r"web: build_builder\.user_data: \(not shown\): a mapping in YAML",
        ),
        (
            {"builder": {"user_data_file": "missing"}},
            r"web: build_builder\.user_data_file: missing: a file that exists",
        ),
    ],
)
def test_what_is_wrong_gets_one_line(check, platform, sections, expected):
    (line,) = check("source: {}\n", platform, **sections)
    assert re.match(expected, line), line
    assert "canary" not in line


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("- name: a\n  ansible.builtin.debug: [\n", r"provision.yml:\d:\d+: .*not YAML"),
        ("- hosts: all\n  tasks: []\n", r"provision.yml:1: hosts: a list of tasks, not of plays"),
        ("- import_playbook: x.yml\n", r"provision.yml:1: import_playbook: a list of tasks, not of plays"),
        ("name: a\n", r"provision.yml:1: a list of tasks"),
        ("- debug\n", r"provision.yml:1: a list of tasks; a task is a mapping"),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_a_provision_file_that_holds_no_tasks(check, content, expected, named):
    (line,) = check(files={"provision.yml": content}, **({"provision": "provision.yml"} if named else {}))
    assert re.match(expected, line), line


@pytest.mark.parametrize("content", ["", "---\n", "- name: a\n  ansible.builtin.debug: {msg: !unsafe '{{'}\n"])
def test_a_provision_file_that_holds_tasks_or_nothing(check, content):
    assert check(files={"provision.yml": content}) == []


def test_a_test_file_that_python_cannot_read(check):
    tests = {"tests": ["test_app.py"]}
    (line,) = check(files={"test_app.py": "x = 1\ndef test(:\n"}, baseline=tests)
    assert re.match(r"test_app.py:2:\d+: no Python: ", line), line


def test_a_waiver_holds_to_the_end_of_its_day(check):
    day = datetime.datetime.now(datetime.UTC).date()
    found = check(baseline={"waivers": [waiver(expires=day)]})
    assert found == [] or datetime.datetime.now(datetime.UTC).date() != day  # the day may end between


def test_a_waiver_for_a_control_of_the_definitions_own_tests(check):
    tests = {"test_app.py": "import pytest\n@pytest.mark.control('app-1')\ndef test_app(host): ...\n"}
    assert check(files=tests, baseline={"tests": ["test_app.py"], "waivers": [waiver("app-1")]}) == []


def test_a_user_data_file_is_read_and_not_shown(check):
    (line,) = check(files={"data": "password: canary\n"}, builder={"user_data_file": "data"})
    assert re.match(r"web: build_builder.user_data_file: data: .*begins with #cloud-config", line), line
    assert "canary" not in line


def test_a_cloud_config_in_a_block_passes_as_ansible_reads_it(check):
    text = "source: {release: bookworm}\nbuilder:\n  user_data: |\n    #cloud-config\n    packages: [vim]\n"
    builder = DataLoader().load(text)["builder"]
    assert builder["user_data"].__class__ is not str
    assert check(text, builder=builder) == []


def test_what_the_file_says_is_told_with_its_line(check):
    (line,) = check("source: {release: bookworm}\nimage: {name: '{{ x }}'}\n", image={"name": "a/b"})
    assert line.startswith("main.yml:2: image.name: a/b: ")


def test_windows_has_other_user_data(check):
    sections = {"communicator": {"type": "winrm"}, "builder": {"user_data": "<powershell>true</powershell>"}}
    assert check("{}", "aws", **sections) == []


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"nested": [value]}])
def test_what_was_vaulted_is_not_shown(check, wrap):
    secret = VaultedValue(ciphertext="$ANSIBLE_VAULT").tag("canary canary")
    (line,) = check(builder={"disk_size": wrap(secret)})
    assert re.match(r"web: build_builder.disk_size: .*!vault ….*: a whole number and a unit", line), line
    assert "canary" not in line


@pytest.mark.parametrize(
    ("urls", "told"),
    [
        ({"ec3": "https://ec2.example.com"}, r"endpoint_urls\.ec3: .*ec2"),
        ({"ec2": "ec2.example.com"}, r"endpoint_urls\.ec2: ec2\.example\.com: a URL that begins with https://"),
        ("https://ec2.example.com", r"endpoint_urls: https://ec2\.example\.com: a mapping of services, as \{ec2: "),
    ],
)
def test_endpoints_of_services_are_checked(check, urls, told):
    (line,) = check("{}", "aws", builder={"endpoint_urls": urls})
    assert re.search(told, line), line
