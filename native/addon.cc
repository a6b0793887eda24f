// punnet.node: system calls that Node does not have, one JavaScript function each, no policy. Loaded by the daemon, its
// workers and the launcher; runs with whatever user and namespaces its process has. node-addon-api.

#include "addon.h"

#include <cmath>
#include <cstring>

namespace punnet {

Napi::Error SystemError(Napi::Env env, int err, const char *syscall, const std::string &path) {
  const char *name = strerrorname_np(err);
  std::string code = name ? name : "E" + std::to_string(err);
  std::string message = std::string(syscall) + (path.empty() ? "" : " " + path) + ": " + code + " (" + strerror(err) + ")";
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  error.Set("errno", Napi::Number::New(env, -err));
  error.Set("syscall", Napi::String::New(env, syscall));
  if (!path.empty()) error.Set("path", Napi::String::New(env, path));
  return error;
}

Napi::Value Result(const Napi::CallbackInfo &info, long result, const char *syscall, const std::string &path) {
  if (result < 0) throw SystemError(info.Env(), errno, syscall, path);
  return Napi::Number::New(info.Env(), static_cast<double>(result));
}

static double Integer(const Napi::CallbackInfo &info, size_t i, double low, double high) {
  if (info.Length() <= i || !info[i].IsNumber()) {
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(i) + " must be a number");
  }
  double value = info[i].As<Napi::Number>().DoubleValue();
  if (!(value >= low && value <= high) || value != std::floor(value)) {
    throw Napi::RangeError::New(info.Env(), "argument " + std::to_string(i) + " is out of range");
  }
  return value;
}

int Int(const Napi::CallbackInfo &info, size_t i) { return static_cast<int>(Integer(info, i, INT32_MIN, INT32_MAX)); }

unsigned Uint(const Napi::CallbackInfo &info, size_t i) {
  return static_cast<unsigned>(static_cast<int64_t>(Integer(info, i, INT32_MIN, UINT32_MAX)));
}

uint64_t Uint64(const Napi::CallbackInfo &info, size_t i) {
  if (info.Length() > i && info[i].IsBigInt()) {
    bool lossless = false;
    uint64_t value = info[i].As<Napi::BigInt>().Uint64Value(&lossless);
    if (lossless) return value;
    throw Napi::RangeError::New(info.Env(), "argument " + std::to_string(i) + " is out of range");
  }
  return static_cast<uint64_t>(Integer(info, i, 0, 9007199254740991.0));
}

std::string Path(const Napi::CallbackInfo &info, size_t i) {
  std::string path;
  if (info.Length() > i && info[i].IsString()) {
    path = info[i].As<Napi::String>().Utf8Value();
  } else if (info.Length() > i && info[i].IsTypedArray() &&
             info[i].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    Napi::Uint8Array bytes = info[i].As<Napi::Uint8Array>();
    path.assign(reinterpret_cast<const char *>(bytes.Data()), bytes.ByteLength());
  } else {
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(i) + " must be a string or a Uint8Array");
  }
  if (path.find('\0') != std::string::npos) {
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(i) + " has a NUL byte");
  }
  return path;
}

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  ExportBpf(env, exports);
  ExportFiles(env, exports);
  ExportMounts(env, exports);
  ExportProcesses(env, exports);
  ExportSeccomp(env, exports);
  ExportSockets(env, exports);
  ExportWalk(env, exports);
  return exports;
}

}  // namespace punnet

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return punnet::Init(env, exports); }
NODE_API_MODULE(punnet, Init)
