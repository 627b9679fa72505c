# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check files of the hardening areas as modules, judged on facts that were read from a machine or made up."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import NotApplicable
from support.role_vars import ROOT

#: The hardening areas: roles with checks.
AREAS = sorted(path.name.removeprefix("test_").removesuffix(".py") for path in ROOT.glob("roles/*/tests/test_*.py"))


class Host:
    """Stands for a machine in checks that only ask for its family."""

    def __init__(self, system="debian"):
        self.system = system

    def run(self, *_args):
        return SimpleNamespace(rc=0, stdout=f"ID={self.system}\n", stderr="")


class Area:
    """The check file of a hardening area."""

    def __init__(self, name):
        path = ROOT / f"roles/{name}/tests/test_{name}.py"
        spec = importlib.util.spec_from_file_location(f"checks_of_{name}", path)
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)

    def tests(self):
        """Every check as `(control mark, function, its parameter or None)`."""
        for name, test in vars(self.module).items():
            for mark in test.pytestmark if name.startswith("test_") else ():
                if mark.name == "control":
                    yield mark, test, None
                for param in mark.args[1] if mark.name == "parametrize" else ():
                    yield param.marks[0].mark, test, param.values[0]

    def outcomes(self, facts, system="debian"):
        """Outcome of each control on a machine of which `facts` were read: passed, failed, not applicable."""
        found = {}
        for mark, test, param in self.tests():
            given = {"host": Host(system), "musts": param}
            names = test.__code__.co_varnames[: test.__code__.co_argcount]
            try:
                test(**{name: given.get(name, facts) for name in names})
                found[mark.args[0]] = "passed"
            except AssertionError:
                found[mark.args[0]] = "failed"
            except NotApplicable:
                found[mark.args[0]] = "not applicable"
        return found

    def failing(self, facts, system="debian"):
        """Ids of the controls that are on by default and not met."""
        on = {mark.args[0] for mark, _test, _param in self.tests() if mark.kwargs["default"] == "on"}
        return {name for name, outcome in self.outcomes(facts, system).items() if outcome == "failed" and name in on}
