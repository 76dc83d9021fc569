"""The HTTP door: it decides nothing, it translates. A new room is a router in a file of its own,
named in `app.ROUTERS`."""
