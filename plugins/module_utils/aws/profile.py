# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lets the programs in a temporary machine use AWS: a role with one policy, and the instance profile around it.

IAM has no client tokens. A name is there once in an account, and these hold the build's id; so what a lost answer made
is found by its name, and known by its tags.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.aws import tags
from ansible_collections.hallmark.images.plugins.module_utils.aws.connection import Connection
from ansible_collections.hallmark.images.plugins.module_utils.aws.errors import ApiError
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.module_utils.build.remote import (
    Remote,
    after_creation,
    insist,
    patiently,
)
from ansible_collections.hallmark.images.plugins.module_utils.build.resources import GONE, PENDING, READY, State

#: The path of all of them, by which they are listed, and by which a policy can name them.
PATH = "/hallmark/"
PREFIX = "hallmark-"  # of their names; others below the path are not of builds
POLICY_NAME = "hallmark"
MOST_CHARACTERS = 10240  # of a role's inline policies, white space not counted (IAM and STS quotas)
#: What IAM takes as the value of a tag, where EC2 takes any character.
TAG = re.compile(r"[\w\s.:/=+\-@]*")


def check_policy(policy: dict[str, Any]) -> str:
    """A policy document as JSON, with the version that it needs.

    :raises HallmarkError: when it cannot be a policy of a role.
    """
    statements = policy.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise HallmarkError("instance_profile_policy: Statement: missing", "a list of statements")
    for number, statement in enumerate(statements):
        where = f"instance_profile_policy: Statement[{number}]"
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise HallmarkError(f"{where}: Effect: missing or wrong", "Allow or Deny")
        for key in ("Action", "Resource"):
            if not statement.get(key) and not statement.get(f"Not{key}"):
                raise HallmarkError(f"{where}: {key}: missing", f"{key} or Not{key}")
    text = json.dumps({"Version": "2012-10-17", **policy, "Statement": statements})
    length = len("".join(text.split()))
    if length > MOST_CHARACTERS:
        raise HallmarkError(f"instance_profile_policy: {length} characters", f"at most {MOST_CHARACTERS}")
    return text


def check_labels(labels: dict[str, str]) -> None:
    """Refuse tags that IAM does not take.

    :raises HallmarkError: naming the first.
    """
    for name, value in labels.items():
        if not TAG.fullmatch(name) or not TAG.fullmatch(value):
            raise HallmarkError(
                f"tags: {name}: {value!r} with instance_profile_policy", "letters, digits, spaces and _.:/=+-@ only"
            )


