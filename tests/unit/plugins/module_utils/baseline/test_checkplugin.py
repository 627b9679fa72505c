# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from ansible_collections.hallmark.images.plugins.module_utils.baseline.checkplugin import comparison, shown
from ansible_collections.hallmark.images.plugins.module_utils.baseline.wire import Wire, WireClosed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("yes", "yes"),
        ("", "''"),
        (" ", "' '"),
        (5, "5"),
        (None, "None"),
        (["a", 1], "a, 1"),
        ({"b", "a"}, "a, b"),
        ([], "[]"),
        ({"k": "v"}, "{'k': 'v'}"),
        ("two\nlines", "two lines"),
        (b"\xff", "b'\\xff'"),
    ],
)
def test_values_are_shown_as_a_person_writes_them(value: Any, text: str) -> None:
    assert shown(value) == text


def test_long_values_are_cut() -> None:
    assert len(shown("x" * 10_000)) == 500


@pytest.mark.parametrize(
    ("op", "left", "right", "words"),
    [
        ("==", 1000, 100, ("100", "1000")),
        ("!=", "root", "root", ("other than root", "root")),
        ("<=", 90, 60, ("<= 60", "90")),
        ("in", "0640", ["0600", "0400"], ("one of 0600, 0400", "0640")),
        ("not in", "rsh", ["rsh"], ("none of rsh", "rsh")),
        ("in", "nodev", "rw,relatime", ("containing nodev", "rw,relatime")),
        ("is", None, True, ("True", "None")),
        ("==", {"a": 1, "b": 2, "d": 4}, {"a": 1, "b": 3, "c": "x y"}, ("b: 3; c: x y; no d", "b: 2; no c; d: 4")),
    ],
)
def test_comparisons(op: str, left: Any, right: Any, words: tuple[str, str]) -> None:
    assert comparison(op, left, right) == words


def test_frames_arrive_whole() -> None:
    here, there = (Wire(end) for end in socket.socketpair())
    blob = bytes(range(256)) * 40_000
    sender = threading.Thread(target=lambda: (here.send("a", blob, n=1, text="é"), here.send("b"), here.close()))
    sender.start()
    assert there.receive() == ("a", {"n": 1, "text": "é"}, blob)
    assert there.receive() == ("b", {}, b"")
    with pytest.raises(WireClosed):
        there.receive()
    sender.join()
    with pytest.raises(WireClosed):
        there.send("c", bytes(10_000_000))
