# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything a user can get wrong: each mistake is told in one line, all of them at once, and Ansible stops."""

from __future__ import annotations

import pathlib

import pytest

# ruff: noqa: E501 - each line is one that a user reads

SHA256 = "sha256:" + "0" * 64
WAIVER = "baseline:\n  waivers:\n    - {control: sysctl-07, reason: why, owner: me, expires: %s}\n"

#: Name of the definition, its main.yml, and the lines it gives after "images/qemu/linux/<name>/main.yml".
CASES: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": ("", [":1: is empty: write at least a source, as {source: {release: bookworm}}"]),
    "only-comment": ("---\n# nothing\n", [":1: is empty: write at least a source, as {source: {release: bookworm}}"]),
    "list": ("- source\n", [":1: a list: a mapping with keys such as source and builder"]),
    "scalar": ("hello\n", [":1: a single value: a mapping with keys such as source and builder"]),
    "syntax": (
        "source:\n  release: [bookworm\nbuilder: {}\n",
        [":3:8: builder: {}: not YAML: while parsing a flow sequence expected ',' or ']', but got ':'"],
    ),
    "tab": ("builder:\n\tcpus: 2\n", [":2:1: cpus: 2: spaces: YAML is not indented with tabs"]),
    "two-documents": (
        "source: {release: bookworm}\n---\nbuilder: {}\n",
        [":2:1: ---: not YAML: expected a single document in the stream but found another document"],
    ),
    "not-utf8": (b"image:\n  name: caf\xe9\n", [":2: byte 0xe9: text in UTF-8"]),
    "control-character": (b"image:\n  name: a\x00b\n", [":2: character U+0000: printable characters only"]),
    "unknown-tag": (
        "builder: !fast {cpus: 2}\n",
        [":1:10: not YAML that Ansible reads: could not determine a constructor for the tag '!fast'"],
    ),
    "duplicate-key": (
        "builder:\n  cpus: 2\n  memory: 512\n  cpus: 4\n",
        [":4: builder.cpus: only once: the same key is in line 2"],
    ),
    "key-not-text": ("image:\n  tags:\n    yes: y\n", [':3: image.tags.yes: a text as key: write "yes" in quotes']),
    "unquoted-template": (
        "builder:\n  cpus: {{ cores }}\n",
        [':2: builder.cpus: a value in quotes: a template is written "{{ name }}"'],
    ),
    "broken-template": (
        'builder:\n  cpus: "{{ cores }"\n',
        [":2: builder.cpus: {{ cores }: a Jinja template that can be parsed (unexpected '}')"],
    ),
    "alias-loop": (
        "builder: &a\n  data_disks: [*a]\n",
        [":1: builder.data_disks[0]: an alias that does not contain itself"],
    ),
    "unknown-section": ("biulder: {cpus: 2}\n", [':1: biulder: {"cpus": 2}: unknown key, did you mean builder?']),
    "unknown-key": (
        "builder:\n  cpus: 2\n  memroy: 512\n",
        [":3: builder.memroy: 512: unknown key, did you mean memory?"],
    ),
    "unknown-key-far": (
        "communicator:\n  xyzzy: 1\n",
        [":2: communicator.xyzzy: 1: unknown key, known are run_timeout, timeout, user"],
    ),
    "null-section": ("source:\n", [":1: source: null: a mapping with exactly one of release, path, url"]),
    "section-is-text": ("builder: big\n", [":1: builder: big: a mapping, as {cpus: 2, memory: 1024}"]),
    "no-source-kind": (
        "source:\n  mirror: http://deb.debian.org/debian\n",
        [':1: source: {"mirror": "http://deb.debian.org/debian"}: a mapping with exactly one of release, path, url'],
    ),
    "two-source-kinds": (
        f"source:\n  release: bookworm\n  url: https://example.com/a.qcow2\n  checksum: {SHA256}\n",
        [":3: source.url: https://example.com/a.qcow2: a mapping with exactly one of release, path, url"],
    ),
    "no-checksum": (
        "source:\n  url: https://example.com/a.qcow2\n",
        [":1: source.checksum: (missing): checksum, as sha256:<64 hex digits> or sha512:<128 hex digits>"],
    ),
    "checksum-format": (
        "source:\n  url: https://example.com/a.qcow2\n  checksum: md5:abc\n",
        [":3: source.checksum: md5:abc: sha256:<64 hex digits> or sha512:<128 hex digits>, in lower case"],
    ),
    "checksum-of-release": (
        f"source:\n  release: bookworm\n  checksum: {SHA256}\n",
        [f":3: source.checksum: {SHA256[:59]}…: nothing: a checksum goes only with path or url"],
    ),
    "mirror-of-url": (
        f"source:\n  url: https://example.com/a.qcow2\n  checksum: {SHA256}\n  mirror: http://example.com/debian\n",
        [":4: source.mirror: http://example.com/debian: nothing: a mirror goes only with release"],
    ),
    "url-scheme": (
        f"source:\n  url: ftp://example.com/a\n  checksum: {SHA256}\n",
        [":2: source.url: ftp://example.com/a: a URL that begins with https://, http:// or file://"],
    ),
    "missing-source-file": (
        f"source:\n  path: nothing.qcow2\n  checksum: {SHA256}\n",
        [":2: source.path: nothing.qcow2: a file that exists; there is no file {folder}/nothing.qcow2"],
    ),
    "packages-text": (
        "source:\n  release: bookworm\n  packages: vim, curl\n",
        [":3: source.packages: vim, curl: a list of Debian package names, as [vim-tiny, curl]"],
    ),
    "several-at-once": (
        "builder:\n  cpus: 0\n  memory: 64\nimage:\n  format: iso\n",
        [
            ":2: builder.cpus: 0: a whole number from 1 to 255",
            ":3: builder.memory: 64: a whole number of MiB from 128 to 1048576",
            ":5: image.format: iso: qcow2, raw, vmdk or vpc",
        ],
    ),
    "number-as-text": (
        'builder:\n  memory: "1024"\n',
        [':2: builder.memory: "1024": a whole number of MiB from 128 to 1048576'],
    ),
    "number-as-yes": ("builder:\n  cpus: yes\n", [":2: builder.cpus: true: a whole number from 1 to 255"]),
    "fraction": ("builder:\n  cpus: 1.5\n", [":2: builder.cpus: 1.5: a whole number from 1 to 255"]),
    "port": (
        "builder:\n  ssh_port: 70000\n",
        [":2: builder.ssh_port: 70000: 0 for a free port, or a port from 1 to 65535"],
    ),
    "size-without-unit": (
        "builder:\n  disk_size: 8589934592\n",
        [":2: builder.disk_size: 8589934592: a whole number and a unit, as 8G or 512M (K, M, G, T)"],
    ),
    "size-unit": (
        "builder:\n  disk_size: 8GB\n",
        [":2: builder.disk_size: 8GB: a whole number and a unit, as 8G or 512M (K, M, G, T)"],
    ),
    "disk-without-size": (
        "builder:\n  data_disks:\n    - name: data\n",
        [":3: builder.data_disks[0].size: (missing): a whole number and a unit, as 1G or 512M (K, M, G, T)"],
    ),
    "disk-twice": (
        "builder:\n  data_disks:\n    - {name: data, size: 1G}\n    - name: data\n      size: 2G\n",
        [":4: builder.data_disks[1].name: data: a name of its own; the disk in line 3 has this one"],
    ),
    "data-disk-two-names": (
        "data_disks:\n  - {name: a, path: /a, serial: x, ebs: /dev/sdf}\n",
        [":2: data_disks[0].ebs: /dev/sdf: nothing: serial and ebs exclude each other"],
    ),
    "data-disk-no-path": (
        "data_disks:\n  - {name: a}\n",
        [":2: data_disks[0].path: (missing): an absolute path, as /data"],
    ),
    "data-disk-twice": (
        "data_disks:\n  - {name: a, path: /a}\n  - {name: b, path: /a}\n",
        [':1: data_disks: ["a", "b"]: b: path: \'/a\' is also that of a'],
    ),
    "data-disk-over-the-system": (
        "data_disks:\n  - {name: a, path: /var}\n",
        [':1: data_disks: ["a"]: a: path: /var holds what the system needs; take a path such as /data'],
    ),
    "data-disk-number-for-text": (
        "data_disks:\n  - {name: a, path: /a, mode: 0750}\n",
        [":2: data_disks[0].mode: 488: three or four octal digits in quotes, as '0750'"],
    ),
    "misspelt-user-data": (
        "builder:\n  userdata: canary\n",
        [":2: builder.userdata: (not shown): unknown key, did you mean user_data?"],
    ),
    "firmware": ("builder:\n  firmware: efi\n", [":2: builder.firmware: efi: bios or uefi"]),
    "accel": ("builder:\n  accel: hvf\n", [":2: builder.accel: hvf: auto, kvm or tcg"]),
    "two-user-data": (
        "builder:\n  user_data_file: main.yml\n  user_data: canary\n",
        [":3: builder.user_data: (not shown): only one of user_data and user_data_file"],
    ),
    "user-data-mapping": (
        "builder:\n  user_data:\n    password: canary\n",
        [":2: builder.user_data: (not shown): a text for cloud-init, as a block that begins with #cloud-config"],
    ),
    "missing-user-data-file": (
        "builder:\n  user_data_file: files/user-data\n",
        [":2: builder.user_data_file: files/user-data: a file that exists; there is no file {folder}/files/user-data"],
    ),
    "user": (
        "communicator:\n  user: Debian User\n",
        [":2: communicator.user: Debian User: the name of a Linux account, as debian"],
    ),
    "timeout": (
        "communicator:\n  timeout: 5m\n",
        [":2: communicator.timeout: 5m: a whole number of seconds from 10 to 86400"],
    ),
    "missing-provision": (
        "provision: tasks.yml\n",
        [":1: provision: tasks.yml: a file that exists; there is no file {folder}/tasks.yml"],
    ),
    "provision-folder": ("provision: .\n", [":1: provision: .: a file; {folder} is a folder"]),
    "provision-true": (
        "provision: true\n",
        [":1: provision: true: the path of a tasks file beside the definition, relative to it, or false for none"],
    ),
    "provision-absolute": (
        "provision: /srv/tasks.yml\n",
        [
            ":1: provision: /srv/tasks.yml: the path of a tasks file beside the definition, relative to it, or false for none"
        ],
    ),
    "hardening-unknown-variable": (
        "hardening:\n  os_hardening_skpi: [limits]\n",
        [
            ':2: hardening.os_hardening_skpi: ["limits"]: no variable of the hardening roles, did you mean os_hardening_skip?'
        ],
    ),
    "hardening-type": (
        "hardening:\n  os_hardening_skip: {limits: true}\n",
        [
            ":2: hardening.os_hardening_skip: {\"limits\": true}: argument 'os_hardening_skip' is of type dict "
            "and we were unable to convert to list: <class 'dict'> cannot be converted to a list"
        ],
    ),
    "hardening-true": (
        "hardening: true\n",
        [
            ":1: hardening: true: a mapping of role variables, as {os_hardening_skip: [limits]}, or false for no hardening",
        ],
    ),
    "profile": ("baseline:\n  profile: paranoid\n", [":2: baseline.profile: paranoid: baseline, default or strict"]),
    "test-name": (
        "baseline:\n  tests:\n    - app.py\n",
        [":3: baseline.tests[0]: app.py: a Python file named test_*.py beside the definition, as tests/test_app.py"],
    ),
    "missing-test": (
        "baseline:\n  tests: [tests/test_app.py]\n",
        [":2: baseline.tests[0]: tests/test_app.py: a file that exists; there is no file {folder}/tests/test_app.py"],
    ),
    "waiver-without-end": (
        "baseline:\n  waivers:\n    - {control: sysctl-07, reason: why, owner: me}\n",
        [":3: baseline.waivers[0].expires: (missing): a date that exists, as 2027-01-31"],
    ),
    "waiver-date": (
        WAIVER % "next year",
        [":3: baseline.waivers[0].expires: next year: a date that exists, as 2027-01-31"],
    ),
    "waiver-time": (
        WAIVER % '"2027-01-31 10:00:00"',
        [":3: baseline.waivers[0].expires: 2027-01-31 10:00:00: a date that exists, as 2027-01-31"],
    ),
    "waiver-no-such-day": (
        WAIVER % "2027-02-30",
        [
            ":3: baseline.waivers[0].expires: 2027-02-30: a date that exists, as 2027-01-31 (day is out of range for month)"
        ],
    ),
    "waiver-reason": (
        'baseline:\n  waivers:\n    - {control: sysctl-07, reason: "", owner: me, expires: 2027-01-31}\n',
        [':3: baseline.waivers[0].reason: "": a sentence that says why the control may fail'],
    ),
    "image-name": (
        "image:\n  name: my image\n",
        [":2: image.name: my image: at most 128 letters, digits, dots, - and _, beginning with a letter or digit"],
    ),
    "compression-of-raw": (
        "image:\n  compression: true\n  format: raw\n",
        [":2: image.compression: true: false, or format qcow2: the other formats are not compressed"],
    ),
    "tag-number": (
        "image:\n  tags:\n    cost: 12\n",
        [":3: image.tags.cost: 12: a text; put a number, date or yes/no in quotes"],
    ),
    "tag-reserved": (
        "image:\n  tags:\n    hallmark:build: x\n",
        [":3: image.tags.hallmark:build: x: as key, a tag name that is not empty and does not begin with hallmark:"],
    ),
    "machines": ("boot_check:\n  machines: 0\n", [":2: boot_check.machines: 0: a whole number from 1 to 8"]),
    "boot-check-text": ("boot_check: twice\n", [":1: boot_check: twice: true, false or a mapping, as {machines: 2}"]),
    "vaulted": ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", [":1: encrypted with vault: give its password with"]),
}

