# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a build speaks with: account, region and endpoint. Everything here that calls the API goes through it.

footmark signs and sends. What it would do besides is done here: it knows fewer actions than a build needs, swallows
errors, retries without a client token and waits without an end, so parameters, paging, retries and errors are ours.
"""

from __future__ import annotations

import json
import logging
import random
import re
import time
import traceback
from collections.abc import Callable
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.alicloud import endpoints, errors
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.credentials import SECRETS, Credentials, Keys
from ansible_collections.hallmark.images.plugins.module_utils.alicloud.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError, Throttled

try:
    from aliyunsdkcore import request as sdk_request
    from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
    from footmark.connection import ACSQueryConnection

    FOOTMARK_ERROR = None
except ImportError:  # the modules say so before anything is called
    FOOTMARK_ERROR = traceback.format_exc()

    class ACSQueryConnection:  # type: ignore[no-redef]
        """Stands in where footmark is missing."""


#: Options of every module of this platform; described by the doc fragment hallmark.images.alicloud.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "region": {"type": "str"},
    "profile": {"type": "str"},
    "shared_credentials_file": {"type": "path"},
    "access_key": {"type": "str", "no_log": False},
    "secret_key": {"type": "str", "no_log": True},
    "security_token": {"type": "str", "no_log": True},
    "ram_role_name": {"type": "str"},
    **endpoints.ARGUMENT_SPEC,
    "assume_role": {
        "type": "dict",
        "options": {
            "arn": {"type": "str", "required": True},
            "session_name": {"type": "str", "default": "hallmark"},
            "external_id": {"type": "str"},
            "duration": {"type": "int", "default": 3600},
            "policy": {"type": "dict"},
        },
    },
    "max_attempts": {"type": "int", "default": 10},
}
#: What of the options the ledger holds, so that a build can be undone from the ledger alone. Never a secret.
IN_LEDGER = ("region", "profile", "shared_credentials_file", "ram_role_name", *endpoints.ARGUMENT_SPEC, "assume_role")
#: Parameters whose value is a JSON array inside one text; all other lists are numbered.
JSON_LISTS = ("InstanceIds", "DiskIds", "SnapshotIds", "KeyPairNames", "PrivateIpAddresses", "EipAddresses")
#: Actions that page by a token and not by number.
BY_TOKEN = ("ListTagResources", "DescribeInstanceTypes")
PAGE = 50  # the most that all actions take
#: Calls that make something each time they are made, unless a client token says that they are one.
MAKES = ("Create", "Allocate", "Run", "Copy")
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # s between two tries
BUDGET = 180.0  # s for one call with all its tries

# Keys that were given as options live in the memory of this process and its janitor only, never in the ledger.
_given: dict[str, str] = {}

if not FOOTMARK_ERROR:
    sdk_request.set_default_protocol_type("https")  # the SDK's own default is http
    # The SDK writes each error to standard error; a module's belong in its result.
    logging.getLogger("aliyunsdkcore").propagate = False
    for _name in ("aliyunsdkcore", "aliyunsdkcore.client", "aliyunsdkcore.http.http_response", "footmark"):
        logging.getLogger(_name).handlers[:] = [logging.NullHandler()]


def remember_secrets(params: dict[str, Any]) -> None:
    """Keep the keys among a module's options for those who undo from the ledger in this process or a fork of it."""
    _given.update({name: params[name] for name in SECRETS if params.get(name)})


class Door(ACSQueryConnection):
    """footmark's connection, for any action in the API's own words."""

    def __init__(self, keys: Keys, region: str, product: str, endpoint: str) -> None:
        self.version = endpoints.PRODUCTS[product][0]
        self.endpoint = endpoint
        super().__init__(
            keys.access, keys.secret, region, product, security_token=keys.token or None, user_agent="hallmark.images"
        )

    def import_request(self, action: str) -> Any:
        """A request that knows where it goes. It has no product, which leaves the SDK nothing to retry by itself."""
        request = sdk_request.RpcRequest(None, self.version, action, protocol="https")
        request.set_endpoint(self.endpoint)
        request.set_method("POST")
        return request

    def send(self, action: str, parameters: dict[str, str]) -> dict[str, Any]:
        """Make one call. Its parameters are the body, so that no log of addresses sees them."""
        setters = {"set_query_params": {}, "set_body_params": parameters}
        answer = json.loads(self.make_request_new({"Action": action, **setters}))
        if not isinstance(answer, dict):
            raise ValueError("is no object")
        return answer