class OfIam(Remote):
    """A thing of IAM, whose name is its id.

    :param iam_name: its name in the account.
    """

    def __init__(self, name: str, connection: Connection, iam_name: str, labels: dict[str, str] | None = None) -> None:
        super().__init__(name, connection, labels)
        self.iam_name = iam_name

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What IAM says of it; empty when it says nothing (yet)."""

    def spec(self) -> dict[str, Any]:
        return {**super().spec(), "iam_name": self.iam_name}

    def plan(self) -> dict[str, Any]:
        return {**super().plan(), "iam_name": self.iam_name}

    def find(self, token: str) -> list[str]:
        labels = tags.as_dict(self.describe().get("Tags"))
        return [self.iam_name] if labels.get(tags.TOKEN) == token else []

    def call(self, what: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """A call of IAM; empty when what it is about does not exist."""
        try:
            return self.connection.call(f"{what} {self.iam_name}", operation, service="iam", **arguments)
        except ApiError as error:
            if not error.gone:
                raise
            return {}

    def make(self, token: str, operation: str, **arguments: Any) -> None:
        """The call that creates it; a retry by boto3 after a lost answer meets what the first call made."""
        self.shown = False
        labels = tags.as_list(self.tags_with(token))
        what = f"create {self.kind} {self.iam_name}"
        try:
            self.connection.call(what, operation, service="iam", Path=PATH, Tags=labels, **arguments)
        except ApiError as error:
            if error.code != "EntityAlreadyExists" or not self.find(token):
                raise

    def state(self, identifier: str) -> State:
        if self.describe():
            self.shown = True
            return State(READY)
        return State(GONE, "is gone") if self.shown else State(PENDING, "does not show yet")


class Role(OfIam):
    """What the machine's programs may do.

    :param policy: its one policy, as JSON.
    :param boundary: ARN of a permissions boundary, which some organizations ask of every role.
    """

    kind = "role"

    def __init__(
        self,
        name: str,
        connection: Connection,
        iam_name: str,
        policy: str = "",
        boundary: str | None = None,
        labels: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name, connection, iam_name, labels)
        self.policy = policy
        self.boundary = {"PermissionsBoundary": boundary} if boundary else {}

    def create(self, token: str) -> str:
        suffix = ".cn" if self.connection.region.startswith("cn-") else ""
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": f"ec2.amazonaws.com{suffix}"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        self.make(
            token,
            "create_role",
            RoleName=self.iam_name,
            AssumeRolePolicyDocument=json.dumps(trust),
            Description=f"Temporary, of build {self.labels.get(tags.BUILD, '')}",
            **self.boundary,
        )
        with after_creation():
            patiently(
                self.connection,
                f"policy of role {self.iam_name}",
                "put_role_policy",
                service="iam",
                RoleName=self.iam_name,
                PolicyName=POLICY_NAME,
                PolicyDocument=self.policy,
            )
        return self.iam_name

    def describe(self) -> dict[str, Any]:
        return self.call("role", "get_role", RoleName=self.iam_name).get("Role", {})

    def delete(self, identifier: str | None, token: str) -> None:
        for name in self.ids(identifier, token):
            self.call("delete policy of role", "delete_role_policy", RoleName=name, PolicyName=POLICY_NAME)
            insist(self.connection, f"delete role {name}", "delete_role", service="iam", RoleName=name)


class Profile(OfIam):
    """The instance profile that carries a role of the same name.

    :param known_to_ec2: asks EC2 whether a machine could be launched with it; raises ApiError when not.
    """

    kind = "profile"

    def __init__(
        self,
        name: str,
        connection: Connection,
        iam_name: str,
        known_to_ec2: Callable[[], None] = lambda: None,
        labels: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name, connection, iam_name, labels)
        self.known_to_ec2 = known_to_ec2
        self.young = False  # made by this process, so EC2 may not have heard of it yet

    def create(self, token: str) -> str:
        self.young = True
        self.make(token, "create_instance_profile", InstanceProfileName=self.iam_name)
        try:
            with after_creation():
                patiently(
                    self.connection,
                    f"role of profile {self.iam_name}",
                    "add_role_to_instance_profile",
                    service="iam",
                    InstanceProfileName=self.iam_name,
                    RoleName=self.iam_name,
                )
        except ApiError as error:
            if error.code != "LimitExceeded":  # one role each: a retry meets what the first call did
                raise
        return self.iam_name

    def describe(self) -> dict[str, Any]:
        found = self.call("profile", "get_instance_profile", InstanceProfileName=self.iam_name)
        return found.get("InstanceProfile", {})

    def state(self, identifier: str) -> State:
        found = super().state(identifier)
        if found.status == READY and self.young:
            try:
                self.known_to_ec2()
            except ApiError as error:
                if not error.profile_unknown:
                    raise
                return State(PENDING, "is not known to EC2 yet")
            self.young = False
        return found

    def delete(self, identifier: str | None, token: str) -> None:
        for name in self.ids(identifier, token):
            both = {"InstanceProfileName": name, "RoleName": name}
            self.call("take the role from profile", "remove_role_from_instance_profile", **both)
            what = f"delete profile {name}"
            insist(self.connection, what, "delete_instance_profile", service="iam", InstanceProfileName=name)
