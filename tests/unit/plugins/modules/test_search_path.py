# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import yaml

from ansible_collections.hallmark.images.plugins.module_utils.hardening.steps.search_path import OPTIONS
from ansible_collections.hallmark.images.plugins.modules.search_path import DOCUMENTATION
from support.role_vars import ROOT, options_of


def test_documentation_names_every_option_with_its_default():
    described = yaml.safe_load(DOCUMENTATION)["options"]
    assert set(described) == set(OPTIONS)
    for name, option in OPTIONS.items():
        found = described[name]
        assert (found["type"], found.get("default")) == (option["type"], option.get("default")), name
        assert found.get("choices") == option.get("choices"), name
        assert set(found.get("suboptions", ())) == set(option.get("options", ())), name


def test_the_role_sets_every_option_and_agrees_with_the_module():
    task = options_of("path", "search_path")
    assert set(task) == set(OPTIONS) - {"root"}
    known = {}
    for name in ("defaults", "vars"):
        path = ROOT / f"roles/path/{name}/main.yml"
        known.update(yaml.safe_load(path.read_text()) if path.exists() else {})
    given = {name: known[value.strip("{} ")] for name, value in task.items()}
    # The standard's ages are the role's; the module has none of its own.
    given.pop("ageing", None)
    assert given == {name: OPTIONS[name]["default"] for name in given}
