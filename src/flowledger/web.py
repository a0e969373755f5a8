"""The ledger in a browser, and as an API to embed. Comes with ``flowledger[web]``."""

from .infrastructure.interfaces.web.app import create_app
from .infrastructure.interfaces.web.pages.report import make_report
from .infrastructure.interfaces.web.security.principals import Principal

__all__ = ["Principal", "create_app", "make_report"]
