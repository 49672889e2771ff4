#!/usr/bin/python3
"""The table of `make eval`: saisine and scikit-learn, trained on the same texts, measured on
the same labelled ones, from which neither learns.

    eval_table.py SAISINE TEXTS_FOLDER LABELLED.jsonl
"""
import json
import os
import subprocess
import sys
import tempfile


def saisine(program, labelled):
    """Returns the figures of the built-in model."""
    with tempfile.TemporaryDirectory() as folder:
        # An empty town: no model of its own, no categories of its own.
        config = os.path.join(folder, "saisine.yaml")
        with open(config, "w", encoding="utf-8") as f:
            f.write("data_dir: " + json.dumps(os.path.join(folder, "none")) + "\n")
        out = subprocess.run(
            [program, "evaluate", "--config", config, "--json", labelled], check=True, stdout=subprocess.PIPE, text=True
        ).stdout
    return json.loads(out.splitlines()[-1])["summary"]


def sklearn(texts, labelled):
    """Returns the figures of each of scikit-learn's classifiers, the best first."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sklearn_eval.py")
    out = subprocess.run([sys.executable, script, texts, labelled], check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    return sorted(rows, key=lambda r: (-r["accuracy"], -r["macro_f1"]))


def main():
    program, texts, labelled = sys.argv[1:]
    columns = ("accuracy", "top3", "macro_f1", "precision", "coverage", "ece")
    rows = [("saisine", saisine(program, labelled))]
    others = sklearn(texts, labelled)
    rows += [("scikit-learn " + r["name"] + (" (its best)" if i == 0 else ""), r) for i, r in enumerate(others)]
    width = max(len(name) for name, _ in rows)
    print(f"{rows[0][1]['n']} texts".ljust(width), *(c.rjust(9) for c in columns))
    for name, row in rows:
        print(name.ljust(width), *((f"{row[c]:.3f}" if c in row else "–").rjust(9) for c in columns))
    print("Wanted".ljust(width), *(w.rjust(9) for w in ("≥ 0.80", "≥ 0.94", "≥ 0.78", "≥ 0.95", "≥ 0.50", "≤ 0.05")))


if __name__ == "__main__":
    main()
