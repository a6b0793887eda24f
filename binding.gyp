# Two products in build/Release: punnet.node (loaded by the daemon and by punnet-runc) and punnet-shim (static, one per
# container). The static program links no Node and no C++: it is bind-mounted into containers as /sbin/docker-init.
{
  'variables': {
    'strict_cflags': ['-Wall', '-Wextra', '-Werror', '-Wshadow', '-Wvla', '-Wformat=2', '-fstack-protector-strong', '-O2', '-g0'],
  },
  'targets': [
    {
      'target_name': 'punnet',
      'sources': [
        'native/addon.cc',
        'native/addon-files.cc',
        'native/addon-mounts.cc',
        'native/addon-processes.cc',
        'native/addon-seccomp.cc',
        'native/addon-walk.cc',
        'native/plan.c',
        'native/plan-load.c',
        'native/plan-op.c',
      ],
      'defines': ['NAPI_VERSION=9', 'NODE_ADDON_API_DISABLE_DEPRECATED', 'NAPI_CPP_EXCEPTIONS', '_GNU_SOURCE', '_FORTIFY_SOURCE=2'],
      'cflags!': ['-fno-exceptions'],
      'cflags_cc!': ['-fno-exceptions', '-std=gnu++17'],
      'cflags': ['<@(strict_cflags)', '-fvisibility=hidden', '-Wno-unused-parameter'],
      'cflags_c': ['-std=c11'],
      'cflags_cc': ['-std=c++17', '-Wno-missing-field-initializers', '-isystem', '<(module_root_dir)/<!(node -p "require(\'node-addon-api\').include_dir")'],
      'ldflags': ['-Wl,-z,relro,-z,now', '-Wl,-z,noexecstack', '-s'],
      'libraries': ['-lseccomp'],
    },
    {
      'target_name': 'punnet-shim',
      'type': 'executable',
      'sources': [
        'native/shim.c',
        'native/shim-client.c',
        'native/shim-log.c',
        'native/shim-state.c',
        'native/shim-stream.c',
        'native/init.c',
        'native/plan.c',
        'native/plan-load.c',
        'native/plan-op.c',
      ],
      'include_dirs!': ['<(node_root_dir)/include/node'],
      'defines': ['_GNU_SOURCE', '_FORTIFY_SOURCE=2'],
      'cflags!': ['-fPIC', '-pthread'],
      'cflags': ['<@(strict_cflags)', '-fPIE'],
      'cflags_c': ['-std=c11'],
      'ldflags!': ['-pthread', '-rdynamic'],
      'ldflags': ['-static-pie', '-Wl,-z,relro,-z,now', '-Wl,-z,noexecstack', '-s'],
    },
  ],
}
