"""Pages of the OpenID provider, and what its tokens say of the person. Imported once Django is configured."""

import provider
from django.contrib.auth import authenticate, login
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import include, path
from oauth2_provider.oauth2_validators import OAuth2Validator


class Validator(OAuth2Validator):
    oidc_claim_scope = None

    def get_additional_claims(self, request):
        return dict(provider.TOLD["claims"])


def sign_in(request):
    person = authenticate(request, username=request.POST.get("username"), password=request.POST.get("password"))
    if person is None:
        return HttpResponse(status=403)
    login(request, person)
    return HttpResponseRedirect(request.GET["next"])


urlpatterns = [path("login", sign_in), path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
