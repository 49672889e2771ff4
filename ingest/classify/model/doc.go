// Package model is a text classifier in plain Go, the learned half of ingest/classify:
// it learns from labelled texts which label a text has, says how likely that is, and
// names the words that decided. It knows nothing of town halls.
//
// # How it works
//
// A text becomes features: the stems of its words, single and in pairs; the character
// n-grams of its words, which see through typing and recognition errors; the stems of
// its subject once more; and the names of hints that the caller knows from outside. They
// are weighted by TF-IDF, and each of these four blocks is brought to a length of its
// own. Features unseen in training are left out before that, so that unknown names do
// not dilute the known words.
//
// Two voices are trained: one-vs-rest linear support vector machines, which are sharper
// with many texts, and complement naive Bayes, which learns from few. Both are linear in
// the same features, so their weighted sum is one matrix, stored in one byte a weight.
// Each text is also learned as a poor scan would give it. The share of each voice, the
// temperature of the softmax and the confidence from which no review is needed are
// chosen on texts held out in cross validation, with the vocabulary of each fold its own.
//
// Training is deterministic: the same examples and options give the same model, byte for
// byte, however many workers there are, on one architecture (others may round floats
// differently, as the Go specification allows).
package model
