package desk

// counterRoutes are the pages of the counter and the phone.
func (a *Adapter) counterRoutes(o *router) {}
