import socket
import ssl
import stat
from datetime import UTC, datetime, timedelta

from cryptography import x509

from sealane.app import certificate

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_certificate_is_made_once_and_kept(tmp_path):
    paths = certificate.ensured(tmp_path / "keys", ["files.example", "192.0.2.7"], NOW)
    before = [path.read_bytes() for path in paths]
    assert certificate.ensured(tmp_path / "keys", ["other.example"], NOW + timedelta(days=300)) == paths
    assert [path.read_bytes() for path in paths] == before


def test_its_key_is_for_this_user_alone_and_fits(tmp_path):
    cert, key = certificate.ensured(tmp_path / "keys", [], NOW)
    assert stat.S_IMODE(key.stat().st_mode) == 0o400
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["tls.crt", "tls.key"]


def test_it_names_where_the_server_is(tmp_path):
    cert, _ = certificate.ensured(tmp_path / "keys", ["files.example", "192.0.2.7", "::1"], NOW)
    known = x509.load_pem_x509_certificate(cert.read_bytes())
    names = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"files.example", "localhost", socket.gethostname()}
    assert {str(one) for one in names.get_values_for_type(x509.IPAddress)} == {"192.0.2.7", "127.0.0.1", "::1"}


def test_it_is_made_anew_before_it_runs_out_or_if_it_is_damaged(tmp_path):
    cert, key = certificate.ensured(tmp_path / "keys", [], NOW)
    before = cert.read_bytes()
    certificate.ensured(tmp_path / "keys", [], NOW + timedelta(days=380))
    assert cert.read_bytes() != before
    cert.chmod(0o600)
    cert.write_text("damaged")
    certificate.ensured(tmp_path / "keys", [], NOW)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
