# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances as EC2 has them and moto does not: states that take time, client tokens, and a machine behind each."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2 import utils as ec2_utils
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance, StateReason
from moto.ec2.responses._base_response import EC2BaseResponse
from moto.iam.models import iam_backends

from emulators.aws.world import World
from emulators.common.world import Guest
from emulators.machines import Spec

STATES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
ec2_utils.filter_dict_attribute_mapping["client-token"] = "client_token"
#: What GetPasswordData decrypts to.
PASSWORD = "Emulated-Windows-1"


def set_state(instance: Instance, name: str) -> None:
    """Put an instance into a state."""
    instance._state.name, instance._state.code = name, STATES[name]


def run_token(response: EC2BaseResponse, action: str, world: World, parameters: dict[str, Any]) -> tuple[Any, Any]:
    """What a call with this client token answered before, and where to note what it answers now.

    EC2 keeps a token for its account and region; the same token with other parameters is refused.
    """
    token = response._get_param("ClientToken")
    if not token:
        return None, lambda answer: None
    key = (action, response.current_account, response.region, token)
    seen = json.dumps(parameters, sort_keys=True, default=str)
    if key in world.tokens:
        before, answer = world.tokens[key]
        if before != seen:
            raise EC2ClientError(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
            )
        return answer, lambda answer: None
    return None, lambda answer: world.tokens.__setitem__(key, (seen, answer))


