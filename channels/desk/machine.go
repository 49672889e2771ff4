package desk

// machineRoutes are the pages of channels and queues, for administrators.
func (a *Adapter) machineRoutes(o *router) {}
