// Package queue says what to do next: it hands ids of ledger rows to workers
// through Redis, and is the only importer of asynq.
//
// The ledger is the truth and Redis is only a list of reminders. Everything here
// follows from that:
//
//   - A hand-over that fails is no failure: Client.Notify never blocks and never
//     returns an error, because the sweeper finds the row again.
//   - A task carries a kind and an id, never what a citizen wrote: not in its
//     payload, and not in the error text that asynq keeps beside a failed task.
//   - A handler may run twice for one row, and must come to the same end.
//   - When Redis loses everything, one sweep of the ledger refills it.
//
// Managed is the private redis-server that a town gets by default; Connect reaches
// any other. Node puts the parts together: client, one asynq server for each
// queue, and the sweeper.
package queue
