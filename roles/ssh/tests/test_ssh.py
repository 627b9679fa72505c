# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls of area ssh: what sshd's files say, the first value counting, and what sshd itself makes of them."""

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
from ansible_collections.hallmark.images.plugins.module_utils.hardening.sshd_settings import (
    ADDING,
    MAIN,
    ONCE,
    includes,
    statements,
)

CONTROLS = controls_beside(__file__)
control = marker(CONTROLS)
DROP_IN = "/etc/ssh/sshd_config.d/x.conf"  # stands for any
OURS = "hallmark.images"  # stands in the first line of what the collection writes
UNITS = "/etc/systemd/system/sshd.service /usr/lib/systemd/system/sshd.service"
# Older releases have a second keyword for passwords that PAM asks for, and print it.
OLD = "challengeresponseauthentication"
# What sshd says where it could not run at all, such as in an image tree, whatever its files say.
NOT_RUNNING = ("Missing privilege separation directory", "no hostkeys available")
SECONDS = {"s": 1, "m": 60, "h": 3600}


def _command() -> str:
    return f"""\
tail -v -n +1 {MAIN} /etc/ssh/sshd_config.d/* 2>/dev/null
echo; echo '=program'; sshd=$(command -v sshd || ls /usr/sbin/sshd 2>/dev/null); echo "$sshd"
echo '=policies'; grep -hs '^[^#].*crypto-policies/back-ends/opensshserver' {MAIN} /etc/ssh/sshd_config.d/* {UNITS}
echo '=own'; if [ -n "$sshd" ]; then grep -aqs debianbanner "$sshd" && echo debianbanner; fi
echo '=loaded'; if [ -n "$sshd" ]; then "$sshd" -T -C user=root,host=localhost,addr=127.0.0.1 2>&1; fi
true"""


class Sshd:
    """What the command told."""

    def __init__(self, text: str) -> None:
        files, program, policies, own, loaded = parts_of(text)
        self.texts = files_in(files)
        self.exists = MAIN in self.texts and bool(program.strip())
        self.follows_policies = bool(policies.strip())
        self.knows_debian_banner = bool(own.strip())
        self.loaded: dict[str, str] = {}
        for line in loaded.splitlines():
            key, _space, value = line.partition(" ")
            self.loaded.setdefault(key.lower(), value)
        self.complaint = "" if "permitrootlogin" in self.loaded else " ".join(loaded.split())

    def statements(self, path: str = MAIN) -> list[tuple[str, str, bool, str]]:
        """In the order sshd reads them: `(key, value, whether below a Match line, path of the file)`."""
        found = []
        for key, value, matched in statements(self.texts.get(path, "")):
            if key == "include":
                for other in sorted(name for name in self.texts if name != path and includes(value, name)):
                    found += [(item[0], item[1], item[2] or matched, item[3]) for item in self.statements(other)]
            else:
                found.append((key, value, matched, path))
        return found

    def values(self, key: str) -> dict[str, str]:
        """Values of a keyword: the one that counts for everybody, any below a Match line, and sshd's own word."""
        found = {key: "not set"}
        for name, value, matched, _path in self.statements():
            if name == key and matched:
                found[f"{key} below a Match: {value}"] = value
            elif name == key and found[key] == "not set":
                found[key] = value
        if key in self.loaded:
            found[f"{key} as sshd has it"] = self.loaded[key]
        return found

    def wrong(self, **wanted: Any) -> dict[str, str]:
        """Values that are not the wanted text, or that the wanted function does not accept."""
        if not self.exists:
            not_applicable("there is no sshd")
        found = {}
        for key, good in wanted.items():
            for name, value in self.values(key).items():
                if not (good(value) if callable(good) else value.lower() == good.lower()):
                    found[name] = value
        return found


def most(limit: int) -> Any:
    """Accepts a number or a time of at least 1 and at most `limit` (seconds)."""

    def accepts(value: str) -> bool:
        parts = re.fullmatch(r"(\d+)([smhSMH]?)", value)
        return bool(parts) and 1 <= int(parts[1]) * SECONDS.get(parts[2].lower(), 1) <= limit

    return accepts


def startups(value: str) -> bool:
    parts = value.split(":")
    good = (0 < int(parts[0]) <= 10, int(parts[1]) >= 30, 0 < int(parts[2]) <= 60) if len(parts) == 3 else (False,)
    return all(good)


