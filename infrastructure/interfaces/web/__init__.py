"""Pages and API in a browser: `flowledger.web.create_app` makes an ASGI app of a ledger."""
