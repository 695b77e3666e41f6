"""One message over real sockets: what it carries, where it may go, and how each attempt ends."""

import datetime as dt
import ssl
import threading
from base64 import b64encode
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.clock.system import SystemClock
from adapters.webhooks import http
from adapters.webhooks.sender import HttpWebhookSender
from adapters.webhooks.targets import Targets
from domain.model.agreement import Agreement
from domain.ports.call import Purpose
from domain.ports.egress import Departure, Form
from domain.ports.webhooks import DeliveryOutcome as Ended
from domain.ports.webhooks import Message, TargetRefused
from domain.services.egress import PermitOffice
from tests.egress.kit import TERMS
from tests.webhooks.receiver import receiving, status

LOOPBACK = Targets([ip_network("127.0.0.0/8")])
AGREEMENT = Agreement.record(uuid4(), at=dt.datetime.now(dt.UTC), by=uuid4(), **TERMS)


class Kept:
    """The one agreement there is."""

    def get(self, _agreement_id):
        return AGREEMENT


OFFICE = PermitOffice(agreements=Kept(), clock=SystemClock())
SECRET, OLD = bytes(range(32)), bytes(range(32, 64))


def message(*secrets, body='{"type":"record.changed"}'):
    return Message(id="msg_1", at=dt.datetime.now(dt.UTC), body=body, secrets=secrets or (SECRET,))


def send(url, targets=LOOPBACK, total_s=5.0, what=None):
    sender = HttpWebhookSender(targets, OFFICE, total_s=total_s)
    return sender.send(url, what or message(), permit_for(url))


def permit_for(url):
    departure = Departure(
        agreement_id=AGREEMENT.id,
        host=urlsplit(url).hostname,
        purpose=Purpose.OPERATIONS,
        form=Form.IDS,
        clients=frozenset(),
        classes=frozenset(),
    )
    return OFFICE.issue(departure, AGREEMENT)


@pytest.fixture
def receiver():
    with receiving() as opened:
        opened.secret = "whsec_" + b64encode(SECRET).decode()
        yield opened


def test_a_message_arrives_signed_as_the_standard_has_it(receiver):
    assert send(receiver.url) is Ended.DELIVERED
    ((path, headers, body),) = receiver.requests
    assert receiver.verified() == [{"type": "record.changed"}]
    assert path == "/hooks?of=anamnesis"
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "msg_1"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(body, headers)


def test_while_secrets_change_receivers_of_either_accept(receiver):
    send(receiver.url, what=message(SECRET, OLD))
    ((_, headers, body),) = receiver.requests
    for secret in (SECRET, OLD):
        Webhook(secret).verify(body, headers)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (200, Ended.DELIVERED),
        (204, Ended.DELIVERED),
        (304, Ended.REDIRECTED),
        (400, Ended.REFUSED),
        (401, Ended.REFUSED),
        (410, Ended.GONE),
        (429, Ended.REFUSED),
        (500, Ended.BROKEN),
        (503, Ended.BROKEN),
    ],
)
def test_what_the_status_says_is_the_outcome(receiver, code, outcome):
    receiver.answers = [status(code)]
    assert send(receiver.url) is outcome


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver, code):
    receiver.answers = [status(code, Location=f"http://127.0.0.1:{receiver.port}/elsewhere")]
    assert send(receiver.url) is Ended.REDIRECTED
    assert len(receiver.requests) == 1


def test_who_answers_too_late_or_a_byte_at_a_time_has_not_answered(receiver):
    over = threading.Event()

    def never(_handler):
        over.wait(30)

    def drip(handler):
        while not over.wait(0.05):
            handler.wfile.write(b"X")
            handler.wfile.flush()

    for answer in (never, drip):
        receiver.answers = [answer]
        outcome = send(receiver.url, total_s=0.4)
        assert outcome in {Ended.TIMED_OUT, Ended.UNREACHABLE}
    over.set()


def test_a_body_without_end_is_not_read(receiver):
    over = threading.Event()

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while not over.is_set():
            handler.wfile.write(b"x" * 65536)

    receiver.answers = [endless]
    assert send(receiver.url, total_s=10) is Ended.DELIVERED
    over.set()


def test_nobody_listening_and_no_http_are_told_from_answers(receiver):
    def nonsense(handler):
        handler.wfile.write(b"SSH-2.0-nothing\r\n\r\n")

    receiver.answers = [nonsense]
    assert send(receiver.url) is Ended.UNREACHABLE
    url = receiver.url
    with receiving() as closed:
        gone = closed.url
    assert send(gone) is Ended.UNREACHABLE
    assert send(url) is Ended.DELIVERED


