# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API answers when it does not do what was asked, in the words of this collection."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.hallmark.images.plugins.module_utils.build import errors
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError, Throttled

try:
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        NoRegionError,
        PartialCredentialsError,
    )
    from botocore.parsers import ResponseParserError
except ImportError:  # the modules say so before anything is called

    class BotoCoreError(Exception):  # type: ignore[no-redef]
        """Stands in where botocore is missing, as those below do."""

    class ClientError(Exception):  # type: ignore[no-redef]
        """An answer of the API that is an error."""

    class NoCredentialsError(BotoCoreError):  # type: ignore[no-redef]
        """There are no keys."""

    class PartialCredentialsError(BotoCoreError):  # type: ignore[no-redef]
        """There is half a key."""

    class NoRegionError(BotoCoreError):  # type: ignore[no-redef]
        """There is no region."""

    class ResponseParserError(Exception):  # type: ignore[no-redef]
        """An answer that is none of the API's, as a proxy's page."""


THROTTLING = ("RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled", "SlowDown")
#: Capacity that another type, zone or market may have (API errors of EC2, "Server error codes").
CAPACITY = (
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientCapacity",
    "InsufficientReservedInstanceCapacity",
    "InsufficientFreeAddressesInSubnet",
    "SpotMaxPriceTooLow",
    "MaxSpotInstanceCountExceeded",
    "Unsupported",
    # Not capacity but a quota of the account; another family of types, or another market, has one of its own.
    "VcpuLimitExceeded",
    "InstanceLimitExceeded",
)
DENIED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation")
BUSY = ("DependencyViolation", "InvalidSnapshot.InUse", "VolumeInUse", "IncorrectState", "IncorrectInstanceState")
BUSY += ("DeleteConflict", "ConcurrentModification")  # IAM's
ENCODED = re.compile(r"\s*Encoded authorization failure message: (\S+)")


class ApiError(errors.ApiError):
    """A call that the API refused; its code is for example ``InvalidAMIID.NotFound``."""

    @property
    def gone(self) -> bool:
        """Whether the thing that the call was about does not exist."""
        return "NotFound" in self.code or self.code in ("InvalidAMIID.Unavailable", "NoSuchEntity")

    @property
    def denied(self) -> bool:
        """Whether the credentials do not allow the call."""
        return self.code in DENIED

    @property
    def taken(self) -> bool:
        """Whether there is something of that name already."""
        return self.code.endswith(".Duplicate")

    @property
    def early(self) -> bool:
        """EC2 has not heard of an instance profile for seconds after it was made."""
        return self.gone or self.profile_unknown

    @property
    def profile_unknown(self) -> bool:
        """Whether EC2 has not heard of an instance profile, as it has not for seconds after it was made."""
        return self.code == "InvalidParameterValue" and "iam instance profile" in str(self).lower()

    @property
    def busy(self) -> bool:
        """Whether the same call may succeed when something else has ended."""
        return self.code in BUSY


@contextmanager
def translated(what: str, decode: Callable[[str], str] = lambda message: "") -> Iterator[None]:
    """Turn what boto3 raises into one line with the API's code.

    :param what: what was being done, for example "launch machine builder".
    :param decode: says in words what the encoded part of a refusal says.
    """
    try:
        yield
    except ClientError as error:
        raise from_client_error(what, error, decode) from None
    except (NoCredentialsError, PartialCredentialsError):
        raise ApiError(
            f"{what}: no AWS credentials", hint="a profile, AWS_ACCESS_KEY_ID or an instance's role"
        ) from None
    except NoRegionError:
        raise ApiError(f"{what}: no region", hint="region, or AWS_REGION") from None
    except ResponseParserError:  # its text is the answer, which may be a page
        raise ApiError(f"{what}: the answer is not one of AWS", hint="AWS itself, and no proxy's page") from None
    except (BotoCoreError, ValueError) as error:  # botocore refuses an endpoint that is no URL with a ValueError
        raise ApiError(f"{what}: {' '.join(str(error).split())}") from None


def tell_capacity_at_once(
    response: tuple[Any, dict[str, Any]] | None, operation: Any, attempts: int, **_more: Any
) -> None:
    """Handler of botocore's event ``needs-retry``: no retry of the same call where there is no capacity.

    EC2 says InsufficientInstanceCapacity with HTTP status 500, which botocore takes for a passing fault.

    :param attempts: of this call, this one included; what botocore itself would put into the answer only later.
    :raises ClientError: the refusal itself.
    """
    if response and response[1].get("Error", {}).get("Code") in CAPACITY:
        response[1].setdefault("ResponseMetadata", {})["RetryAttempts"] = attempts - 1
        raise ClientError(response[1], operation.name)


def from_client_error(
    what: str, error: ClientError, decode: Callable[[str], str] = lambda message: ""
) -> HallmarkError:
    """The error to raise for an answer of the API."""
    answer = error.response.get("Error", {})
    code = answer.get("Code", "")
    message = " ".join(str(answer.get("Message", "")).split())
    if code in THROTTLING:
        return Throttled(f"{what}: {code}: {message}")
    if code in DENIED:
        operation = getattr(error, "operation_name", "")
        encoded = ENCODED.search(message)
        reason = decode(encoded[1]) if encoded else ""
        message = ENCODED.sub("", message) + (f" ({reason})" if reason else "")
        hint = f"credentials that allow {operation}"
        return ApiError(f"{what}: {code}: {message}", code, hint, _is_certain(error.response))
    return ApiError(f"{what}: {code}: {message}", code, refused=_is_certain(error.response))


def _is_certain(response: dict[str, Any]) -> bool:
    """Whether the call had no effect: the first try was answered, and with more than that the server is in trouble."""
    answer = response.get("ResponseMetadata", {})
    said_no = 400 <= answer.get("HTTPStatusCode", 0) < 500 or response.get("Error", {}).get("Code") in CAPACITY
    return said_no and answer.get("RetryAttempts") == 0


def reason_of(document: dict[str, Any]) -> str:
    """The reason of a refusal from what sts:DecodeAuthorizationMessage says: action, resource and what is missing."""
    context = document.get("context", {})
    action, resource = context.get("action", ""), context.get("resource", "")
    how = "a policy denies" if document.get("explicitDeny") else "no policy allows"
    return f"{how} {action} on {resource}" if action else ""
