#!/usr/bin/env python3
"""What the maker of a client serves: the document by which it is known, over TLS at localhost, with a certificate of its own.

    client_document.py FILE

Writes who is to be believed into FILE and prints `port NUMBER`. /client.json is a document as it should be, for a client on a person's machine; /other.json
says that it is of another address, /site.json is of a client that is a site, and /moved.json leads to the first.
"""

import datetime
import http.server
import json
import ssl
import sys
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def certify() -> tuple[bytes, bytes, bytes]:
    """An authority, a certificate for localhost and its key, PEM."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def make(name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey, ca: bool) -> x509.Certificate:
        named = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (name, issuer)]
        builder = x509.CertificateBuilder(named[1], named[0], key.public_key(), x509.random_serial_number(), now - datetime.timedelta(minutes=5), now + datetime.timedelta(hours=1))
        builder = builder.add_extension(x509.BasicConstraints(ca, None), True)
        if not ca:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        return builder.sign(signer, hashes.SHA256())

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    key = leaf.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return make("maker", root, "maker", root, True).public_bytes(pem), make("localhost", leaf, "maker", root, False).public_bytes(pem), key


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        base = f"https://localhost:{self.server.server_address[1]}"
        if self.path == "/moved.json":
            self.send_response(302)
            self.send_header("location", f"{base}/client.json")
            self.end_headers()
            return
        own = "/client.json" if self.path == "/other.json" else self.path
        uri = "https://client.example/callback" if self.path == "/site.json" else "http://127.0.0.1/callback"
        document = {"client_id": base + own, "client_name": "A documented client", "redirect_uris": [uri], "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none"}
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


authority, certificate, key = certify()
Path(sys.argv[1]).write_bytes(authority)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
with tempfile.NamedTemporaryFile() as both:
    both.write(certificate + key)
    both.flush()
    context.load_cert_chain(both.name)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("port", server.server_address[1], flush=True)
server.serve_forever()
