// The two uses of bpf(2) that a container's cgroup needs: a program is loaded, and attached. Touches no process state.

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "addon.h"

namespace punnet {

using Info = const Napi::CallbackInfo &;

static long Bpf(int command, union bpf_attr *attributes) {
  return syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

/** (type, instructions: Uint8Array) → descriptor */
static Napi::Value ProgLoad(Info info) {
  Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[1].IsTypedArray()) throw Napi::TypeError::New(env, "argument 1 must be bytes");
  Napi::Uint8Array bytes = info[1].As<Napi::Uint8Array>();
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = static_cast<uint32_t>(Int(info, 0));
  attributes.insns = reinterpret_cast<uint64_t>(bytes.Data());
  attributes.insn_cnt = static_cast<uint32_t>(bytes.ByteLength() / sizeof(struct bpf_insn));
  attributes.license = reinterpret_cast<uint64_t>("MIT");
  return Result(info, Bpf(BPF_PROG_LOAD, &attributes), "bpf", "PROG_LOAD");
}

/** (target, program, type, flags) */
static Napi::Value ProgAttach(Info info) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.target_fd = static_cast<uint32_t>(Int(info, 0));
  attributes.attach_bpf_fd = static_cast<uint32_t>(Int(info, 1));
  attributes.attach_type = static_cast<uint32_t>(Int(info, 2));
  attributes.attach_flags = static_cast<uint32_t>(Int(info, 3));
  return Result(info, Bpf(BPF_PROG_ATTACH, &attributes), "bpf", "PROG_ATTACH");
}

void ExportBpf(Napi::Env env, Napi::Object exports) {
  exports.Set("bpfProgLoad", Napi::Function::New(env, ProgLoad, "bpfProgLoad"));
  exports.Set("bpfProgAttach", Napi::Function::New(env, ProgAttach, "bpfProgAttach"));
}

}  // namespace punnet
