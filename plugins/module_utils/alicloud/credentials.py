# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where keys come from: options, the environment, the aliyun CLI's profiles, the role of the instance this runs on.
With them another role may be assumed. Keys that end are fetched anew before they do."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.urls import open_url

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError

SECRETS = ("access_key", "secret_key", "security_token")
#: The option that each variable of the environment stands for; of two, the first wins.
ENVIRONMENT = {
    "access_key": ("ALICLOUD_ACCESS_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID"),
    "secret_key": ("ALICLOUD_SECRET_KEY", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
    "security_token": ("ALICLOUD_SECURITY_TOKEN", "ALIBABA_CLOUD_SECURITY_TOKEN"),
    "region": ("ALICLOUD_REGION", "ALIBABA_CLOUD_REGION_ID", "ALIBABA_CLOUD_REGION"),
    "profile": ("ALICLOUD_PROFILE", "ALIBABA_CLOUD_PROFILE"),
    "shared_credentials_file": ("ALICLOUD_SHARED_CREDENTIALS_FILE",),
    "ram_role_name": ("ALIBABA_CLOUD_ECS_METADATA",),
    "role_arn": ("ALIBABA_CLOUD_ROLE_ARN",),
    "role_session_name": ("ALIBABA_CLOUD_ROLE_SESSION_NAME",),
}
#: The variable that Packer reads a token from. Its name says nothing of whose it is, so it counts only where the keys
#: come from the variables that Packer reads too.
PACKERS_TOKEN = "SECURITY_TOKEN"
PACKERS_KEYS = ("ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY")
#: The aliyun CLI's file of profiles, and the kinds of profile that can be used without a person.
CLI_FILE = "~/.aliyun/config.json"
MODES = ("AK", "StsToken", "RamRoleArn", "EcsRamRole")
#: The metadata service of an instance ("Access instance metadata", ECS user guide).
METADATA = "http://100.100.100.200"
METADATA_TIMEOUT = 5.0  # s
TOKEN_SECONDS = 60
RENEW_BEFORE = 300.0  # s that keys still have to be good for when a call begins
HINT = "access_key and secret_key, ALIBABA_CLOUD_ACCESS_KEY_ID and …_SECRET, a profile, or ram_role_name"


@dataclass(frozen=True)
class Keys:
    """What a call is signed with.

    :ivar token: belongs to temporary keys; empty for others.
    :ivar ends: when they end, as a Unix time; None for keys that do not.
    """

    access: str
    secret: str
    token: str = ""
    ends: float | None = None


#: One call of the security token service with given keys: its parameters in, its answer out.
Ask = Callable[[Keys, dict[str, Any]], dict[str, Any]]


class Credentials:
    """The keys of an account, as its options tell.

    :param options: those of the module, with the keys themselves where they were given.
    :param ask: makes the call AssumeRole.
    :param clock: replaced by tests.
    """

    def __init__(self, options: Mapping[str, Any], ask: Ask, clock: Callable[[], float] = time.time) -> None:
        self.options = options
        self.ask = ask
        self.clock = clock
        self._keys: Keys | None = None

    def keys(self) -> Keys:
        """Keys that are good for the next minutes.

        :raises HallmarkError: when there are none.
        """
        known = self._keys
        if known is None or (known.ends is not None and known.ends - self.clock() < RENEW_BEFORE):
            known = self._fetch()
            self._keys = known
        return known

    def region(self) -> str:
        """The region that they are configured for; empty for none."""
        found = self.options.get("region") or environment("region")
        if found:
            return str(found)
        profile = self._profile() if not self._given() or self.options.get("profile") else None
        return str((profile or {}).get("region_id") or "")

    def _fetch(self) -> Keys:
        base, role = self._base()
        wanted = self.options.get("assume_role") or role or _role_of_environment()
        return assume(base, wanted, self.ask) if wanted else base

    def _base(self) -> tuple[Keys, dict[str, Any] | None]:
        """The keys to begin with, and the role that their profile says to assume."""
        given = self._given()
        if given:
            return given, None
        if self.options.get("ram_role_name"):
            return of_instance(self.options["ram_role_name"]), None
        profile = self._profile()
        if profile:
            return of_profile(profile)
        if environment("ram_role_name"):
            return of_instance(environment("ram_role_name")), None
        raise HallmarkError("no credentials for Alibaba Cloud", HINT)

    def _given(self) -> Keys | None:
        """Keys from the options, or else from the environment; never some of each."""
        chosen = self.options.get("profile") or self.options.get("ram_role_name")
        for source in (self.options.get, lambda name: "" if chosen else environment(name)):
            access, secret, token = (str(source(name) or "") for name in SECRETS)
            if access and secret:
                return Keys(access, secret, token)
            if access or secret:
                missing, there = ("secret_key", "access_key") if access else ("access_key", "secret_key")
                raise HallmarkError(f"{missing}: missing, with {there}", HINT)
        return None

    def _profile(self) -> dict[str, Any] | None:
        name = self.options.get("profile") or environment("profile")
        file = self.options.get("shared_credentials_file") or environment("shared_credentials_file")
        return read_profile(Path(file or CLI_FILE).expanduser(), name, bool(file or name))


def environment(name: str) -> str:
    """What the environment says of an option; empty for nothing."""
    variables = ENVIRONMENT[name]
    if name == "security_token" and all(os.environ.get(key) for key in PACKERS_KEYS):
        variables = (variables[0], PACKERS_TOKEN, *variables[1:])
    return next((os.environ[key] for key in variables if os.environ.get(key)), "")


def read_profile(path: Path, name: str, required: bool) -> dict[str, Any] | None:
    """A profile of the aliyun CLI; None when nobody asked for one and there is none.

    :param name: whose; empty for the file's current one.
    :param required: whether it is an error when there is none.
    :raises HallmarkError: naming file and profile.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not required:
            return None
        raise HallmarkError(f"shared_credentials_file: {path}: no such file", "a file of the aliyun CLI") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is not JSON"
        raise HallmarkError(f"shared_credentials_file: {path}: {reason}", "a file of the aliyun CLI") from None
    profiles = content.get("profiles") if isinstance(content, dict) else None
    named = {str(item.get("name")): item for item in profiles or [] if isinstance(item, dict)}
    name = name or str(content.get("current") or "default") if isinstance(content, dict) else name
    if name in named:
        return named[name]
    if not required:
        return None
    raise HallmarkError(f"profile: {name}: {path} has none of this name", f"one of {', '.join(named) or '(none)'}")


def of_profile(profile: dict[str, Any]) -> tuple[Keys, dict[str, Any] | None]:
    """The keys of a profile, and the role that it says to assume.

    :raises HallmarkError: when it is of another kind, or something of it is missing.
    """
    name, mode = profile.get("name", ""), str(profile.get("mode") or "AK")
    if mode not in MODES:
        raise HallmarkError(f"profile: {name}: mode {mode}", f"one of {', '.join(MODES)}")
    if mode == "EcsRamRole":
        return of_instance(str(profile.get("ram_role_name") or "")), None
    wanted = {"access_key_id": "", "access_key_secret": ""}
    wanted |= {"sts_token": ""} if mode == "StsToken" else {"ram_role_arn": ""} if mode == "RamRoleArn" else {}
    values = {key: str(profile.get(key) or "") for key in wanted}
    missing = [key for key, value in values.items() if not value]
    if missing:
        raise HallmarkError(f"profile: {name}: {missing[0]}: missing", f"what mode {mode} needs")
    keys = Keys(values["access_key_id"], values["access_key_secret"], values.get("sts_token", ""))
    if mode != "RamRoleArn":
        return keys, None
    role = {
        "arn": values["ram_role_arn"],
        "session_name": profile.get("ram_session_name"),
        "duration": profile.get("expired_seconds"),
        "external_id": profile.get("external_id"),
    }
    return keys, role


def of_instance(role: str, base: str = "") -> Keys:
    """The keys of the RAM role of the instance that this runs on.

    :param role: its name; empty for the one that the instance has.
    :param base: of the metadata service, replaced by tests.
    :raises HallmarkError: when the metadata service does not answer with keys.
    """
    base = base or METADATA
    where = f"{base}/latest/meta-data/ram/security-credentials/"
    life = {"X-aliyun-ecs-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}
    try:
        token = _read(f"{base}/latest/api/token", "PUT", life)
        headers = {"X-aliyun-ecs-metadata-token": token}
        role = role or _read(where, "GET", headers).split()[0]
        answer = json.loads(_read(where + role, "GET", headers))
        return Keys(
            answer["AccessKeyId"], answer["AccessKeySecret"], answer["SecurityToken"], _moment(answer["Expiration"])
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise HallmarkError(
            f"ram_role_name: {role or '(any)'}: no keys from the metadata service ({reason})",
            "an instance of ECS that has this RAM role",
        ) from None


def assume(base: Keys, role: Mapping[str, Any], ask: Ask) -> Keys:
    """The keys of a role that others assume (STS API, AssumeRole).

    :param role: arn, session_name, external_id, duration, policy.
    """
    parameters: dict[str, Any] = {
        "RoleArn": role["arn"],
        "RoleSessionName": role.get("session_name") or "hallmark",
        "DurationSeconds": role.get("duration") or 3600,
    }
    if role.get("external_id"):
        parameters["ExternalId"] = role["external_id"]
    if role.get("policy"):
        parameters["Policy"] = json.dumps(role["policy"])
    answer = ask(base, parameters)["Credentials"]
    return Keys(
        answer["AccessKeyId"], answer["AccessKeySecret"], answer["SecurityToken"], _moment(answer["Expiration"])
    )


def _role_of_environment() -> dict[str, Any] | None:
    arn = environment("role_arn")
    return {"arn": arn, "session_name": environment("role_session_name")} if arn else None


def _read(url: str, method: str, headers: dict[str, str]) -> str:
    with open_url(url, method=method, headers=headers, timeout=METADATA_TIMEOUT, use_proxy=False) as answer:
        return answer.read(65536).decode("utf-8").strip()


def _moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
