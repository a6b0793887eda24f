// walk(): a plan walked in Node's own process, for the launcher, the holder and punnet-runc; containers of the daemon have
// their shim for it. Runs on the thread that calls it, which must be the main one: the child's death signal follows the thread
// that made it. The child's end is seen through its pidfd by the event loop. clone(2), pidfd_open(2), waitpid(2)

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <uv.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "addon.h"
#include "plan.h"

namespace punnet {

using Info = const Napi::CallbackInfo &;

static std::atomic<pid_t> forwarded_to;

// Signal handler, on whichever thread the kernel chose; kill(2) is safe in one.
static void Forward(int signal) {
  const int error = errno;
  const pid_t pid = forwarded_to;
  if (pid > 0) kill(pid, signal);
  errno = error;
}

class Walk : public Napi::ObjectWrap<Walk> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Walk",
                       {InstanceMethod("begin", &Walk::Begin), InstanceMethod("release", &Walk::Release),
                        InstanceMethod("report", &Walk::Report), InstanceMethod("wait", &Walk::Wait), InstanceMethod("waitHere", &Walk::WaitHere),
                        InstanceMethod("forwardSignals", &Walk::ForwardSignals),
                        InstanceMethod("kill", &Walk::Kill), InstanceMethod("received", &Walk::Received),
                        InstanceMethod("close", &Walk::Close)});
  }

  /** (plan: Uint8Array, slots: [slot, descriptor][]) The descriptors are duplicated; the caller keeps its own. */
  explicit Walk(Info info) : Napi::ObjectWrap<Walk>(info) {
    Napi::Env env = info.Env();
    if (info.Length() < 2 || !info[0].IsTypedArray() || !info[1].IsArray()) {
      throw Napi::TypeError::New(env, "expected a plan and a list of slots");
    }
    Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
    size_t size = bytes.ByteLength();
    bytes_ = malloc(size + 1);
    if (!bytes_) throw SystemError(env, ENOMEM, "malloc");
    memcpy(bytes_, bytes.Data(), size);
    if (const char *why = plan_load(&plan_, bytes_, size)) throw Napi::TypeError::New(env, why);
    if (plan_open(&walk_, &plan_) < 0) throw SystemError(env, errno, "mmap");
    Napi::Array slots = info[1].As<Napi::Array>();
    for (uint32_t i = 0; i < slots.Length(); i++) {
      Napi::Array pair = slots.Get(i).As<Napi::Array>();
      uint32_t slot = pair.Get(0u).ToNumber().Uint32Value();
      if (slot >= PLAN_SLOTS) throw Napi::RangeError::New(env, "no such slot");
      int fd = fcntl(pair.Get(1u).ToNumber().Int32Value(), F_DUPFD_CLOEXEC, 3);
      if (fd < 0) throw SystemError(env, errno, "dup");
      walk_.slots[slot] = fd;
    }
  }

  ~Walk() override {
    plan_close(&walk_);
    plan_free(&walk_);
    free(bytes_);
  }

 private:
  /** The pid, 0 when the plan has no clone3 or when it failed: then report() says where. */
  Napi::Value Begin(Info info) {
    int result = plan_begin(&walk_);
    plan_close_slots(&walk_);
    return Napi::Number::New(info.Env(), result == 0 ? walk_.child : 0);
  }

  Napi::Value Release(Info info) {
    return Napi::Boolean::New(info.Env(), walk_.child > 0 && walk_.failed < 0 && plan_release(&walk_) == 0);
  }

  /** {failed: index or -1, ops: [index, errno, ns][]} of the ops that ran */
  Napi::Value Report(Info info) {
    Napi::Env env = info.Env();
    Napi::Array ops = Napi::Array::New(env);
    for (uint32_t i = 0; i < plan_.count; i++) {
      const struct plan_result &result = walk_.results[i];
      if (result.state == PLAN_UNRUN) continue;
      Napi::Array op = Napi::Array::New(env, 3);
      op.Set(0u, Napi::Number::New(env, i));
      op.Set(1u, Napi::Number::New(env, result.error));
      op.Set(2u, Napi::BigInt::New(env, static_cast<int64_t>(result.ns)));
      ops.Set(ops.Length(), op);
    }
    Napi::Object report = Napi::Object::New(env);
    report.Set("failed", Napi::Number::New(env, walk_.failed));
    report.Set("ops", ops);
    return report;
  }

  Napi::Value Kill(Info info) {
    int signal = Int(info, 0);
    if (walk_.child <= 0) throw SystemError(info.Env(), ESRCH, "kill");
    return Result(info, kill(walk_.child, signal), "kill");
  }

  /** The descriptor that the child sent, now the caller's to close; -1 when there is none. */
  Napi::Value Received(Info info) {
    int fd = walk_.received;
    walk_.received = -1;
    return Napi::Number::New(info.Env(), fd);
  }

  /** From now on the child gets every signal that this process is sent, until waitHere has seen its end. */
  Napi::Value ForwardSignals(Info info) {
    if (walk_.child <= 0) throw SystemError(info.Env(), ESRCH, "kill");
    forwarded_to = walk_.child;
    struct sigaction action = {};
    action.sa_handler = Forward;
    for (int signal = 1; signal < NSIG; signal++) {
      const bool ours = signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGABRT ||
                        signal == SIGTRAP || signal == SIGSYS || signal == SIGCHLD || signal == SIGURG;
      if (!ours) sigaction(signal, &action, nullptr);
    }
    return info.Env().Undefined();
  }

  /** Blocks until the child has ended. [exit code, signal] */
  Napi::Value WaitHere(Info info) {
    if (walk_.child <= 0 || waited_) throw SystemError(info.Env(), ECHILD, "waitid");
    siginfo_t ended = {};
    // Left unreaped until no signal can be sent to its number any more.
    while (waitid(P_PID, static_cast<id_t>(walk_.child), &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR) continue;
    forwarded_to = 0;
    int status = 0;
    while (waitpid(walk_.child, &status, 0) < 0 && errno == EINTR) continue;
    walk_.child = 0;
    return Ended(info.Env(), status);
  }

  static Napi::Array Ended(Napi::Env env, int status) {
    Napi::Array end = Napi::Array::New(env, 2);
    end.Set(0u, Napi::Number::New(env, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)));
    end.Set(1u, Napi::Number::New(env, WIFSIGNALED(status) ? WTERMSIG(status) : 0));
    return end;
  }

  struct Waiting {
    uv_poll_t poll;
    Napi::Env env;
    Napi::Promise::Deferred deferred;
    Napi::ObjectReference self;  // keeps the walk until its child has ended
    Walk *walk;
  };

  /** Resolves with [exit code, signal]. */
  Napi::Value Wait(Info info) {
    Napi::Env env = info.Env();
    if (walk_.child <= 0 || waited_) throw SystemError(env, ECHILD, "wait");
    uv_loop_t *loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    auto *waiting = new Waiting{{}, env, Napi::Promise::Deferred::New(env), Napi::Persistent(Value()), this};
    waiting->poll.data = waiting;
    int error = uv_poll_init(loop, &waiting->poll, walk_.pidfd);
    if (error == 0) error = uv_poll_start(&waiting->poll, UV_READABLE, &Walk::OnEnd);
    if (error < 0) {
      Napi::Promise::Deferred deferred = waiting->deferred;
      deferred.Reject(SystemError(env, -error, "uv_poll_start").Value());
      return deferred.Promise();
    }
    waited_ = true;
    return waiting->deferred.Promise();
  }

  static void OnEnd(uv_poll_t *poll, int, int) {
    auto *waiting = static_cast<Waiting *>(poll->data);
    int status = 0;
    pid_t pid = waitpid(waiting->walk->walk_.child, &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR)) return;
    uv_poll_stop(poll);
    Napi::Env env = waiting->env;
    Napi::HandleScope scope(env);
    waiting->walk->walk_.child = 0;
    Napi::Array end = Ended(env, status);
    Napi::Promise::Deferred deferred = waiting->deferred;
    uv_close(reinterpret_cast<uv_handle_t *>(poll), [](uv_handle_t *handle) {
      delete static_cast<Waiting *>(handle->data);
    });
    // From the loop, not from JavaScript: the callback scope runs the promise's reactions.
    Napi::AsyncContext context(env, "punnet.walk");
    Napi::CallbackScope callbacks(env, context);
    deferred.Resolve(end);
  }

  /** Gives back the descriptors; the child, if it lives, stays. Not while wait() is pending. */
  Napi::Value Close(Info info) {
    if (waited_ && walk_.child > 0) throw SystemError(info.Env(), EBUSY, "close");
    plan_close(&walk_);
    return info.Env().Undefined();
  }

  void *bytes_ = nullptr;
  struct plan plan_ = {};
  struct plan_walk walk_ = {};
  bool waited_ = false;
};

void ExportWalk(Napi::Env env, Napi::Object exports) { exports.Set("Walk", Walk::Define(env)); }

}  // namespace punnet
