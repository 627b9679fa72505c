# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area yum on made-up machines: each fails when, and only when, its control is broken."""

from __future__ import annotations

import pytest

MAIN = "[main]\ngpgcheck=1\nlocalpkg_gpgcheck=1\nclean_requirements_on_remove=True\nbest=True\n"
REPOSITORY = "[base]\nbaseurl=https://x/\ngpgcheck=1\n[base-debug]\nenabled=0\nbaseurl=http://x/\n"


def facts(areas, files=None, packages="", tools="/usr/bin/dnf\n"):
    """A hardened machine, with other files or more packages."""
    texts = {
        "/etc/dnf/dnf.conf": MAIN,
        "/etc/yum.conf": MAIN,
        "/etc/yum.repos.d/base.repo": REPOSITORY,
    } | (files or {})
    texts = {path: text for path, text in texts.items() if text is not None}
    answer = "".join(f"{path} {path.replace('yum.conf', 'dnf/dnf.conf')}\n" for path in texts) + "=texts\n"
    answer += "\n".join(f"==> {path} <==\n{text}" for path, text in texts.items())
    return areas["yum"].module.Yum(f"{answer}\n=packages\n{packages}=tools\n{tools}")


BARE = dict.fromkeys(("/etc/dnf/dnf.conf", "/etc/yum.conf", "/etc/yum.repos.d/base.repo"))


def test_a_hardened_machine_meets_every_control(areas):
    outcomes = areas["yum"].outcomes(facts(areas), "rocky")
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} == {"x-yum-02"}
    signed = {"/etc/yum.repos.d/base.repo": REPOSITORY.replace("gpgcheck=1\n", "gpgcheck=1\nrepo_gpgcheck=1\n")}
    assert areas["yum"].outcomes(facts(areas, signed), "rocky")["x-yum-02"] == "passed"


def repository(old, new):
    assert old in REPOSITORY
    return {"/etc/yum.repos.d/base.repo": REPOSITORY.replace(old, new)}


def main(old, new):
    assert old in MAIN
    return {"/etc/dnf/dnf.conf": MAIN.replace(old, new), "/etc/yum.conf": MAIN.replace(old, new)}


@pytest.mark.parametrize(
    ("files", "packages", "controls"),
    [
        ({"/etc/yum.repos.d/CentOS-Media.repo": "[x]\nenabled=0\n"}, "", {"ds-yum-01"}),
        (repository("enabled=0", "enabled=1"), "", {"ds-yum-01"}),
        (repository("base-debug]\nenabled=0", "multimedia]"), "", set()),
        (repository("gpgcheck=1", "gpgcheck=0"), "", {"ds-yum-02"}),
        (repository("gpgcheck=1", "gpgcheck=True"), "", set()),
        (repository("gpgcheck=1", "  gpgcheck=0"), "", set()),  # the second line of baseurl
        (repository("gpgcheck=1\n", ""), "", set()),
        (repository("enabled=0", "enabled=0\ngpgcheck=0"), "", {"ds-yum-02"}),
        (repository("https://x/\ngpgcheck=1", "http://x/\ngpgcheck=0"), "", {"ds-yum-02", "x-yum-03"}),
        (repository("https", "http"), "", set()),
        ({"/etc/yum.conf": "[main]\ngpgcheck=0\n"}, "", {"ds-yum-03"}),
        (repository("[base-debug]\nenabled=0", "[other]\ngpgcheck=1") | main("\ngpgcheck=1", ""), "", {"ds-yum-03"}),
        (main("localpkg_gpgcheck=1", "localpkg_gpgcheck=0"), "", {"x-yum-01"}),
        (main("best=True\n", ""), "", {"x-yum-01"}),
        ({"/etc/yum/pluginconf.d/rhnplugin.conf": "[main]\nenabled=1\n"}, "", {"ds-yum-03"}),
        ({}, "installed ypserv\n", {"ds-yum-04"}),
        ({}, "config-files ypserv\nnot-installed inetd\npackage xinetd is not installed\n", set()),
    ],
)
def test_a_broken_control_fails_alone(areas, files, packages, controls):
    assert areas["yum"].failing(facts(areas, files, packages), "rocky") == controls


def test_without_dnf_only_packages_count(areas):
    outcomes = areas["yum"].outcomes(facts(areas, BARE, tools=""))
    assert outcomes.pop("ds-yum-04") == "passed"
    assert set(outcomes.values()) == {"not applicable"}


def test_dnf_without_a_configuration_checks_nothing(areas):
    assert areas["yum"].failing(facts(areas, BARE), "rocky") == {"ds-yum-03", "x-yum-01"}
