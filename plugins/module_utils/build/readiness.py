# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a guest is ready: it has shown its host keys on the console, answers over SSH with one of them, and cloud-init
has done its work. Failure on the way is recognised from the console and the machine's state at once."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.hallmark.images.plugins.module_utils.build.console import CONSOLE_LINES
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.proxies import file_option, known_name
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import FAILED, PENDING, READY, State
from ansible_collections.hallmark.images.plugins.module_utils.build.waiting import Waiter

# cloud-init's keys-to-console prints the keys between these (cloudinit/config/cc_keys_to_console.py).
KEYS_END = "-----END SSH HOST KEY KEYS-----"
HOST_KEY = re.compile(r"(ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa) (AAAA[A-Za-z0-9+/]+=*)")
FATAL = (
    "Kernel panic - not syncing",
    "You are in emergency mode",
    "Give root password for maintenance",
    "No bootable device",
    "Gave up waiting for root",
    "grub rescue>",
)
#: What ssh says when trying again will not help.
REFUSALS = ("Permission denied", "Host key verification failed")
CLOUD_INIT_DONE = "until [ -s /run/cloud-init/result.json ]; do sleep 0.2; done; cat /run/cloud-init/result.json"


@dataclass(frozen=True)
class Watched:
    """A machine whose guest is waited for.

    :ivar what: the subject of messages, for example "machine builder".
    :ivar state: the machine's present state; anything but ready ends or prolongs the wait.
    :ivar console: what its serial console has shown so far, as clean lines.
    :ivar place: where a person finds the console, for messages.
    """

    what: str
    state: Callable[[], State]
    console: Callable[[], list[str]]
    place: str


def host_keys(console: str) -> list[str]:
    """The host keys that the guest printed, as ``type base64``, or none before it has printed them all."""
    if KEYS_END not in console:
        return []
    return sorted({f"{kind} {data}" for kind, data in HOST_KEY.findall(console.split(KEYS_END)[0])})


def fatal_line(console: str) -> str:
    """The line of a console that says that this boot will never succeed, or an empty text."""
    for line in console.splitlines():
        if any(word in line for word in FATAL):
            return line.strip()
    return ""


def with_console(error: HallmarkError, machine: Watched) -> HallmarkError:
    """The same error with the last lines of the console."""
    lines = "\n".join(machine.console()[-CONSOLE_LINES:])
    if not lines:
        return type(error)(f"{error} (the console is empty)")
    return type(error)(f"{error}\nThe last lines of the console ({machine.place}):\n{lines}")


def wait_for_host_keys(machine: Watched, waiter: Waiter) -> list[str]:
    """Wait for the guest's host keys on its console.

    :raises HallmarkError: when the machine ends, panics or does not show them in time; with the end of the console.
    """
    keys: list[str] = []

    def probe() -> State:
        state = machine.state()
        if state.status != READY:
            return state
        text = "\n".join(machine.console())
        keys[:] = host_keys(text)
        if keys:
            return State(READY)
        fatal = fatal_line(text)
        return State(FAILED, fatal) if fatal else State(PENDING, "the guest has not shown its host keys yet")

    try:
        waiter.wait(machine.what, probe)
    except HallmarkError as error:
        raise with_console(error, machine) from None
    return keys


def known_hosts(address: str, port: int, keys: list[str]) -> str:
    """The content of a known_hosts file for one guest."""
    return "".join(f"{known_name(address, port)} {key}\n" for key in keys)


def ssh_command(user: str, host: str, port: int, key: str, known_hosts: str, proxy: str = "") -> list[str]:
    """An ssh command line that trusts the given host keys and offers the given key, and nothing else.

    :param proxy: the ``ProxyCommand`` to connect through; empty for a direct connection.
    """
    options = (
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        file_option("UserKnownHostsFile", known_hosts),
        file_option("IdentityFile", key),
        "GlobalKnownHostsFile=/dev/null",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "ConnectTimeout=10",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
        "LogLevel=ERROR",
        *([f"ProxyCommand={proxy}"] if proxy else []),
    )
    words = [word for option in options for word in ("-o", option)]
    return ["ssh", "-F", "/dev/null", *words, "-p", str(port), f"{user}@{host}"]


def wait_for_ssh(command: list[str], remote: str, machine: Watched, waiter: Waiter) -> str:
    """Wait until SSH answers and a command has ended well in the guest; what it printed.

    :param command: from ssh_command.
    :param remote: the command to run there.
    :raises HallmarkError: when the key is refused or the time is up; with the end of the console.
    """
    outcome: list[str] = []

    def probe() -> State:
        state = machine.state()
        if state.status != READY:
            return state
        try:
            done = subprocess.run(
                [*command, remote],
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=max(1.0, waiter.left()),
                check=False,
            )
        except subprocess.TimeoutExpired:
            return State(PENDING, "cloud-init has not finished")
        if done.returncode == 0:
            outcome[:] = [done.stdout]
            return State(READY)
        lines = done.stderr.strip().splitlines() or [f"ssh ended with status {done.returncode}"]
        refusals = [line for line in lines if any(word in line for word in REFUSALS)]
        if refusals and refusals[-1] == lines[-1]:
            return State(FAILED, f"the guest does not let user {command[-1].split('@')[0]} in: {lines[-1]}")
        if refusals:  # what carries the connection said so before ssh noticed that it has none
            return State(FAILED, f"no way to the guest: {' '.join(lines[:-1])}")
        return State(PENDING, lines[-1])

    try:
        waiter.wait(machine.what, probe)
    except HallmarkError as error:
        raise with_console(error, machine) from None
    return outcome[0]


def wait_for_cloud_init(command: list[str], machine: Watched, waiter: Waiter) -> None:
    """Wait until SSH answers and cloud-init has finished without errors.

    :raises HallmarkError: when the key is refused, cloud-init reports errors, or the time is up.
    """
    text = wait_for_ssh(command, CLOUD_INIT_DONE, machine, waiter)
    try:
        errors = json.loads(text).get("v1", {}).get("errors", [])
    except ValueError:
        raise HallmarkError(f"{machine.what}: /run/cloud-init/result.json is not JSON: {text[:200]!r}") from None
    if errors:
        raise with_console(HallmarkError(f"{machine.what}: cloud-init reports {'; '.join(map(str, errors))}"), machine)