#: Files that no single main.yml makes, and what is said about each.
OTHER_FILES = {
    "qemu/linux/misnamed/main.yaml": "source: {release: bookworm}\n",
    "qemu/linux/other-name/web.yml": "source: {release: bookworm}\n",
    "qemu/shallow/main.yml": "source: {release: bookworm}\n",
    "qemu/linux/deep/er/main.yml": "source: {release: bookworm}\n",
    "qmeu/linux/platform-typo/main.yml": "source: {release: bookworm}\n",
    "qemu/linux/twice/main.yml": "source: {release: bookworm}\n",
    "qemu/windows/twice/main.yml": "source: {release: bookworm}\n",
    "qemu/linux/linux/main.yml": "source: {release: bookworm}\n",
    "qemu/linux/bad name/main.yml": "source: {release: bookworm}\n",
    "qemu/linux/localhost/main.yml": "source: {release: bookworm}\n",
    "qemu/my-os/odd-os/main.yml": "source: {release: bookworm}\n",
    "qemu/linux/directory/main.yml/x": "",
}
HOST_RULE = "a folder name that can be a host: at most 63 of A-Z, a-z, 0-9, '.', '_' and '-', beginning with a letter"
OTHER_LINES = [
    "images/qemu/linux/misnamed/main.yaml: the definition in this folder is named main.yml",
    "images/qemu/linux/other-name/web.yml: the definition in this folder is named main.yml",
    "images/qemu/shallow/main.yml: a definition lies in <platform>/<os>/<name>/main.yml below images",
    "images/qemu/linux/deep/er/main.yml: a definition lies in <platform>/<os>/<name>/main.yml below images",
    "images/qmeu/linux/platform-typo/main.yml: platform: qmeu: unknown platform, did you mean qemu?",
    "images/qemu/windows/twice/main.yml: name: twice: a name of its own; images/qemu/linux/twice/main.yml has this one",
    "images/qemu/linux/linux/main.yml: name: linux: a name that is no group; images/qemu/linux/accel/main.yml makes the group linux",
    f"images/qemu/linux/bad name/main.yml: name: bad name: {HOST_RULE} or digit, and none of all, ungrouped, localhost",
    f"images/qemu/linux/localhost/main.yml: name: localhost: {HOST_RULE} or digit, and none of all, ungrouped, localhost",
    "images/qemu/my-os/odd-os/main.yml: os: my-os: a folder name that can be a group: a-z, 0-9 and _, as linux",
    "images/qemu/linux/directory/main.yml: a file that can be read (Is a directory)",
    "images/qemu/linux/loop/main.yml: a file that can be read (Too many levels of symbolic links)",
]


