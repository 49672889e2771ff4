package desk

// compareRoutes are the pages that compare two requests.
func (a *Adapter) compareRoutes(o *router) {}