def test_proxies_of_the_environment_are_not_used(receiver, monkeypatch):
    with receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert send(receiver.url) is Ended.DELIVERED
        assert proxy.requests == []


# Where it may go ----------------------------------------------------------------------------------------------------


def test_without_a_setting_nothing_leads_to_this_machine(receiver):
    assert send(receiver.url, Targets()) is Ended.ADDRESS_REFUSED
    assert send(f"https://127.0.0.1:{receiver.port}/", Targets()) is Ended.ADDRESS_REFUSED
    assert send(f"https://localhost:{receiver.port}/", Targets()) is Ended.ADDRESS_REFUSED
    assert receiver.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "0.0.0.0",
        "::",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "fe80::1",
        "fc00::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "2001:0:a00:1::",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "fec0::1",
        "3fff::1",
        "4000::1",
        "192.0.0.192",
        "192.88.99.1",
        "168.63.129.16",
    ],
)
def test_private_and_special_addresses_are_refused(address):
    assert not Targets().allows(ip_address(address), encrypted=True)
    assert not Targets().allows(ip_address(address), encrypted=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_called_over_tls_alone(address):
    assert Targets().allows(ip_address(address), encrypted=True)
    assert not Targets([ip_network("0.0.0.0/0"), ip_network("::/0")]).allows(ip_address(address), encrypted=False)


def test_a_named_network_is_allowed_and_its_neighbours_are_not():
    targets = Targets([ip_network("10.1.0.0/16")])
    assert targets.allows(ip_address("10.1.2.3"), encrypted=True)
    assert not targets.allows(ip_address("10.1.2.3"), encrypted=False)
    assert not targets.allows(ip_address("10.2.2.3"), encrypted=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://platform.example/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "http://8.8.8.8/",
    ],
)
def test_what_the_address_alone_tells_is_refused_at_registration(url):
    with pytest.raises(TargetRefused):
        HttpWebhookSender(Targets(), OFFICE).check(url)


@pytest.mark.parametrize("url", ["https://platform.example/", "https://8.8.8.8/", "https://[2606:4700::1111]/x"])
def test_public_addresses_are_taken_at_registration(url):
    HttpWebhookSender(Targets(), OFFICE).check(url)


def test_a_named_loopback_network_is_taken_without_tls():
    for url in ("http://127.0.0.1:8080/", "http://localhost:8080/"):
        HttpWebhookSender(LOOPBACK, OFFICE).check(url)


def test_a_name_that_leads_to_two_places_is_refused_when_one_of_them_is(receiver, monkeypatch):
    asked = []

    async def both(_loop, host, port, **_):
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1", port)), (2, 1, 6, "", ("10.0.0.1", port))]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", both)
    assert send(f"http://platform.example:{receiver.port}/") is Ended.ADDRESS_REFUSED
    assert asked == ["platform.example"]
    assert receiver.requests == []


def test_a_name_is_looked_up_once_and_called_where_it_led_then(receiver, monkeypatch):
    led = [["127.0.0.1"], ["10.0.0.1"]]

    async def rebinding(_loop, host, port, **_):
        assert host == "platform.example"
        return [(2, 1, 6, "", (address, port)) for address in led.pop(0)]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", rebinding)
    assert send(f"http://platform.example:{receiver.port}/") is Ended.DELIVERED
    assert receiver.requests[0][1]["host"] == f"platform.example:{receiver.port}"
    assert led == [["10.0.0.1"]]


# TLS ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certified(tmp_path):
    """`certified(name)`: a server's context with a certificate of that name, and the file that vouches for it."""

    def make(name):
        key = ec.generate_private_key(ec.SECP256R1())
        who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(who)
            .issuer_name(who)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        chain, private = tmp_path / "chain.pem", tmp_path / "key.pem"
        chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, private)
        return context, chain

    yield make
    http._tls.cache_clear()


@pytest.mark.parametrize(
    ("name", "trusted", "outcome"),
    [
        ("localhost", True, Ended.DELIVERED),
        ("localhost", False, Ended.UNREACHABLE),
        ("platform.example", True, Ended.UNREACHABLE),
    ],
)
def test_the_certificate_must_be_trusted_and_the_hosts_own(certified, monkeypatch, name, trusted, outcome):
    context, chain = certified(name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    http._tls.cache_clear()
    with receiving(context) as receiver:
        assert (
            send(f"https://localhost:{receiver.port}/", Targets([ip_network("127.0.0.0/8"), ip_network("::1")]))
            is outcome
        )