class Instances(EC2BaseResponse):
    """The actions on instances that differ from moto's."""

    world: World

    def run_instances(self) -> ActionResult:
        before, note = run_token(self, "RunInstances", self.world, dict(self.params))
        if before is not None and not self._get_param("DryRun", False):
            return ActionResult(before)
        self._check_image(self._get_param("ImageId"))
        self._check_profile(self._get_param("IamInstanceProfile", {}))
        try:
            answer = super().run_instances()
        except EC2ClientError as problem:
            if problem.code == "InvalidInstanceType.NotFound":  # EC2 says it in other words, here from memory
                message = f"Invalid value '{self._get_param('InstanceType')}' for InstanceType."
                raise EC2ClientError("InvalidParameterValue", message) from None
            raise
        reservation: Any = answer.result
        for instance in reservation.instances:
            self._finish_volumes(instance)
            given = {int(nic.get("DeviceIndex", 0)): nic for nic in self._get_param("NetworkInterfaces", [])}
            for index, nic in instance.nics.items():
                if "NetworkInterfaceId" not in given.get(index, {}):
                    nic.delete_on_termination = given.get(index, {}).get("DeleteOnTermination", True)
            self._give_machine(instance)
            set_state(instance, "pending")
            self._start_later(instance)
        note(reservation)
        return answer

    def start_instances(self) -> ActionResult:
        self._refuse(
            "started", {instance.id: instance.state not in ("stopped", "running") for instance in self._named()}
        )
        stopped = [instance for instance in self._named() if instance.state == "stopped"]
        answer = super().start_instances()
        for instance in stopped:
            set_state(instance, "pending")
            guest = self.world.guests.get(instance.id)
            if guest:
                self._set_addresses(instance, guest.machine().spec.addresses)
                self.world.note_problem(f"start {instance.id}", guest.do(lambda machine: machine.boot()))
            self._start_later(instance)
        return answer

    def stop_instances(self) -> ActionResult:
        ended = ("shutting-down", "terminated")
        self._refuse("stopped", {instance.id: instance.state in ended for instance in self._named()})
        running = [instance for instance in self._named() if instance.state in ("pending", "running")]
        before = {instance.id: instance.state for instance in self._named()}
        answer = super().stop_instances()
        for instance in self._named():
            set_state(instance, before[instance.id])
        for instance in running:
            stop_instance(self.world, instance, self.world.delays.stopped)
        return answer

    def reboot_instances(self) -> ActionResult:
        answer = super().reboot_instances()
        for instance in self._named():
            guest = self.world.guests.get(instance.id)
            if guest:
                guest.do(lambda machine: machine.shut_down())
                self.world.note_problem(f"reboot {instance.id}", guest.do(lambda machine: machine.boot()))
        return answer

    def terminate_instances(self) -> ActionResult:
        self.error_on_dryrun()
        ids = self._get_param("InstanceIds", [])
        instances = self.ec2_backend.get_multi_instances_by_id(ids)
        for instance in instances:
            if instance.disable_api_termination:
                raise EC2ClientError(
                    "OperationNotPermitted",
                    f"The instance '{instance.id}' may not be terminated. Modify its 'disableApiTermination' instance "
                    "attribute and try again.",
                )
        previous = [{"Code": instance.state_code, "Name": instance.state} for instance in instances]
        for instance in instances:
            end_instance(self.world, instance)
        states = [{"Code": 32, "Name": "shutting-down"} for _instance in instances]
        for place, was in enumerate(previous):
            if was["Name"] == "terminated":
                states[place] = was
        names = [{"InstanceId": instance.id} for instance in instances]
        changes = zip(names, states, previous, strict=True)
        return ActionResult(
            {"TerminatingInstances": [name | {"CurrentState": now, "PreviousState": was} for name, now, was in changes]}
        )

    def get_console_output(self) -> ActionResult:
        self.error_on_dryrun()
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        result = {"InstanceId": instance.id, "Timestamp": utcnow()}
        guest = self.world.guests.get(instance.id)
        age = self.world.age(instance.launch_time)
        if guest and (self._get_param("Latest") or age >= self.world.delays.console):
            text = guest.console[-65536:]  # EC2 keeps the last 64 KiB
            if text:
                result["Output"] = Base64EncodedString.from_raw_string(text)
        return ActionResult(result)

    def get_password_data(self) -> ActionResult:
        self.error_on_dryrun()
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        data = ""
        age = self.world.age(instance.launch_time)
        key = self._key_of(instance)
        if instance.platform == "windows" and key and age >= self.world.delays.password:
            public = load_ssh_public_key(key.encode())
            assert isinstance(public, rsa.RSAPublicKey), "RunInstances lets no other key through for Windows"
            data = base64.b64encode(public.encrypt(PASSWORD.encode(), padding.PKCS1v15())).decode()
        return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), "PasswordData": data})

    # Helpers.

    def _named(self) -> list[Instance]:
        return self.ec2_backend.get_multi_instances_by_id(self._get_param("InstanceIds", []))

    def _refuse(self, what: str, wrong: dict[str, bool]) -> None:
        """Refuse what the state of an instance does not allow."""
        for identifier in [identifier for identifier, is_wrong in wrong.items() if is_wrong]:
            message = f"The instance '{identifier}' is not in a state from which it can be {what}."
            raise EC2ClientError("IncorrectInstanceState", message)

    def _key_of(self, instance: Instance) -> str:
        pair = self.ec2_backend.key_pairs.get(instance.key_name)
        return pair.material_public.decode().strip() if pair else ""

    def _check_image(self, image_id: str) -> None:
        image = self.ec2_backend.amis.get(image_id)
        if image is None:
            raise EC2ClientError("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
        if image.state != "available":
            raise EC2ClientError("InvalidAMIID.Unavailable", f"The image id '[{image_id}]' is not available")
        pair = self.ec2_backend.key_pairs.get(self._get_param("KeyName"))
        # EC2 refuses it: a Windows password is encrypted with the key. The code is from memory of its API reference.
        if image.platform == "windows" and pair and pair.key_type == "ed25519":
            raise EC2ClientError("InvalidParameterCombination", "ED25519 key pairs are not supported with Windows AMIs")

    def _check_profile(self, wanted: dict[str, str]) -> None:
        """EC2 hears of what IAM knows with a delay. Code and text of the error as its users report them."""
        name = wanted.get("Name") or wanted.get("Arn", "").rpartition("/")[2]
        if not name:
            return
        found = iam_backends[self.current_account][self.partition].instance_profiles.values()
        ages = [self.world.age(profile.create_date) for profile in found if profile.name == name]
        if not ages or ages[0] < self.world.delays.profile:
            where = "name" if wanted.get("Name") else "arn"
            value = wanted.get("Name") or wanted.get("Arn")
            message = f"Value ({value}) for parameter iamInstanceProfile.{where} is invalid. "
            raise EC2ClientError("InvalidParameterValue", f"{message}Invalid IAM Instance Profile {where}")

    def _start_later(self, instance: Instance) -> None:
        reason = self.world.failing()

        def running() -> None:
            if instance.state != "pending":
                return
            if reason is None:
                set_state(instance, "running")
            else:
                end_instance(self.world, instance, at_once=True)
                instance.state_reason = StateReason(f"Server.InternalError: {reason}", "Server.InternalError")

        self.world.later(self.world.delays.running, running)

    def _give_machine(self, instance: Instance) -> None:
        machines, backend = self.world.machines, self.ec2_backend
        if machines is None:
            return
        kinds = [True, False] if instance.public_ip else [False]
        addresses = [machines.addresses.take(public) for public in kinds]
        self._set_addresses(instance, addresses)
        image: Path | None = self.world.disks.get(instance.image_id)
        spec = Spec(
            instance.id,
            addresses,
            [key] if (key := self._key_of(instance)) else [],
            instance.user_data.decode() if instance.user_data else "",
            image,
            max(
                (backend.volumes[device.volume_id].size for _name, device in instance.get_block_device_mapping),
                default=0,
            ),
        )
        guest = Guest(lambda: machines.create(spec, lambda: ended_itself(self.world, instance)))
        self.world.guests[instance.id] = guest
        self.world.note_problem(f"boot {instance.id}", guest.do(lambda machine: machine.boot()))

    def _set_addresses(self, instance: Instance, addresses: list[str]) -> None:
        nic = instance.nics[0]
        nic.public_ip = addresses[0] if len(addresses) > 1 else None
        nic.private_ip_address = addresses[-1]
        nic.private_ip_addresses[0]["PrivateIpAddress"] = addresses[-1]


def stop_instance(world: World, instance: Instance, delay: float) -> None:
    """Stop an instance and what is behind it."""
    set_state(instance, "stopping")
    guest = world.guests.get(instance.id)
    down = guest.do(lambda machine: machine.shut_down()) if guest else None

    def stopped() -> None:
        if instance.state == "stopping":
            set_state(instance, "stopped")

    world.later(delay, stopped, down.done if down else None)


def end_instance(world: World, instance: Instance, at_once: bool = False) -> None:
    """Terminate an instance; it holds what it uses until it is terminated."""
    if instance.state in ("shutting-down", "terminated"):
        return
    set_state(instance, "shutting-down")
    guest = world.guests.pop(instance.id, None)
    gone = guest.do(lambda _machine: world.machines.destroy(instance.id)) if guest and world.machines else None

    def terminated() -> None:
        reason = instance.state_reason
        for nic in instance.nics.values():
            nic.public_ip = None
        instance.terminate()
        if reason and reason.code:
            instance.state_reason = reason

    world.later(0 if at_once else world.delays.terminated, terminated, gone.done if gone else None)


def ended_itself(world: World, instance: Instance) -> None:
    """The machine behind an instance shut itself down: what then happens is what the instance was launched with."""
    with world.lock:
        world.settle()
        if instance.state not in ("pending", "running"):
            return
        code = "Client.InstanceInitiatedShutdown"
        instance.state_reason = StateReason(f"{code}: Instance initiated shutdown", code)
        if instance.instance_initiated_shutdown_behavior == "terminate":
            end_instance(world, instance)
        else:
            stop_instance(world, instance, world.delays.stopped)
