# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is noteworthy among all files of a machine's local file systems, for checks: they only need a shell there.

A find(1) over a whole system is by far the longest thing that checks wait for, so there is one for all that ask.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.hallmark.images.plugins.module_utils.hardening.walk import FOREIGN, FOREIGN_ENDS, LOCAL

_PRUNED = " -o ".join(f"-path '{path}'" for path in [*FOREIGN, *(f"*{end}" for end in FOREIGN_ENDS)])
#: Python runs this on the machine: file capabilities of the programs that it is told of, as they are stored.
_CAPABLE = """
import os,sys
for line in sys.stdin.buffer:
    path = line.rstrip(b"\\n").split(b":", 6)[-1]
    try: print(os.getxattr(path,"security.capability").hex(),os.fsdecode(path))
    except OSError: pass
"""
#: awk's program: where to go in besides /, by the mount table, proc_pid_mountinfo(5). What is mounted several times is
#: entered where most of it shows, and not where another mount hides it. find(1) does not go from a subvolume of btrfs
#: into another: so of them only the same one is left out.
TOPS = f"""\
{{ last[$5] = NR; for (i = 7; $i != "-"; i++); type = $(i + 1) }}
type ~ /^({"|".join(sorted(LOCAL))})$/ || $5 == "/" {{
  n++; line[n] = NR; at[n] = $5; device[n] = $3; inner[n] = $4 (($4 == "/") ? "" : "/"); alone[n] = type == "btrfs"
}}
END {{
  for (a = 1; a <= n; a++) {{
    wanted = at[a] != "/" && last[at[a]] == line[a]
    for (b = 1; b <= n && wanted; b++) {{
      if (b == a || device[b] != device[a] || last[at[b]] != line[b] || index(inner[a], inner[b]) != 1) continue
      more = length(inner[a]) - length(inner[b])
      if (more ? !alone[a] : at[b] == "/" || b < a) wanted = 0
    }}
    if (wanted) print at[a]
  }}
}}"""
#: The shell's script.
SWEEP = f"""\
tops=$(awk '{TOPS}' /proc/self/mountinfo)
users=$(awk -F: '$3 ~ /^[0-9]+$/ {{printf " -o -uid %s", $3}}' /etc/passwd)
groups=$(awk -F: '$3 ~ /^[0-9]+$/ {{printf " -o -gid %s", $3}}' /etc/group)
swept=$(find / $tops -xdev \\( {_PRUNED} \\) -prune -o \\( \\
  -type f -perm /6111 -printf 'x:%m:%U:%G:%D:%i:%p\\n' , \\
  \\( -type f -perm -0002 -o -type d -perm -0002 \\( ! -perm -1000 -o -uid +999 \\) \\
    -o ! \\( -uid 0 $users \\) -o ! \\( -gid 0 $groups \\) \\) -printf '%y:%m:%U:%G:%D:%i:%p\\n' \\) 2>/dev/null)
programs=$(printf '%s\\n' "$swept" | grep '^x:')
odd=$(printf '%s\\n' "$swept" | grep -v '^x:')
printf '%s\\n' "$programs" | grep -c :
echo '=set_id'; printf '%s\\n' "$programs" | grep -E '^x:[2-7][0-7]{{3}}:'
echo '=odd'; printf '%s\\n' "$odd"
echo '=named'; printf '%s\\n' "$odd" | cut -d: -f3 | sort -u | xargs -r getent passwd | cut -d: -f3
echo '=grouped'; printf '%s\\n' "$odd" | cut -d: -f4 | sort -u | xargs -r getent group | cut -d: -f3
echo '=capable'
python=$(command -v python3 || ls /usr/libexec/platform-python 2>/dev/null)
printf '%s\\n' "$programs" | "$python" -c '{_CAPABLE}' || echo 'no Python to read them'
true"""


@dataclass(frozen=True)
class File:
    """One file or folder; ``inode`` is unique on the machine."""

    kind: str
    mode: int
    uid: str
    gid: str
    inode: str
    path: str


class Swept:
    """What the command told.

    :ivar is_swept: whether anything was looked at; every system has programs, and no finding is no good news otherwise.
    :ivar set_id: regular files with a set-user-ID or set-group-ID bit.
    :ivar writable_files: regular files that everybody may write.
    :ivar odd_folders: folders that everybody may write, and which lack the sticky bit or belong to no system user.
    :ivar unowned: what belongs to a user or a group that has no name.
    :ivar capable: by path, the file capabilities as the kernel stores them, in hexadecimal; something else where they
        could not be read.
    """

    def __init__(self, text: str) -> None:
        found = re.split(r"^=(\w+)\n", f"=programs\n{text}", flags=re.MULTILINE)
        parts = dict(zip(found[1::2], found[2::2], strict=True))
        self.is_swept = int(parts["programs"]) > 0
        self.set_id = _files(parts["set_id"])
        odd = _files(parts["odd"])
        named, grouped = set(parts["named"].split()), set(parts["grouped"].split())
        self.writable_files = [file.path for file in odd if file.kind == "f" and file.mode & 0o2]
        self.odd_folders = [
            file.path
            for file in odd
            if file.kind == "d" and file.mode & 0o2 and (not file.mode & 0o1000 or int(file.uid) > 999)
        ]
        self.unowned = [file.path for file in odd if file.uid not in named or file.gid not in grouped]
        self.capable = {}
        for line in parts["capable"].splitlines():
            raw, _blank, path = line.partition(" ")
            self.capable[path] = raw


def _files(lines: str) -> list[File]:
    found = []
    for line in filter(None, lines.splitlines()):
        kind, mode, uid, gid, device, inode, path = line.split(":", 6)
        found.append(File(kind, int(mode, 8), uid, gid, f"{device}:{inode}", path))
    return found
