# Copyright: Contributors to the hallmark.images project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report: one page, no other file, no script; it filters by style sheet and prints well."""

from __future__ import annotations

import html
import typing as t

from .controls import SEVERITIES
from .results import FAILED, NOT_APPLICABLE, PASSED, WAIVED

_ORDER = (FAILED, WAIVED, PASSED, NOT_APPLICABLE)
_WORDS = {FAILED: "failed", WAIVED: "waived", PASSED: "passed", NOT_APPLICABLE: "not applicable"}

_STYLE = """
:root { color-scheme: light; --ink: #1c2330; --soft: #5b6577; --line: #dde2ea; --paper: #fff; --ground: #f4f6f9;
  --failed: #b3261e; --waived: #8a5a00; --passed: #1b6e3c; --not_applicable: #5b6577; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
main { max-width: 78rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 0; }
.sub { color: var(--soft); margin: .2rem 0 1.4rem; }
.error { background: #fdecea; border-left: 4px solid var(--failed); padding: .7rem 1rem; margin: 0 0 1.2rem; }
.bar { display: flex; height: .6rem; border-radius: .3rem; overflow: hidden; margin-bottom: 1rem;
  background: var(--line); }
.bar span { display: block; }
input.pick { position: absolute; opacity: 0; }
.picks { display: flex; flex-wrap: wrap; gap: .5rem; margin-bottom: 1.2rem; }
.picks label { background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .9rem;
  cursor: pointer; min-width: 7rem; }
.picks b { display: block; font-size: 1.35rem; line-height: 1.2; }
table { width: 100%; border-collapse: collapse; background: var(--paper); border: 1px solid var(--line); }
th, td { text-align: left; vertical-align: top; padding: .55rem .7rem; border-bottom: 1px solid var(--line); }
th { font-size: .78rem; text-transform: uppercase; letter-spacing: .04em; color: var(--soft); background: #fafbfc; }
td.id, td.state, td.area { white-space: nowrap; }
td { overflow-wrap: anywhere; }
td.id { font-weight: 600; overflow-wrap: normal; }
.badge { border-radius: .35rem; padding: .1rem .5rem; font-size: .82rem; font-weight: 600; color: #fff; }
.small { color: var(--soft); font-size: .84rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 .7rem; margin: .3rem 0 0; }
dt { color: var(--soft); } dd { margin: 0; font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .88rem; }
footer { color: var(--soft); font-size: .84rem; margin-top: 1.2rem; }
@media print { body { background: #fff; font-size: 10pt; } main { max-width: none; padding: 0; }
  .picks label { border: 0; padding: 0 1rem 0 0; } tr { break-inside: avoid; } thead { display: table-header-group; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def _e(text: t.Any) -> str:
    # Undecodable bytes of a command's output come as lone surrogates, which no UTF-8 page can hold.
    return html.escape(str(text).encode("utf-8", "backslashreplace").decode())


def html_report(data: dict[str, t.Any]) -> str:
    """Return the page.

    :param data: what the JSON report holds.
    """
    counts, results = data["counts"], data["results"]
    states = [state for state in _ORDER if counts[state]]
    rules = "".join(
        f".badge.{state}, .bar .{state} {{ background: var(--{state}); }}\n"
        f".picks b.{state} {{ color: var(--{state}); }}\n"
        for state in _ORDER
    )
    rules += "".join(f"#p-{state}:checked ~ table tbody tr:not(.{state}) {{ display: none; }}\n" for state in states)
    rules += "".join(
        f"#p-{state}:checked ~ .picks label[for=p-{state}] {{ outline: 2px solid var(--ink); }}\n"
        f"#p-{state}:focus-visible ~ .picks label[for=p-{state}] {{ outline: 3px solid #2f6fed; }}\n"
        for state in ("all", *states)
    )
    ranked = sorted(results, key=lambda result: (_ORDER.index(result["status"]), SEVERITIES.index(result["severity"])))
    rows = "".join(_row(result) for result in ranked)
    picks = "".join(
        f'<input class="pick" type="radio" name="pick" id="p-{state}"{" checked" if state == "all" else ""}>\n'
        for state in ("all", *states)
    )
    labels = f'<label for="p-all"><b>{counts["total"]}</b>controls</label>' + "".join(
        f'<label for="p-{state}"><b class="{state}">{counts[state]}</b>{_WORDS[state]}</label>' for state in states
    )
    shares = "".join(f'<span class="{state}" style="flex:{counts[state]}"></span>' for state in states)
    machine = data["os"]
    error = f'<p class="error">Not complete: {_e(data["error"])}</p>' if data["error"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Baseline of {_e(data["host"])}</title>
<style>{_STYLE}{rules}</style>
</head>
<body>
<main>
<h1>Baseline of {_e(data["host"])}</h1>
<p class="sub">profile {_e(data["profile"])} · {_e(machine.get("name", "unknown system"))} ·
kernel {_e(machine.get("kernel", "unknown"))} · {_e(data["time"])}</p>
{error}
<div class="bar" role="img" aria-label="share of each status">{shares}</div>
{picks}<div class="picks">{labels}</div>
<table>
<thead><tr><th>Control</th><th>Status</th><th>Severity</th><th>Requirement and finding</th><th>Area</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
<footer>{data["round_trips"]} round trips in {data["seconds"]:.1f} s · {_e(versions)}</footer>
</main>
</body>
</html>
"""


def _row(result: dict[str, t.Any]) -> str:
    state = result["status"]
    parts = [f"<div>{_e(result['title'])}</div>"]
    if result["expected"] is not None:
        parts.append(
            f"<dl><dt>expected</dt><dd>{_e(result['expected'])}</dd><dt>found</dt><dd>{_e(result['found'])}</dd></dl>"
        )
    # What stands in the message besides the title and the two values above.
    remark = result["message"].replace(f": expected {result['expected']}, found {result['found']}", "")
    if remark != result["title"]:
        parts.append(f'<div class="small">{_e(remark.removeprefix(result["title"] + "; "))}</div>')
    if result["waiver"]:
        parts.append(
            '<div class="small">waiver: {reason} — {owner}, until {expires}</div>'.format(
                **{key: _e(value) for key, value in result["waiver"].items()}
            )
        )
    if result["refs"]:
        parts.append(f'<div class="small">{_e(" · ".join(result["refs"]))}</div>')
    return (
        f'<tr class="{state}"><td class="id">{_e(result["control"])}</td>'
        f'<td class="state"><span class="badge {state}">{_WORDS[state]}</span></td>'
        f"<td>{_e(result['severity'])}</td><td>{''.join(parts)}</td>"
        f'<td class="area">{_e(result["area"] or "definition")}</td></tr>\n'
    )
