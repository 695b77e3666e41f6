"""Starting and stopping the provider, its keys, and a browser that walks through it."""

import json
import signal
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.identity.provider import PERSON, WORD


def new_key(folder: Path, name: str) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = folder / f"{name}.txt"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


class RunningProvider:
    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.issuer = f"http://127.0.0.1:{port}/o"
        self._process: subprocess.Popen[str] | None = None

    def start(self, signs: Path, *shown: Path, **claims: object) -> None:
        told = {"signs": str(signs), "shown": [str(one) for one in shown], "claims": claims}
        (self.folder / "provider.json").write_text(json.dumps(told))
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                str(Path(__file__).parent / "provider.py"),
                str(self.folder),
                str(self.port),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            self._process.stdout.close()
            self._process = None

    def restart(self, signs: Path, *shown: Path, **claims: object) -> None:
        self.stop()
        self.start(signs, *shown, **claims)


def walk(address: str) -> dict[str, str]:
    """What a browser brings back: the provider's answer in the return address."""
    with httpx.Client(trust_env=False, timeout=30) as browser:
        answer = browser.get(address)
        login = httpx.URL(address).join(answer.headers["location"])
        answer = browser.post(login, data={"username": PERSON, "password": WORD})
        answer = browser.get(httpx.URL(address).join(answer.headers["location"]))
        assert answer.status_code == 302, answer.text
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def segment(document: object) -> str:
    return urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
