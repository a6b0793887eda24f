// Processes by descriptor, so that a signal never reaches a stranger who got a dead process's number. pidfd_open(2),
// pidfd_send_signal(2), prctl(2)

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

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

static Napi::Value Socketpair(Info info) {
  int ends[2];
  Napi::Env env = info.Env();
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) throw SystemError(env, errno, "socketpair");
  Napi::Array pair = Napi::Array::New(env, 2);
  pair.Set(0u, Napi::Number::New(env, ends[0]));
  pair.Set(1u, Napi::Number::New(env, ends[1]));
  return pair;
}

static std::vector<std::string> Strings(Info info, size_t i) {
  if (info.Length() <= i || !info[i].IsArray()) {
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(i) + " must be an array");
  }
  Napi::Array array = info[i].As<Napi::Array>();
  std::vector<std::string> strings;
  for (uint32_t n = 0; n < array.Length(); n++) strings.push_back(array.Get(n).ToString().Utf8Value());
  return strings;
}

// vfork inside: the parent's page tables are not copied, which in a daemon of 70 MB is most of what fork(2) costs. The thread that
// calls it sleeps until the program's execve, so it is one of libuv's, and the daemon's own goes on.
class Spawn : public Napi::AsyncWorker {
 public:
  Spawn(Napi::Env env, std::string path, std::vector<std::string> args, std::vector<int> fds)
      : Napi::AsyncWorker(env), deferred_(env), path_(std::move(path)), args_(std::move(args)), fds_(std::move(fds)) {}

  Napi::Promise Promise() { return deferred_.Promise(); }

 protected:
  void Execute() override;
  void OnOK() override {
    if (error_ == 0) deferred_.Resolve(Napi::Number::New(Env(), pid_));
    else deferred_.Reject(SystemError(Env(), error_, "posix_spawn", path_).Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::string path_;
  std::vector<std::string> args_;
  std::vector<int> fds_;
  pid_t pid_ = -1;
  int error_ = 0;
};

void Spawn::Execute() {
  std::vector<char *> argv;
  for (std::string &arg : args_) argv.push_back(arg.data());
  argv.push_back(nullptr);
  char *envp[] = {nullptr};

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  posix_spawn_file_actions_addchdir_np(&actions, "/");
  for (size_t to = 0; to < fds_.size(); to++) {
    posix_spawn_file_actions_adddup2(&actions, fds_[to], static_cast<int>(to));
  }
  error_ = posix_spawn(&pid_, path_.c_str(), &actions, &attributes, argv.data(), envp);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
}

static Napi::Value PosixSpawn(Info info) {
  std::vector<int> fds;
  for (const std::string &fd : Strings(info, 2)) fds.push_back(std::stoi(fd));
  auto *spawn = new Spawn(info.Env(), Path(info, 0), Strings(info, 1), std::move(fds));
  Napi::Promise promise = spawn->Promise();
  spawn->Queue();  // deletes itself
  return promise;
}

static Napi::Value Waitpid(Info info) {
  int status = 0;
  return Result(info, waitpid(Int(info, 0), &status, Int(info, 1)), "waitpid");
}

static Napi::Value ExitGroup(Info info) { _exit(Int(info, 0)); }

void ExportProcesses(Napi::Env env, Napi::Object exports) {
  exports.Set("pidfdOpen", Napi::Function::New(env, PidfdOpen, "pidfdOpen"));
  exports.Set("pidfdSendSignal", Napi::Function::New(env, PidfdSendSignal, "pidfdSendSignal"));
  exports.Set("kill", Napi::Function::New(env, Kill, "kill"));
  exports.Set("socketpair", Napi::Function::New(env, Socketpair, "socketpair"));
  exports.Set("posixSpawn", Napi::Function::New(env, PosixSpawn, "posixSpawn"));
  exports.Set("exitGroup", Napi::Function::New(env, ExitGroup, "exitGroup"));
  exports.Set("waitpid", Napi::Function::New(env, Waitpid, "waitpid"));
  exports.Set("prctl", Napi::Function::New(env, Prctl, "prctl"));
}

}  // namespace punnet
