// File system calls relative to directory descriptors, which Node does not have and which a layer needs so that no link
// inside it can lead a write outside. openat2(2), mkdirat(2), symlinkat(2), linkat(2), mknodat(2), renameat2(2), xattr(7)

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vector>

#include "addon.h"

namespace punnet {

using Info = const Napi::CallbackInfo &;

static Napi::Value Openat2(Info info) {
  std::string path = Path(info, 1);
  struct open_how how = {};
  how.flags = Uint(info, 2) | O_CLOEXEC;
  how.mode = Uint(info, 3);
  how.resolve = Uint(info, 4);
  int dirfd = Int(info, 0);
  long fd;
  // EAGAIN: a rename or mount raced with the look-up below a RESOLVE_BENEATH or RESOLVE_IN_ROOT directory; openat2(2) asks
  // the caller to try again.
  int attempts = 0;
  do {
    fd = syscall(SYS_openat2, dirfd, path.c_str(), &how, sizeof how);
  } while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++attempts < 100)));
  return Result(info, fd, "openat2", path);
}

static Napi::Value Mkdirat(Info info) {
  std::string path = Path(info, 1);
  return Result(info, mkdirat(Int(info, 0), path.c_str(), Uint(info, 2)), "mkdirat", path);
}

static Napi::Value Symlinkat(Info info) {
  std::string target = Path(info, 0), path = Path(info, 2);
  return Result(info, symlinkat(target.c_str(), Int(info, 1), path.c_str()), "symlinkat", path);
}

static Napi::Value Linkat(Info info) {
  std::string from = Path(info, 1), to = Path(info, 3);
  return Result(info, linkat(Int(info, 0), from.c_str(), Int(info, 2), to.c_str(), Int(info, 4)), "linkat", to);
}

static Napi::Value Mknodat(Info info) {
  std::string path = Path(info, 1);
  return Result(info, mknodat(Int(info, 0), path.c_str(), Uint(info, 2), Uint64(info, 3)), "mknodat", path);
}

static Napi::Value Unlinkat(Info info) {
  std::string path = Path(info, 1);
  return Result(info, unlinkat(Int(info, 0), path.c_str(), Int(info, 2)), "unlinkat", path);
}

static Napi::Value Renameat2(Info info) {
  std::string from = Path(info, 1), to = Path(info, 3);
  int olddir = Int(info, 0), newdir = Int(info, 2);
  unsigned flags = Uint(info, 4);
  return Result(info, syscall(SYS_renameat2, olddir, from.c_str(), newdir, to.c_str(), flags), "renameat2", to);
}

static Napi::Value Readlinkat(Info info) {
  std::string path = Path(info, 1);
  char target[4096];
  ssize_t length = readlinkat(Int(info, 0), path.c_str(), target, sizeof target);
  if (length < 0) throw SystemError(info.Env(), errno, "readlinkat", path);
  return Napi::Buffer<char>::Copy(info.Env(), target, static_cast<size_t>(length));
}

static int64_t Nanoseconds(const struct timespec &t) { return static_cast<int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec; }

static Napi::Value Fstatat(Info info) {
  std::string path = Path(info, 1);
  struct stat st;
  if (fstatat(Int(info, 0), path.c_str(), &st, Int(info, 2)) < 0) throw SystemError(info.Env(), errno, "fstatat", path);
  Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  auto number = [&](const char *name, double value) { result.Set(name, Napi::Number::New(env, value)); };
  number("dev", static_cast<double>(st.st_dev));
  number("ino", static_cast<double>(st.st_ino));
  number("mode", st.st_mode);
  number("nlink", static_cast<double>(st.st_nlink));
  number("uid", st.st_uid);
  number("gid", st.st_gid);
  number("rdev", static_cast<double>(st.st_rdev));
  number("size", static_cast<double>(st.st_size));
  number("blocks", static_cast<double>(st.st_blocks));
  result.Set("mtimeNs", Napi::BigInt::New(env, Nanoseconds(st.st_mtim)));
  result.Set("ctimeNs", Napi::BigInt::New(env, Nanoseconds(st.st_ctim)));
  return result;
}

static Napi::Value Fchownat(Info info) {
  std::string path = Path(info, 1);
  return Result(info, fchownat(Int(info, 0), path.c_str(), Uint(info, 2), Uint(info, 3), Int(info, 4)), "fchownat", path);
}

static Napi::Value Fchown(Info info) { return Result(info, fchown(Int(info, 0), Uint(info, 1), Uint(info, 2)), "fchown"); }

static Napi::Value Fchmodat(Info info) {
  std::string path = Path(info, 1);
  return Result(info, fchmodat(Int(info, 0), path.c_str(), Uint(info, 2), 0), "fchmodat", path);
}

static Napi::Value Fchmod(Info info) { return Result(info, fchmod(Int(info, 0), Uint(info, 1)), "fchmod"); }

