package desk

// requestRoutes are the page of one request.
func (a *Adapter) requestRoutes(o *router) {}
