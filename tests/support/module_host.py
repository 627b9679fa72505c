# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules of the clouds as processes of their own, which can be killed at any call of the API.

As a program it waits for requests, one line of JSON each, and forks a process for every one: what takes long, to import
an SDK, is done once. A module that is killed has no chance to clean up, as in life.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build.ledger import Ledger

MODULES = ("aws_builder", "aws_image", "alicloud_builder", "alicloud_image", "reap")

EXPIRED = "2026-11-24T18:00:00+00:00"
#: Pauses between looks for what may not show yet: long enough for what the tests let not show, and no longer.
SOON = (0.0, 0.3, 0.6)
#: The same for an account where everything shows at once.
AT_ONCE = (0.0, 0.0)
#: Pause before what is busy is tried again.
BUSY = 0.05


@dataclass
class Outcome:
    """How a module ended: its result, or None when it was killed, and the calls that it made."""

    result: dict[str, Any] | None
    calls: list[str] = field(default_factory=list)
    output: str = ""


class ModuleHost:
    """The process that modules are forked from.

    :param environment: of the modules.
    :param looks: the pauses between looks for what may not show yet, in place of those of life.
    """

    def __init__(self, environment: dict[str, str], looks: tuple[float, ...] = SOON) -> None:
        self.looks = looks
        self.home = Path(environment["XDG_STATE_HOME"]) / "hallmark"
        # Machines that a test leaves are gone with their account, but what this computer has of them is not.
        self.runtime = Path(tempfile.mkdtemp(prefix="r"))  # pytest's own are too long for a socket
        environment = {**environment, "XDG_RUNTIME_DIR": str(self.runtime)}
        self.read_timeout: float | None = None  # seconds that boto3 waits for an answer; None for those of life
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )

    def run(self, module: str, kill: int = 0, lost: bool = True, controller: int = 0, **options: Any) -> Outcome:
        """Run a module to its end.

        :param kill: SIGKILL it at this call of the API (the first is 1); 0 lets it live.
        :param lost: whether that call still takes effect and only its answer is lost, or is never made.
        :param controller: the process that a janitor is to outlive.
        """
        request = {"module": module, "kill": kill, "lost": lost, "options": options}
        request |= {"controller": controller, "looks": self.looks, "read_timeout": self.read_timeout}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the host of the modules has ended"
        return Outcome(**json.loads(line))

    def open_expired(self, platform: str, build: str) -> None:
        """Open a build that has expired: what is launched for it is for whoever looks for what is to go."""
        Ledger(build, self.home).open(platform=platform, definition="web", expires=EXPIRED, controller=0)

    def succeed(self, module: str, **options: Any) -> dict[str, Any]:
        """Run a module, which must not fail; its result."""
        outcome = self.run(module, **options)
        assert outcome.result, outcome.output
        assert not outcome.result.get("failed"), outcome.result["msg"]
        return outcome.result

    def fail(self, module: str, **options: Any) -> str:
        """Run a module, which must fail; its message."""
        outcome = self.run(module, **options)
        assert outcome.result, outcome.output
        assert outcome.result.get("failed"), outcome.result
        return outcome.result["msg"]

    def stop(self) -> None:
        """End it."""
        self.process.stdin.close()
        self.process.wait(10)
        shutil.rmtree(self.runtime)


def _named(url: str, body: Any, headers: Any) -> str:
    """What a request of the API is, in one line."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
    words = [*text.split("&"), *url.partition("?")[2].split("&")]
    action = next((word[7:] for word in words if word.startswith("Action=")), url)
    region = next((word[9:] for word in words if word.startswith("RegionId=")), "")
    signed = headers.get("Authorization", b"")  # AWS names the region there
    region = region or "".join((signed.decode() if isinstance(signed, bytes) else signed).split("/")[2:3])
    return f"{action}{' dry' if 'DryRun=true' in text else ''} {region}"


def _watch_calls(pipe: int, kill: int, lost: bool) -> None:
    """Report every request of the API, and die at the wanted one."""
    from aliyunsdkcore.vendored.requests import Session
    from botocore.httpsession import URLLib3Session

    count, own = 0, os.getpid()

    def watched(send: Any) -> Any:
        def counted(self: Any, request: Any, **options: Any) -> Any:
            nonlocal count
            if os.getpid() != own:  # the janitor's calls are its own
                return send(self, request, **options)
            count += 1
            os.write(pipe, f"{_named(request.url, request.body, request.headers)}\n".encode())
            if count == kill and not lost:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = send(self, request, **options)
            if count == kill:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return counted

    for session in (Session, URLLib3Session):
        session.send = watched(session.send)


def _child(request: dict[str, Any], results: int, calls: int, mains: dict[str, Any]) -> None:
    from ansible.module_utils.testing import patch_module_args

    from ansible_collections.hallmark.images.plugins.module_utils.build import janitor, lifecycle, remote

    os.dup2(results, 1)
    os.dup2(results, 2)
    sys.stdin = io.StringIO()
    _watch_calls(calls, request["kill"], request["lost"])
    remote.LOOKS, lifecycle.BUSY_PAUSE = tuple(request["looks"]), BUSY
    if request["read_timeout"]:
        from ansible_collections.hallmark.images.plugins.module_utils.aws import connection

        connection.TIMEOUTS["read_timeout"] = request["read_timeout"]
    if request["controller"]:
        janitor.find_controller = lambda: request["controller"]
    options = dict(request["options"])
    check = options.pop("check_mode", False)
    with patch_module_args({**options, "_ansible_check_mode": check}):
        mains[request["module"]]()


def _read_once() -> None:
    """Let every module find in memory what boto3 reads of EC2 for each of its clients: many megabytes of JSON."""
    import boto3
    import botocore.loaders
    import botocore.session

    loader = botocore.loaders.create_loader()
    botocore.session.create_loader = lambda *dummy: loader
    boto3.session.Session("AKIAEXAMPLE", "not-a-secret", region_name="us-east-1").client("ec2")


def _serve() -> None:
    import importlib

    _read_once()
    names = {name: f"ansible_collections.hallmark.images.plugins.modules.{name}" for name in MODULES}
    mains = {name: importlib.import_module(path).main for name, path in names.items()}
    for line in sys.stdin:
        request = json.loads(line)
        pipes = [os.pipe(), os.pipe()]
        pid = os.fork()
        if not pid:
            code = 1
            try:
                _child(request, pipes[0][1], pipes[1][1], mains)
            except SystemExit as error:
                code = int(error.code or 0)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        for dummy, writable in pipes:
            os.close(writable)
        texts = []
        for readable, dummy in pipes:
            with os.fdopen(readable, encoding="utf-8", errors="replace") as stream:
                texts.append(stream.read())
        os.waitpid(pid, 0)
        try:
            result = json.loads(texts[0].strip().split("\n")[-1])
        except ValueError:
            result = None
        print(
            json.dumps({"result": result, "calls": texts[1].split("\n")[:-1], "output": texts[0][-4000:]}), flush=True
        )


if __name__ == "__main__":
    _serve()
