package desk

// listRoutes are the lists of requests.
func (a *Adapter) listRoutes(o *router) {}
