package desk

// failureRoutes are the pages of what went wrong.
func (a *Adapter) failureRoutes(o *router) {}
