# Sourced by bin/punnet and bin/punnetd with $here set to their directory: sets $home to the checkout and makes sure that
# it is built. Where somebody watches (stderr is a terminal), a stamp file is compared with the sources' times, and where a source
# looks newer, bin/setup compares contents and builds only what differs. A program that calls punnet gets what is built: looking
# at a thousand files would take longer than a container. PUNNET_SKIP_SETUP=1 trusts what is built in any case.
home=$here/..
if [ -z "$PUNNET_SKIP_SETUP" ]; then
  stamp=$home/build/stamp/ready
  if [ ! -e "$stamp" ]; then
    "$here/setup" --first-use >&2 || exit 125
  elif [ -t 2 ] && [ -e "$home/.git" ] && [ -w "$home/build" ]; then
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
