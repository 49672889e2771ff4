package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// readInput is one file to read, or why there is none at that name.
type readInput struct {
	name string
	err  error
}

var errNotRegular = errors.New("not a regular file")

// listInputs gives the files that names stand for, in their order: each folder stands
// for the files below it, sorted by name. Hidden files and folders below a folder are
// left out, and links to folders are not followed. What cannot be read has its place
// in the list too, with the error.
func listInputs(names []string) []readInput {
	var inputs []readInput
	for _, name := range names {
		st, err := os.Stat(name)
		switch {
		case err != nil:
			inputs = append(inputs, readInput{name, bareError(err)})
		case st.IsDir():
			inputs = append(inputs, walkFolder(name)...)
		default:
			inputs = append(inputs, fileInput(name, st))
		}
	}
	return inputs
}

func fileInput(name string, st fs.FileInfo) readInput {
	if !st.Mode().IsRegular() {
		return readInput{name, errNotRegular}
	}
	return readInput{name: name}
}

func walkFolder(root string) []readInput {
	var inputs []readInput
	// The slash makes WalkDir enter a folder that is named by a link.
	root = strings.TrimRight(root, "/") + "/"
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		hidden := path != root && strings.HasPrefix(d.Name(), ".")
		switch {
		case hidden && d.IsDir():
			return fs.SkipDir
		case hidden:
			return nil
		case err != nil: // the folder cannot be listed; WalkDir goes on after it
			inputs = append(inputs, readInput{strings.TrimSuffix(path, "/"), bareError(err)})
			return nil
		case d.IsDir():
			return nil
		}
		st, err := os.Stat(path) // through a link
		switch {
		case err != nil:
			inputs = append(inputs, readInput{path, bareError(err)})
		case !st.IsDir():
			inputs = append(inputs, fileInput(path, st))
		}
		return nil
	})
	return inputs
}

// bareError takes off the operation and the path, which the message names already.
func bareError(err error) error {
	var perr *fs.PathError
	if errors.As(err, &perr) {
		return perr.Err
	}
	return err
}

// namesMax bounds a list of names, in bytes: several hundred thousand files.
const namesMax = 64 << 20

// readNames reads the list that --files-from names; "-" is stdin.
func readNames(from string, stdin io.Reader) ([]string, error) {
	r := stdin
	if from != "-" {
		f, err := os.Open(from)
		if err != nil {
			return nil, usageError{fmt.Errorf("--files-from: %w", err)}
		}
		defer func() { _ = f.Close() }()
		r = f
	}
	list, err := io.ReadAll(io.LimitReader(r, namesMax+1))
	if err != nil {
		return nil, usageError{fmt.Errorf("--files-from %s: %w", from, bareError(err))}
	}
	if len(list) > namesMax {
		return nil, usageError{fmt.Errorf("--files-from %s: larger than %d MiB", from, namesMax>>20)}
	}
	return splitNames(list), nil
}

// splitNames splits a list of file names. One NUL in it means that NUL ends the names,
// as find -print0 writes them; otherwise a line is a name. Empty names are passed over.
func splitNames(list []byte) []string {
	end := byte('\n')
	if bytes.IndexByte(list, 0) >= 0 {
		end = 0
	}
	var names []string
	for name := range bytes.SplitSeq(list, []byte{end}) {
		if end == '\n' {
			name = bytes.TrimSuffix(name, []byte("\r"))
		}
		if len(name) > 0 {
			names = append(names, string(name))
		}
	}
	return names
}
