package desk

// userRoutes are the pages of the agents, for administrators.
func (a *Adapter) userRoutes(o *router) {}
