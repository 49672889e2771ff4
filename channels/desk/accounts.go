package desk

// Accounts are the agents and their sessions.
type Accounts interface{}
