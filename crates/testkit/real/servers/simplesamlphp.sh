#!/usr/bin/env bash
# SimpleSAMLphp (a SAML provider that is a product, from Debian) on the loopback, in the foreground, under PHP's own server.
#
#   PORT=… HOME_DIR=<an empty folder> SP_ENTITY=<who asks> AUDIENCE_ACS=<where responses go> [REQUEST_CERT=<base64>] [ENCRYPT_CERT=<base64>] [CIPHER=<name>] simplesamlphp.sh
#
# Its metadata is at /saml2/idp/metadata.php. alice and bob sign in on its own page; their passwords are their names. It signs responses and
# assertions; with REQUEST_CERT it takes requests only that are signed by it, with ENCRYPT_CERT it encrypts assertions for it.
set -euo pipefail
D=$HOME_DIR
mkdir -p "$D"/{metadata,cert,log,data,tmp,sess}
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ssp -keyout "$D/cert/k.pem" -out "$D/cert/c.pem" 2>/dev/null
cp /etc/simplesamlphp/acl.php "$D" 2>/dev/null || true
cat > "$D/config.php" <<PHP
<?php
\$config = [];
@include '/etc/simplesamlphp/config.php';
\$config = array_merge(\$config, [
 'baseurlpath' => 'http://127.0.0.1:$PORT/', 'certdir' => '$D/cert/', 'loggingdir' => '$D/log/', 'datadir' => '$D/data/', 'tempdir' => '$D/tmp',
 'metadatadir' => '$D/metadata/', 'secretsalt' => 'for tests only', 'session.duration' => 3600, 'auth.adminpassword' => 'for tests only', 'enable.saml20-idp' => true,
 'store.type' => 'phpsession', 'session.phpsession.savepath' => '$D/sess', 'session.cookie.secure' => false, 'logging.handler' => 'file', 'showerrors' => true,
 'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true], 'trusted.url.domains' => ['127.0.0.1'],
]);
PHP
cat > "$D/authsources.php" <<'PHP'
<?php
$config = ['admin' => ['core:AdminPassword'], 'users' => ['exampleauth:UserPass',
  'alice:alice' => ['uid' => ['alice'], 'email' => 'alice@example.test', 'groups' => ['eng', 'oncall'], 'mcp_tools' => ['echo', 'get-sum']],
  'bob:bob' => ['uid' => ['bob'], 'email' => 'bob@example.test', 'groups' => ['sales']]]];
PHP
cat > "$D/metadata/saml20-idp-hosted.php" <<PHP
<?php
\$metadata['http://127.0.0.1:$PORT/idp'] = ['host' => '__DEFAULT__', 'privatekey' => 'k.pem', 'certificate' => 'c.pem', 'auth' => 'users',
 'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent', 'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic',
 'authproc' => [3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'uid', 'Format' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent']],
 'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'saml20.sign.response' => true, 'saml20.sign.assertion' => true];
PHP
{
  echo "<?php"
  echo "\$metadata['$SP_ENTITY'] = ['AssertionConsumerService' => '$AUDIENCE_ACS', 'keys' => ["
  [ -z "${REQUEST_CERT:-}" ] || echo " ['encryption' => false, 'signing' => true, 'type' => 'X509Certificate', 'X509Certificate' => '$REQUEST_CERT'],"
  [ -z "${ENCRYPT_CERT:-}" ] || echo " ['encryption' => true, 'signing' => false, 'type' => 'X509Certificate', 'X509Certificate' => '$ENCRYPT_CERT'],"
  echo "],"
  [ -z "${REQUEST_CERT:-}" ] || echo " 'validate.authnrequest' => true,"
  [ -z "${ENCRYPT_CERT:-}" ] || echo " 'assertion.encryption' => true,"
  [ -z "${CIPHER:-}" ] || echo " 'sharedkey_algorithm' => '$CIPHER',"
  echo "];"
} > "$D/metadata/saml20-sp-remote.php"
export SIMPLESAMLPHP_CONFIG_DIR=$D
exec php -d session.save_path="$D/sess" -S "127.0.0.1:$PORT" -t /usr/share/simplesamlphp/www
