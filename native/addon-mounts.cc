// Mount calls for probes, tests and the thread that looks into a container's root; the containers' own mounts are ops of a plan.
// Works where the process has CAP_SYS_ADMIN over its mount namespace: inside the daemon's namespaces, or as root. unshare, setns
// and chdir are about the calling thread alone. mount(2), umount2(2), unshare(2), setns(2), open_tree(2), move_mount(2)

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addon.h"

#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif

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

static Napi::Value Unshare(Info info) { return Result(info, unshare(Int(info, 0)), "unshare"); }

static Napi::Value Setns(Info info) { return Result(info, setns(Int(info, 0), Int(info, 1)), "setns"); }

static Napi::Value Chdir(Info info) {
  std::string path = Path(info, 0);
  return Result(info, chdir(path.c_str()), "chdir", path);
}

static Napi::Value OpenTree(Info info) {
  std::string path = Path(info, 1);
  return Result(info, syscall(SYS_open_tree, Int(info, 0), path.c_str(), Uint(info, 2)), "open_tree", path);
}

static Napi::Value MoveMount(Info info) {
  std::string from = Path(info, 1), to = Path(info, 3);
  long result = syscall(SYS_move_mount, Int(info, 0), from.c_str(), Int(info, 2), to.c_str(), Uint(info, 4));
  return Result(info, result, "move_mount", to);
}

void ExportMounts(Napi::Env env, Napi::Object exports) {
  exports.Set("mount", Napi::Function::New(env, Mount, "mount"));
  exports.Set("umount2", Napi::Function::New(env, Umount2, "umount2"));
  exports.Set("unshare", Napi::Function::New(env, Unshare, "unshare"));
  exports.Set("setns", Napi::Function::New(env, Setns, "setns"));
  exports.Set("chdir", Napi::Function::New(env, Chdir, "chdir"));
  exports.Set("openTree", Napi::Function::New(env, OpenTree, "openTree"));
  exports.Set("moveMount", Napi::Function::New(env, MoveMount, "moveMount"));
}

}  // namespace punnet
