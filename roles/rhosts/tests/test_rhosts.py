# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area rhosts: no file in any home lets somebody in or gives a secret away, and sshd would ignore it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    files_in,
    marker,
    not_applicable,
    once,
    output_once,
    parts_of,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.home_sweep import shared_mounts
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sshd_settings import (
    MAIN,
    includes,
    statements,
)

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
HOSTS, SHOSTS = "/etc/hosts.equiv", ("/etc/shosts.equiv", "/etc/ssh/shosts.equiv")
RHOSTS, NETRC, OTHERS = ".rhosts", ".netrc", (".shosts", ".rlogin", ".forward")
SSHD = {"ignorerhosts": "yes", "hostbasedauthentication": "no"}


def _command() -> str:
    names = " ".join((RHOSTS, NETRC, *OTHERS))
    return f"""\
ls -d {HOSTS} {" ".join(SHOSTS)} 2>/dev/null
echo '=homes'
cut -d: -f6 /etc/passwd | sort -u | while IFS= read -r home; do
  for name in {names}; do
    if [ -e "$home/$name" ] || [ -L "$home/$name" ]; then echo "$home/$name"; fi
  done
done
echo '=top'
find / -maxdepth 3 -path /proc -prune -o -path /sys -prune -o -iname {RHOSTS} -print -o -iname {NETRC} -print
echo '=mounts'; cat /proc/self/mounts 2>/dev/null
echo '=sshd'; tail -v -n +1 {MAIN} /etc/ssh/sshd_config.d/* 2>/dev/null
echo; echo '=loaded'
sshd=$(command -v sshd || ls /usr/sbin/sshd 2>/dev/null) && $sshd -T 2>/dev/null | grep -iE '^({"|".join(SSHD)}) '
true"""


class Trust:
    """What the command told."""

    def __init__(self, text: str) -> None:
        files, homes, top, mounts, sshd, loaded = parts_of(text)
        self.files = files.splitlines()
        self._shared = shared_mounts(mounts, "/")
        self.top = self._ours(top)
        self.homes = self._ours(homes)
        self.texts = files_in(sshd)
        self.loaded = dict(line.lower().split(None, 1) for line in loaded.splitlines())

    def _ours(self, lines: str) -> list[str]:
        """Paths without those on file systems that other machines share."""
        paths = [re.sub("/+", "/", line) for line in lines.splitlines()]
        return [path for path in paths if not any(path.startswith(f"{mount}/") for mount in self._shared)]

    def in_homes(self, *names: str) -> list[str]:
        """Files of these names in homes."""
        return [path for path in self.homes if path.rpartition("/")[2] in names]

    def sshd(self, path: str = MAIN) -> list[tuple[str, str, bool]]:
        """Statements in the order sshd reads them: `(key, value, whether below a Match line)`."""
        found = []
        for key, value, matched in statements(self.texts.get(path, "")):
            if key == "include":
                for other in sorted(name for name in self.texts if name != path and includes(value, name)):
                    found += [(item[0], item[1], item[2] or matched) for item in self.sshd(other)]
            else:
                found.append((key, value, matched))
        return found


@pytest.fixture
def trust(host: Any) -> Trust:
    return once(host, "rhosts", lambda: Trust(output_once(host, _command())))


@control("os-01")
def test_no_hosts_equiv(trust: Trust) -> None:
    assert HOSTS not in trust.files


@control("os-09")
def test_nothing_near_the_top(trust: Trust) -> None:
    assert trust.top == []


@control("ds-rhosts-01")
def test_no_rhosts_in_homes(trust: Trust) -> None:
    found = trust.in_homes(RHOSTS)
    assert found == []


@control("ds-netrc-01")
def test_no_netrc_in_homes(trust: Trust) -> None:
    found = trust.in_homes(NETRC)
    assert found == []


@control("x-rhosts-01")
def test_no_further_trust_and_forward_files(trust: Trust) -> None:
    found = [path for path in SHOSTS if path in trust.files] + trust.in_homes(*OTHERS)
    assert found == []


@control("x-rhosts-02")
def test_sshd_ignores_host_trust(trust: Trust) -> None:
    if MAIN not in trust.texts:
        not_applicable("there is no sshd")
    # Of values in the global part the first counts; one below Match counts for whom it matches.
    found: dict[str, str] = dict.fromkeys(SSHD, "not set")
    for key, value, matched in trust.sshd():
        if key in SSHD and not matched and found[key] == "not set":
            found[key] = value.lower()
        elif key in SSHD and matched and value.lower() != SSHD[key]:
            found[f"{key} below a Match"] = value.lower()
    found |= {f"{key} as sshd has it": value for key, value in trust.loaded.items()}
    assert found == {key: SSHD[key.split()[0]] for key in found}
