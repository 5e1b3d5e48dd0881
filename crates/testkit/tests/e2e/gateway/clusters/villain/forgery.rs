//! Certificates that the product would never issue: an authority signs what another cluster's would say.

use pki::{Certificate, CertificateAuthority, PrivateKey};
use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose,
    SanType,
};
use runtime::Clock;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Standard extensions (RFC 5280, section 4.2.1) are below this.
const STANDARD: &str = "2.5.29.";

/// The same that `likeness` says, of the same key, by another authority.
pub(super) fn like(
    likeness: &Certificate,
    authority: &CertificateAuthority,
    key: &PrivateKey,
    clock: &Clock,
) -> Certificate {
    let (_, read) = X509Certificate::from_der(likeness.der()).unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = clock.now() - time::Duration::minutes(1);
    params.not_after = clock.now() + time::Duration::hours(12);
    params.use_authority_key_identifier_extension = true;
    for extension in read.extensions() {
        if !extension.oid.to_id_string().starts_with(STANDARD) {
            let oid: Vec<u64> = extension.oid.iter().unwrap().collect();
            let own = CustomExtension::from_oid_content(&oid, extension.value.to_vec());
            params.custom_extensions.push(own);
        }
    }
    assert_eq!(params.custom_extensions.len(), 1, "the identity");
    if let Some(names) = read.subject_alternative_name().unwrap() {
        for name in &names.value.general_names {
            if let GeneralName::DNSName(name) = name {
                params.subject_alt_names.push(SanType::DnsName((*name).try_into().unwrap()));
            }
        }
    }
    let authority_key = PrivateKey::from_pem(&authority.key_pem()).unwrap();
    let issuer = Issuer::from_ca_cert_der(authority.certificate().der(), &authority_key).unwrap();
    let signed = params.signed_by(&key.public(), &issuer).unwrap();
    Certificate::from_der(signed.into()).unwrap()
}
