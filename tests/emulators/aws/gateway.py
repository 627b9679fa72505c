# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP side: takes calls apart, writes them down, lets faults hit them, passes them to moto; the control URL."""

from __future__ import annotations

import io
import json
import re
import sys
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from emulators.aws.world import created
from emulators.common.calls import Call
from emulators.common.emulator import CONTROL
from emulators.common.http import Answer, Lost

if TYPE_CHECKING:
    from emulators.aws.emulator import AwsEmulator

CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/([^/]+)/([^/]+)/aws4_request")
ERROR_CODE = re.compile(r"<Code>([^<]+)</Code>")
CREATES = ("Create", "Run", "Copy", "Import", "Register", "Allocate", "Request")
#: The start of an id → the error for one that is not found.
NOT_FOUND = {
    "i-": ("InvalidInstanceID.NotFound", "The instance ID '{}' does not exist"),
    "ami-": ("InvalidAMIID.NotFound", "The image id '[{}]' does not exist"),
    "snap-": ("InvalidSnapshot.NotFound", "The snapshot '{}' does not exist."),
    "vol-": ("InvalidVolume.NotFound", "The volume '{}' does not exist."),
    "sg-": ("InvalidGroup.NotFound", "The security group '{}' does not exist"),
    "eni-": ("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '{}' does not exist"),
    "eipalloc-": ("InvalidAllocationID.NotFound", "The allocation ID '{}' does not exist"),
    "key-": ("InvalidKeyPair.NotFound", "The key pair '{}' does not exist"),
    "": ("InvalidKeyPair.NotFound", "The key pair '{}' does not exist"),
}


