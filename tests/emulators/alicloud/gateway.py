# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a call: taken apart, written down, hit by faults, authenticated, checked, allowed, answered."""

from __future__ import annotations

import itertools
import json
import re
import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from emulators.alicloud import policies, schema
from emulators.alicloud.api import ACTIONS, Action, Reply, Request
from emulators.alicloud.errors import ApiError
from emulators.alicloud.offers import REGIONS
from emulators.common.calls import Call
from emulators.common.emulator import CONTROL
from emulators.common.http import Answer, Lost

if TYPE_CHECKING:
    from emulators.alicloud.emulator import AlicloudEmulator

#: Version of an API → its product.
VERSIONS = {"2014-05-26": "ecs", "2016-04-28": "vpc", "2015-04-01": "sts", "2016-01-20": "kms"}
JSON = {"Content-Type": "application/json;charset=utf-8"}
#: How a product says that RAM does not allow a call.
DENIED = {
    "sts": ("NoPermission", "You are not authorized to do this action. You should be authorized by RAM."),
    "kms": ("Forbidden.NoPermission", "This operation is forbidden by permission system."),
    "": ("Forbidden.RAM", "User not authorized to operate on the specified resource, or this API doesn't support RAM."),
}


def sent(target: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
    """All parameters of a request: those of the query and those of a form together."""
    form = body.decode() if "form" in headers.get("content-type", "") else ""
    query = parse_qsl(urlsplit(target).query, keep_blank_values=True)
    return dict(query + parse_qsl(form, keep_blank_values=True))


def find_action(params: dict[str, str]) -> Action:
    """The action that a call names. VPC's are answered at ECS's version too.

    :raises ApiError: when there is none.
    """
    for name in ("Action", "Version"):
        if not params.get(name):
            raise ApiError(400, f"Missing{name}", f"{name} is mandatory for this action.")
    product = VERSIONS.get(params["Version"])
    if product is None:
        raise ApiError(400, "InvalidVersion", "Specified parameter Version is not valid.")
    entry = ACTIONS.get((product, params["Action"]))
    if entry is None and product == "ecs":
        entry = ACTIONS.get(("vpc", params["Action"]))
    if entry is None:
        message = "Specified api is not found, please check your url and method."
        raise ApiError(404, "InvalidAction.NotFound", message)
    return entry


class Gateway:
    """Answers requests.

    :param secure: whether they come over TLS.
    """

    def __init__(self, emulator: AlicloudEmulator, secure: bool) -> None:
        self.emulator, self.secure = emulator, secure
        self.world = emulator.world

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes, client: str) -> Answer:
        """Answer a request. As a proxy it gets whole URLs, and answers for whichever host they name.

        :raises Lost: when a fault wants no answer.
        """
        path = target if target.startswith("/") else "/" + target.partition("://")[2].partition("/")[2]
        if path.startswith(CONTROL):
            return self.emulator.answer_control(method, path, body, client)
        params = sent(target, headers, body)
        version = VERSIONS.get(params.get("Version", ""), "")
        call = self.emulator.calls.begin(
            service=version,
            region=params.get("RegionId") or self.world.region,
            action=params.get("Action", f"{method} {urlsplit(target).path}"),
            params={name: value for name, value in params.items() if name == "RegionId" or name not in schema.COMMON},
            access_key=params.get("AccessKeyId", ""),
            user_agent=headers.get("user-agent", ""),
        )
        begun = time.monotonic()
        try:
            call.status, document = self._answer(call, method, params, client)
        finally:
            call.seconds = time.monotonic() - begun
        if call.status >= 400:
            call.error = document["Code"]
        return call.status, JSON, json.dumps(document).encode()

    def _answer(self, call: Call, method: str, params: dict[str, str], client: str) -> tuple[int, Reply]:
        fault = self.world.faults.for_call(call)
        if fault:
            call.fault = fault.kind
            if fault.kind == "drop":
                raise Lost
            if given := fault.answer():
                return self._error(ApiError(*given))
        with self.world.lock:
            self.world.settle()
            self.world.fault = fault
            call.named = self.world.tags_of(ids(call.params))
            try:
                answer = 200, {"RequestId": request_id()} | self._do(call, method, params, client)
            except ApiError as error:
                answer = self._error(error)
            except Exception as problem:  # ours; not a server error, which clients would try again
                text = f"the emulator cannot do {call.action} with {call.params}: {problem!r}"
                self.world.problems.append(text)
                answer = self._error(ApiError(400, "EmulatorProblem", text))
            finally:
                self.world.fault = None
            self.world.settle()
        if fault and fault.kind == "slow":
            time.sleep(fault.seconds)
        if fault and fault.kind == "call" and fault.function:
            fault.function(call)
        if fault and fault.kind == "signal":
            fault.send_signal()
        if fault and fault.kind in ("lose", "signal"):
            raise Lost
        return answer

    def _error(self, error: ApiError) -> tuple[int, Reply]:
        place = {"RequestId": request_id(), "HostId": "ecs.emulated.aliyuncs.com"}
        more = {"Recommend": f"https://error-center.aliyun.com/status/search?Keyword={error.code}"}
        return error.status, place | {"Code": error.code, "Message": error.message} | more

    def _do(self, call: Call, method: str, params: dict[str, str], client: str) -> Reply:
        """What a call does."""
        entry = find_action(params)
        call.service = entry.product
        if params.get("Format", "").upper() != "JSON":
            raise ApiError(400, "InvalidFormat", "The emulator answers in JSON only.")
        caller = self.world.accounts.authenticate(method, params, self.world.time())
        if call.region not in REGIONS:
            raise ApiError(404, "InvalidRegionId.NotFound", "The specified RegionId does not exist.")
        extra = {} if "ClientToken" in entry.parameters else {"ClientToken"}  # footmark sends it to all of VPC's
        request = Request(
            self.world,
            call,
            entry,
            caller,
            schema.values(entry.parameters, {name: value for name, value in params.items() if name not in extra}),
        )
        self._authorize(request, client)
        token = request.get("ClientToken")
        if not token or request.get("DryRun"):
            return entry.answer(request)
        if not re.fullmatch(r"[\x21-\x7e]{1,64}", token):
            raise ApiError(400, "InvalidClientToken.ValueNotSupported", "clienttoken is not valid.")
        key = (caller.account, entry.product, entry.name, call.region, token)
        seen = json.dumps(request.values, sort_keys=True)
        if key not in self.world.tokens:
            self.world.tokens[key] = (seen, entry.answer(request))
        before, reply = self.world.tokens[key]
        if before != seen:
            message = "Request uses a client token in a previous request but is not identical to that request."
            raise ApiError(400, "IdempotentParameterMismatch", message)
        return dict(reply)

    def _authorize(self, request: Request, client: str) -> None:
        """Ask RAM.

        :raises ApiError: when it does not allow the call.
        """
        tags = {f"acs:RequestTag/{row.get('Key')}": [row.get("Value", "")] for row in request.get("Tag", [])}
        context = tags | {"acs:SourceIp": [client], "acs:SecureTransport": [str(self.secure).lower()]}
        for action, resource, thing in resources(request):
            own = {f"acs:ResourceTag/{key}": [value] for key, value in thing.items()}
            demand = policies.Demand(request.caller.key, action, resource, context | own)
            self.world.demands.append(demand)
            for layer in request.caller.layers:
                if not demand.met(layer):
                    code, message = DENIED.get(request.action.product, DENIED[""])
                    raise ApiError(403, code, message)


