package desk

// textRoutes are the pages of categories and texts, for administrators.
func (a *Adapter) textRoutes(o *router) {}
