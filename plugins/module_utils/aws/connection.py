# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a build speaks with: account, region and endpoint. Everything here that calls boto3 goes through it."""

from __future__ import annotations

import json
import os
import re
import traceback
import types
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws.errors import (
    ApiError,
    reason_of,
    tell_capacity_at_once,
    translated,
)
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

try:
    import boto3
    import botocore.config
    import botocore.credentials
    import botocore.session

    BOTO3_ERROR = None
except ImportError:
    BOTO3_ERROR = traceback.format_exc()

#: What boto3 calls the services that are called here; as suboptions, and in its environment, they have underscores.
SERVICES = ("ec2", "iam", "kms", "service-quotas", "ssm", "sts")
#: Options of every module of this platform; described by the doc fragment hallmark.images.aws.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "region": {"type": "str"},
    "profile": {"type": "str"},
    "access_key": {"type": "str", "no_log": False},
    "secret_key": {"type": "str", "no_log": True},
    "session_token": {"type": "str", "no_log": True},
    "endpoint_url": {"type": "str"},
    "endpoint_urls": {"type": "dict", "options": {name.replace("-", "_"): {"type": "str"} for name in SERVICES}},
    "assume_role": {
        "type": "dict",
        "options": {
            "arn": {"type": "str", "required": True},
            "session_name": {"type": "str", "default": "hallmark"},
            "external_id": {"type": "str"},
            "duration": {"type": "int", "default": 3600},
            "policy": {"type": "dict"},
            "policy_arns": {"type": "list", "elements": "str", "default": []},
            "tags": {"type": "dict", "default": {}},
            "transitive_tag_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
        },
    },
    "max_attempts": {"type": "int", "default": 10},
}
SECRETS = ("access_key", "secret_key", "session_token")
#: What of the options the ledger holds, so that a build can be undone from the ledger alone. Never a secret.
IN_LEDGER = ("region", "profile", "endpoint_url", "endpoint_urls", "assume_role")
URL = re.compile(r"^https?://[^\s/]\S*$")
TIMEOUTS = {"connect_timeout": 10, "read_timeout": 60}
#: Services that a build goes on without are not tried for minutes.
FEW_ATTEMPTS = {"service-quotas": 2}

# Keys that were given as options live in the memory of this process and its janitor only, never in the ledger.
_given: dict[str, str] = {}


def remember_secrets(params: dict[str, Any]) -> None:
    """Keep the keys among a module's options for those who undo from the ledger in this process or a fork of it."""
    _given.update({name: params[name] for name in SECRETS if params.get(name)})


