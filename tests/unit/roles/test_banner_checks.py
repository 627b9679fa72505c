# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of area banner on made-up machines: it fails when, and only when, its control is broken."""

from __future__ import annotations

import pytest

from support.checks import Area
from support.role_vars import ROOT, role_value

BANNER = Area("banner")
MODES = dict.fromkeys(("/etc/issue", "/etc/issue.net", "/etc/motd"), "root root 0644")


def facts(texts=None, modes=None):
    """A hardened machine with other texts or attributes (None: no such file)."""
    text = role_value("banner", "banner_text")
    motd = (ROOT / "images/qemu/linux/debian-12/files/motd").read_text()
    held = {"/etc/issue": text, "/etc/issue.net": text, "/etc/motd": motd} | (texts or {})
    attributes = "".join(f"{path} {mode}\n" for path, mode in (MODES | (modes or {})).items() if mode)
    answer = "\n".join(f"==> {path} <==\n{text}" for path, text in held.items() if text is not None)
    return BANNER.module.Banners(f'{attributes}=texts\n{answer}\n=release\nID=exos\nNAME="Example OS"\n')


@pytest.mark.parametrize(
    ("given", "met"),
    [
        ({}, True),
        ({"texts": {"/etc/issue": "Authorized users only. All activity may be monitored and reported.\n"}}, True),
        ({"texts": {"/etc/motd": None}, "modes": {"/etc/motd": None}}, True),
        ({"texts": {"/etc/motd": ""}}, True),
        ({"texts": {"/etc/motd": "Debian GNU/Linux comes with ABSOLUTELY NO WARRANTY\n"}}, False),
        ({"texts": {"/etc/motd": "example os\n"}}, False),
        ({"texts": {"/etc/issue": None}, "modes": {"/etc/issue": None}}, False),
        ({"texts": {"/etc/issue": "\n"}}, False),
        ({"texts": {"/etc/issue.net": "Welcome! Use is monitored.\n"}}, False),
        ({"texts": {"/etc/issue": "Authorized users only. Monitored. \\v\n"}}, False),
        ({"texts": {"/etc/issue.net": "Authorized users only. Monitored. Ubuntu 24.04\n"}}, False),
        ({"modes": {"/etc/issue": "root root 0664"}}, False),
        ({"modes": {"/etc/issue.net": "root adm 0644"}}, False),
        ({"modes": {"/etc/motd": "me root 0644"}}, False),
    ],
)
def test_banners(given, met):
    assert BANNER.failing(facts(**given)) == (set() if met else {"x-banner-01"})
