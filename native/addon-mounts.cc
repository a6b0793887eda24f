// Mount calls for probes and tests; the containers' own mounts are ops of a plan. Works where the process has
// CAP_SYS_ADMIN over its mount namespace: inside the daemon's namespaces, or as root. mount(2), umount2(2)

#include <sys/mount.h>

#include "addon.h"

namespace punnet {

using Info = const Napi::CallbackInfo &;

static Napi::Value Mount(Info info) {
  auto present = [&](size_t i) { return info.Length() > i && !info[i].IsNull() && !info[i].IsUndefined(); };
  std::string source = present(0) ? Path(info, 0) : "", target = Path(info, 1), type = present(2) ? Path(info, 2) : "";
  std::string data = present(4) ? Path(info, 4) : "";
  long result = mount(present(0) ? source.c_str() : nullptr, target.c_str(), present(2) ? type.c_str() : nullptr,
                      Uint(info, 3), present(4) ? data.c_str() : nullptr);
  return Result(info, result, "mount", target);
}

static Napi::Value Umount2(Info info) {
  std::string target = Path(info, 0);
  return Result(info, umount2(target.c_str(), Int(info, 1)), "umount2", target);
}

void ExportMounts(Napi::Env env, Napi::Object exports) {
  exports.Set("mount", Napi::Function::New(env, Mount, "mount"));
  exports.Set("umount2", Napi::Function::New(env, Umount2, "umount2"));
}

}  // namespace punnet