def resources(request: Request) -> Iterator[tuple[str, str, dict[str, str]]]:
    """What RAM must allow: an action on a resource, and the tags that the resource has."""
    entry, account = request.action, request.caller.account
    found = [(template, filled) for template in entry.resources for filled in fill(template, request.values)]
    known = [(template, filled) for template, filled in found if "{" not in filled]
    for template, filled in known or [("", "*")]:
        parts = filled.split(":") if template != "{RoleArn}" else [filled]
        product = parts[0] if len(parts) > 1 else entry.product
        action = f"{parts[0]}:{parts[1]}" if len(parts) > 2 else f"{entry.product}:{entry.name}"
        kind, _slash, name = parts[-1].partition("/")
        place = "" if product == "ram" else request.region
        resource = (
            filled
            if template == "{RoleArn}"
            else f"acs:{product}:{place}:{account}:{parts[-1].lower() if kind.isupper() else parts[-1]}"
        )
        yield action, resource, request.world.tags_of(iter([name])).get(name, {})


def fill(template: str, values: dict[str, Any]) -> list[str]:
    """A template with the values of parameters; once for each value of a list; as it is where one was not sent."""
    names = re.findall(r"{(\w+)}", template)
    lists = [values.get(name, [f"{{{name}}}"]) for name in names]
    choices = [value if isinstance(value, list) else [value] for value in lists]
    filled = []
    for combination in itertools.product(*choices):
        text = template
        for name, value in zip(names, combination, strict=True):
            text = text.replace(f"{{{name}}}", value)
        filled.append(text)
    return filled


def ids(params: dict[str, Any]) -> Iterator[str]:
    """The words in the values of parameters, lists in JSON and with commas taken apart."""
    for value in params.values():
        yield from re.findall(r"[\w.:-]+", value)


def request_id() -> str:
    """A new id, as Alibaba Cloud writes it."""
    return str(uuid.uuid4()).upper()
