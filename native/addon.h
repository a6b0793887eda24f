// What the addon's files share: checked arguments in, errno out. Runs in Node's main thread or a worker; keeps no state.
#pragma once

#include <napi.h>

#include <string>

namespace punnet {

/** A Node-style system error: .code, .errno (negative, as Node has it), .syscall, .path. */
Napi::Error SystemError(Napi::Env env, int err, const char *syscall, const std::string &path = "");

/** Throws SystemError when `result` is negative; otherwise returns it as a number. */
Napi::Value Result(const Napi::CallbackInfo &info, long result, const char *syscall, const std::string &path = "");

/** Argument `i` as an int. @throws TypeError */
int Int(const Napi::CallbackInfo &info, size_t i);
/** Argument `i` as an unsigned 32-bit number: modes, flags, ids (uid -1 is allowed and means "keep"). */
unsigned Uint(const Napi::CallbackInfo &info, size_t i);
/** Argument `i` as an unsigned 64-bit number, from a Number or a BigInt. */
uint64_t Uint64(const Napi::CallbackInfo &info, size_t i);
/** Argument `i` as bytes of a path, from a string or a Uint8Array; a NUL byte inside is a TypeError, never a short path. */
std::string Path(const Napi::CallbackInfo &info, size_t i);

void ExportBpf(Napi::Env env, Napi::Object exports);
void ExportFiles(Napi::Env env, Napi::Object exports);
void ExportMounts(Napi::Env env, Napi::Object exports);
void ExportProcesses(Napi::Env env, Napi::Object exports);
void ExportSeccomp(Napi::Env env, Napi::Object exports);
void ExportSockets(Napi::Env env, Napi::Object exports);
void ExportWalk(Napi::Env env, Napi::Object exports);

}  // namespace punnet
