# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key pairs."""

from __future__ import annotations

import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_public_key,
)

from emulators.alicloud.api import Reply, Request, action, page, shown_tags
from emulators.alicloud.errors import ApiError, wrong_status
from emulators.alicloud.things import Instance, KeyPair

NAME = re.compile(r"[^\W\d_][\w:.\-]{1,127}")


def new_name(request: Request) -> str:
    """The name of a key pair that is to be made."""
    name = request["KeyPairName"]
    if not NAME.fullmatch(name):
        raise ApiError(400, "InvalidKeyPairName.Malformed", "Specified Key Pair name is not valid.")
    pairs = [pair for pair in request.world.all(KeyPair, request.region) if pair.account == request.caller.account]
    if any(pair.name == name for pair in pairs):
        raise ApiError(400, "KeyPair.AlreadyExist", "The key pair already exist.")
    return str(name)


def shown(pair: KeyPair) -> Reply:
    """What the calls that make a key pair answer."""
    return {"KeyPairId": pair.id, "KeyPairName": pair.name, "KeyPairFingerPrint": pair.fingerprint}


@action("ecs", "CreateKeyPair", "RegionId! KeyPairName! ResourceGroupId Tag[Key Value]", "keypair/{KeyPairName}")
def create_key_pair(request: Request) -> Reply:
    name = new_name(request)
    private = rsa.generate_private_key(65537, 2048)
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    pair = request.make(KeyPair, name=name, public=public)
    body = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return shown(pair) | {"PrivateKeyBody": body}


@action(
    "ecs",
    "ImportKeyPair",
    "RegionId! KeyPairName! PublicKeyBody! ResourceGroupId Tag[Key Value]",
    "keypair/{KeyPairName}",
)
def import_key_pair(request: Request) -> Reply:
    name, public = new_name(request), request["PublicKeyBody"].strip()
    try:
        load_ssh_public_key(public.encode())
    except ValueError:
        message = "The PublicKeyBody format is not supported."
        raise ApiError(400, "InvalidPublicKeyBody.Malformed", message) from None
    return shown(request.make(KeyPair, name=name, public=public))


@action(
    "ecs",
    "DescribeKeyPairs",
    "RegionId! KeyPairName KeyPairFingerPrint IncludePublicKey:bool ResourceGroupId PageNumber:int PageSize:int "
    "Tag[Key Value]",
    "keypair/*",
)
def describe_key_pairs(request: Request) -> Reply:
    found = request.select(
        request.all(KeyPair), name=request.get("KeyPairName"), fingerprint=request.get("KeyPairFingerPrint")
    )

    def show(pair: KeyPair) -> Reply:
        more = {"PublicKey": pair.public} if request.get("IncludePublicKey") else {}
        tags: dict[str, Any] = {"Tags": shown_tags(pair), "ResourceGroupId": pair.group}
        return shown(pair) | {"CreationTime": pair.stamp()} | tags | more

    return page(request, found, "KeyPairs", "KeyPair", show, 50)


@action("ecs", "DeleteKeyPairs", "RegionId! KeyPairNames:json!", "keypair/{KeyPairNames}")
def delete_key_pairs(request: Request) -> Reply:
    used = {(instance.region, instance.key_pair) for instance in request.world.all(Instance)}
    if any((request.region, name) in used for name in request["KeyPairNames"]):
        message = 'The specified parameter "KeyPairNames" attached to instances can not be deleted.'
        raise ApiError(400, "InvalidParameter.KeypairAlreadyAttachedInstance", message)
    for pair in request.world.all(KeyPair, request.region):  # names that do not exist are passed over
        if pair.name in request["KeyPairNames"] and pair.account == request.caller.account:
            request.world.drop(pair)
    return {}


def attach(request: Request, name: str, detach: bool) -> Reply:
    """Attach a key pair to instances, or detach it."""
    pair = request.find(KeyPair, request["KeyPairName"])
    instances = [request.find(Instance, identifier) for identifier in request["InstanceIds"]]
    results = []
    for instance in instances:
        if instance.state not in ("Running", "Stopped"):
            raise wrong_status()
        if detach and instance.key_pair == pair.name:
            instance.key_pair = ""
        elif not detach:
            instance.key_pair = pair.name
        results.append({"InstanceId": instance.id, "Success": "true", "Code": "200", "Message": "successful"})
    return {
        "KeyPairName": pair.name,
        "TotalCount": str(len(results)),
        "FailCount": "0",
        "Results": {"Result": results},
    }


@action(
    "ecs", "AttachKeyPair", "RegionId! KeyPairName! InstanceIds:json!", "keypair/{KeyPairName} instance/{InstanceIds}"
)
def attach_key_pair(request: Request) -> Reply:
    return attach(request, request["KeyPairName"], detach=False)


@action(
    "ecs", "DetachKeyPair", "RegionId! KeyPairName! InstanceIds:json!", "keypair/{KeyPairName} instance/{InstanceIds}"
)
def detach_key_pair(request: Request) -> Reply:
    return attach(request, request["KeyPairName"], detach=True)
