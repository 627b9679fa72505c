# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area suid_sgid: what has set-id bits and capabilities, and what upgrades will bring back."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.api import (
    controls_beside,
    marker,
    not_applicable,
    once,
    output_once,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening import overrides, set_id, set_id_known
from ansible_collections.hallmark.images.plugins.module_utils.hardening.swept import SWEEP, Swept

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
UNNEEDED = CONTROLS["os-06"]["must"][0]["deny"]
LITTLE_USED = CONTROLS["x-suid-02"]["must"][0]["deny"]


def _command() -> str:
    return f"""\
cat /etc/os-release /usr/lib/os-release 2>/dev/null | head -n 40
echo '=listed'
for path in {" ".join([*UNNEEDED, *LITTLE_USED])}; do
  test -f "$path" && echo "$path:$(readlink -f "$path"):$(stat -L -c %a "$path")"
done
echo '=kept'; cat {overrides.STATOVERRIDE} 2>/dev/null
echo '=boot'; cat /etc/tmpfiles.d/*.conf 2>/dev/null
true"""


class SetId:
    """What the command told, and what was found in the file systems."""

    def __init__(self, text: str, swept: Swept) -> None:
        found = re.split(r"^=(\w+)\n", f"=release\n{text}", flags=re.MULTILINE)
        parts = dict(zip(found[1::2], found[2::2], strict=True))
        self.release = parts["release"]
        # By listed name: the program's own name, and its mode.
        self.listed = {}
        for line in parts["listed"].splitlines():
            path, real, mode = line.rsplit(":", 2)
            self.listed[path] = (real, int(mode, 8))
        self.is_swept = swept.is_swept
        self.found = [file.path for file in swept.set_id]
        self.capable = {
            path: set_id.decode(bytes.fromhex(raw)) if re.fullmatch("[0-9a-f]+", raw) else frozenset("?")
            for path, raw in swept.capable.items()
        }
        self.overrides = overrides.overrides(parts["kept"])
        self.boot = overrides.tmpfiles(parts["boot"])
        self.has_dpkg = set_id_known.os_family.family(self.release) in ("debian", "ubuntu")

    def with_bits(self, paths: list[str]) -> list[str]:
        """Those of the listed programs that have a set-id bit."""
        return [path for path in paths if path in self.listed and self.listed[path][1] & 0o6000]

    def kept(self, real: str) -> bool:
        """Whether the choice for a program survives an upgrade of its package."""
        if self.has_dpkg:
            lines = [self.overrides[name] for name in overrides.names(real) if name in self.overrides]
            return bool(lines) and not any(mode & 0o6000 for _owner, _group, mode in lines)
        line = self.boot.get(real, "").split()
        return len(line) > 2 and not int(line[2], 8) & 0o6000


@pytest.fixture
def facts(host: Any) -> SetId:
    return once(host, "suid_sgid", lambda: SetId(output_once(host, _command()), Swept(output_once(host, SWEEP))))


@control("os-06")
def test_unneeded_programs_have_no_set_id_bit(facts: SetId) -> None:
    assert facts.with_bits(UNNEEDED) == []


@control("ds-suid-01")
def test_lists_of_the_user_count(facts: SetId) -> None:
    not_applicable("whether a user has lists of their own, a machine does not tell; what they list is their standard")


@control("ds-suid-02")
def test_no_program_but_the_listed_has_set_id_bits(facts: SetId) -> None:
    assert unknown(facts) == []


def unknown(facts: SetId) -> list[str]:
    """Set-id programs that the release does not ship."""
    assert facts.is_swept
    known = set_id_known.known_set_id(facts.release)
    if known is None:
        not_applicable("nobody has written down what this system ships")
    return [path for path in facts.found if path not in known]


@control("x-suid-01")
def test_set_id_programs_are_those_of_the_release(facts: SetId) -> None:
    assert unknown(facts) == []


@control("x-suid-02")
def test_little_used_programs_have_no_set_id_bit(facts: SetId) -> None:
    assert facts.with_bits(LITTLE_USED) == []


@control("x-suid-03")
def test_upgrades_do_not_bring_bits_back(facts: SetId) -> None:
    installed = {facts.listed[path][0] for path in UNNEEDED if path in facts.listed}
    if not installed:
        not_applicable("none of the unneeded programs is installed")
    assert sorted(real for real in installed if not facts.kept(real)) == []


@control("x-suid-04")
def test_capabilities_are_those_of_the_release(facts: SetId) -> None:
    assert facts.is_swept
    known = set_id_known.known_capabilities(facts.release)
    if known is None:
        not_applicable("nobody has written down what this system ships")
    assert {path: have for path, have in facts.capable.items() if not have <= known.get(path, frozenset())} == {}
