// Package notice knows what a town owes to whoever wrote to it, and until when: the
// calendar of French working days, and the deadlines of a request, each with its rule,
// its article and the sentences that explain it.
//
// Law counts in days and months of the calendar, not in hours. So every moment is first
// brought to the civil day (Day) that the town's own clocks showed, and all counting is
// done on days; a change of clocks in spring or autumn cannot move a date.
//
// Everything here is a pure function of its input: no clock is read, and values may be
// used from several goroutines. The rules are the law's defaults; a town changes them by
// its categories file (Rule). Nothing here is legal advice.
package notice
