package ingest

// Profile is what a submission is compared by. A Matcher makes it outside the filing
// transaction, and the ledger keeps it beside the row so that later submissions find it.
type Profile struct {
	// TextKey identifies the normalised text with its files; "" when there is too little.
	TextKey string
	// Bands are the buckets of a locality-sensitive hash of the text: two texts that are
	// alike share one.
	Bands []int64
	// Facts are hashes of who wrote (addresses, phone) and of what is where (place and
	// category): two submissions that have one in common may be about the same matter.
	Facts []int64
	// Words are hashes of names and of the rarest words and numbers. Many have one in
	// common; several, or a rare one, tell.
	Words []int64
	// Quoted are the buckets of the history that a mail quotes. They are looked up, and not
	// kept.
	Quoted []int64
	// Summary is what the Matcher compares, in a form of its own; the ledger keeps it as it is.
	Summary []byte
	// Prepared is what the Matcher made beside, so as not to make it inside the transaction.
	// It is not kept.
	Prepared any
}
