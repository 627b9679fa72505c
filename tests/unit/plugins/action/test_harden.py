# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes to the machine and in how many calls, on a made-up machine that answers as it is told."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.hallmark.images.plugins.action import harden as action
from ansible_collections.hallmark.images.plugins.module_utils.hardening import sequence
from ansible_collections.hallmark.images.plugins.modules import harden as documented

HARDEN, APT, DNF = "hallmark.images.harden", "ansible.builtin.apt", "ansible.builtin.dnf"
STEPS = [{"area": name, "needed_packages": {"names": [name]}} for name in ("limits", "pam", "ssh")]


def answer(**parts):
    """What the module answers that found all in order, parts of it replaced."""
    return {
        "changed": False,
        "changes": [],
        "diff": [],
        "results": [],
        "missing_packages": [],
        "unwanted_packages": [],
        "waiting": [],
        "package_manager": {"name": "apt", "fresh": False},
    } | parts


def lacking(*names, **parts):
    """What the module answers when area pam waits for packages."""
    return answer(missing_packages=list(names), waiting=["pam"], **parts)


@pytest.fixture
def run():
    """Runs the action on a machine that gives these answers, one for each call; its result and the calls."""

    def run(options, *answers, check_mode=False, **variables):
        loader, calls, left = DataLoader(), [], list(answers)
        task = SimpleNamespace(args=options, async_val=0, check_mode=check_mode, action=HARDEN)
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="/tmp/there"))
        templar = Templar(loader=loader, variables=variables)
        plugin = action.ActionModule(task, connection, None, loader, templar)

        def execute(module_name, module_args, task_vars):
            assert task_vars == variables
            calls.append((module_name, module_args))
            return left.pop(0)

        plugin._execute_module = execute
        result = plugin.run(task_vars=variables)
        assert left == []
        return result, calls

    return run


def test_options_are_what_the_documentation_says():
    described = yaml.safe_load(documented.DOCUMENTATION)["options"]
    assert described.keys() == action.ARGUMENT_SPEC.keys()
    for name, argument in action.ARGUMENT_SPEC.items():
        for key in ("type", "elements", "default"):
            assert described[name].get(key) == argument.get(key), f"{name}.{key}"


def test_an_unknown_option_is_refused(run):
    with pytest.raises(AnsibleActionFail, match=r"area\. Supported parameters include: areas, "):
        run({"area": ["limits"]})


def test_right_variables_need_no_machine(run):
    result, calls = run({"areas": ["limits", "pam"], "validate_only": True})
    assert (result["failed"], result["changed"], calls) == (False, False, [])


def test_wrong_variables_name_role_and_variable(run):
    wrong = {"limits_maxlogins": "many", "pam_remember": "few"}
    result, calls = run({"areas": ["limits", "cron", "pam"], "validate_only": True}, **wrong)
    assert (result["failed"], calls) == (True, [])
    limits, pam = result["msg"].split("; ")
    assert limits.startswith("role limits: argument 'limits_maxlogins' is of type ")
    assert pam.startswith("role pam: argument 'pam_remember' is of type ")


@pytest.mark.parametrize("option", ["areas", "packages_of"])
@pytest.mark.parametrize("more", [{}, {"validate_only": True}])
def test_an_unknown_area_is_one_line(run, option, more):
    result, calls = run({option: ["limits", "limit"]} | more)
    assert (result["failed"], result["changed"], calls) == (True, False, [])
    assert result["msg"].startswith("areas: 'limit' is no area: one of accounting, ")


def test_a_variable_that_cannot_be_evaluated_stops_before_the_machine(run):
    result, calls = run({"areas": ["limits"]}, limits_file=trust_as_template("{{ nowhere }}"))
    assert (result["failed"], calls) == (True, [])
    assert result["msg"].startswith("area limits: ")


def test_one_call_when_nothing_lacks(run):
    given = answer(changed=True, changes=[{"area": "ssh"}], warnings=["careful"])
    result, calls = run({"steps": STEPS}, given)
    assert calls == [(HARDEN, {"steps": STEPS})]
    assert result == given


def test_areas_come_after_the_steps_and_in_the_order_given(run):
    given = {"steps": STEPS[:1], "areas": ["pam", "limits", "accounting"]}
    _result, [(_module, arguments)] = run(given, answer(), limits_maxlogins=3, limits_enabled=True)
    steps = arguments["steps"]
    assert steps[0] == STEPS[0]
    assert [step["area"] for step in steps[1:]] == ["pam", "limits"]  # accounting is off by default
    assert "maxlogins 3\n" in str(steps[2]["config_files"]["files"][2]["content"])


def test_no_step_is_no_call(run):
    result, calls = run({"areas": ["limits", "accounting"]}, limits_enabled=False)
    assert (result, calls) == ({"changed": False, "changes": [], "results": []}, [])


def test_an_error_in_the_machine_is_the_end(run):
    failed = {"failed": True, "msg": "pam: pam_stack: odd"}
    result, calls = run({"steps": STEPS}, failed)
    assert (result, len(calls)) == (failed, 1)
    result, calls = run({"steps": STEPS}, lacking("p") | failed)
    assert (result["msg"], len(calls)) == ("pam: pam_stack: odd", 1)


@pytest.mark.parametrize(
    ("manager", "module", "fetch", "weak"),
    [
        ({"name": "apt", "fresh": False}, APT, True, "install_recommends"),
        ({"name": "apt", "fresh": True}, APT, False, "install_recommends"),
        ({"name": "dnf", "fresh": False}, DNF, True, "install_weak_deps"),
    ],
)
def test_what_lacks_is_installed_and_its_area_taken_again(run, manager, module, fetch, weak):
    first = lacking("p", "q", package_manager=manager)
    _result, calls = run({"steps": STEPS}, first, {"changed": True}, answer())
    assert calls == [
        (HARDEN, {"steps": STEPS}),
        (module, {"name": ["p", "q"], "state": "present", "update_cache": fetch, weak: False}),
        (HARDEN, {"steps": [STEPS[1]]}),
    ]