@pytest.fixture(scope="module")
def told(ansible, write_tree, tmp_path_factory) -> tuple[pathlib.Path, object]:
    """What `ansible-inventory --list` says about a tree in which everything is wrong."""
    folder = tmp_path_factory.mktemp("bad")
    files = {f"qemu/linux/{name}/main.yml": content for name, (content, _lines) in CASES.items()}
    write_tree(folder / "images", files | OTHER_FILES)
    loop = folder / "images/qemu/linux/loop/main.yml"
    loop.parent.mkdir()
    loop.symlink_to("main.yml")
    return folder, ansible("ansible-inventory", "-i", "images/hallmark.yml", "--list", cwd=folder)


@pytest.mark.parametrize("name", CASES)
def test_mistake_is_told_in_one_line(told, name):
    folder, result = told
    file = f"images/qemu/linux/{name}/main.yml"
    expected = [
        f"[ERROR]: {file}{line}".replace("{folder}", f"{folder}/{file.removesuffix('/main.yml')}")
        for line in CASES[name][1]
    ]
    found = [line for line in result.stderr.splitlines() if f"{file}:" in line]
    if name == "vaulted":
        assert len(found) == 1
        assert found[0].startswith(expected[0])
    else:
        assert found == expected


@pytest.mark.parametrize("line", OTHER_LINES)
def test_misplaced_file_is_told_in_one_line(told, line):
    assert f"[ERROR]: {line}" in told[1].stderr.splitlines()


def test_nothing_else_is_said_and_ansible_stops(told):
    result = told[1]
    lines = result.stderr.splitlines()
    assert result.returncode == 4
    assert result.stdout == ""
    assert len(lines) == sum(len(lines) for _content, lines in CASES.values()) + len(OTHER_LINES)
    assert all(line.startswith("[ERROR]: images/") for line in lines)
    assert "Traceback" not in result.stderr
    assert "canary" not in result.stderr
