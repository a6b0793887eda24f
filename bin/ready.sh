# Sourced by bin/punnet and bin/punnetd with $here set to their directory: sets $home to the checkout and makes sure that
# it is built. The usual case costs no process: a stamp file is compared with the sources' times. Where a source looks
# newer, bin/setup compares contents and builds only what differs. PUNNET_SKIP_SETUP=1 trusts what is built.
home=$here/..
if [ -z "$PUNNET_SKIP_SETUP" ]; then
  stamp=$home/build/stamp/ready
  if [ ! -e "$stamp" ]; then
    "$here/setup" --first-use >&2 || exit 125
  elif [ -e "$home/.git" ] && [ -w "$home/build" ]; then
    for source in "$home"/package-lock.json "$home"/binding.gyp "$home"/bin/* "$home"/native/* "$home"/images/*/* \
      "$home"/src/* "$home"/src/*/* "$home"/src/*/*/*; do
      if [ "$source" -nt "$stamp" ]; then
        "$here/setup" --first-use >&2 || exit 125
        break
      fi
    done
  fi
fi

# before node starts, because Node 20 parses the whole bundle of certificates (55 ms) whether or not it will use TLS
if [ -n "$NODE_EXTRA_CA_CERTS" ]; then
  export PUNNET_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"
  unset NODE_EXTRA_CA_CERTS
fi
