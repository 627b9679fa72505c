# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy for the accounts of a tree: read everything once, change what differs, say what only a person can decide."""

from __future__ import annotations

from ansible_collections.hallmark.images.plugins.module_utils.hardening import (
    account_ageing,
    account_cloud,
    account_homes,
    sysusers,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.account_files import (
    GID,
    GROUP_ID,
    HASH,
    MEMBERS,
    NAME,
    NOLOGIN,
    SHELL,
    Account,
    Table,
    locked,
    read,
    write,
)
from ansible_collections.hallmark.images.plugins.module_utils.hardening.account_mistakes import mistakes
from ansible_collections.hallmark.images.plugins.module_utils.hardening.files import HardeningError, Tree, octal
from ansible_collections.hallmark.images.plugins.module_utils.hardening.os_family import family

# Accounts whose shell is a command of the system, and root: locking these helps nobody.
EXEMPT = ("root", "sync", "shutdown", "halt")
_RANGES = {"UID_MIN": 1000, "UID_MAX": 60000, "SYS_UID_MAX": 999}


class Policy:
    """The accounts of `tree` and the options of module account_policy; each method does what one option asks.

    `today` is in days since 1970, `worker` the account that Ansible came in with: it is never locked out.
    """

    def __init__(self, tree: Tree, options: dict, today: int, worker: str = "") -> None:
        self.tree, self.options, self.today = tree, options, today
        self.tables = read(tree)
        self.system = family(tree.read("/etc/os-release") or tree.read("/usr/lib/os-release") or "")
        self.ranges = _ranges(tree.read("/etc/login.defs") or "")
        self.cloud_user = account_cloud.default_user(tree)
        exempt = [*EXEMPT, *options["exempt"], self.cloud_user, worker]
        self.exempt = {name for name in exempt if name} | ({"ec2-user"} if self.system == "amazon" else set())
        self.findings: list[dict] = []

    @property
    def shadow(self) -> Table:
        """The table of passwords."""
        return self.tables["shadow"]

    def accounts(self) -> list[Account]:
        """All accounts in the order of passwd."""
        first = {row[NAME]: row for row in reversed(self.shadow.rows)}
        return [Account(row, first.get(row[NAME])) for row in self.tables["passwd"].rows]

    def is_system(self, account: Account) -> bool:
        """Whether it belongs to the system and is nobody's exemption."""
        return 0 < account.uid <= self.ranges["SYS_UID_MAX"] and account.name not in self.exempt

    def is_human(self, account: Account) -> bool:
        """Whether it belongs to a person."""
        return self.ranges["UID_MIN"] <= account.uid <= self.ranges["UID_MAX"]

    def find(self, path: str, key: str, problem: str) -> None:
        """Note what is not as it should be and is left to a person."""
        self.findings.append({"path": path, "key": key, "problem": problem})

    # --- passwords -------------------------------------------------------------------------------------------

    def lock(self, row: list[str]) -> None:
        """Lock a password; the hash stays behind the mark, so that `usermod -U` can take it back."""
        if row[HASH][:1] not in ("!", "*"):
            self.shadow.set(row, HASH, f"!{row[HASH]}", "password")

    def move_hashes(self) -> None:
        """Passwords that stand in passwd, which everybody may read, go to shadow: they are the ones that count."""
        for account in self.accounts():
            field = account.row[HASH]
            if field in ("x", "*"):
                continue
            if account.shadow is None:
                self.shadow.add([account.name, field, str(self.today), "0", "99999", "7", "", "", ""])
            else:
                self.shadow.set(account.shadow, HASH, field, "password")
            self.tables["passwd"].set(account.row, HASH, "x", "password")

    def lock_empty(self) -> None:
        """Nobody comes in without a password."""
        for row in self.shadow.rows:
            if not row[HASH]:
                self.lock(row)

    def lock_system(self) -> None:
        """System accounts have no password."""
        system = {account.name for account in self.accounts() if self.is_system(account)}
        for row in self.shadow.rows:
            if row[NAME] in system:
                self.lock(row)

    def lock_cloud_user(self) -> None:
        """The default user of cloud-init comes in with keys alone, and stays able to become root."""
        for account in self.accounts():
            if account.name != self.cloud_user or account.uid == 0 or not account.has_password:
                continue
            if account_cloud.has_sudo_without_password(self.tree, account.name):
                self.lock(account.shadow)
            else:
                self.find("/etc/shadow", account.name, "is the cloud's default user and needs its password for sudo")

    # --- ageing ----------------------------------------------------------------------------------------------

    def age(self) -> None:
        """Passwords of people age; who has none must not be locked out by an age it cannot renew."""
        for account in self.accounts():
            is_root = account.name == "root"
            if account.shadow is None or account.name in self.options["ageing_exempt"]:
                continue
            if not account.has_password:
                if self.options["ageing_keyless"] and (is_root or self.is_human(account)):
                    account_ageing.end_age(self.shadow, account.shadow)
            elif self.options["ageing_root"] if is_root else self.is_human(account):
                account_ageing.set_ages(self.shadow, account.shadow, self.options, self.today)

    def correct_future(self) -> None:
        """A password that was changed tomorrow never gets old."""
        for name in account_ageing.correct_future(self.shadow, self.today):
            self.find("/etc/shadow", name, "last change is in the future, or this machine's clock is not set")

    # --- accounts --------------------------------------------------------------------------------------------

    def extra_root(self) -> None:
        """Only root has uid 0."""
        zero = [account for account in self.accounts() if account.uid == 0]
        names = [account.name for account in zero]
        keep = zero[names.index("root") if "root" in names else 0].row if zero else None
        for account in zero:
            if account.row is keep:
                continue
            what = self.options["extra_root"]
            if what == "report" or account.name in self.exempt:
                self.find("/etc/passwd", account.name, "has uid 0 and is not root")
            elif what == "delete":
                self._delete(account)
            else:
                if account.shadow is not None:
                    self.lock(account.shadow)
                self._no_shell(account)

    def remove(self) -> None:
        """Accounts of the vendor that nothing uses any more."""
        for account in self.accounts():
            if account.name not in self.options["remove"]:
                continue
            if not 0 < account.uid <= self.ranges["SYS_UID_MAX"] or account.name in EXEMPT:
                raise HardeningError(
                    f"remove: {account.name} (uid {account.uid}) is no system account that could go; "
                    "remove people with ansible.builtin.user"
                )
            self._delete(account)
        sysusers.forget(self.tree, self.options["remove"])
        for name, path in sysusers.coming_back(self.tree, self.options["remove"]).items():
            self.find(path, name, "is made again by systemd-sysusers, though it is to be removed")

    def _delete(self, account: Account) -> None:
        name = account.name
        self.tables["passwd"].drop(account.row)
        left = [row for row in self.tables["passwd"].rows if row[NAME] == name]
        if left:
            return
        for row in self.shadow.named(name):
            self.shadow.drop(row)
        in_use = {row[GID] for row in self.tables["passwd"].rows}
        own = [row for row in self.tables["group"].named(name) if row[GROUP_ID] not in in_use]
        for kind in ("group", "gshadow"):
            table = self.tables[kind]
            for row in table.rows:
                self._leave(table, row, [name])
            for row in table.named(name) if own and not any(row[MEMBERS] for row in own) else []:
                table.drop(row)

    @staticmethod
    def _leave(table: Table, row: list[str], names: list[str]) -> None:
        members = row[MEMBERS].split(",")
        if set(names) & set(members):
            table.set(row, MEMBERS, ",".join(name for name in members if name not in names), "members")

    def nologin_system(self) -> None:
        """System accounts have no shell."""
        for account in self.accounts():
            if self.is_system(account):
                self._no_shell(account)

    def _no_shell(self, account: Account) -> None:
        wanted = self.options["nologin_shell"]
        if account.shell == wanted or (not wanted and account.shell in NOLOGIN):
            return
        known = NOLOGIN if self.system in ("debian", "ubuntu") else NOLOGIN[::-1]
        shell = wanted or next((path for path in known if self.tree.exists(path)), "")
        if not shell or not self.tree.exists(shell):
            raise HardeningError(
                f"nologin_shell: {shell or ' or '.join(known)} does not exist in {self.tree.root}; name a program there"
            )
        self.tables["passwd"].set(account.row, SHELL, shell, "shell")

    def empty_shadow_group(self) -> None:
        """Members of group shadow could read every hash."""
        for kind in ("group", "gshadow"):
            for row in self.tables[kind].named("shadow"):
                self._leave(self.tables[kind], row, row[MEMBERS].split(",") if row[MEMBERS] else [])

    # --- other files -----------------------------------------------------------------------------------------

    def clean_shells(self) -> None:
        """A program that refuses logins is no login shell."""
        text = self.tree.read("/etc/shells") or ""
        kept = [line for line in text.split("\n") if line.split("#")[0].strip().rpartition("/")[2] != "nologin"]
        if "\n".join(kept) != text:
            self.tree.write("/etc/shells", "\n".join(kept), keys=[("nologin", "listed", "removed")])

    def close_homes(self) -> None:
        """Homes of people, and root's, are theirs alone."""
        accounts = self.accounts()
        places = [(account.home, account.uid) for account in accounts]
        for account in accounts:
            is_root = account.name == "root" and account.uid == 0
            mode = self.options["root_home_mode" if is_root else "home_mode"]
            if not mode or not (is_root or self.is_human(account)) or account.name in self.options["home_exempt"]:
                continue
            if not account_homes.is_private(account.home, is_root):
                if is_root or account.is_interactive:
                    self.find(account.home, account.name, "is a folder of the system, not a home of its own")
                continue
            # RPM systems give root's home to operator too, which has no shell.
            other = "" if is_root else account_homes.overlap(account.home, account.uid, places)
            if other:
                self.find(account.home, account.name, f"is not this account's alone: another one has {other}")
                continue
            option = "root_home_mode" if is_root else "home_mode"
            key = f"home of {account.name}"
            why = account_homes.close(self.tree, account.home, octal(mode, option), account.uid, key)
            if why and (is_root or account.is_interactive):
                self.find(account.home, account.name, f"home {why}")

    def configure_cloud(self) -> None:
        """What cloud-init shall do with its default user at first boot."""
        path = self.options["cloud_config"]
        if not self.options["cloud_user"]:
            self.tree.remove(path)
        elif self.tree.exists(account_cloud.FOLDER):
            self.tree.write(path, account_cloud.drop_in(self.cloud_user), 0o644, "root", "root")


def _ranges(login_defs: str) -> dict[str, int]:
    found = dict(_RANGES)
    for line in login_defs.split("\n"):
        words = line.split()
        if len(words) > 1 and words[0] in found and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found


#: What is done when its option is on, in this order.
_STEPS = (
    ("shadow_hashes", Policy.move_hashes),
    ("remove", Policy.remove),
    ("extra_root", Policy.extra_root),
    ("lock_empty", Policy.lock_empty),
    ("lock_system", Policy.lock_system),
    ("cloud_user", Policy.lock_cloud_user),
    ("nologin_system", Policy.nologin_system),
    ("ageing", Policy.age),
    ("future_changes", Policy.correct_future),
    ("shadow_group_empty", Policy.empty_shadow_group),
)


def apply(tree: Tree, options: dict, today: int, worker: str = "") -> dict:
    """Do what module account_policy promises; `options` are its own. Changes are in `tree`, the rest is returned."""
    ageing = {key: days for key, days in options["ageing"].items() if days is not None}
    options = {**options, "ageing": ageing}
    with locked(tree):
        policy = Policy(tree, options, today, worker)
        for option, step in _STEPS:
            if options[option]:
                step(policy)
        write(tree, policy.tables)
    if options["shells"]:
        policy.clean_shells()
    policy.close_homes()
    policy.configure_cloud()
    policy.findings += mistakes(policy.tables, policy.system)
    return {"findings": policy.findings, "default_user": policy.cloud_user}
