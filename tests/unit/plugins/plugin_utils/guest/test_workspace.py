# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shlex
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.hallmark.images.plugins.module_utils.build.errors import HallmarkError
from ansible_collections.hallmark.images.plugins.plugin_utils.guest import connection, workspace


class Unsafe(str):
    """A value that Ansible would not template."""


class Loader(yaml.SafeLoader):
    """Reads `!unsafe` as Ansible does."""


Loader.add_constructor("!unsafe", lambda loader, node: Unsafe(loader.construct_scalar(node)))


@pytest.fixture
def guest(tmp_path: Path) -> connection.Guest:
    for name in ("key", "known hosts"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o600)
    return connection.Guest(
        name="web",
        host="127.0.0.1",
        user="debian",
        port=40022,
        private_key_file=str(tmp_path / "key"),
        known_hosts_file=str(tmp_path / "known hosts"),
        variables={"a": "{{ b }}", "ansible_user": "mallory"},
    )


def test_ssh_takes_nothing_of_the_users(guest: connection.Guest) -> None:
    words = shlex.split(connection.ssh_arguments(guest, 60))
    options = dict(word.split("=", 1) for word in words if "=" in word)
    assert words[:2] == ["-F", "/dev/null"]
    assert options["StrictHostKeyChecking"] == "yes"
    assert options["UserKnownHostsFile"] == f'"{guest.known_hosts_file}"'
    assert options["GlobalKnownHostsFile"] == "/dev/null"
    assert options["IdentitiesOnly"] == "yes"
    assert options["IdentityAgent"] == "none"
    assert int(options["ServerAliveInterval"]) * int(options["ServerAliveCountMax"]) == 60


def test_inventory_keeps_values_as_they_are(guest: connection.Guest) -> None:
    hosts = yaml.load(workspace.inventory_text([guest], 60), Loader)["all"]["hosts"]
    assert hosts["web"]["a"] == "{{ b }}"
    assert isinstance(hosts["web"]["a"], Unsafe)
    assert hosts["web"]["ansible_user"] == "debian"
    assert hosts["web"]["ansible_port"] == 40022


def test_variables_survive_the_file() -> None:
    variables: dict[str, Any] = {
        "text": "{% raw %}",
        "nested": {"list": ["{{ x }}", 1, 1.5, None, True], "empty": {}},
        "date": date(2026, 11, 23),
        "looks": ["yes", "0755", "null", "2026-11-23", "~", "é\n- x"],
    }
    read = yaml.load(workspace.variables_text(variables), Loader)
    assert read == variables | {"date": "2026-11-23"}
    assert isinstance(read["text"], Unsafe)
    assert isinstance(read["nested"]["list"][0], Unsafe)


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(HallmarkError, match="type object cannot be given"):
        workspace.variables_text({"x": object()})


def test_environment_loses_ansible_and_ssh_but_no_plugins_own() -> None:
    base = {
        "PATH": "/usr/bin",
        "HOME": "/root",
        "ANSIBLE_SSH_ARGS": "-x",
        "ANSIBLE_BECOME_USER": "nobody",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_VAULT_PASSWORD_FILE": "/x",
        "ANSIBLE_HASHI_VAULT_ADDR": "https://vault",
        "SSH_AUTH_SOCK": "/x",
        "ORIGINAL_STDOUT_CALLBACK": "json",
    }
    made = workspace.environment(base, "/p/ansible.cfg", "/callbacks", "/p/artifacts")
    assert made.pop("PATH").endswith(":/usr/bin")
    assert made == {
        "HOME": "/root",
        "ANSIBLE_HASHI_VAULT_ADDR": "https://vault",
        "ANSIBLE_CONFIG": "/p/ansible.cfg",
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
        "ANSIBLE_CALLBACK_PLUGINS": "/callbacks",
        "AWX_ISOLATED_DATA_DIR": "/p/artifacts",
    }


def test_the_collection_is_linked_where_ansible_finds_it(tmp_path: Path) -> None:
    linked = Path(workspace.link_collection(str(tmp_path))) / "ansible_collections/hallmark/images"
    assert (linked / "plugins/action/guest_run.py").is_file()


def test_private_files_are_private(tmp_path: Path) -> None:
    workspace.write_private(str(tmp_path / "a/b"), "x")
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


def test_missing_playbook_program_is_said(tmp_path: Path) -> None:
    with pytest.raises(HallmarkError, match="ansible-playbook was found neither"):
        workspace.playbook_command(str(tmp_path))


def test_unfit_guests_are_refused(guest: connection.Guest) -> None:
    connection.check_guest(guest)
    Path(guest.private_key_file).chmod(0o644)
    with pytest.raises(HallmarkError, match="must be 0600"):
        connection.check_guest(guest)
    Path(guest.known_hosts_file).unlink()
    with pytest.raises(HallmarkError, match=r"known_hosts_file: .* is not a readable file"):
        connection.check_guest(guest)


@pytest.mark.parametrize(("path", "message"), [("/" + "x" * 79, "too long"), ("/a%b", "percent sign")])
def test_unfit_control_directories_are_refused(path: str, message: str) -> None:
    with pytest.raises(HallmarkError, match=message):
        connection.check_control_directory(path)


def test_the_longest_control_directory_is_taken() -> None:
    path = "/" + "x" * 78
    connection.check_control_directory(path)
    assert len(f"{path}/{'c' * 10}.{'r' * 16}") == connection.SOCKET_PATH_MAX


@pytest.fixture
def windows(tmp_path: Path) -> connection.Guest:
    (tmp_path / "password").write_text("p {{ q }}")
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "guest.pem").touch()
    return connection.Guest(
        name="web",
        connection="psrp",
        host="10.0.0.7",
        user="Administrator",
        port=5986,
        password_file=str(tmp_path / "password"),
        certificate_file=str(tmp_path / "guest.pem"),
    )


def test_a_windows_guest_is_reached_by_its_own_certificate_only(windows: connection.Guest) -> None:
    connection.check_guest(windows)
    host = yaml.load(workspace.inventory_text([windows], 60), Loader)["all"]["hosts"]["web"]
    assert host["ansible_connection"] == "psrp"
    assert host["ansible_psrp_protocol"] == "https"
    assert host["ansible_psrp_cert_validation"] == "validate"
    assert host["ansible_psrp_ca_cert"] == windows.certificate_file
    assert host["ansible_password"] == "p {{ q }}"
    assert isinstance(host["ansible_password"], Unsafe)
    assert not any(name.startswith("ansible_ssh") for name in host)


def test_a_password_that_others_may_read_is_refused(windows: connection.Guest) -> None:
    Path(windows.password_file).chmod(0o640)
    with pytest.raises(HallmarkError, match="password_file: others may read"):
        connection.check_guest(windows)


def test_a_windows_guest_needs_its_library(windows: connection.Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(HallmarkError, match="pypsrp is missing: pip install pypsrp"):
        connection.check_guest(windows)
