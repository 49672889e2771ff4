package desk

// figureRoutes are the figures.
func (a *Adapter) figureRoutes(o *router) {}
