package main

import (
	"context"
	"sync"
)

// inOrder calls work for each item, at most parallel at once, and hands the results to
// emit on the caller's goroutine, in the order of the items. Never more than window+1
// items are between the start of their work and the end of their emit, so a slow
// one holds up the others before their results pile up.
//
// The first error of emit ends it, and so does the end of ctx; then results that have
// not been emitted are dropped. It returns when all calls of work have returned.
func inOrder[T, R any](ctx context.Context, items []T, parallel, window int, work func(context.Context, T) R, emit func(R) error) error {
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	pending := make(chan chan R, window)
	slots := make(chan struct{}, parallel)
	running.Go(func() {
		defer close(pending)
		for _, item := range items {
			result := make(chan R, 1)
			select {
			case pending <- result:
			case <-ctx.Done():
				return
			}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			running.Go(func() {
				defer func() { <-slots }()
				result <- work(ctx, item)
			})
		}
	})
	for result := range pending {
		select {
		case r := <-result:
			// A result that came with the end of ctx may be its consequence.
			if err := context.Cause(ctx); err != nil {
				return err
			}
			if err := emit(r); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return context.Cause(ctx)
}
