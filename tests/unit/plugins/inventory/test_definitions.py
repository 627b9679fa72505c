# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory as users meet it: through ansible-inventory, ansible-playbook and ansible-galaxy."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import textwrap

import pytest

REPOSITORY = pathlib.Path(__file__).parents[4]
DEFINITION = "source: {release: bookworm}\n"


def test_example_of_the_repository(ansible):
    listing = ansible.list("images/hallmark.yml", cwd=REPOSITORY)
    variables = listing["_meta"]["hostvars"]["debian-12"]
    folder = REPOSITORY / "images/qemu/linux/debian-12"
    assert listing["qemu_linux"] == {"hosts": ["debian-12"]}
    packages = ["apparmor", "apparmor-utils", "auditd", "libpam-pwquality"]
    assert variables["build_source"] == {"release": "bookworm", "packages": packages}
    assert variables["ansible_connection"] == "local"
    assert variables["ansible_python_interpreter"] == "{{ ansible_playbook_python }}"
    digest = variables["build_definition"].pop("sha256")
    assert len(digest) == 64
    assert variables["build_definition"] == {
        "name": "debian-12",
        "platform": "qemu",
        "os": "linux",
        "path": str(folder / "main.yml"),
        "directory": str(folder),
    }


def test_a_controller_without_a_temporary_folder_is_not_unreachable(ansible, images):
    play = "- hosts: web\n  gather_facts: false\n  tasks: [ansible.builtin.ping: ]\n"
    tree = images({"qemu/linux/web/main.yml": DEFINITION, "play.yml": play})
    result = ansible("ansible-playbook", "-i", "hallmark.yml", "play.yml", cwd=tree, ANSIBLE_REMOTE_TEMP="/dev/null/no")
    assert result.returncode == 0, result.stdout


def test_graph(ansible, images):
    tree = images({"qemu/linux/web/main.yml": DEFINITION, "qemu/linux/db/main.yml": DEFINITION})
    result = ansible("ansible-inventory", "-i", "hallmark.yml", "--graph", cwd=tree)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "@all:",
        "  |--@ungrouped:",
        "  |--@qemu:",
        "  |  |--db",
        "  |  |--web",
        "  |--@linux:",
        "  |  |--db",
        "  |  |--web",
        "  |--@qemu_linux:",
        "  |  |--db",
        "  |  |--web",
    ]


