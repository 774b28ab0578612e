#!/usr/bin/env python3
"""Prints what the program is made of, as a CycloneDX 1.5 list: packaging/sbom.py TARGET"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]


def metadata(target):
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    return json.loads(subprocess.run(command, cwd=TREE, check=True, capture_output=True).stdout)


def reached(data, root):
    """The packages that the program itself is built from: no tests, and nothing of other systems."""
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    found, waiting = set(), [root]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for dependency in nodes[name]["deps"]:
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    return found


def checksums():
    lock = tomllib.loads((TREE / "Cargo.lock").read_text())
    return {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}


def component(package, sums):
    made = {
        "type": "library",
        "bom-ref": f"pkg:cargo/{package['name']}@{package['version']}",
        "name": package["name"],
        "version": package["version"],
        "purl": f"pkg:cargo/{package['name']}@{package['version']}",
    }
    if package["license"]:
        made["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    checksum = sums.get((package["name"], package["version"]))
    if checksum:
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return made


def main():
    data = metadata(sys.argv[1])
    root = next(package for package in data["packages"] if package["name"] == "aerostat")
    ids = reached(data, root["id"]) - {root["id"]}
    sums = checksums()
    parts = sorted((package for package in data["packages"] if package["id"] in ids), key=lambda part: (part["name"], part["version"]))
    own = component(root, sums) | {"type": "application"}
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": own},
        "components": [component(part, sums) for part in parts],
    }
    json.dump(bom, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