def only(*names: str) -> Any:
    """Accepts a list of some of these algorithms; a list that begins with +, - or ^ changes sshd's own."""
    return lambda value: set(value.split(",")) <= set(names)


@pytest.fixture
def sshd(host: Any) -> Sshd:
    return once(host, "ssh", lambda: Sshd(output_once(host, _command())))


@control("x-ssh-01")
def test_root_and_empty_passwords_are_refused(sshd: Sshd) -> None:
    assert sshd.wrong(permitrootlogin="no", permitemptypasswords="no") == {}


@control("x-ssh-02")
def test_passwords_are_not_accepted(sshd: Sshd) -> None:
    wrong = sshd.wrong(passwordauthentication="no", kbdinteractiveauthentication="no")
    if sshd.loaded.get(OLD, "no") != "no":
        wrong[OLD] = sshd.loaded[OLD]
    assert wrong == {}


@control("x-ssh-03")
def test_no_forwarding_and_tunnels(sshd: Sshd) -> None:
    keys = ("x11forwarding", "allowtcpforwarding", "allowagentforwarding", "permittunnel", "gatewayports")
    assert sshd.wrong(**dict.fromkeys(keys, "no")) == {}


@control("x-ssh-04")
def test_attempts_and_sessions_are_bounded(sshd: Sshd) -> None:
    wrong = sshd.wrong(maxauthtries=most(3), maxsessions=most(2), maxstartups=startups, logingracetime=most(30))
    assert wrong == {}


@control("x-ssh-05")
def test_sessions_of_clients_that_are_gone_end(sshd: Sshd) -> None:
    # No question, or no end after unanswered ones, is no bound.
    assert sshd.wrong(clientaliveinterval=most(300), clientalivecountmax=most(3)) == {}


@control("x-ssh-06")
def test_strong_algorithms_only(sshd: Sshd) -> None:
    wanted = {}
    for must in CONTROLS["x-ssh-06"]["must"]:
        wanted[must["key"].lower()] = only(*must["value"])
    said = {key for key, _value, _matched, _path in sshd.statements()} & set(wanted)
    if sshd.follows_policies and not said:
        not_applicable("crypto-policies choose the algorithms")
    assert sshd.wrong(**wanted) == {}


@control("x-ssh-07")
def test_log_banner_and_environment(sshd: Sshd) -> None:
    keys = ["permituserenvironment", "tcpkeepalive", "compression", "usedns"]
    keys += ["debianbanner"] if sshd.knows_debian_banner else []
    assert sshd.wrong(loglevel="VERBOSE", banner="/etc/issue.net", **dict.fromkeys(keys, "no")) == {}


@control("x-ssh-08")
def test_who_may_log_in_is_said(sshd: Sshd) -> None:
    assert sshd.wrong(allowgroups=lambda value: value not in ("not set", "*"), gssapiauthentication="no") == {}


@control("x-ssh-09")
def test_drop_in_files_are_read_first(sshd: Sshd) -> None:
    if not sshd.exists:
        not_applicable("there is no sshd")
    assert not sshd.complaint or any(words in sshd.complaint for words in NOT_RUNNING), sshd.complaint
    # What stands between the collection's marks is its own; of the rest the first statement must be the Include.
    main = re.sub(rf"^# BEGIN {OURS}.*?^# END {OURS}.*?$", "", sshd.texts[MAIN], flags=re.MULTILINE | re.DOTALL)
    found = statements(main)
    places = [place for place, item in enumerate(found) if item[0] == "include" and includes(item[1], DROP_IN)]
    if places:
        assert found[0][0] == "include", f"{MAIN} says {found[0][0]} before it includes other files"
        ours = {path for path, text in sshd.texts.items() if OURS in text.split("\n")[0]}
        read = [item for item in sshd.statements() if item[3] in ours]
        assert read, "no file of the collection is read"
        # Who reads nothing but sshd_config finds the same there.
        said: dict[str, list[str]] = {}
        for key, value, matched in statements(sshd.texts[MAIN]):
            if not matched:
                said.setdefault(key, []).append(value.lower())
        wanted = {key: value.lower() for key, value, _matched, _path in read if key not in ADDING | ONCE}
        assert {key: said.get(key, ["not set"]) for key in wanted if set(said.get(key, [])) != {wanted[key]}} == {}
    else:  # releases before OpenSSH 8.2 know no Include
        assert sshd.texts[MAIN].startswith(f"# BEGIN {OURS}"), f"{MAIN} neither includes files nor begins with ours"
