// The ops `move_link` and `add_address`: a network device of the host goes into a container's network namespace, under a name of
// its own, and gets the addresses again that the kernel took from it. The parent, with CAP_NET_ADMIN over both namespaces, does
// the one, the child the other: no malloc. rtnetlink(7), netlink(7), runtime-spec config-linux.md#network-devices

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plan-op.h"

struct request {
  struct nlmsghdr header;
  union {
    struct ifinfomsg link;
    struct ifaddrmsg address;
  };
  char attributes[256];
};

static void add(struct request *request, unsigned short type, const void *data, size_t size) {
  struct rtattr *attribute = (struct rtattr *)(void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = (unsigned short)RTA_LENGTH(size);
  memcpy(RTA_DATA(attribute), data, size);
  request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

static ssize_t converse(int socket, const struct request *request, char *answer, size_t size) {
  if (send(socket, request, request->header.nlmsg_len, 0) < 0) return -1;
  ssize_t n;
  do n = recv(socket, answer, size, 0);
  while (n < 0 && errno == EINTR);
  return n;
}

/** Sends a request and waits for its acknowledgement: 0, or -1 with the errno that it says. */
static int ask(const struct request *request) {
  char answer[4096];
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -1;
  ssize_t size = converse(fd, request, answer, sizeof answer);
  int failed = errno;
  close(fd);
  errno = failed;
  if (size < 0) return -1;
  const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)answer;
  if (!NLMSG_OK(header, (size_t)size) || header->nlmsg_type != NLMSG_ERROR) {
    errno = EPROTO;
    return -1;
  }
  const struct nlmsgerr *error = NLMSG_DATA(header);
  errno = -error->error;
  return error->error == 0 ? 0 : -1;
}

static int index_of(const char *name) {
  if (strlen(name) >= IFNAMSIZ) {
    errno = ENAMETOOLONG;
    return 0;
  }
  return (int)if_nametoindex(name);
}

int plan_move_link(const char *name, const char *as, pid_t pid) {
  struct request request = {
      .header = {NLMSG_LENGTH(sizeof request.link), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
      .link = {.ifi_family = AF_UNSPEC, .ifi_index = index_of(name)},
  };
  if (request.link.ifi_index == 0) return -1;
  if (strlen(as) >= IFNAMSIZ) {
    errno = ENAMETOOLONG;
    return -1;
  }
  uint32_t target = (uint32_t)pid;
  add(&request, IFLA_NET_NS_PID, &target, sizeof target);
  if (strcmp(name, as)) add(&request, IFLA_IFNAME, as, strlen(as) + 1);
  return ask(&request);
}

int plan_add_address(const char *name, const void *bytes, size_t size, unsigned prefix) {
  struct request request = {
      .header = {NLMSG_LENGTH(sizeof request.address), RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1, 0},
      .address = {.ifa_family = size == 4 ? AF_INET : AF_INET6, .ifa_prefixlen = (unsigned char)prefix},
  };
  request.address.ifa_index = (unsigned)index_of(name);
  if (request.address.ifa_index == 0) return -1;
  if (size != 4 && size != 16) {
    errno = EINVAL;
    return -1;
  }
  add(&request, IFA_LOCAL, bytes, size);
  add(&request, IFA_ADDRESS, bytes, size);
  return ask(&request);
}
