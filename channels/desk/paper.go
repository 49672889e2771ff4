package desk

// paperRoutes are the pages of the mail room.
func (a *Adapter) paperRoutes(o *router) {}
