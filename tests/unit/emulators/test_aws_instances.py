# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances and networks of the AWS emulator, asked for by boto3: what moto lacks."""

from __future__ import annotations

import base64
import json
import re

import boto3
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from emulators.aws import Delays
from emulators.aws.fixtures import Client, tags


def test_states_take_their_time(start):
    ec2 = start(delays=Delays(running=60, stopped=60, terminated=60))
    instance = ec2.launch()
    seen = [ec2.state(instance)]
    for change in (None, ec2.stop_instances, ec2.start_instances):
        if change:
            change(InstanceIds=[instance])
            seen.append(ec2.state(instance))
        ec2.aws.advance(60)
        seen.append(ec2.state(instance))
    assert seen == ["pending", "running", "stopping", "stopped", "pending", "running"]
    answer = ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"][0]
    assert [answer[name]["Name"] for name in ("PreviousState", "CurrentState")] == ["running", "shutting-down"]
    assert ec2.state(instance) == "shutting-down"
    assert ec2.describe_volumes()["Volumes"] != []
    ec2.aws.advance(60)
    assert ec2.state(instance) == "terminated"
    assert ec2.describe_volumes()["Volumes"] == []


def test_states_that_do_not_allow_it_are_refused_or_stay(start):
    ec2 = start(delays=Delays(stopped=60, terminated=60))
    instance = ec2.launch()
    ec2.start_instances(InstanceIds=[instance])
    assert ec2.state(instance) == "running"
    ec2.stop_instances(InstanceIds=[instance])
    assert ec2.refused("start_instances", InstanceIds=[instance]) == "IncorrectInstanceState"
    assert ec2.state(instance) == "stopping"
    ec2.aws.advance(60)
    ec2.stop_instances(InstanceIds=[instance])
    assert ec2.state(instance) == "stopped"
    ec2.terminate_instances(InstanceIds=[instance])
    assert ec2.refused("stop_instances", InstanceIds=[instance]) == "IncorrectInstanceState"
    assert ec2.state(instance) == "shutting-down"


def test_states_can_be_filtered_while_they_last(start):
    ec2 = start(delays=Delays(running=60))
    instance = ec2.launch()
    pending = [{"Name": "instance-state-name", "Values": ["pending"]}]
    running = [{"Name": "instance-state-name", "Values": ["running"]}]
    (found,) = ec2.describe_instances(Filters=pending)["Reservations"]
    assert found["Instances"][0]["InstanceId"] == instance
    assert ec2.describe_instances(Filters=running)["Reservations"] == []


def test_a_client_token_launches_once(ec2):
    first = ec2.launch(ClientToken="one")
    assert ec2.launch(ClientToken="one") == first
    assert ec2.launch(ClientToken="two") != first
    different = {"ImageId": ec2.aws.image, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1}
    assert ec2.refused("run_instances", ClientToken="one", **different) == "IdempotentParameterMismatch"
    (found,) = ec2.describe_instances(Filters=[{"Name": "client-token", "Values": ["one"]}])["Reservations"]
    assert found["Instances"][0]["InstanceId"] == first


