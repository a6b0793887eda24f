// Processes by descriptor, so that a signal never reaches a stranger who got a dead process's number. pidfd_open(2),
// pidfd_send_signal(2), prctl(2)

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addon.h"

namespace punnet {

using Info = const Napi::CallbackInfo &;

static Napi::Value PidfdOpen(Info info) {
  int pid = Int(info, 0);
  return Result(info, syscall(SYS_pidfd_open, pid, 0), "pidfd_open", std::to_string(pid));
}

static Napi::Value PidfdSendSignal(Info info) {
  return Result(info, syscall(SYS_pidfd_send_signal, Int(info, 0), Int(info, 1), nullptr, 0), "pidfd_send_signal");
}

static Napi::Value Kill(Info info) {
  int pid = Int(info, 0);
  // kill(2) gives 0 and negative numbers a meaning that no caller of this function wants: a whole group, or everything.
  if (pid <= 0) throw Napi::RangeError::New(info.Env(), "pid must be positive");
  return Result(info, kill(pid, Int(info, 1)), "kill", std::to_string(pid));
}

static Napi::Value Prctl(Info info) {
  return Result(info, prctl(Int(info, 0), Uint64(info, 1), 0UL, 0UL, 0UL), "prctl");
}

void ExportProcesses(Napi::Env env, Napi::Object exports) {
  exports.Set("pidfdOpen", Napi::Function::New(env, PidfdOpen, "pidfdOpen"));
  exports.Set("pidfdSendSignal", Napi::Function::New(env, PidfdSendSignal, "pidfdSendSignal"));
  exports.Set("kill", Napi::Function::New(env, Kill, "kill"));
  exports.Set("prctl", Napi::Function::New(env, Prctl, "prctl"));
}

}  // namespace punnet
