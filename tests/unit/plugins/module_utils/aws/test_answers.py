# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.server
import threading

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from ansible_collections.hallmark.images.plugins.module_utils.aws import errors
from ansible_collections.hallmark.images.plugins.module_utils.build import addresses
from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError, Throttled


def raised(error):
    with pytest.raises(HallmarkError) as caught, errors.translated("launch machine builder"):
        raise error
    return caught.value


def client_error(code, message="why"):
    return ClientError({"Error": {"Code": code, "Message": message}}, "RunInstances")


def test_an_answer_of_the_api_becomes_one_line_with_its_code():
    error = raised(client_error("InvalidAMIID.NotFound", "The image id\n'[ami-1]' does not exist"))
    wanted = "launch machine builder: InvalidAMIID.NotFound: The image id '[ami-1]' does not exist"
    assert (str(error), error.gone, error.busy) == (wanted, True, False)


def test_what_is_denied_names_the_call_and_not_the_encoded_reason():
    error = raised(client_error("UnauthorizedOperation", "You may not. Encoded authorization failure message: aBc9"))
    wanted = "UnauthorizedOperation: You may not.: credentials that allow RunInstances"
    assert str(error) == f"launch machine builder: {wanted}"


@pytest.mark.parametrize(
    ("code", "status", "retries", "certain"),
    [
        ("UnauthorizedOperation", 403, 0, True),
        ("InvalidParameterValue", 400, 0, True),
        ("InsufficientInstanceCapacity", 500, 0, True),
        ("InternalError", 500, 0, False),
        ("UnauthorizedOperation", 403, 1, False),  # of the first try nobody knows
        ("UnauthorizedOperation", 403, None, False),
    ],
)
def test_what_cannot_have_had_an_effect(code, status, retries, certain):
    error = client_error(code)
    error.response["ResponseMetadata"] = {"HTTPStatusCode": status}
    if retries is not None:
        error.response["ResponseMetadata"]["RetryAttempts"] = retries
    assert raised(error).refused is certain
    assert raised(EndpointConnectionError(endpoint_url="http://127.0.0.1:1")).refused is False


def test_the_reason_of_a_refusal_is_told_where_it_may_be_decoded():
    document = {
        "explicitDeny": False,
        "context": {"action": "ec2:RunInstances", "resource": "arn:aws:ec2:x::image/ami-1"},
    }
    message = "You may not. Encoded authorization failure message: aBc9"
    decoded = []

    def decode(text):
        decoded.append(text)
        return errors.reason_of(document)

    with pytest.raises(HallmarkError) as caught, errors.translated("launch", decode):
        raise client_error("UnauthorizedOperation", message)
    assert decoded == ["aBc9"]
    wanted = "You may not. (no policy allows ec2:RunInstances on arn:aws:ec2:x::image/ami-1): credentials that allow"
    assert wanted in str(caught.value)
    assert errors.reason_of({**document, "explicitDeny": True}).startswith("a policy denies ec2:RunInstances")
    assert errors.reason_of({}) == ""


def test_throttling_is_for_the_waiter():
    assert isinstance(raised(client_error("RequestLimitExceeded")), Throttled)


def test_busy_is_told_apart():
    assert raised(client_error("DependencyViolation")).busy
    assert raised(client_error("InvalidSnapshot.InUse")).busy


def test_no_answer_and_no_credentials_are_one_line_too():
    assert "\n" not in str(raised(EndpointConnectionError(endpoint_url="http://127.0.0.1:1")))
    assert "no AWS credentials" in str(raised(NoCredentialsError()))


@pytest.fixture
def service():
    """Tells a caller's address, or what it is told to."""

    class Answer(http.server.BaseHTTPRequestHandler):
        text = "203.0.113.9\n"

        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(type(self).text.encode())

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Answer
    server.shutdown()
    server.server_close()


def test_own_address_is_what_the_service_sees(service):
    assert addresses.own_address(service[0], False, {}) == "203.0.113.9/32"


@pytest.mark.parametrize("text", ["", "<html>", "203.0.113.0/24 or so", "localhost"])
def test_a_service_that_tells_no_address_is_no_reason_to_open_to_all(service, text):
    service[1].text = text
    with pytest.raises(
        HallmarkError, match=r"source_cidrs: missing, and http://.* does not tell this computer's address"
    ):
        addresses.own_address(service[0], False, {})


def test_own_address_towards_a_private_subnet_is_that_of_the_route():
    assert addresses.own_address("", True, {"CidrBlock": "127.0.0.0/8"}) == "127.0.0.1/32"


@pytest.mark.parametrize("cidr", ["203.0.113.7/24", "example.com", "300.0.0.1", ""])
def test_what_is_no_network_is_told(cidr):
    with pytest.raises(HallmarkError, match="source_cidrs: "):
        addresses.check_cidrs([cidr])


def test_networks():
    wanted = ["203.0.113.7/32", "0.0.0.0/0", "2001:db8::/48"]
    assert addresses.check_cidrs(["203.0.113.7", "0.0.0.0/0", "2001:db8::/48"]) == wanted