def test_every_key_becomes_a_variable_from_any_folder(ansible, images, tmp_path):
    tree = images(
        {
            "qemu/linux/custom_image_name/main.yml": textwrap.dedent(
                """\
                source: {release: bookworm, components: [main, contrib], packages: [vim-tiny]}
                builder: {cpus: 1, data_disks: [{size: 1G, name: data}], user_data_file: files/user-data}
                communicator: {user: admin, timeout: 600}
                provision: tasks/all.yml
                hardening: false
                baseline:
                  profile: strict
                  waivers: [{control: sysctl-07, reason: routes, owner: net, expires: 2020-01-31}]
                  tests: [tests/test_app.py]
                image: {format: raw, tags: {team: platform}}
                boot_check: {machines: 1}
                """
            ),
            "qemu/linux/custom_image_name/files/user-data": "#cloud-config\n",
            "qemu/linux/custom_image_name/tasks/all.yml": "[]\n",
            "qemu/linux/custom_image_name/tests/test_app.py": "",
        }
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    listing = ansible.list(tree / "hallmark.yml", cwd=elsewhere)
    variables = listing["_meta"]["hostvars"]["custom_image_name"]
    built = {key: value for key, value in variables.items() if key.startswith("build_") and key != "build_definition"}
    assert built == {
        "build_source": {"release": "bookworm", "components": ["main", "contrib"], "packages": ["vim-tiny"]},
        "build_builder": {
            "cpus": 1,
            "data_disks": [{"size": "1G", "name": "data"}],
            "user_data_file": "files/user-data",
        },
        "build_communicator": {"user": "admin", "timeout": 600},
        "build_provision": "tasks/all.yml",
        "build_hardening": False,
        "build_baseline": {
            "profile": "strict",
            "waivers": [{"control": "sysctl-07", "reason": "routes", "owner": "net", "expires": "2020-01-31"}],
            "tests": ["tests/test_app.py"],
        },
        "build_image": {"format": "raw", "tags": {"team": "platform"}},
        "build_boot_check": {"machines": 1},
    }
    assert variables["build_definition"]["directory"] == str(tree / "qemu/linux/custom_image_name")


def test_only_what_is_said_becomes_a_variable(ansible, images):
    tree = images({"qemu/linux/web/main.yml": "boot_check: true\n", "qemu/linux/web/provision.yml": "[]\n"})
    variables = ansible.list("hallmark.yml", cwd=tree)["_meta"]["hostvars"]["web"]
    assert sorted(variables) == [
        "ansible_connection",
        "ansible_pipelining",
        "ansible_python_interpreter",
        "build_boot_check",
        "build_definition",
    ]


def test_group_and_host_variables_fill_in_and_host_variables_win(ansible, images):
    tree = images(
        {
            "qemu/linux/web/main.yml": DEFINITION + "boot_check: true\n",
            "qemu/linux/db/main.yml": DEFINITION + "boot_check: true\n",
            "group_vars/qemu_linux.yml": "build_builder: {cpus: 4}\nbuild_boot_check: false\n",
            "host_vars/db/main.yml": "build_boot_check: {machines: 3}\n",
        }
    )
    hosts = ansible.list("hallmark.yml", cwd=tree)["_meta"]["hostvars"]
    assert hosts["web"]["build_builder"] == hosts["db"]["build_builder"] == {"cpus": 4}
    assert hosts["web"]["build_boot_check"] is True
    assert hosts["db"]["build_boot_check"] == {"machines": 3}


@pytest.fixture
def vaulted(ansible, images, tmp_path):
    """Definitions that use vault in every way, and what opens them."""
    password = tmp_path / "password"
    password.write_text("opensesame\n", encoding="utf-8")

    def encrypt(text: str) -> str:
        result = ansible("ansible-vault", "encrypt_string", "--vault-password-file", password, text, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        return result.stdout.rstrip("\n")

    tree = images(
        {
            "qemu/linux/web/main.yml": textwrap.dedent(
                """\
                source: {release: "{{ release | lower }}"}
                builder:
                  cpus: "{{ cores }}"
                  data_disks: "{{ disks }}"
                  user_data: "#cloud-config {{ secret }}"
                communicator:
                  user: %s
                """
            )
            % encrypt("inline-user").replace("\n", "\n    "),
            "qemu/linux/db/main.yml": DEFINITION + "image: {name: from-a-vaulted-file}\n",
            "group_vars/all.yml": "release: Bookworm\ncores: 3\ndisks: [{size: 1G}]\n"
            f"secret: {encrypt('group-secret')}\n",
            "show.yml": textwrap.dedent(
                """\
                - hosts: all
                  gather_facts: false
                  tasks:
                    - ansible.builtin.copy:
                        content: "{{ [build_source, build_builder | d(0), build_communicator | d(0)] | to_json }}"
                        dest: "{{ inventory_dir }}/{{ inventory_hostname }}.json"
                """
            ),
        }
    )
    database = tree / "qemu/linux/db/main.yml"
    result = ansible("ansible-vault", "encrypt", "--vault-password-file", password, database, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    return tree, password


def test_templates_and_vault(ansible, vaulted):
    tree, password = vaulted
    arguments = ["-i", "hallmark.yml", "--vault-password-file", password, "show.yml"]
    result = ansible("ansible-playbook", *arguments, cwd=tree)
    assert result.returncode == 0, result.stderr + result.stdout
    assert json.loads((tree / "web.json").read_text(encoding="utf-8")) == [
        {"release": "bookworm"},
        {"cpus": 3, "data_disks": [{"size": "1G"}], "user_data": "#cloud-config group-secret"},
        {"user": "inline-user"},
    ]
    assert json.loads((tree / "db.json").read_text(encoding="utf-8")) == [{"release": "bookworm"}, 0, 0]


def test_mistake_in_a_vaulted_file_shows_no_value(ansible, vaulted):
    tree, password = vaulted
    database = tree / "qemu/linux/db/main.yml"
    database.write_text("source:\n  release: [canary]\n  packages: 5\n", encoding="utf-8")
    arguments = ["--vault-password-file", password]
    assert ansible("ansible-vault", "encrypt", *arguments, database, cwd=tree).returncode == 0
    result = ansible("ansible-inventory", "-i", "hallmark.yml", "--list", *arguments, cwd=tree)
    assert result.returncode == 4
    assert result.stderr.splitlines() == [
        "[ERROR]: qemu/linux/db/main.yml:2: source.release: (not shown): "
        "the code name of a Debian release, as bookworm",
        "[ERROR]: qemu/linux/db/main.yml:3: source.packages: (not shown): "
        "a list of Debian package names, as [vim-tiny, curl]",
    ]


def test_unsafe_text_is_left_alone(ansible, images):
    content = "builder:\n  user_data: !unsafe '## template: jinja {{ v1.region'\n"
    tree = images({"qemu/linux/web/main.yml": content})
    builder = ansible.list("hallmark.yml", cwd=tree)["_meta"]["hostvars"]["web"]["build_builder"]
    assert builder == {"user_data": {"__ansible_unsafe": "## template: jinja {{ v1.region"}}


def test_anchors_and_merge_keys(ansible, images):
    content = "builder: &small\n  cpus: 1\n  memory: 512\ncommunicator: {timeout: 60}\nimage: {tags: &t {a: b}}\n"
    tree = images({"qemu/linux/web/main.yml": content.replace("{timeout: 60}", "\n  <<: {timeout: 60}\n  user: me")})
    variables = ansible.list("hallmark.yml", cwd=tree)["_meta"]["hostvars"]["web"]
    assert variables["build_communicator"] == {"timeout": 60, "user": "me"}


def test_roots(ansible, images):
    tree = images(
        {
            "hallmark.yml": "plugin: hallmark.images.definitions\nroots: [../teams/a, ../teams/b/, ../teams/a]\n",
            "../teams/a/qemu/linux/one/main.yml": DEFINITION,
            "../teams/b/qemu/linux/two/main.yml": DEFINITION,
            "qemu/linux/not-a-root/main.yml": DEFINITION,
        }
    )
    assert ansible.list("hallmark.yml", cwd=tree)["qemu"]["hosts"] == ["one", "two"]


def test_other_inventories_keep_working_beside_it(ansible, images):
    tree = images({"qemu/linux/web/main.yml": DEFINITION, "other.yml": "all: {hosts: {web: {extra: 1}, static: {}}}\n"})
    hosts = ansible.list("hallmark.yml", "-i", "other.yml", cwd=tree)["_meta"]["hostvars"]
    assert hosts["web"]["extra"] == 1
    assert hosts["web"]["build_source"] == {"release": "bookworm"}


def test_a_file_of_another_plugin_is_left_to_it(ansible, images):
    tree = images({"other.yml": "all: {hosts: {static: {}}}\n"})
    enabled = {"ANSIBLE_INVENTORY_ENABLED": "hallmark.images.definitions,yaml"}
    result = ansible("ansible-inventory", "-i", "other.yml", "--graph", cwd=tree, **enabled)
    assert (result.returncode, result.stderr) == (0, "")
    assert "static" in result.stdout


def test_what_is_not_an_error_is_a_warning(ansible, images):
    tree = images(
        {
            "alicloud/linux/custom_image_name/main.json": "{}",
            "alicloud/linux/custom_image_name/files/x": "",
            "qemu/linux/web/main.yml": DEFINITION,
            "qemu/linux/web/main.json": "{}",
            "qemu/linux/empty/files/x": "",
            "alicloud/linux/custom_image_name/playbook.yml": "[]",
            "docs/linux/guide/README.md": "",
            "docs/linux/guide/example.yml": "",
            "roles/web/tasks/main.yml": "[]",
            "shared/linux/tasks/main.yml": "[]",
        }
    )
    result = ansible("ansible-inventory", "-i", "hallmark.yml", "--list", cwd=tree)
    assert result.returncode == 0
    assert result.stderr.splitlines() == [
        "[WARNING]: alicloud/linux/custom_image_name/main.json: "
        "Packer templates are not read yet; write a main.yml beside it",
        "[WARNING]: shared: not read, shared is no platform (known are alicloud, aws, qemu)",
    ]
    assert list(json.loads(result.stdout)["_meta"]["hostvars"]) == ["web"]


def test_no_definitions_is_a_warning(ansible, images):
    tree = images({})
    result = ansible("ansible-inventory", "-i", "images/hallmark.yml", "--graph", cwd=tree.parent)
    assert result.returncode == 0
    assert "[WARNING]: no definitions in images (<platform>/<os>/<name>/main.yml)" in result.stderr.splitlines()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("roots: [null]\n", "hallmark.yml: roots: [null]: a list of folders, as [../team/images]"),
        ("roots: [nowhere]\n", "nowhere: a folder that exists, as root of definitions"),
        ("root: [images]\n", "hallmark.yml: root: unknown key, did you mean roots?"),
    ],
)
def test_bad_inventory_file(ansible, images, content, line):
    tree = images({"hallmark.yml": "plugin: hallmark.images.definitions\n" + content})
    result = ansible("ansible-inventory", "-i", "hallmark.yml", "--list", cwd=tree)
    assert (result.returncode, result.stderr) == (4, f"[ERROR]: {line}\n")


def test_folder_as_inventory_is_told(ansible, images):
    tree = images({"qemu/linux/web/main.yml": DEFINITION})
    result = ansible("ansible-inventory", "-i", "images/", "--list", cwd=tree.parent)
    assert result.returncode == 4
    assert result.stderr == (
        "[ERROR]: images: -i: images: the inventory file, -i images/hallmark.yml: "
        "in a folder, definitions are taken for inventories\n"
    )


def test_name_that_another_inventory_gave_to_a_group(ansible, images):
    tree = images({"qemu/linux/web/main.yml": DEFINITION, "other.yml": "all: {children: {web: {}}}\n"})
    result = ansible("ansible-inventory", "-i", "other.yml", "-i", "hallmark.yml", "--list", cwd=tree)
    line = "[ERROR]: qemu/linux/web/main.yml: name: web: a name that is no group of the inventory\n"
    assert (result.returncode, result.stderr) == (4, line)


def test_a_playbook_never_runs_with_a_bad_definition(ansible, images):
    tree = images(
        {
            "qemu/linux/good/main.yml": DEFINITION,
            "qemu/linux/bad/main.yml": "source: {relaese: bookworm}\n",
            "touch.yml": "- {hosts: 'all:localhost', connection: local, gather_facts: false, tasks: "
            "[{ansible.builtin.file: {path: '{{ playbook_dir }}/ran', state: touch}}]}\n",
        }
    )
    arguments = ["-i", "hallmark.yml", "touch.yml", "--limit", "good"]
    result = ansible("ansible-playbook", *arguments, cwd=tree)
    assert result.returncode == 4
    assert result.stderr.splitlines() == [
        '[ERROR]: qemu/linux/bad/main.yml:1: source: {"relaese": "bookworm"}: '
        "a mapping with exactly one of release, path, url",
        "[ERROR]: qemu/linux/bad/main.yml:1: source.relaese: bookworm: unknown key, did you mean release?",
    ]
    assert not (tree / "ran").exists()
    (tree / "qemu/linux/bad/main.yml").write_text(DEFINITION, encoding="utf-8")
    assert ansible("ansible-playbook", *arguments, cwd=tree).returncode == 0
    assert (tree / "ran").exists()


def test_missing_jsonschema_is_told(ansible, images, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/jsonschema.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    tree = images({"qemu/linux/web/main.yml": DEFINITION})
    result = ansible("ansible-inventory", "-i", "hallmark.yml", "--list", cwd=tree, PYTHONPATH=str(tmp_path / "broken"))
    assert (result.returncode, result.stderr) == (
        4,
        "[ERROR]: hallmark.yml: needs the Python package jsonschema in the Python that runs Ansible: "
        "pip install jsonschema\n",
    )


def test_installed_from_its_tarball(ansible, images, tmp_path):
    source = tmp_path / "source"

    def left_out(folder: str, names: list[str]) -> set[str]:
        at_the_top = {"build", "dist", "tests"} if folder == str(REPOSITORY) else set()
        return {name for name in names if name.startswith(".") or name == "__pycache__"} | at_the_top

    shutil.copytree(REPOSITORY, source, ignore=left_out)
    built = ansible("ansible-galaxy", "collection", "build", "--output-path", tmp_path, cwd=source)
    assert built.returncode == 0, built.stderr
    (tarball,) = tmp_path.glob("hallmark-images-*.tar.gz")
    target = tmp_path / "collections"
    elsewhere = dataclasses.replace(ansible, collections=target)
    installed = elsewhere("ansible-galaxy", "collection", "install", "--offline", "-p", target, tarball, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    tree = images({"qemu/linux/web/main.yml": DEFINITION})
    listing = elsewhere.list(tree / "hallmark.yml", cwd=tmp_path)
    assert listing["_meta"]["hostvars"]["web"]["build_source"] == {"release": "bookworm"}
    bad = images({"qemu/linux/web/main.yml": "source: {release: bookworm}\nimage: {format: iso}\n"})
    result = elsewhere("ansible-inventory", "-i", "hallmark.yml", "--list", cwd=bad)
    line = "[ERROR]: qemu/linux/web/main.yml:2: image.format: iso: qcow2, raw, vmdk or vpc\n"
    assert (result.returncode, result.stderr) == (4, line)
