// Sockets that Node has no names for: netlink, sockets of another network namespace, descriptors passed over a unix socket.
// Addresses are struct sockaddr as bytes. socket(2), bind(2), setsockopt(2), sendmsg(2), setns(2), network_namespaces(7)

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "addon.h"

namespace punnet {

using Info = const Napi::CallbackInfo &;

static Napi::Uint8Array Octets(Info info, size_t i) {
  if (info.Length() <= i || !info[i].IsTypedArray() ||
      info[i].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(i) + " must be a Uint8Array");
  }
  return info[i].As<Napi::Uint8Array>();
}

static Napi::Value Socket(Info info) {
  return Result(info, socket(Int(info, 0), Int(info, 1) | SOCK_CLOEXEC, Int(info, 2)), "socket");
}

struct Elsewhere {
  int netns, domain, type, protocol;
  int fd, err;
};

static void *SocketElsewhere(void *argument) {
  Elsewhere *e = static_cast<Elsewhere *>(argument);
  e->fd = setns(e->netns, CLONE_NEWNET) < 0 ? -1 : socket(e->domain, e->type | SOCK_CLOEXEC, e->protocol);
  e->err = errno;
  return nullptr;
}

// A thread, which ends in the namespace that it joined: a process of a user namespace may enter a network namespace of its
// own, and may not go back to the host's.
static Napi::Value SocketIn(Info info) {
  Elsewhere e = {Int(info, 0), Int(info, 1), Int(info, 2), Int(info, 3), -1, 0};
  pthread_t thread;
  int err = pthread_create(&thread, nullptr, SocketElsewhere, &e);
  if (err != 0) throw SystemError(info.Env(), err, "pthread_create");
  pthread_join(thread, nullptr);
  if (e.fd < 0) throw SystemError(info.Env(), e.err, "socket");
  return Napi::Number::New(info.Env(), e.fd);
}

static Napi::Value Bind(Info info) {
  Napi::Uint8Array address = Octets(info, 1);
  const sockaddr *name = reinterpret_cast<const sockaddr *>(address.Data());
  return Result(info, bind(Int(info, 0), name, static_cast<socklen_t>(address.ByteLength())), "bind");
}

static Napi::Value Listen(Info info) { return Result(info, listen(Int(info, 0), Int(info, 1)), "listen"); }

static Napi::Value Connect(Info info) {
  Napi::Uint8Array address = Octets(info, 1);
  const sockaddr *name = reinterpret_cast<const sockaddr *>(address.Data());
  return Result(info, connect(Int(info, 0), name, static_cast<socklen_t>(address.ByteLength())), "connect");
}

static Napi::Value Setsockopt(Info info) {
  Napi::Uint8Array value = Octets(info, 3);
  int fd = Int(info, 0), level = Int(info, 1), option = Int(info, 2);
  return Result(info, setsockopt(fd, level, option, value.Data(), static_cast<socklen_t>(value.ByteLength())), "setsockopt");
}

static Napi::Value Getsockname(Info info) {
  sockaddr_storage address;
  socklen_t length = sizeof address;
  if (getsockname(Int(info, 0), reinterpret_cast<sockaddr *>(&address), &length) < 0) {
    throw SystemError(info.Env(), errno, "getsockname");
  }
  return Napi::Buffer<char>::Copy(info.Env(), reinterpret_cast<char *>(&address), length);
}

static Napi::Value Sendmsg(Info info) {
  Napi::Uint8Array bytes = Octets(info, 1);
  std::vector<int> fds;
  if (info.Length() > 2 && info[2].IsArray()) {
    Napi::Array array = info[2].As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); i++) fds.push_back(array.Get(i).ToNumber().Int32Value());
  }
  iovec data = {bytes.Data(), bytes.ByteLength()};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  std::vector<char> control(CMSG_SPACE(fds.size() * sizeof(int)));
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
  }
  ssize_t sent;
  do {
    sent = sendmsg(Int(info, 0), &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return Result(info, sent, "sendmsg");
}

static Napi::Value Recv(Info info) {
  std::vector<char> bytes(Uint(info, 1));
  ssize_t received;
  do {
    received = recv(Int(info, 0), bytes.data(), bytes.size(), Int(info, 2));
  } while (received < 0 && errno == EINTR);
  if (received < 0) throw SystemError(info.Env(), errno, "recv");
  return Napi::Buffer<char>::Copy(info.Env(), bytes.data(), static_cast<size_t>(received));
}

void ExportSockets(Napi::Env env, Napi::Object exports) {
  exports.Set("socket", Napi::Function::New(env, Socket, "socket"));
  exports.Set("socketIn", Napi::Function::New(env, SocketIn, "socketIn"));
  exports.Set("bind", Napi::Function::New(env, Bind, "bind"));
  exports.Set("listen", Napi::Function::New(env, Listen, "listen"));
  exports.Set("connect", Napi::Function::New(env, Connect, "connect"));
  exports.Set("setsockopt", Napi::Function::New(env, Setsockopt, "setsockopt"));
  exports.Set("getsockname", Napi::Function::New(env, Getsockname, "getsockname"));
  exports.Set("sendmsg", Napi::Function::New(env, Sendmsg, "sendmsg"));
  exports.Set("recv", Napi::Function::New(env, Recv, "recv"));
}

}  // namespace punnet