def test_lists_are_not_fetched_to_remove(run):
    first = answer(unwanted_packages=["old"], waiting=["pam"])
    result, calls = run({"steps": STEPS}, first, {"changed": True}, answer())
    assert calls[1] == (APT, {"name": ["old"], "state": "absent", "update_cache": False})
    assert result["changes"] == [
        {"area": "", "path": "old", "key": "package", "before": "installed", "after": "absent"}
    ]


def test_steps_without_an_area_are_taken_again_too(run):
    steps = [{"needed_packages": {"names": ["p"]}}, STEPS[2]]
    _result, calls = run({"steps": steps}, answer(missing_packages=["p"], waiting=[""]), {}, answer())
    assert calls[2] == (HARDEN, {"steps": steps[:1]})


def test_what_both_calls_did_is_in_the_result(run):
    one, two = ({"area": "pam", "path": f"/etc/{name}"} for name in "ab")
    first = lacking("p", changed=True, changes=[one], diff=["d1"], results=["r1"], warnings=["w1"])
    second = answer(changed=True, changes=[two], diff=["d2"], results=["r2"], warnings=["w2"])
    result, _calls = run({"steps": STEPS}, first, {}, second)
    package = {"area": "", "path": "p", "key": "package", "before": "absent", "after": "installed"}
    assert result["changes"] == [one, package, two]
    assert (result["diff"], result["results"], result["warnings"]) == (["d1", "d2"], ["r1", "r2"], ["w1", "w2"])
    assert (result["changed"], result["waiting"], result["missing_packages"]) == (True, [], [])
    assert "failed" not in result


def test_an_installed_package_alone_is_a_change(run):
    result, _calls = run({"steps": STEPS}, lacking("p"), {"changed": True}, answer())
    assert result["changed"] is True


def test_a_package_manager_that_fails_is_the_end(run):
    one = {"area": "limits", "path": "/etc/a"}
    first = lacking("p", "q", changed=True, changes=[one])
    result, calls = run({"steps": STEPS}, first, {"failed": True, "msg": "No package matching 'q'"})
    assert (result["failed"], result["msg"]) == (True, "packages p, q: No package matching 'q'")
    assert (result["changed"], result["changes"], len(calls)) == (True, [one], 2)


def test_what_was_installed_is_told_when_the_removal_fails(run):
    first = lacking("p", unwanted_packages=["old"])
    result, _calls = run({"steps": STEPS}, first, {"changed": True}, {"failed": True, "msg": "held"})
    assert result["changed"] is True
    assert [change["path"] for change in result["changes"]] == ["p"]


@pytest.mark.parametrize("key", ["missing_packages", "unwanted_packages"])
def test_a_package_that_lacks_after_the_try_is_a_failure(run, key):
    waits = answer(waiting=["pam"], **{key: ["p"]})
    result, calls = run({"steps": STEPS}, waits, {"changed": True}, waits)
    assert (result["failed"], result["msg"]) == (True, f"still in {key} after a try: p")
    assert (result["changed"], len(calls)) == (True, 3)


def test_an_error_in_the_second_call_keeps_what_was_done(run):
    one = {"area": "limits", "path": "/etc/a"}
    failed = {"failed": True, "msg": "pam: pam_stack: odd"}
    result, _calls = run({"steps": STEPS}, lacking("p", changed=True, changes=[one]), {}, failed)
    assert (result["failed"], result["msg"], result["changed"]) == (True, "pam: pam_stack: odd", True)
    assert [change["path"] for change in result["changes"]] == ["/etc/a", "p"]


def test_check_mode_installs_nothing(run):
    foretold = answer(changed=True, changes=[{"area": "pam", "path": "p"}], missing_packages=["p"])
    result, calls = run({"steps": STEPS}, foretold, check_mode=True)
    assert (result, len(calls)) == (foretold, 1)


def test_packages_of_other_areas_are_installed_with_the_first(run):
    given = {"steps": STEPS[:1], "packages_of": ["pam", "limits", "accounting"]}
    first = answer(missing_packages=["acct"])
    _result, calls = run(given, first, {}, answer(), accounting_enabled=True)
    probes = calls[0][1]["steps"][1:]
    assert [(step["area"], step["probe"], "config_files" in step) for step in probes] == [
        ("pam", True, False),
        ("accounting", True, False),
    ]
    assert calls[1:] == [
        (APT, {"name": ["acct"], "state": "present", "update_cache": True, "install_recommends": False}),
        (HARDEN, {"steps": probes}),
    ]


def test_in_check_mode_each_area_foretells_its_own_packages(run):
    _result, calls = run({"steps": STEPS, "packages_of": ["pam"]}, answer(), check_mode=True)
    assert calls == [(HARDEN, {"steps": STEPS})]


def test_what_modules_declare_as_secret_is_named_as_such(run):
    steps = [{"kernel_command_line": {"arguments": [], "password_hash": "grub.pbkdf2.x"}}, *STEPS]
    _result, calls = run({"steps": steps, "secrets": ["other"]}, answer())
    assert calls == [(HARDEN, {"steps": steps, "secrets": ["other", "grub.pbkdf2.x"]})]


def test_secrets_are_options_of_the_first_level():
    for name in sequence.STEPS:
        for option in sequence.load(name).OPTIONS.values():
            assert not any(inner.get("no_log") for inner in option.get("options", {}).values())