class Connection:
    """An account, seen through boto3.

    :param options: those of ARGUMENT_SPEC; what is missing is left to boto3's own chain of configuration.
    :param sessions: those of another connection of the same account, so that a role is taken on once for all of them.
    :ivar sessions: boto3's, by process.
    :raises HallmarkError: for an endpoint that is no URL.
    """

    def __init__(self, options: dict[str, Any], sessions: dict[int, Any] | None = None) -> None:
        own = {name: url for name, url in (options.get("endpoint_urls") or {}).items() if url}
        _check_url("endpoint_url", options.get("endpoint_url"))
        for name, url in own.items():
            _check_url(f"endpoint_urls: {name}", url)
        self.options = {**options, "endpoint_urls": own}
        self._clients: dict[tuple[int, str, str | None], Any] = {}
        self.sessions: dict[int, Any] = {} if sessions is None else sessions

    def in_ledger(self) -> dict[str, Any]:
        """What stands in the ledger of it."""
        kept = {name: self.options[name] for name in IN_LEDGER if self.options.get(name)}
        return kept | {"region": self.region}

    @property
    def region(self) -> str:
        """The region that calls go to.

        :raises HallmarkError: when neither the options nor boto3's configuration name one.
        """
        region = self.options.get("region") or self._boto_session().region_name
        if not region:
            raise HallmarkError("region: missing", "region, AWS_REGION, or a region in the profile")
        return region

    def elsewhere(self, region: str) -> Connection:
        """The same account in another region, where other endpoints of single services are than in this one."""
        if region == self.region:
            return self
        return Connection({**self.options, "region": region, "endpoint_urls": {}}, self.sessions)

    def client(self, service: str = "ec2") -> Any:
        """The boto3 client of a service. One per process: a fork must not share its parent's sockets."""
        key = (os.getpid(), service, self.options.get("region"))
        if key not in self._clients:
            attempts = self.options.get("max_attempts") or 10
            config = botocore.config.Config(
                retries={"mode": "adaptive", "total_max_attempts": min(attempts, FEW_ATTEMPTS.get(service, attempts))},
                user_agent_extra="hallmark.images",
                **TIMEOUTS,
            )
            with translated(f"client for {service}"):
                self._clients[key] = self._boto_session().client(
                    service,
                    region_name=self.region,
                    endpoint_url=self._endpoint(service),
                    config=config,
                )
            if service == "ec2":
                self._clients[key].meta.events.register_first("needs-retry.ec2.RunInstances", tell_capacity_at_once)
        return self._clients[key]

    def call(self, what: str, operation: str, service: str = "ec2", **arguments: Any) -> dict[str, Any]:
        """One call of the API.

        :param what: what is being done, for messages.
        :param operation: boto3's name of the call, for example ``run_instances``.
        :raises ApiError: with the API's code.
        :raises Throttled: when retries did not help against throttling.
        """
        with translated(what, self.decode):
            return getattr(self.client(service), operation)(**arguments)

    def pages(
        self, what: str, operation: str, key: str, service: str = "ec2", **arguments: Any
    ) -> list[dict[str, Any]]:
        """Everything that a call which answers in pages has to say under one key."""
        found: list[dict[str, Any]] = []
        with translated(what, self.decode):
            for page in self.client(service).get_paginator(operation).paginate(**arguments):
                found += page.get(key, [])
        return found

    def decode(self, message: str) -> str:
        """What EC2 says in the encoded part of a refusal; empty when these credentials may not have it decoded."""
        try:
            answer = self.client("sts").decode_authorization_message(EncodedMessage=message)
            return reason_of(json.loads(answer["DecodedMessage"]))
        except Exception:  # the refusal itself is what is to be told
            return ""

    def allowed(self, what: str, operation: str, **arguments: Any) -> None:
        """Ask with DryRun whether a call would be let through.

        :raises ApiError: when it would not.
        """
        try:
            self.call(what, operation, DryRun=True, **arguments)
        except ApiError as error:
            if error.code != "DryRunOperation":
                raise

    def _endpoint(self, service: str) -> str | None:
        """The endpoint of a service by the options; None leaves it to boto3, its environment and configuration."""
        return self.options["endpoint_urls"].get(service.replace("-", "_")) or self.options.get("endpoint_url") or None

    def _boto_session(self) -> Any:
        if os.getpid() not in self.sessions:
            self.sessions[os.getpid()] = self._make_session()
        return self.sessions[os.getpid()]

    def _make_session(self) -> Any:
        if BOTO3_ERROR:
            raise HallmarkError("the Python package boto3 is missing", "pip install boto3")
        given = {name: self.options.get(name) or _given.get(name) for name in SECRETS}
        with translated("credentials"):
            session = boto3.session.Session(
                aws_access_key_id=given["access_key"],
                aws_secret_access_key=given["secret_key"],
                aws_session_token=given["session_token"],
                region_name=self.options.get("region"),
                profile_name=self.options.get("profile"),
            )
            role = self.options.get("assume_role")
            return self._in_role(session, role) if role else session

    def _in_role(self, session: Any, role: dict[str, Any]) -> Any:
        """A session in a role, which is taken on again whenever its keys are about to expire."""
        duration = role.get("duration") or 3600
        extra: dict[str, Any] = {"ExternalId": role["external_id"]} if role.get("external_id") else {}
        if role.get("policy"):
            extra["Policy"] = json.dumps(role["policy"])
        if role.get("policy_arns"):
            extra["PolicyArns"] = [{"arn": arn} for arn in role["policy_arns"]]
        if role.get("tags"):
            extra["Tags"] = [{"Key": str(name), "Value": str(value)} for name, value in role["tags"].items()]
        if role.get("transitive_tag_keys"):
            extra["TransitiveTagKeys"] = role["transitive_tag_keys"]
        sts = session.client("sts", endpoint_url=self._endpoint("sts"))
        name = role.get("session_name") or "hallmark"
        wanted = {"RoleArn": role["arn"], "RoleSessionName": name, "DurationSeconds": duration, **extra}
        refresh = botocore.credentials.create_assume_role_refresher(sts, wanted)
        keys = botocore.credentials.RefreshableCredentials.create_from_metadata(
            metadata=refresh(),
            refresh_using=refresh,
            method="assume-role",
            # botocore's own margins, of 15 and 10 minutes, would have the shortest session renewed with every call.
            advisory_timeout=min(900, duration // 3),
            mandatory_timeout=min(600, duration // 6),
        )
        core = botocore.session.get_session()
        provider = types.SimpleNamespace(METHOD="assume-role", CANONICAL_NAME=None, load=lambda: keys)
        core.get_component("credential_provider").insert_before("env", provider)
        region = self.options.get("region") or session.region_name
        return boto3.session.Session(botocore_session=core, region_name=region)


def _check_url(key: str, url: str | None) -> None:
    if url and not URL.match(url):
        raise HallmarkError(f"{key}: {url!r}", "a URL that begins with https:// or http://")
