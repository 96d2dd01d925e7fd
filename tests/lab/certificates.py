"""Certificates of an authority of the tests' own."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs what it is asked to; its own certificate lies in `path`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        self._certificate = self._sign(self._name, self._key, days=99, authority=True)
        self.path = folder / "authority.pem"
        self.path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, days: int) -> Path:
        """A file with key and certificate for a DNS name."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, days=days, dns=name)
        path = self._folder / f"{name}-{days}.pem"
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: int, authority: bool = False, dns: str = ""
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        built = x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key.public_key())
        built = built.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        built = built.not_valid_after(now + timedelta(days=days, hours=1))
        built = built.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        if dns:
            built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(dns)]), critical=False)
        if authority:
            usage = x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
                data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
            )  # fmt: skip
            built = built.add_extension(usage, critical=True)
            built = built.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        else:
            built = built.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        return built.sign(self._key, hashes.SHA256())
