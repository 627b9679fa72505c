# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of area rhosts on made-up machines: each fails when, and only when, its own control is broken."""

from __future__ import annotations

import pytest

from support.checks import Area
from support.role_vars import role_value

RHOSTS = Area("rhosts")
DROP_IN = "/etc/ssh/sshd_config.d/00-hallmark-rhosts.conf"
INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf\n"
LOADED = "ignorerhosts yes\nhostbasedauthentication no\n"


def facts(files="", homes="", top="", mounts="", main=INCLUDE, others=None, loaded=LOADED):
    """A hardened machine with more files, or another configuration of sshd (None: no sshd)."""
    own = "".join(f"{key} {value}\n" for key, value in role_value("rhosts", "__rhosts_sshd_settings").items())
    texts = {} if main is None else {"/etc/ssh/sshd_config": main, DROP_IN: own} | (others or {})
    sshd = "\n".join(f"==> {path} <==\n{text}" for path, text in texts.items() if text is not None)
    mounts = f"/dev/vda1 / ext4 rw 0 0\n{mounts}"
    parts = [files, f"=homes\n{homes}", f"=top\n{top}", f"=mounts\n{mounts}", f"=sshd\n{sshd}\n", f"=loaded\n{loaded}"]
    return RHOSTS.module.Trust("".join(parts))


def test_a_hardened_machine_meets_every_control():
    assert set(RHOSTS.outcomes(facts()).values()) == {"passed"}


@pytest.mark.parametrize(
    ("given", "controls"),
    [
        ({"files": "/etc/hosts.equiv\n"}, {"os-01"}),
        ({"files": "/etc/shosts.equiv\n"}, {"x-rhosts-01"}),
        ({"files": "/etc/ssh/shosts.equiv\n"}, {"x-rhosts-01"}),
        ({"top": "/srv/.NetRC\n"}, {"os-09"}),
        ({"top": "/root/.rhosts\n", "homes": "/root/.rhosts\n"}, {"os-09", "ds-rhosts-01"}),
        ({"homes": "/var/cache/man/.rhosts\n"}, {"ds-rhosts-01"}),
        ({"homes": "//.rhosts\n"}, {"ds-rhosts-01"}),
        ({"homes": "/var/cache/man/.netrc\n"}, {"ds-netrc-01"}),
        ({"homes": "/home/me/.shosts\n"}, {"x-rhosts-01"}),
        ({"homes": "/home/me/.rlogin\n"}, {"x-rhosts-01"}),
        ({"homes": "/home/me/.forward\n"}, {"x-rhosts-01"}),
        ({"homes": "/home/me/.rhosts\n", "mounts": "a:/b /home nfs4 rw 0 0\n"}, set()),
        ({"homes": "/home2/me/.rhosts\n", "mounts": "a:/b /home nfs4 rw 0 0\n"}, {"ds-rhosts-01"}),
    ],
)
def test_a_file_fails_its_control_alone(given, controls):
    assert RHOSTS.failing(facts(**given)) == controls


@pytest.mark.parametrize(
    ("given", "met"),
    [
        ({"main": ""}, False),  # nothing includes the drop-in
        ({"main": "IgnoreRhosts yes\nHostbasedAuthentication no\n"}, True),
        ({"main": "IgnoreRhosts=yes\nhostbasedauthentication NO\n"}, True),
        ({"main": "HostbasedAuthentication yes\n" + INCLUDE}, False),
        ({"main": INCLUDE + "HostbasedAuthentication yes\n"}, True),
        ({"main": INCLUDE + "#HostbasedAuthentication yes\n"}, True),
        ({"main": INCLUDE + "Match User x\nHostbasedAuthentication yes\n"}, False),
        ({"main": INCLUDE + "Match User x\nHostbasedAuthentication no\n"}, True),
        ({"main": "Match User x\n" + INCLUDE}, False),
        ({"others": {"/etc/ssh/sshd_config.d/00-a.conf": "IgnoreRhosts shosts-only\n"}}, False),
        ({"others": {"/etc/ssh/sshd_config.d/50-cloud-init.conf": "IgnoreRhosts no\n"}}, True),
        ({"others": {DROP_IN: "IgnoreRhosts yes\n"}}, False),
        ({"others": {DROP_IN: None}}, False),
        ({"loaded": ""}, True),
        ({"loaded": LOADED.replace("yes", "no")}, False),
    ],
)
def test_sshd_must_say_it_where_it_counts(given, met):
    assert RHOSTS.failing(facts(**given)) == (set() if met else {"x-rhosts-02"})


def test_without_sshd_its_control_does_not_apply():
    assert RHOSTS.outcomes(facts(main=None, loaded=""))["x-rhosts-02"] == "not applicable"


def test_switches():
    assert role_value("rhosts", "__rhosts_names") == [".rhosts", ".shosts", ".rlogin", ".netrc", ".forward"]
    assert role_value("rhosts", "__rhosts_top_names") == [".rhosts", ".netrc"]
    off = {"rhosts_netrc": False, "rhosts_forward": False}
    assert role_value("rhosts", "__rhosts_names", **off) == [".rhosts", ".shosts", ".rlogin"]
    assert role_value("rhosts", "__rhosts_top_names", **off) == [".rhosts"]
