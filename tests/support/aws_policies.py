# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies for AWS that are shipped, and a user of the emulated account who may do just what they allow."""

from __future__ import annotations

import json
from contextlib import contextmanager

import boto3

from support.aws_account import KEYS, environment_of
from support.emulated_build import HOME
from support.machine import ROOT
from support.module_host import AT_ONCE, ModuleHost

POLICIES = ROOT / "policies/aws"


def actions(*names):
    """All actions that policies allow."""
    statements = [item for name in names for item in json.loads((POLICIES / f"{name}.json").read_text())["Statement"]]
    return sorted({action for statement in statements for action in statement["Action"]})


@contextmanager
def modules_of_a_user(aws, state):
    """Runs modules with the keys of a user who may do nothing yet."""
    own = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    admin = boto3.client("iam", region_name=HOME, endpoint_url=aws.endpoint_url, **own)
    admin.create_user(UserName="builder")
    keys = admin.create_access_key(UserName="builder")["AccessKey"]
    own = {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}
    environment = environment_of(aws.endpoint_url, state, own)
    found = ModuleHost(environment, looks=AT_ONCE)  # in this account everything shows at once
    found.admin = admin
    try:
        yield found
    finally:
        found.stop()


def allow(aws, host, allowed):
    """Give the user exactly these actions."""
    aws.enforce_iam(False)
    document = {"Statement": [{"Effect": "Allow", "Action": sorted(allowed), "Resource": "*"}]}
    host.admin.put_user_policy(
        UserName="builder", PolicyName="only", PolicyDocument=json.dumps({"Version": "2012-10-17", **document})
    )
    aws.enforce_iam(True)
