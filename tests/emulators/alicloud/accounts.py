# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls: access keys, sessions of STS, nonces and timestamps."""

from __future__ import annotations

import dataclasses
import re
import secrets
import threading
from datetime import UTC, datetime, timedelta

from emulators.alicloud.errors import ApiError
from emulators.alicloud.policies import Document, check
from emulators.alicloud.signing import signature, string_to_sign

#: The account that the emulator's users are in.
ACCOUNT = "1000000000000001"
WINDOW = timedelta(minutes=15)


@dataclasses.dataclass
class Caller:
    """An access key and what it may do.

    :ivar layers: lists of policies, each of which must allow what it does; none for all.
    :ivar token: the security token that must come with the key.
    :ivar ends: when the session ends.
    """

    key: str
    secret: str
    account: str = ACCOUNT
    name: str = "root"
    layers: list[list[Document]] = dataclasses.field(default_factory=list)
    token: str = ""
    ends: datetime | None = None


@dataclasses.dataclass
class Role:
    """A RAM role. Anybody in the account whose policies say so may assume it; so may ECS for an instance.

    :ivar policies: None for all.
    """

    name: str
    account: str
    policies: list[Document] | None

    @property
    def arn(self) -> str:
        """Its name in the whole of Alibaba Cloud."""
        return f"acs:ram::{self.account}:role/{self.name}"


class Accounts:
    """The keys, roles and sessions of all accounts."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}
        self.roles: dict[str, Role] = {}
        self._nonces: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def add(self, policies: list[Document] | None, account: str = ACCOUNT) -> Caller:
        """A user with a key pair.

        :param policies: None for all.
        """
        layers = [] if policies is None else [[check(document) for document in policies]]
        caller = Caller(
            f"LTAI{secrets.token_hex(10)}", secrets.token_hex(15), account, f"user-{len(self.callers)}", layers
        )
        self.callers[caller.key] = caller
        return caller

    def add_role(self, name: str, policies: list[Document] | None, account: str = ACCOUNT) -> Role:
        """A role."""
        role = Role(name, account, None if policies is None else [check(document) for document in policies])
        self.roles[role.arn] = role
        return role

    def session(self, role: Role, seconds: float, now: datetime, name: str, policy: Document | None = None) -> Caller:
        """A session of a role; it may do what both the role's policies and the session's policy allow."""
        layers = [] if role.policies is None else [role.policies]
        if policy is not None:
            layers = [*layers, [check(policy)]]
        caller = Caller(
            f"STS.{secrets.token_hex(12)}",
            secrets.token_hex(20),
            role.account,
            f"{role.name}/{name}",
            layers,
            secrets.token_urlsafe(120),
            now + timedelta(seconds=seconds),
        )
        self.callers[caller.key] = caller
        return caller

    def authenticate(self, method: str, params: dict[str, str], now: datetime) -> Caller:
        """Who made a call.

        :param now: by the emulator's clock, which sessions go by; timestamps go by this computer's.
        :raises ApiError: when it cannot be known. The code and text for a security token that is missing, and for one
            of another key, are from memory.
        """
        for name in ("AccessKeyId", "Signature", "SignatureNonce", "Timestamp", "SignatureMethod", "SignatureVersion"):
            if not params.get(name):
                raise ApiError(400, f"Missing{name}", f"{name} is mandatory for this action.")
        caller = self.callers.get(params["AccessKeyId"])
        if caller is None:
            raise ApiError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if params["SignatureMethod"] != "HMAC-SHA1" or params["SignatureVersion"] != "1.0":
            raise ApiError(400, "InvalidParameter", "The emulator knows signatures by HMAC-SHA1, version 1.0, only.")
        self._check_time(params["Timestamp"])
        text = string_to_sign(method, params)
        if not secrets.compare_digest(signature(caller.secret, text).encode(), params["Signature"].encode()):
            message = f"Specified signature is not matched with our calculation. server string to sign is:{text}"
            raise ApiError(400, "SignatureDoesNotMatch", message)
        with self._lock:
            nonce = (caller.key, params["SignatureNonce"])
            if nonce in self._nonces:
                raise ApiError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
            self._nonces.add(nonce)
        token = params.get("SecurityToken", "")
        if caller.token and not token:
            raise ApiError(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
        if token != caller.token:
            raise ApiError(
                400, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with AccessKey."
            )
        if caller.ends and now >= caller.ends:
            raise ApiError(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        return caller

    @staticmethod
    def _check_time(text: str) -> None:
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text):
            message = "Specified time stamp or date value is not well formatted."
            raise ApiError(400, "InvalidTimeStamp.Format", message)
        sent = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(datetime.now(UTC) - sent) > WINDOW:
            raise ApiError(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
