#!/usr/bin/env python3
"""Writes the conformance vectors, or with --check says whether the files are what it would write.

Needs nothing but Python 3.11 and the system's time zones. What a flag answers comes from semantics.py.
"""

import json
import pathlib
import sys

import vectors_experiments
import vectors_operators
import vectors_rollouts
import vectors_targeting

HERE = pathlib.Path(__file__).parent


def files():
    yield "buckets.json", vectors_rollouts.buckets()
    yield "operators.json", vectors_operators.operators()
    yield "clock.json", vectors_operators.clock()
    yield "rollouts.json", vectors_rollouts.rollouts()
    yield "experiments.json", vectors_experiments.experiments()
    yield "targeting.json", vectors_targeting.targeting()
    yield "references.json", vectors_targeting.references()
    yield "values.json", vectors_targeting.values()
    yield "contexts.json", vectors_targeting.contexts()


def text(vectors):
    """One case a line, so that a difference shows what differs."""
    def line(value):
        return json.dumps(value, ensure_ascii=False)

    parts = []
    for name, value in vectors.items():
        if name == "environment":
            inner = []
            for field, content in value.items():
                if isinstance(content, list) and content:
                    rows = ",\n      ".join(line(row) for row in content)
                    inner.append(f'    {line(field)}: [\n      {rows}\n    ]')
                else:
                    inner.append(f"    {line(field)}: {line(content)}")
            parts.append("  \"environment\": {\n" + ",\n".join(inner) + "\n  }")
        elif name == "cases":
            rows = ",\n    ".join(line(row) for row in value)
            parts.append(f'  "cases": [\n    {rows}\n  ]')
        else:
            parts.append(f"  {line(name)}: {line(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit("usage: generate.py [--check]")
    total, different = 0, []
    for name, vectors in files():
        total += len(vectors["cases"])
        path, written = HERE / name, text(vectors)
        if check:
            if not path.exists() or path.read_text(encoding="utf-8") != written:
                different.append(name)
        else:
            path.write_text(written, encoding="utf-8")
    if different:
        sys.exit(f"not what generate.py writes: {', '.join(different)}; run conformance/generate.py")
    print(f"{total} cases {'are as written' if check else 'written'}")


if __name__ == "__main__":
    main()
