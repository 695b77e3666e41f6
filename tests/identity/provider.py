"""A real OpenID provider as a process of its own: Django OAuth Toolkit on loopback, one person, two programs.

`python provider.py FOLDER PORT`; FOLDER/provider.json says which keys sign and which are still shown, and what it says of
the person. It prints `ready` once it answers.
"""

import json
import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

PERSON, WORD = "ada", "a sentence for the provider"
CLIENT, SECRET = "anamnesis", "s3cret of the/program+1"
RETURN = "https://app.practice.example/in"


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def configure(folder: Path, port: int, told: dict) -> None:
    settings.configure(
        SECRET_KEY="for tests alone",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "provider.sqlite3"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        LOGIN_URL="/login",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_ISS_ENDPOINT": f"http://127.0.0.1:{port}/o",
            "OIDC_RSA_PRIVATE_KEY": Path(told["signs"]).read_text(),
            "OIDC_RSA_PRIVATE_KEYS_INACTIVE": [Path(one).read_text() for one in told["shown"]],
            "SCOPES": {"openid": "who", "email": "where"},
            "PKCE_REQUIRED": True,
            "OAUTH2_VALIDATOR_CLASS": f"{__name__}.Validator" if __name__ != "__main__" else "provider.Validator",
        },
    )
    django.setup()


def serve(folder: Path, port: int) -> None:
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    people()
    with make_server("127.0.0.1", port, get_wsgi_application(), handler_class=Quiet) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        server.serve_forever()


def people() -> None:
    from django.contrib.auth import get_user_model
    from oauth2_provider.models import Application

    if not get_user_model().objects.filter(username=PERSON).exists():
        get_user_model().objects.create_user(PERSON, password=WORD)
        for name in (CLIENT, "another"):
            Application.objects.create(
                name=name,
                client_id=name,
                client_secret=SECRET,
                client_type="confidential",
                authorization_grant_type="authorization-code",
                algorithm="RS256",
                redirect_uris=RETURN,
                skip_authorization=True,
            )


if __name__ == "__main__":
    # Django and its toolkit import this module by name; settings come first.
    sys.path.insert(0, str(Path(__file__).parent))
    import provider

    where, number = Path(sys.argv[1]), int(sys.argv[2])
    provider.TOLD = json.loads((where / "provider.json").read_text())
    provider.configure(where, number, provider.TOLD)
    import provider_pages

    provider.urlpatterns = provider_pages.urlpatterns
    provider.Validator = provider_pages.Validator
    provider.serve(where, number)
