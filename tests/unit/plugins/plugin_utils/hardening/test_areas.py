# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Areas read from their roles' files, with Ansible's own templates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.hardening import sequence
from ansible_collections.hallmark.images.plugins.plugin_utils.hardening.areas import Area
from support.checks import AREAS

ROLES = Path(__file__).resolve().parents[5] / "roles"


def area(name, **variables):
    """An area as a task with these variables finds it."""
    loader = DataLoader()
    return Area(name, loader, Templar(loader=loader), variables)


def modules(steps):
    """The module of every step."""
    return [name for step in steps for name in step if name not in ("area", "probe")]


@pytest.mark.parametrize("name", ["no_such", "build", "os_hardening", ""])
def test_an_unknown_area_is_refused(name):
    with pytest.raises(HallmarkError, match=f"^areas: {name!r} is no area: one of accounting, apparmor, .*, yum$"):
        area(name)


@pytest.mark.parametrize("name", AREAS)
def test_defaults_of_every_area_are_right(name):
    assert area(name).problems() == []


@pytest.mark.parametrize("name", AREAS)
def test_steps_of_every_area_are_what_module_harden_takes(name):
    steps = area(name, **{f"{name}_enabled": True}).steps()
    assert steps != []
    for step in steps:
        assert sequence.Step(step).area == name
        assert "when" not in step


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"limits_maxlogins": "many"}, "role limits: argument 'limits_maxlogins' is of type "),
        ({"limits_entries": [{"domain": "x"}]}, "role limits: missing required arguments: .* found in limits_entries"),
        ({"limits_enabled": "perhaps"}, "role limits: argument 'limits_enabled' is of type "),
        ({"limits_maxlogins": trust_as_template("{{ nowhere }}")}, "role limits: .*'nowhere' is undefined"),
    ],
)
def test_a_wrong_variable_is_one_line(variables, line):
    (problem,) = area("limits", **variables).problems()
    assert re.match(line, problem)
    assert "\n" not in problem


def test_each_wrong_variable_is_a_line_of_its_own():
    problems = area("limits", limits_maxlogins="many", limits_nproc="few").problems()
    assert [problem.split("'")[1] for problem in problems] == ["limits_maxlogins", "limits_nproc"]


def test_variables_of_other_areas_do_not_matter():
    assert area("limits", pam_remember="many", whatever=object()).problems() == []


def test_a_template_is_judged_by_its_value():
    assert area("limits", limits_maxlogins=trust_as_template("{{ 2 + n }}"), n=3).problems() == []


@pytest.mark.parametrize(("enabled", "there"), [(True, True), (False, False)])
def test_an_area_may_be_switched_off(enabled, there):
    assert bool(area("limits", limits_enabled=enabled).steps()) is there
    assert bool(area("accounting", accounting_enabled=enabled).steps()) is there


def test_an_area_that_is_off_by_default_has_no_steps():
    assert area("accounting").steps() == []
    assert area("accounting").probes() == []


@pytest.mark.parametrize(
    ("discard", "expected", "gone"), [(False, ["config_files"], True), (True, ["config_files", "sysctl_set"], False)]
)
def test_a_file_of_a_switch_goes_when_it_is_off(discard, expected, gone):
    steps = area("limits", limits_core_pattern_discard=discard).steps()
    assert modules(steps) == expected
    files = {file["path"]: file.get("state") for file in steps[0]["config_files"]["files"]}
    assert (files.get("/etc/sysctl.d/zz-hallmark-core.conf") == "absent") is gone


def limits_text(**variables):
    """What area limits writes besides core files."""
    (step,) = area("limits", **variables).steps()
    (file,) = [file for file in step["config_files"]["files"] if file["path"].endswith("zz-hallmark-logins.conf")]
    return file["content"]


def test_a_users_variable_wins_over_the_default():
    assert "maxlogins 10\n" in limits_text()
    assert "maxlogins 3\n" in limits_text(limits_maxlogins=3)
    assert "maxlogins 4\n" in limits_text(limits_maxlogins=trust_as_template("{{ mine }}"), mine=4)


def test_a_roles_own_variables_are_nobodys_to_set():
    assert "mine" not in limits_text(__limits_header="mine")


def test_text_of_an_untrusted_source_is_no_template():
    assert area("limits", limits_file="/etc/{{ 1 + 1 }}").steps()[0]["config_files"]["files"][1]["path"] == (
        "/etc/{{ 1 + 1 }}"
    )


def test_what_is_omitted_is_left_out():
    (step,) = area("cron", cron_restrict=False).steps()
    assert set(step["cron_access"]) == {"tables"}
    (step,) = area("cron", cron_allow=["root", "ann"]).steps()
    assert step["cron_access"]["cron_allow"] == ["root", "ann"]


def test_a_step_may_be_left_out():
    assert modules(area("firewall").steps()) == ["ufw_defaults", "config_files"]
    assert modules(area("firewall", firewall_nftables=True).steps()) == [
        "ufw_defaults",
        "needed_packages",
        "config_files",
    ]


def switches(name):
    """The variables of an area that are on or off, but for the one that the task itself asks."""
    specs = yaml.safe_load((ROLES / name / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    options = {option for option, spec in specs["options"].items() if spec["type"] == "bool"}
    return sorted(options - {f"{name}_enabled"})


@pytest.mark.parametrize("name", AREAS)
def test_switches_given_as_texts_are_still_off(name):
    """As ``-e switch=false`` gives them."""
    texts, values = dict.fromkeys(switches(name), "false"), dict.fromkeys(switches(name), False)
    assert area(name, **texts).problems() == []
    # A module makes a boolean of its option by itself.
    assert repr(area(name, **texts).steps()).replace("'false'", "False") == repr(area(name, **values).steps())


def test_a_variable_that_cannot_be_evaluated_names_the_area():
    broken = area("limits", limits_file=trust_as_template("{{ nowhere }}"))
    with pytest.raises(HallmarkError, match=r"^area limits: .*'nowhere' is undefined"):
        broken.steps()


def test_probes_are_the_steps_that_name_packages():
    steps = area("firewall", firewall_nftables=True).steps()
    assert area("firewall", firewall_nftables=True).probes() == [steps[1] | {"probe": True}]
    assert area("limits").probes() == []
    assert modules(area("pam").probes()) == ["pam_stack"]
