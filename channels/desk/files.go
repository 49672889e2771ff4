package desk

// fileRoutes are originals and what can be seen of them.
func (a *Adapter) fileRoutes(o *router) {}
