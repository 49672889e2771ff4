package desk

// accountRoutes are the pages of one's own account.
func (a *Adapter) accountRoutes(o *router) {}
