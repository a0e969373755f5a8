"""A Django application with a session, which is kept in a signed cookie."""

from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

if not settings.configured:
    settings.configure(
        SECRET_KEY="of the host",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    )
    django.setup()

from django.core.asgi import get_asgi_application


def enter(request: HttpRequest) -> HttpResponse:
    session: Any = request.session
    session["user"] = request.GET["user"]
    return HttpResponse("entered")


def tell(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.session.get("user", "nobody"))


urlpatterns = [path("enter", enter), path("who", tell)]
application = get_asgi_application()
