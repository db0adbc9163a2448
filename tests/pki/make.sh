#!/bin/sh
# Makes the certificates of this folder anew: `tests/pki/make.sh`. Wants openssl, any version since 1.1.
#
#   authority.pem        an authority, whose key is thrown away
#   stranger.pem         another one
#   server.pem, .key     of localhost and 127.0.0.1, by the authority
#   elsewhere.pem        the same key, of another host
#   expired.pem          the same key and host, until 2021
#   client.pem, .key     a client, by the authority
#
# All but the expired one are valid from 2020 to 2100, so that tests pass whatever the machine's date. They prove who is who
# to tests alone: the keys are public.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/index"
echo 01 > "$work/serial"
cat > "$work/config" <<CONFIG
[ca]
default_ca = ours
[ours]
database = $work/index
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = anything
unique_subject = no
copy_extensions = none
[anything]
commonName = supplied
[req]
distinguished_name = names
[names]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:localhost,IP:127.0.0.1
[elsewhere]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:elsewhere.example
[client]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = clientAuth
subjectAltName = DNS:client.example
CONFIG

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# sign NAME EXTENSIONS KEY END [further options]
sign() {
    openssl req -new -config "$work/config" -key "$3" -subj "/CN=tagmeter test $1" -out "$work/$1.csr"
    name=$1 extensions=$2 end=$4
    shift 4
    openssl ca -batch -notext -config "$work/config" -extensions "$extensions" -startdate 20200101000000Z \
        -enddate "$end" -in "$work/$name.csr" -out "$name.pem" "$@" 2> "$work/log" || { cat "$work/log"; exit 1; }
}

FOREVER=21000101000000Z
for name in authority stranger; do
    key "$work/$name.key"
    sign $name authority "$work/$name.key" $FOREVER -selfsign -keyfile "$work/$name.key"
done
by="-cert authority.pem -keyfile $work/authority.key"
key server.key
sign server server server.key $FOREVER $by
sign elsewhere elsewhere server.key $FOREVER $by
sign expired server server.key 20210101000000Z $by
key client.key
sign client client client.key $FOREVER $by
