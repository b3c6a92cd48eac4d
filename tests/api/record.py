#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write golden/answers.json from a reference implementation: record.py BINARY [ARGUMENT ...]"""
import json
import os
import sys

import client
import test_golden


def main():
    answers = test_golden.collect(lambda: client.Vmm(sys.argv[1], extra=sys.argv[2:]))
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "golden", "answers.json"), "w", encoding="utf-8") as f:
        json.dump(answers, f, indent=1, ensure_ascii=True)
        f.write("\n")


main()
