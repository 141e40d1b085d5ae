#!/bin/sh
# Makes the certificates of the TLS tests: an authority, a certificate for 127.0.0.1 and localhost, one that
# has expired, and one for another name. Good for a hundred years and for nothing else.
set -eu
cd "$(dirname "$0")"
key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1.key"; }
key ca
openssl req -x509 -new -key ca.key -subj "/CN=coregit test authority" -days 36500 -out ca.pem
sign() {
    name=$1 alt=$2; shift 2
    openssl req -new -key server.key -subj "/CN=$name" -out tmp.csr
    printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\n' "$alt" > tmp.ext
    openssl x509 -req -in tmp.csr -CA ca.pem -CAkey ca.key -set_serial "$(date +%s%N)" -extfile tmp.ext -out "$name.pem" "$@"
    rm tmp.csr tmp.ext
}
key server
sign good IP:127.0.0.1,DNS:localhost -days 36500
sign other DNS:other.example -days 36500
# `openssl x509` cannot sign for the past; `openssl ca` can.
mkdir tmp && : > tmp/index
cat > tmp/conf <<CONF
[ca]
default_ca = own
[own]
database = tmp/index
new_certs_dir = tmp
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = ext
[any]
commonName = supplied
[ext]
subjectAltName = IP:127.0.0.1
basicConstraints = CA:FALSE
CONF
openssl req -new -key server.key -subj "/CN=expired" -out tmp/csr
openssl ca -batch -config tmp/conf -cert ca.pem -keyfile ca.key -in tmp/csr -out expired.pem -notext \
    -startdate 20200101000000Z -enddate 20200102000000Z
rm -r tmp
rm ca.key
