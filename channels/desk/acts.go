package desk

// actRoutes are what is done to a request.
func (a *Adapter) actRoutes(o *router) {}
