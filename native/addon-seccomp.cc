// Compiles the seccomp section of an OCI configuration to classic BPF; which calls are allowed is decided in TypeScript.
// Touches no process state. runtime-spec config-linux.md#seccomp, seccomp_rule_add(3), seccomp_export_bpf(3)

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "addon.h"

namespace punnet {

using Info = const Napi::CallbackInfo &;

static uint32_t Action(Napi::Env env, const std::string &name, uint32_t number) {
  if (name == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  if (name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(number);
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return SCMP_ACT_KILL_THREAD;
  if (name == "SCMP_ACT_KILL_PROCESS") return SCMP_ACT_KILL_PROCESS;
  if (name == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
  if (name == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
  if (name == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(number);
  if (name == "SCMP_ACT_NOTIFY") return SCMP_ACT_NOTIFY;
  throw Napi::TypeError::New(env, "unknown seccomp action " + name);
}

static enum scmp_compare Compare(Napi::Env env, const std::string &name) {
  if (name == "SCMP_CMP_NE") return SCMP_CMP_NE;
  if (name == "SCMP_CMP_LT") return SCMP_CMP_LT;
  if (name == "SCMP_CMP_LE") return SCMP_CMP_LE;
  if (name == "SCMP_CMP_EQ") return SCMP_CMP_EQ;
  if (name == "SCMP_CMP_GE") return SCMP_CMP_GE;
  if (name == "SCMP_CMP_GT") return SCMP_CMP_GT;
  if (name == "SCMP_CMP_MASKED_EQ") return SCMP_CMP_MASKED_EQ;
  throw Napi::TypeError::New(env, "unknown seccomp comparison " + name);
}

static uint32_t Architecture(Napi::Env env, const std::string &name) {
  if (name.rfind("SCMP_ARCH_", 0) != 0) throw Napi::TypeError::New(env, "unknown seccomp architecture " + name);
  std::string lower = name.substr(10);
  for (char &c : lower) c = static_cast<char>(tolower(c));
  uint32_t token = seccomp_arch_resolve_name(lower.c_str());
  if (token == 0) throw Napi::TypeError::New(env, "unknown seccomp architecture " + name);
  return token;
}

static void Check(Napi::Env env, int result, const std::string &step) {
  if (result < 0) throw SystemError(env, -result, step.c_str());
}

static uint32_t NumberOr(const Napi::Object &from, const char *name, uint32_t fallback) {
  Napi::Value value = from.Get(name);
  return value.IsNumber() ? value.As<Napi::Number>().Uint32Value() : fallback;
}

static uint64_t Wide(Napi::Env env, const Napi::Value &value) {
  bool lossless = true;
  if (value.IsBigInt()) return value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (value.IsNumber()) return static_cast<uint64_t>(value.As<Napi::Number>().Int64Value());
  if (value.IsUndefined() || value.IsNull()) return 0;
  throw Napi::TypeError::New(env, "a seccomp argument's value must be a number");
}

static std::vector<struct scmp_arg_cmp> Arguments(Napi::Env env, const Napi::Value &list) {
  std::vector<struct scmp_arg_cmp> result;
  if (!list.IsArray()) return result;
  Napi::Array array = list.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) {
    Napi::Object arg = array.Get(i).As<Napi::Object>();
    struct scmp_arg_cmp comparison = {};
    comparison.arg = NumberOr(arg, "index", 0);
    comparison.op = Compare(env, arg.Get("op").ToString().Utf8Value());
    comparison.datum_a = Wide(env, arg.Get("value"));
    comparison.datum_b = Wide(env, arg.Get("valueTwo"));
    result.push_back(comparison);
  }
  return result;
}

/** The same argument twice in one rule means "either": libseccomp cannot say so, so each becomes a rule of its own (as runc). */
static bool Repeats(const std::vector<struct scmp_arg_cmp> &args) {
  unsigned seen = 0;
  for (const auto &arg : args) {
    if (seen & (1u << arg.arg)) return true;
    seen |= 1u << arg.arg;
  }
  return false;
}

static void AddRules(Napi::Env env, scmp_filter_ctx filter, const Napi::Object &rule, uint32_t fallback) {
  Napi::Array names = rule.Get("names").As<Napi::Array>();
  uint32_t action = Action(env, rule.Get("action").ToString().Utf8Value(), NumberOr(rule, "errnoRet", 1));
  if (action == fallback) return;  // libseccomp refuses a rule that says what the default says
  std::vector<struct scmp_arg_cmp> args = Arguments(env, rule.Get("args"));
  for (uint32_t i = 0; i < names.Length(); i++) {
    std::string name = names.Get(i).ToString().Utf8Value();
    int number = seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) continue;  // newer than this libseccomp: the default action applies
    if (!Repeats(args)) {
      Check(env, seccomp_rule_add_array(filter, action, number, args.size(), args.data()), "seccomp_rule_add " + name);
      continue;
    }
    for (const auto &arg : args) {
      Check(env, seccomp_rule_add_array(filter, action, number, 1, &arg), "seccomp_rule_add " + name);
    }
  }
}

static Napi::Value Export(Napi::Env env, scmp_filter_ctx filter) {
  int fd = memfd_create("seccomp", MFD_CLOEXEC);
  if (fd < 0) throw SystemError(env, errno, "memfd_create");
  int result = seccomp_export_bpf(filter, fd);
  struct stat st = {};
  if (result == 0 && fstat(fd, &st) < 0) result = -errno;
  std::vector<uint8_t> program(static_cast<size_t>(st.st_size));
  if (result == 0 && pread(fd, program.data(), program.size(), 0) != static_cast<ssize_t>(program.size())) result = -EIO;
  close(fd);
  Check(env, result, "seccomp_export_bpf");
  return Napi::Buffer<uint8_t>::Copy(env, program.data(), program.size());
}

/** (section: LinuxSeccomp) → struct sock_filter[] as bytes */
static Napi::Value Compile(Info info) {
  Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsObject()) throw Napi::TypeError::New(env, "argument 0 must be an object");
  Napi::Object section = info[0].As<Napi::Object>();
  uint32_t fallback =
      Action(env, section.Get("defaultAction").ToString().Utf8Value(), NumberOr(section, "defaultErrnoRet", 1));
  scmp_filter_ctx raw = seccomp_init(fallback);
  if (!raw) throw SystemError(env, ENOMEM, "seccomp_init");
  std::unique_ptr<void, void (*)(void *)> filter(raw, [](void *ctx) { seccomp_release(ctx); });

  Napi::Value architectures = section.Get("architectures");
  if (architectures.IsArray()) {
    Napi::Array list = architectures.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) {
      std::string name = list.Get(i).ToString().Utf8Value();
      int result = seccomp_arch_add(raw, Architecture(env, name));
      if (result != -EEXIST) Check(env, result, "seccomp_arch_add " + name);
    }
  }
  // The plan sets no_new_privs itself, or has CAP_SYS_ADMIN when the filter is loaded.
  Check(env, seccomp_attr_set(raw, SCMP_FLTATR_CTL_NNP, 0), "seccomp_attr_set CTL_NNP");
  Napi::Value flags = section.Get("binaryTree");
  if (flags.IsBoolean() && flags.As<Napi::Boolean>().Value()) {
    Check(env, seccomp_attr_set(raw, SCMP_FLTATR_CTL_OPTIMIZE, 2), "seccomp_attr_set CTL_OPTIMIZE");
  }
  Napi::Value syscalls = section.Get("syscalls");
  if (syscalls.IsArray()) {
    Napi::Array list = syscalls.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) AddRules(env, raw, list.Get(i).As<Napi::Object>(), fallback);
  }
  return Export(env, raw);
}

static Napi::Value Version(Info info) {
  const struct scmp_version *version = seccomp_version();
  return Napi::String::New(info.Env(), std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                                           std::to_string(version->micro));
}

/** (name) → the call's number on this machine's architecture, or -1 when this libseccomp does not know it */
static Napi::Value Number(Info info) {
  int number = seccomp_syscall_resolve_name(Path(info, 0).c_str());
  return Napi::Number::New(info.Env(), number == __NR_SCMP_ERROR ? -1 : number);
}

void ExportSeccomp(Napi::Env env, Napi::Object exports) {
  exports.Set("seccompCompile", Napi::Function::New(env, Compile, "seccompCompile"));
  exports.Set("seccompVersion", Napi::Function::New(env, Version, "seccompVersion"));
  exports.Set("syscallNumber", Napi::Function::New(env, Number, "syscallNumber"));
}

}  // namespace punnet