static struct timespec Timespec(Info info, size_t i) {
  struct timespec t = {0, UTIME_OMIT};
  if (info.Length() <= i || info[i].IsNull() || info[i].IsUndefined()) return t;
  if (!info[i].IsBigInt()) throw Napi::TypeError::New(info.Env(), "times are BigInt nanoseconds, or null to keep");
  bool lossless = false;
  int64_t ns = info[i].As<Napi::BigInt>().Int64Value(&lossless);
  if (!lossless) throw Napi::RangeError::New(info.Env(), "time is out of range");
  t.tv_sec = ns / 1000000000;
  t.tv_nsec = ns % 1000000000;
  if (t.tv_nsec < 0) {
    t.tv_nsec += 1000000000;
    t.tv_sec -= 1;
  }
  return t;
}

static Napi::Value Utimensat(Info info) {
  std::string path = Path(info, 1);
  struct timespec times[2] = {Timespec(info, 2), Timespec(info, 3)};
  // An empty path sets the times of the descriptor itself: utimensat(2), "If pathname is NULL".
  long result = path.empty() ? futimens(Int(info, 0), times) : utimensat(Int(info, 0), path.c_str(), times, Int(info, 4));
  return Result(info, result, "utimensat", path);
}

struct Bytes {
  const void *data;
  size_t size;
};

static Bytes Data(Info info, size_t i) {
  if (info.Length() <= i || !info[i].IsTypedArray()) throw Napi::TypeError::New(info.Env(), "value must be a Uint8Array");
  Napi::Uint8Array value = info[i].As<Napi::Uint8Array>();
  return {value.Data(), value.ByteLength()};
}

static Napi::Value Lsetxattr(Info info) {
  std::string path = Path(info, 0), name = Path(info, 1);
  Bytes value = Data(info, 2);
  return Result(info, lsetxattr(path.c_str(), name.c_str(), value.data, value.size, Int(info, 3)), "lsetxattr", path);
}

static Napi::Value Fsetxattr(Info info) {
  std::string name = Path(info, 1);
  Bytes value = Data(info, 2);
  return Result(info, fsetxattr(Int(info, 0), name.c_str(), value.data, value.size, Int(info, 3)), "fsetxattr", name);
}

/** Calls `get` with a growing buffer until the value fits: it may grow between asking for its size and reading it. */
template <typename Get>
static Napi::Value Grown(Info info, const char *syscall, const std::string &object, Get get) {
  std::vector<char> value(256);
  for (;;) {
    ssize_t length = get(value.data(), value.size());
    if (length >= 0) return Napi::Buffer<char>::Copy(info.Env(), value.data(), static_cast<size_t>(length));
    if (errno != ERANGE || value.size() >= 1 << 20) throw SystemError(info.Env(), errno, syscall, object);
    value.resize(value.size() * 16);
  }
}

static Napi::Value Lgetxattr(Info info) {
  std::string path = Path(info, 0), name = Path(info, 1);
  return Grown(info, "lgetxattr", path,
               [&](char *to, size_t size) { return lgetxattr(path.c_str(), name.c_str(), to, size); });
}

static Napi::Value Fgetxattr(Info info) {
  int fd = Int(info, 0);
  std::string name = Path(info, 1);
  return Grown(info, "fgetxattr", name, [&](char *to, size_t size) { return fgetxattr(fd, name.c_str(), to, size); });
}

static Napi::Value Llistxattr(Info info) {
  std::string path = Path(info, 0);
  return Grown(info, "llistxattr", path, [&](char *to, size_t size) { return llistxattr(path.c_str(), to, size); });
}

static Napi::Value Flistxattr(Info info) {
  int fd = Int(info, 0);
  return Grown(info, "flistxattr", "", [&](char *to, size_t size) { return flistxattr(fd, to, size); });
}

static Napi::Value Flock(Info info) { return Result(info, flock(Int(info, 0), Int(info, 1)), "flock"); }

void ExportFiles(Napi::Env env, Napi::Object exports) {
  auto add = [&](const char *name, Napi::Value (*function)(Info)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("openat2", Openat2);
  add("mkdirat", Mkdirat);
  add("symlinkat", Symlinkat);
  add("linkat", Linkat);
  add("mknodat", Mknodat);
  add("unlinkat", Unlinkat);
  add("renameat2", Renameat2);
  add("readlinkat", Readlinkat);
  add("fstatat", Fstatat);
  add("fchownat", Fchownat);
  add("fchown", Fchown);
  add("fchmodat", Fchmodat);
  add("fchmod", Fchmod);
  add("utimensat", Utimensat);
  add("lsetxattr", Lsetxattr);
  add("fsetxattr", Fsetxattr);
  add("lgetxattr", Lgetxattr);
  add("fgetxattr", Fgetxattr);
  add("llistxattr", Llistxattr);
  add("flistxattr", Flistxattr);
  add("flock", Flock);
}

}  // namespace punnet
