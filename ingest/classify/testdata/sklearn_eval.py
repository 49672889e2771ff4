#!/usr/bin/python3
"""The baseline of `make eval`: scikit-learn's usual classifiers of texts, trained on the
built-in texts and measured on labelled ones. Prints one JSON line for each classifier.

    sklearn_eval.py TEXTS_FOLDER LABELLED.jsonl

The labelled texts are only predicted, never learned from. A prediction that the line lists
under "also" counts as right, as in `saisine evaluate`.
"""
import glob
import json
import sys

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

UNWANTED = "indesirable"  # in the texts, but no category


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def words(line):
    return line.get("subject", "") + "\n" + line.get("body", "")


def measure(labelled, scores, classes):
    """Returns top-1, top-3 and macro-F1 of scores, one row for each line."""
    top1 = top3 = 0
    counts = {}
    for line, row in zip(labelled, scores):
        ranked = [classes[i] for i in np.argsort(-row, kind="stable")]
        accepted = {line["category"], *line.get("also", [])}
        top3 += bool(accepted & set(ranked[:3]))
        truth, found = line["category"], ranked[0]
        if found in accepted:
            top1 += 1
            found = truth
        counts.setdefault(truth, [0, 0, 0])[0] += 1
        counts.setdefault(found, [0, 0, 0])[1] += 1
        counts[truth][2] += found == truth
    f1 = [2 * right / (n + predicted) for n, predicted, right in counts.values() if n]
    n = len(labelled)
    return top1 / n, top3 / n, sum(f1) / len(f1)


def main():
    texts = [t for path in sorted(glob.glob(sys.argv[1] + "/*.jsonl")) for t in lines(path)]
    labelled = lines(sys.argv[2])
    for name, model in (
        ("LinearSVC", LinearSVC()),
        ("LogisticRegression", LogisticRegression(C=10, max_iter=1000)),
        ("ComplementNB", ComplementNB()),
    ):
        features = make_union(
            TfidfVectorizer(ngram_range=(1, 2), strip_accents="unicode", sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), strip_accents="unicode", sublinear_tf=True, min_df=2),
        )
        pipeline = make_pipeline(features, model).fit([words(t) for t in texts], [t["category"] for t in texts])
        rows = [words(t) for t in labelled]
        scores = pipeline.decision_function(rows) if hasattr(model, "decision_function") else pipeline.predict_log_proba(rows)
        classes = list(pipeline.classes_)
        if UNWANTED in classes:
            scores[:, classes.index(UNWANTED)] = -np.inf
        top1, top3, macro_f1 = measure(labelled, scores, classes)
        print(json.dumps({"name": name, "n": len(labelled), "accuracy": top1, "top3": top3, "macro_f1": macro_f1}), flush=True)


if __name__ == "__main__":
    main()
