#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Count the single tests behind a `meson test` run: cmocka cases, TAP lines, else the program."""
import json
import re
import sys


def count(entry):
    """(passed, failed, skipped) of one test program."""
    text = (entry.get("stdout") or "") + "\n" + (entry.get("stderr") or "")
    result = entry["result"]
    found = [0, 0, 0]
    total = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", text, re.M)
    if total:
        found = [int(n) for n in total[-1]]
    elif "[==========]" in text:
        found = [len(re.findall(r"^\[\s+OK \]", text, re.M)),
                 len(set(re.findall(r"^\[  FAILED  \] (\w+)$", text, re.M))),
                 len(set(re.findall(r"^\[  SKIPPED \] (\w+)$", text, re.M)))]
    else:
        found = [len(re.findall(r"^ok (?!.*# SKIP)", text, re.M)),
                 len(re.findall(r"^not ok ", text, re.M)),
                 len(re.findall(r"^ok .*# SKIP", text, re.M))]
    if result in ("OK", "EXPECTEDFAIL"):
        found[1] = 0
        if not any(found):
            found[0] = 1
    elif result == "SKIP":
        if not found[2]:
            found = [0, 0, 1]
    elif not found[1]:
        found[1] = 1  # a crash or a time-out after the last case
    return found


def main():
    sums = [0, 0, 0]
    with open(sys.argv[1], encoding="utf-8") as log:
        for line in log:
            entry = json.loads(line)
            one = count(entry)
            sums = [a + b for a, b in zip(sums, one)]
            if one[1]:
                print(f"not ok - {entry['name']}: {entry['result']}")
                tail = ((entry.get("stdout") or "") + (entry.get("stderr") or "")).splitlines()
                hits = [t for t in tail if re.search(
                    r"not ok|FAILED|error:|ERROR|SUMMARY|runtime error|Assert", t)]
                for text in (hits or tail)[-12:]:
                    print(f"#   {text}")
            elif entry["result"] == "SKIP":
                why = re.findall(r"(?i)^.*skip.*$", entry.get("stdout") or "", re.M)
                print(f"skipped - {entry['name']}: {why[-1] if why else 'says no reason'}")
    print(f"{sums[0]} passed, {sums[1]} failed, {sums[2]} skipped")


if __name__ == "__main__":
    main()
