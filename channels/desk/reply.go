package desk

// replyRoutes are answers to citizens.
func (a *Adapter) replyRoutes(o *router) {}