class Connection:
    """An account, seen through footmark.

    :param options: those of ARGUMENT_SPEC; what is missing comes from the environment or a profile.
    :param sleep, clock: replaced by tests.
    :raises HallmarkError: on endpoints that are none.
    """

    def __init__(
        self,
        options: dict[str, Any],
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.options = options
        self.endpoints = endpoints.given_endpoints(options)
        self._sleep = sleep
        self._clock = clock
        given = {name: options.get(name) or _given.get(name) for name in SECRETS}
        self.credentials = Credentials({**options, **given}, self._assume)

    def in_ledger(self) -> dict[str, Any]:
        """What stands in the ledger of it."""
        kept = {name: self.options[name] for name in IN_LEDGER if self.options.get(name)}
        return kept | {"region": self.region}

    @property
    def region(self) -> str:
        """The region that calls go to.

        :raises HallmarkError: when nothing names one, or it is none.
        """
        region = self.credentials.region()
        if not region:
            raise HallmarkError("region: missing", "region, ALIBABA_CLOUD_REGION_ID, or a region in the profile")
        return endpoints.check_region("region", region, "Ecs" in self.endpoints)

    def elsewhere(self, region: str) -> Connection:
        """The same account in another region."""
        if region == self.region:
            return self
        return Connection({**self.options, "region": region}, self._sleep, self._clock)

    def call(self, what: str, action: str, product: str = "Ecs", **parameters: Any) -> dict[str, Any]:
        """One call of the API.

        :param what: what is being done, for messages.
        :param action: the API's name of the call, for example ``RunInstances``.
        :param parameters: in the API's own names; lists and dicts are spelt as the API wants them.
        :raises ApiError: with the API's code.
        :raises Throttled: when retries did not help against throttling.
        """
        return self._call(what, action, product, parameters, self.credentials.keys)

    def pages(
        self, what: str, action: str, key: tuple[str, str], product: str = "Ecs", **parameters: Any
    ) -> list[dict[str, Any]]:
        """Everything that a call which answers in pages has to say.

        :param key: the two names under which the answer has the things, for example ``("Images", "Image")``.
        """
        found: list[dict[str, Any]] = []
        by_token = action in BY_TOKEN
        place: dict[str, Any] = {} if by_token else {"PageNumber": 1, "PageSize": PAGE}
        while True:
            answer = self.call(what, action, product, **parameters, **place)
            things = (answer.get(key[0]) or {}).get(key[1]) or []
            found += things
            if by_token:
                if not answer.get("NextToken"):
                    return found
                place = {"NextToken": answer["NextToken"]}
            else:
                if not things or place["PageNumber"] * PAGE >= int(answer.get("TotalCount") or 0):
                    return found
                place["PageNumber"] += 1

    def allowed(self, what: str, action: str, product: str = "Ecs", **parameters: Any) -> None:
        """Ask with DryRun whether a call would be let through.

        :raises ApiError: when it would not.
        """
        try:
            self.call(what, action, product, DryRun=True, **parameters)
        except ApiError as error:
            if error.code != "DryRunOperation":
                raise

    def _assume(self, keys: Keys, parameters: dict[str, Any]) -> dict[str, Any]:
        return self._call("assume_role", "AssumeRole", "Sts", parameters, lambda: keys)

    def _call(
        self, what: str, action: str, product: str, parameters: dict[str, Any], keys: Callable[[], Keys]
    ) -> dict[str, Any]:
        if FOOTMARK_ERROR:
            raise HallmarkError("the Python package footmark is missing", "pip install footmark")
        region = self.region
        flat = flatten(parameters)  # the region is added by the SDK
        endpoint = self.endpoints.get(product) or endpoints.PRODUCTS[product][1].format(region=region)
        # What may have been done although no answer came is done again only where that makes no second one.
        repeatable = bool(parameters.get("ClientToken")) or not action.startswith(MAKES) or "DryRun" in parameters
        tries = self.options.get("max_attempts") or 10
        deadline = self._clock() + BUDGET
        pause = FIRST_PAUSE
        certain = True
        while True:
            try:
                return Door(keys(), region, product, endpoint).send(action, flat)
            except Exception as problem:  # footmark and its SDK let many kinds through
                error, again = _translated(what, action, problem, repeatable)
                # An earlier try without an answer may have had its effect, whatever the last one says.
                certain = certain and (isinstance(error, Throttled) or getattr(error, "refused", False))
                if isinstance(error, ApiError):
                    error.refused = certain
            tries -= 1
            if not again or tries < 1 or self._clock() + pause > deadline:
                raise error
            self._sleep(pause * (0.75 + 0.5 * random.random()))
            pause = min(LONGEST_PAUSE, pause * 2)


def _translated(what: str, action: str, problem: Exception, repeatable: bool) -> tuple[HallmarkError, bool]:
    """The error that a try ended with, and whether another may be made."""
    if isinstance(problem, HallmarkError):
        return problem, False
    if isinstance(problem, ServerException):
        code, message = str(problem.get_error_code() or ""), str(problem.message or "")
        status = problem.get_http_status() or 0
        passing = code in errors.PASSING or status >= 500
        error = errors.from_answer(what, action, code, message, errors.said_no(code, status))
        return error, errors.throttling(code) or (passing and repeatable)
    if isinstance(problem, IndexError):  # the SDK stumbles over the answer to a wrong signature that it cannot split
        return errors.from_answer(what, action, "SignatureDoesNotMatch", "the secret is not that of the key"), False
    if isinstance(problem, ClientException):
        text = transport_reason(str(problem.message or problem))
        return ApiError(f"{what}: no answer: {text}"), repeatable and "certificate verify failed" not in text.lower()
    if isinstance(problem, ValueError):
        return ApiError(f"{what}: {action}: the answer is not JSON"), repeatable
    return ApiError(f"{what}: {type(problem).__name__}: {' '.join(str(problem).split())}"), False


def transport_reason(text: str) -> str:
    """What went wrong on the way, without the address of the request: key, token and signature stand in it."""
    text = re.sub(r"/\?\S*", "/…", " ".join(text.split()))
    cause = re.search(r"\(Caused by (.*)\)$", text)
    return re.sub(r"<[^<>]* object at 0x[0-9a-f]+>:? ?", "", cause[1] if cause else text)


def flatten(parameters: dict[str, Any]) -> dict[str, str]:
    """Parameters as the RPC protocol spells them: ``Tag.1.Key``, ``SystemDisk.Size``; None is left out."""
    flat: dict[str, str] = {}
    for name, value in parameters.items():
        if name in JSON_LISTS and isinstance(value, list):
            flat[name] = json.dumps(value)
        else:
            _spell(flat, name, value)
    return flat


def _spell(flat: dict[str, str], name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            _spell(flat, f"{name}.{key}", item)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value, 1):
            _spell(flat, f"{name}.{number}", item)
    else:
        flat[name] = ("true" if value else "false") if isinstance(value, bool) else str(value)
