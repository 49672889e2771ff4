package desk

// helpRoutes are the pages of help.
func (a *Adapter) helpRoutes(o *router) {}
