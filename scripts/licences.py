"""Checks that every dependency comes from crates.io under a licence this project may ship."""

import json
import re
import subprocess
import sys

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0",
    "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "Unicode-3.0", "Unlicense", "Zlib",
}
ORIGIN = "registry+https://github.com/rust-lang/crates.io-index"


def is_allowed(expression):
    """An SPDX expression: all parts of an AND, at least one of an OR. Older crates write / for OR."""
    expression = expression.replace("/", " OR ").strip()
    terms = split(expression, " OR ")
    if len(terms) > 1:
        return any(map(is_allowed, terms))
    terms = split(expression, " AND ")
    if len(terms) > 1:
        return all(map(is_allowed, terms))
    if expression.startswith("(") and expression.endswith(")"):
        return is_allowed(expression[1:-1])
    return re.sub(r"\s+", " ", expression) in ALLOWED


def split(expression, operator):
    """The parts between operators that stand outside all brackets."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(expression):
        depth += {"(": 1, ")": -1}.get(expression[at], 0)
        if depth == 0 and expression.startswith(operator, at):
            parts.append(expression[start:at])
            at += len(operator)
            start = at
        else:
            at += 1
    return parts + [expression[start:]]


def main():
    read = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--locked"], check=True, capture_output=True, text=True
    )
    packages = [package for package in json.loads(read.stdout)["packages"] if package["source"]]
    faults = []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if package["source"] != ORIGIN:
            faults.append(f"{name}: comes from {package['source']}")
        if not is_allowed(package["license"] or "none"):
            faults.append(f"{name}: licence {package['license']}")
    for fault in faults:
        print(fault)
    print(f"{len(packages)} dependencies, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
