package ingest

// Correction is what an agent corrects of a request, as it is to be or was before. What was
// submitted stays as it came.
type Correction struct {
	Subject string `json:"subject"`
	Sender  Person `json:"sender"`
	Place   string `json:"place"`
}