def test_a_dry_run_launches_nothing_and_uses_up_no_token(ec2):
    given = {"ImageId": ec2.aws.image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "ClientToken": "one"}
    assert ec2.refused("run_instances", DryRun=True, **given) == "DryRunOperation"
    assert ec2.describe_instances()["Reservations"] == []
    assert ec2.run_instances(**given)["Instances"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ImageId": "ami-12345678"}, "InvalidAMIID.NotFound"),
        ({"KeyName": "nobody"}, "InvalidKeyPair.NotFound"),
        ({"InstanceType": "t3.nothing"}, "InvalidParameterValue"),
        ({"SecurityGroupIds": ["sg-12345678"]}, "InvalidGroup.NotFound"),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 1}}]},
            "InvalidBlockDeviceMapping",
        ),
    ],
)
def test_a_wrong_launch_is_refused(ec2, change, code):
    given = {"ImageId": ec2.aws.image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    assert ec2.refused("run_instances", **given | change) == code
    assert ec2.describe_instances()["Reservations"] == []


def test_an_instance_has_the_disks_of_its_image_as_the_launch_changes_them(ec2):
    ec2.enable_ebs_encryption_by_default()
    root = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Throughput": 300}}
    ec2.launch(BlockDeviceMappings=[root], TagSpecifications=tags("volume", a="1"))
    (volume,) = ec2.describe_volumes()["Volumes"]
    expected = {
        "Size": 20,
        "VolumeType": "gp3",
        "Throughput": 300,
        "Encrypted": True,
        "Tags": [{"Key": "a", "Value": "1"}],
    }
    assert expected.items() <= volume.items()
    assert volume["KmsKeyId"].startswith("arn:aws:kms:us-east-1:")
    assert volume["SnapshotId"] == ec2.image(ec2.aws.image)["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    assert volume["Attachments"][0]["DeleteOnTermination"] is True


def test_a_security_group_in_use_cannot_be_deleted(start):
    ec2 = start(delays=Delays(terminated=60))
    group = ec2.create_security_group(GroupName="builder", Description="d")["GroupId"]
    instance = ec2.launch(SecurityGroupIds=[group])
    assert ec2.refused("delete_security_group", GroupId=group) == "DependencyViolation"
    ec2.terminate_instances(InstanceIds=[instance])
    assert ec2.refused("delete_security_group", GroupId=group) == "DependencyViolation"
    ec2.aws.advance(60)
    ec2.delete_security_group(GroupId=group)
    assert ec2.refused("describe_security_groups", GroupIds=[group]) == "InvalidGroup.NotFound"


def test_a_security_group_named_by_another_and_a_network_in_use_cannot_be_deleted(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    one, two = (
        ec2.create_security_group(GroupName=name, Description="d", VpcId=vpc)["GroupId"] for name in ("one", "two")
    )
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": one}]}
    ec2.authorize_security_group_ingress(GroupId=two, IpPermissions=[rule])
    instance = ec2.launch(SubnetId=subnet)
    refused = [
        ec2.refused("delete_security_group", GroupId=one),
        ec2.refused("delete_subnet", SubnetId=subnet),
        ec2.refused("delete_vpc", VpcId=vpc),
    ]
    assert refused == ["DependencyViolation"] * 3
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.delete_security_group(GroupId=two)
    ec2.delete_security_group(GroupId=one)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_what_was_just_created_is_not_found_for_a_while(start):
    ec2 = start(delays=Delays(not_found=60))
    ec2.create_key_pair(KeyName="key")
    group = ec2.create_security_group(GroupName="builder", Description="d")["GroupId"]
    instance = ec2.launch()
    early = [
        ec2.refused("describe_instances", InstanceIds=[instance]),
        ec2.refused("create_tags", Resources=[instance], Tags=[{"Key": "a", "Value": "1"}]),
        ec2.refused("describe_security_groups", GroupIds=[group]),
        ec2.refused("describe_key_pairs", KeyNames=["key"]),
    ]
    listed = ec2.describe_instances()["Reservations"], ec2.describe_key_pairs()["KeyPairs"]
    missing = ["InvalidInstanceID.NotFound"] * 2
    assert early == [*missing, "InvalidGroup.NotFound", "InvalidKeyPair.NotFound"]
    assert listed == ([], [])
    ec2.aws.advance(60)
    assert ec2.state(instance) == "running"
    assert ec2.describe_key_pairs(KeyNames=["key"])["KeyPairs"]
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    made = ec2.create_image(InstanceId=instance, Name="web")["ImageId"]
    assert ec2.refused("describe_images", ImageIds=[made]) == "InvalidAMIID.NotFound"
    assert ec2.describe_images(Owners=["self"])["Images"] == []


def test_a_windows_password_is_for_the_holder_of_the_key(start):
    ec2 = start(delays=Delays(password=60))
    private = rsa.generate_private_key(65537, 2048)
    kind = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    ec2.import_key_pair(KeyName="key", PublicKeyMaterial=private.public_key().public_bytes(*kind))
    image = ec2.aws.add_image("windows", platform="windows", root="/dev/sda1", size=30)
    instance = ec2.launch(image, KeyName="key")
    assert ec2.get_password_data(InstanceId=instance)["PasswordData"] == ""
    ec2.aws.advance(60)
    data = ec2.get_password_data(InstanceId=instance)["PasswordData"]
    assert private.decrypt(base64.b64decode(data), padding.PKCS1v15()) == b"Emulated-Windows-1"


def test_without_a_machine_there_is_no_console(ec2):
    answer = ec2.get_console_output(InstanceId=ec2.launch())
    assert not answer.get("Output")
    assert re.match("i-", answer["InstanceId"])


def test_an_instance_profile_is_known_to_ec2_after_a_while(start):
    ec2 = start(delays=Delays(profile=60))
    Client(ec2.aws, "iam").create_instance_profile(InstanceProfileName="builder")
    given = {"ImageId": ec2.aws.image, "MinCount": 1, "MaxCount": 1, "IamInstanceProfile": {"Name": "builder"}}
    assert ec2.refused("run_instances", **given) == "InvalidParameterValue"
    ec2.aws.advance(60)
    assert ec2.run_instances(**given)["Instances"][0]["InstanceId"]
    assert ec2.refused("run_instances", **given | {"IamInstanceProfile": {"Name": "x"}}) == "InvalidParameterValue"


def test_an_assumed_role_calls_as_itself(ec2):
    iam, sts = Client(ec2.aws, "iam"), Client(ec2.aws, "sts")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}}]}
    trust["Statement"][0]["Action"] = "sts:AssumeRole"
    role = iam.create_role(RoleName="builder", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    found = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    session = boto3.Session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    assumed = Client(ec2.aws, "sts", session=session).get_caller_identity()["Arn"]
    assert assumed.endswith(":assumed-role/builder/session")
    instance = Client(ec2.aws, session=session).launch()
    assert ec2.state(instance) == "running"
    assert ec2.aws.calls.of("RunInstances")[0].access_key == found["AccessKeyId"]