def parse(method: str, target: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """The fields of a Call from a request."""
    found = CREDENTIAL.search(headers.get("authorization", ""))
    key, region, service = found.groups() if found else ("", "us-east-1", "")
    fields = {"access_key": key, "region": region, "service": service, "user_agent": headers.get("user-agent", "")}
    if "x-amz-target" in headers:
        action = headers["x-amz-target"].rpartition(".")[2]
        return fields | {"action": action, "params": json.loads(body or b"{}")}
    text = body.decode("utf-8", "replace") if "form" in headers.get("content-type", "") else ""
    params = dict(parse_qsl(text or urlsplit(target).query, keep_blank_values=True))
    action = params.pop("Action", f"{method} {urlsplit(target).path}")
    params.pop("Version", None)
    return fields | {"action": action, "params": params}


def error(service: str, status: int, code: str, message: str) -> Answer:
    """An error as the service words it."""
    request = str(uuid.uuid4())
    if service in ("ssm", "kms", "servicequotas"):
        code = {"RequestLimitExceeded": "ThrottlingException", "InternalError": "InternalServerError"}.get(code, code)
        status = 400 if code == "ThrottlingException" else status
        document = {"__type": code, "message": message}
        return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(document).encode()
    if service == "ec2":
        inner = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        text = f"<Response><Errors>{inner}</Errors><RequestID>{request}</RequestID></Response>"
    else:
        code = "Throttling" if code == "RequestLimitExceeded" else code
        kind = "<Type>Receiver</Type>" if status >= 500 else "<Type>Sender</Type>"
        inner = f"<Error>{kind}<Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        text = f"<ErrorResponse>{inner}<RequestId>{request}</RequestId></ErrorResponse>"
    return status, {"Content-Type": "text/xml;charset=UTF-8"}, f'<?xml version="1.0"?>\n{text}'.encode()


def tags_of(backend: Any, params: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The tags of the things of a region that a call names, by id or, of key pairs, by name."""
    pairs = {name: pair.id for name, pair in backend.key_pairs.items()}
    named = {value: pairs.get(value, value) for value in params.values() if isinstance(value, str)}
    return {value: dict(backend.tags[thing]) for value, thing in named.items() if thing in backend.tags}


class Gateway:
    """Answers requests."""

    def __init__(self, emulator: AwsEmulator, application: Callable[..., Any]) -> None:
        self.emulator = emulator
        self.application = application

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes, client: str) -> Answer:
        """Answer a request.

        :raises Lost: when a fault wants no answer.
        """
        if target.startswith(CONTROL):
            return self.emulator.answer_control(method, target, body, client)
        call = self.emulator.calls.begin(**parse(method, target, headers, body))
        begun = time.monotonic()
        try:
            status, fields, content = self._answer(call, method, target, headers, body)
        finally:
            call.seconds = time.monotonic() - begun
        call.status = status
        if status >= 400:
            found = ERROR_CODE.search(content.decode("utf-8", "replace"))
            call.error = found[1] if found else self._json_code(content)
        return status, fields, content

    def _answer(self, call: Call, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        world = self.emulator.world
        fault = world.faults.for_call(call)
        if fault:
            call.fault = fault.kind
            if fault.kind == "drop":
                raise Lost
            if given := fault.answer():
                return error(call.service, *given)
        with world.lock:
            world.settle()
            self.emulator.account.enter(call.region)
            young = self._too_young(call)
            if young:
                return young
            world.fault = fault
            try:
                region = call.params.get("SourceRegion", call.region)
                call.named = tags_of(self.emulator.backend(region), call.params)
                answer = self._pass_on(call, method, target, headers, body)
            except Exception as problem:  # moto lets its own through
                answer = self._unable(call, problem)
            finally:
                world.fault = None
            if call.action.startswith(CREATES) and answer[0] == 200 and call.service == "ec2":
                world.remember(created(answer[2].decode("utf-8", "replace"), call.params))
        if fault and fault.kind == "slow":
            time.sleep(fault.seconds)
        if fault and fault.kind == "call" and fault.function:
            fault.function(call)
        if fault and fault.kind == "signal":
            fault.send_signal()
        if fault and fault.kind in ("lose", "signal"):
            raise Lost
        return answer

    def _too_young(self, call: Call) -> Answer | None:
        """The error for a call that names what was just created."""
        young = self.emulator.world.young() if call.service == "ec2" else set()
        for name, value in call.params.items() if young else ():
            if value in young and not (name == "KeyName" and call.action.startswith(("Import", "Create"))):
                start = next(start for start in NOT_FOUND if str(value).startswith(start))
                code, message = NOT_FOUND[start]
                return error("ec2", 400, code, message.format(value))
        return None

    def _pass_on(self, call: Call, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Let moto answer."""
        if call.service == "ec2" and call.action.startswith("Describe"):
            with self.emulator.world.hidden(self.emulator.backend(call.region)):
                status, fields, content = self._wsgi(method, target, headers, body)
        else:
            status, fields, content = self._wsgi(method, target, headers, body)
        if status == 403 and call.service == "ec2" and b"<Code>AccessDenied<" in content:
            content = content.replace(b"<Code>AccessDenied<", b"<Code>UnauthorizedOperation<")  # EC2's own word
        return status, fields, content

    def _unable(self, call: Call, problem: Exception) -> Answer:
        """The answer where moto, or we, lack something: not a server error, which clients would try again."""
        text = f"the emulator cannot do {call.action} with {call.params}: {problem!r}"
        self.emulator.world.problems.append(text)
        return error(call.service, 400, "InvalidAction", text)

    def _wsgi(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        path, _mark, query = target.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path),
            "QUERY_STRING": query,
            "RAW_URI": target,
            "REQUEST_URI": target,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.emulator.port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        begun: list[Any] = []

        def start(status: str, fields: list[tuple[str, str]], _exc: Any = None) -> None:
            begun[:] = [int(status.split()[0]), dict(fields)]

        content = b"".join(self.application(environ, start))
        return begun[0], begun[1], content

    @staticmethod
    def _json_code(content: bytes) -> str:
        try:
            return str(json.loads(content).get("__type", "")).rpartition("#")[2]
        except ValueError:
            return ""
